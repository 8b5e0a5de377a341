"""Family 7: goodbyes."""

from tests.chatserver.net.frames import CONTINUATION, PING, TEXT, frame
from tests.conformance.case import Case, echo, goodbye

_HELLO = b"Hello World!"
_TEXT = frame(TEXT, _HELLO)
_BYE = goodbye(1000)
_LARGEST = b"BAsd7&jh23" * 6553 + b"BAsd7&"
_NOTHING = 1005
"""What a close frame without a code stands for (RFC 6455 §7.1.5)."""

_GOOD = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
_BAD = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
_OUTSIDE = (5000, 65535)

CASES = [
    Case("7.1.1", [_TEXT, _BYE], [echo(_HELLO)], closes=True),
    Case("7.1.2", [_BYE, _BYE], closes=True),
    Case("7.1.3", [_BYE, frame(PING)], closes=True),
    Case("7.1.4", [_BYE, _TEXT], closes=True),
    Case("7.1.5", [frame(TEXT, _HELLO, fin=False), _BYE, frame(CONTINUATION, _HELLO)], closes=True),
    # 256 KiB in the suite; here the longest text that is taken.
    Case("7.1.6", [frame(TEXT, _LARGEST), _BYE, frame(PING)], [echo(_LARGEST)], closes=True),
    Case("7.3.1", [goodbye(None)], ends=_NOTHING, closes=True),
    Case("7.3.2", [goodbye(1000)[:1] + b"\x81" + goodbye(1000)[2:7]], ends=1002, closes=True),
    Case("7.3.3", [_BYE], closes=True),
    Case("7.3.4", [goodbye(1000, "Tschüß".encode())], closes=True),
    Case("7.3.5", [goodbye(1000, b"*" * 123)], closes=True),
    Case("7.3.6", [goodbye(1000, b"*" * 124)], ends=1002, closes=True),
    Case("7.5.1", [goodbye(1000, bytes.fromhex("cebae1bdb9cf83cebcceb5eda080656469746564"))], ends=1007, closes=True),
    *(Case(f"7.7.{number}", [goodbye(code)], ends=code, closes=True) for number, code in enumerate(_GOOD, 1)),
    *(Case(f"7.9.{number}", [goodbye(code)], ends=1002, closes=True) for number, code in enumerate(_BAD, 1)),
    # The RFC does not say what these mean, only that nobody may say them.
    *(Case(f"7.13.{number}", [goodbye(code)], ends=1002, closes=True) for number, code in enumerate(_OUTSIDE, 1)),
    # Registered after the RFC (IANA): restart, try again later, bad gateway.
    *(Case(f"7.7.{code}+", [goodbye(code)], ends=code, closes=True) for code in (1012, 1013)),
]
