"""Family 2: pings and pongs."""

from tests.chatserver.net.frames import PING, PONG, frame
from tests.conformance.case import OCTETS, Case

_TEXT = b"Hello, world!"
_BINARY = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
_LONGEST = b"\xfe" * 125
_MANY = [b"payload-%d" % number for number in range(10)]
_PINGS = [frame(PING, payload) for payload in _MANY]
_PONGS = [(PONG, payload) for payload in _MANY]

CASES = [
    Case("2.1", [frame(PING)], [(PONG, b"")]),
    Case("2.2", [frame(PING, _TEXT)], [(PONG, _TEXT)]),
    Case("2.3", [frame(PING, _BINARY)], [(PONG, _BINARY)]),
    Case("2.4", [frame(PING, _LONGEST)], [(PONG, _LONGEST)]),
    Case("2.5", [frame(PING, _LONGEST + b"\xfe")], ends=1002),
    Case("2.6", [frame(PING, _LONGEST)], [(PONG, _LONGEST)], cut=OCTETS),
    Case("2.7", [frame(PONG)]),
    Case("2.8", [frame(PONG, b"unsolicited")]),
    Case("2.9", [frame(PONG, b"unsolicited"), frame(PING, _TEXT)], [(PONG, _TEXT)]),
    Case("2.10", _PINGS, _PONGS),
    Case("2.11", _PINGS, _PONGS, cut=OCTETS),
]
