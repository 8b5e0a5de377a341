"""RTP packets (RFC 3550) and their header extensions (RFC 8285), as far as one who passes them on has to look."""

import struct

MAX_DATAGRAM = 1472
"""Bytes that fit into an Ethernet frame over IPv4: whoever sends more is no WebRTC client."""

_HEADER = struct.Struct("!BBHLL")
_EXTENSION = struct.Struct("!HH")
_ONE_BYTE = 0xBEDE


class Packet:
    """A parsed packet. `extensions` are the bytes between the extension header and the payload."""

    __slots__ = ("extensions", "marker", "payload", "payload_type", "profile", "sequence", "ssrc", "timestamp")

    def __init__(
        self,
        marker: int,
        payload_type: int,
        sequence: int,
        timestamp: int,
        ssrc: int,
        profile: int,
        extensions: bytes,
        payload: bytes,
    ) -> None:
        self.marker = marker
        self.payload_type = payload_type
        self.sequence = sequence
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.profile = profile
        self.extensions = extensions
        self.payload = payload


def parse(data: bytes) -> Packet | None:
    """The packet; None for what is none. Padding is taken off."""
    if len(data) < 12:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    start, end, profile, extensions = 12 + 4 * (first & 0x0F), len(data), 0, b""
    if first & 0x10:
        if end < start + 4:
            return None
        profile, words = _EXTENSION.unpack_from(data, start)
        extensions = data[start + 4 : start + 4 + 4 * words]
        start += 4 + 4 * words
    if first & 0x20:
        end -= data[-1]
    if first >> 6 != 2 or end < start:
        return None
    return Packet(second & 0x80, second & 0x7F, sequence, timestamp, ssrc, profile, extensions, data[start:end])


def build(
    marker: int, payload_type: int, sequence: int, timestamp: int, ssrc: int, extensions: bytes, payload: bytes
) -> bytes:
    """A packet; `extensions` is a whole block as `extension_block` makes it, or nothing."""
    first = 0x90 if extensions else 0x80
    return _HEADER.pack(first, marker | payload_type, sequence, timestamp, ssrc) + extensions + payload


def extension(packet: Packet, wanted: int) -> bytes | None:
    """The value of one header extension; None when the packet has none with this id (1 to 255)."""
    data, at, end = packet.extensions, 0, len(packet.extensions)
    one_byte = packet.profile == _ONE_BYTE
    if not one_byte and packet.profile & 0xFFF0 != 0x1000:
        return None
    while at < end:
        if data[at] == 0:  # padding
            at += 1
            continue
        if one_byte:
            found, length, at = data[at] >> 4, (data[at] & 0x0F) + 1, at + 1
            if found == 15:
                return None
        elif at + 1 < end:
            found, length, at = data[at], data[at + 1], at + 2
        else:
            return None
        if found == wanted:
            return data[at : at + length] if at + length <= end else None
        at += length
    return None


def extension_block(values: dict[int, bytes]) -> bytes:
    """Header extensions with their header, in the one-byte form where that can hold them; nothing for none."""
    if not values:
        return b""
    one_byte = all(0 < key < 15 and 0 < len(value) <= 16 for key, value in values.items())
    if one_byte:
        body = b"".join(bytes([key << 4 | len(value) - 1]) + value for key, value in values.items())
    else:
        body = b"".join(bytes([key, len(value)]) + value for key, value in values.items())
    body += bytes(-len(body) % 4)
    return _EXTENSION.pack(_ONE_BYTE if one_byte else 0x1000, len(body) // 4) + body


def newer(a: int, b: int) -> bool:
    """Whether sequence number `a` comes after `b`, in a circle of 65,536."""
    return a != b and (a - b) & 0xFFFF < 0x8000
