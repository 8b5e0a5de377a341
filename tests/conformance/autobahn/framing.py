"""Family 1: texts and binary messages of every length."""

from tests.chatserver.net.frames import BINARY, TEXT, frame
from tests.conformance.case import Case, echo

from chatserver.net.socket import NOT_TEXT

_SIZES = (0, 125, 126, 127, 128, 65535, 65536)
_TEXTS = [b"*" * size for size in (*_SIZES, 65536)]
_BINARIES = [b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff" * (size // 8) + b"\xfe" * (size % 8) for size in (*_SIZES, 65536)]
_CHOPPED = 8
_OCTETS = 997


def _cut(number: int) -> dict[str, int]:
    return {"cut": _OCTETS} if number == _CHOPPED else {}


CASES = [
    *(
        Case(f"1.1.{number}", [frame(TEXT, payload)], [echo(payload)], **_cut(number))
        for number, payload in enumerate(_TEXTS, 1)
    ),
    # Chat is spoken in JSON texts: by design both lanes take no binary message, and say 4400 instead of echoing it.
    *(
        Case(f"1.2.{number}", [frame(BINARY, payload)], ends=NOT_TEXT, **_cut(number))
        for number, payload in enumerate(_BINARIES, 1)
    ),
]
