"""Not in the suite, whose client always masks (RFC 6455 §5.1, §5.3): every mask is undone, and none is refused."""

from tests.chatserver.net.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from tests.conformance.case import Case, echo

_HELLO = "grüß dich 👋 im Chat".encode()
_MASKS = [bytes(4), b"\xff" * 4, b"\x00\x00\x00\x01", b"\x80\x00\x00\x00", b"\x37\xfa\x21\x3d"]
_PING = frame(PING, b"p")
_BARE = [
    [frame(TEXT, _HELLO, masked=False)],
    [frame(TEXT, masked=False)],
    [frame(PING, _HELLO, masked=False)],
    [frame(PONG, masked=False)],
    [frame(CLOSE, b"\x03\xe8", masked=False)],
    [frame(TEXT, _HELLO, fin=False), frame(CONTINUATION, _HELLO, masked=False)],
]

CASES = [
    *(
        Case(
            f"0.1.{number}+",
            [
                frame(TEXT, _HELLO[:3], fin=False, mask=mask),
                frame(PING, b"p", mask=mask),
                frame(CONTINUATION, _HELLO[3:]),
            ],
            [(PONG, b"p"), echo(_HELLO)],
        )
        for number, mask in enumerate(_MASKS, 1)
    ),
    *(Case(f"0.2.{number}+", frames, ends=1002) for number, frames in enumerate(_BARE, 1)),
]
