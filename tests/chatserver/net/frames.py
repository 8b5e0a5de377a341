"""WebSocket frames as a client makes them, right or wrong."""

import os
import random

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    length_bytes: int | None = None,
    mask: bytes | None = None,
) -> bytes:
    """`reserved`: the three bits as a number. `length_bytes`: 0, 2 or 8, also where fewer would do. `mask`: four bytes,
    chance by default; four zeroes leave the payload as it is, which is quick."""
    first = (0x80 if fin else 0) | (reserved << 4) | opcode
    size = len(payload)
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    short = size if length_bytes == 0 else 126 if length_bytes == 2 else 127
    head = bytes((first, short | (0x80 if masked else 0))) + (
        size.to_bytes(length_bytes, "big") if length_bytes else b""
    )
    if not masked:
        return head + payload
    if mask is None:
        mask = os.urandom(4)
    if not any(mask):
        return head + mask + payload
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def close_frame(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    """The same bytes, as a network may hand them over."""
    cut = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 1, 3, 20])))
    return [data[start:end] for start, end in zip([0, *cut], [*cut, len(data)], strict=True) if start < end]


def parse_server_frames(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """(opcode, payload) of every whole frame of a server, and the rest. Fails on what a server must not send."""
    found: list[tuple[int, bytes]] = []
    while len(data) >= 2:
        assert data[0] & 0x70 == 0, "reserved bits"
        assert not data[1] & 0x80, "servers do not mask"
        size, start = data[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + size or (start > 2 and len(data) < start):
            break
        assert data[0] & 0x80, "servers here do not fragment"
        found.append((data[0] & 0x0F, data[start : start + size]))
        data = data[start + size :]
    return found, data


def close_of(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame; 1005 for one without."""
    return (int.from_bytes(payload[:2], "big"), payload[2:].decode()) if payload else (1005, "")
