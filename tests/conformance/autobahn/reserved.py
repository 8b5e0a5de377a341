"""Families 3 and 4: reserved bits, and opcodes that mean nothing."""

from collections.abc import Iterator

from tests.chatserver.net.frames import BINARY, CLOSE, PING, TEXT, frame
from tests.conformance.case import FRAMES, OCTETS, Case, echo

_HELLO = b"Hello, world!"
_TEXT = frame(TEXT, _HELLO)
_PING = frame(PING)

_BITS = [
    Case("3.1", [frame(TEXT, _HELLO, reserved=1)], ends=1002),
    *(
        Case(f"3.{bits}", [_TEXT, frame(TEXT, _HELLO, reserved=bits), _PING], [echo(_HELLO)], ends=1002, cut=cut)
        for bits, cut in ((2, FRAMES), (3, FRAMES), (4, OCTETS))
    ),
    Case("3.5", [frame(BINARY, b"\x00\xff" * 4, reserved=5)], ends=1002),
    Case("3.6", [frame(PING, _HELLO, reserved=6)], ends=1002),
    Case("3.7", [frame(CLOSE, b"\x03\xe8", reserved=7)], ends=1002),
]


def _opcodes(group: str, first: int) -> Iterator[Case]:
    yield Case(f"{group}.1", [frame(first)], ends=1002)
    yield Case(f"{group}.2", [frame(first + 1, b"reserved")], ends=1002)
    rest = ((3, b"", FRAMES), (4, b"reserved", FRAMES), (5, b"reserved", OCTETS))
    for number, payload, cut in rest:
        frames = [_TEXT, frame(first + number - 1, payload), _PING]
        yield Case(f"{group}.{number}", frames, [echo(_HELLO)], ends=1002, cut=cut)


CASES = [*_BITS, *_opcodes("4.1", 0x3), *_opcodes("4.2", 0xB)]
