"""Families 5 and 10: messages in fragments, with and without something between them."""

from tests.chatserver.net.frames import CONTINUATION, PING, PONG, TEXT, frame
from tests.conformance.case import FRAMES, OCTETS, WHOLE, Case, echo, fragmented

_ONE, _TWO = b"fragment1", b"fragment2"
_FIRST, _LAST = frame(TEXT, _ONE, fin=False), frame(CONTINUATION, _TWO)
_BOTH = echo(_ONE + _TWO)
_PING, _PONG = frame(PING, b"ping payload"), (PONG, b"ping payload")
_STRAY_LAST = frame(CONTINUATION, b"non-continuation payload")
_STRAY_FIRST = frame(CONTINUATION, b"non-continuation payload", fin=False)
_HELLO = frame(TEXT, b"Hello, world!")

_FIVE = [
    frame(TEXT, b"1", fin=False),
    frame(CONTINUATION, b"2", fin=False),
    frame(PING, b"pongme 1!"),
    frame(CONTINUATION, b"3", fin=False),
    frame(CONTINUATION, b"4", fin=False),
    frame(PING, b"pongme 2!"),
    frame(CONTINUATION, b"5"),
]
_FIVE_HEARD = [(PONG, b"pongme 1!"), (PONG, b"pongme 2!"), echo(b"12345")]

_LONG = b"*" * 65536

CASES = [
    Case("5.1", [frame(PING, _ONE, fin=False), frame(CONTINUATION, _TWO)], ends=1002),
    Case("5.2", [frame(PONG, _ONE, fin=False), frame(CONTINUATION, _TWO)], ends=1002),
    Case("5.3", [_FIRST, _LAST], [_BOTH], cut=WHOLE),
    Case("5.4", [_FIRST, _LAST], [_BOTH], cut=FRAMES),
    Case("5.5", [_FIRST, _LAST], [_BOTH], cut=OCTETS),
    Case("5.6", [_FIRST, _PING, _LAST], [_PONG, _BOTH], cut=WHOLE),
    Case("5.7", [_FIRST, _PING, _LAST], [_PONG, _BOTH], cut=FRAMES),
    Case("5.8", [_FIRST, _PING, _LAST], [_PONG, _BOTH], cut=OCTETS),
    Case("5.9", [_STRAY_LAST, _HELLO], ends=1002, cut=WHOLE),
    Case("5.10", [_STRAY_LAST, _HELLO], ends=1002, cut=FRAMES),
    Case("5.11", [_STRAY_LAST, _HELLO], ends=1002, cut=OCTETS),
    Case("5.12", [_STRAY_FIRST, _HELLO], ends=1002, cut=WHOLE),
    Case("5.13", [_STRAY_FIRST, _HELLO], ends=1002, cut=FRAMES),
    Case("5.14", [_STRAY_FIRST, _HELLO], ends=1002, cut=OCTETS),
    Case("5.15", [_FIRST, _LAST, _STRAY_FIRST, _HELLO], [_BOTH], ends=1002),
    Case("5.16", [_STRAY_FIRST, _FIRST, _LAST] * 2, ends=1002),
    Case("5.17", [_STRAY_LAST, _FIRST, _LAST] * 2, ends=1002),
    Case("5.18", [_FIRST, frame(TEXT, _TWO)], ends=1002),
    Case("5.19", _FIVE, _FIVE_HEARD, cut=WHOLE),
    Case("5.20", _FIVE, _FIVE_HEARD, cut=FRAMES),
    Case("10.1.1", fragmented(_LONG, 1300), [echo(_LONG)]),
]
