"""Opus in Ogg (RFC 3533, 6716, 7845), written from packets as they are: nothing is decoded."""

import struct
import zlib
from collections.abc import Sequence

RATE = 48_000
"""Samples per second, of positions too."""
SILENCE = b"\xf8\xff\xfe"
"""20 ms in which nothing is heard."""
SILENCE_SAMPLES = 960
PRE_SKIP = 312
"""Samples that a decoder needs to settle: 6.5 ms, as every encoder of libopus says."""

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_FRAME_SAMPLES = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
"""Of a frame, by the configuration in the upper five bits of a packet's first byte (RFC 6716, 3.1)."""


def samples(packet: bytes) -> int:
    """How long an Opus packet sounds, in samples of 48 kHz; 0 for what is none."""
    if not packet:
        return 0
    frame, code = _FRAME_SAMPLES[packet[0] >> 3], packet[0] & 3
    frames = (1, 2, 2)[code] if code < 3 else (packet[1] & 0x3F if len(packet) > 1 else 0)
    total = frame * frames
    return total if total <= 5760 else 0


def checksum(data: bytes) -> int:
    """Ogg's CRC: that of zlib with every bit the other way round, and nothing inverted."""
    turned = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(turned.to_bytes(4, "little").translate(_REVERSED), "big")


class OggOpus:
    """The pages of one stream. Feed packets, write what comes back."""

    def __init__(self, serial: int, comments: Sequence[str] = ()) -> None:
        self._serial = serial
        self._comments = comments
        self._page = 0
        self._packets: list[bytes] = []
        self._segments = 0
        self.position = 0
        """Samples written, or waiting to be, since the beginning."""

    def headers(self) -> bytes:
        """The two pages that come first."""
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 2, PRE_SKIP, RATE, 0, 0)
        texts = [each.encode() for each in self._comments]
        tags = struct.pack("<8sI8sI", b"OpusTags", 8, b"chatcore", len(texts))
        tags += b"".join(struct.pack("<I", len(text)) + text for text in texts)
        return self._pages([head], 0, 0x02) + self._pages([tags], 0, 0)

    def add(self, packet: bytes) -> bytes:
        """A packet that follows the last; returns a page when one is full."""
        needed = len(packet) // 255 + 1
        full = b"" if self._segments + needed <= 255 else self.flush()
        self._packets.append(packet)
        self._segments += needed
        self.position += samples(packet)
        return full if self._segments < 50 else full + self.flush()

    def silence(self, length: int) -> bytes:
        """Silence of about so many samples (whole packets of 20 ms)."""
        return b"".join(self.add(SILENCE) for _ in range(length // SILENCE_SAMPLES))

    def flush(self, last: bool = False) -> bytes:
        """What waits, as a page."""
        if not self._packets and not last:
            return b""
        packets, self._packets, self._segments = self._packets, [], 0
        return self._pages(packets, self.position + PRE_SKIP, 0x04 if last else 0)

    def _pages(self, packets: list[bytes], position: int, flags: int) -> bytes:
        lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, self._serial, self._page, 0, len(lacing))
        page = bytearray(head + lacing + b"".join(packets))
        page[22:26] = checksum(bytes(page)).to_bytes(4, "little")
        self._page += 1
        return bytes(page)
