"""What a case of RFC 6455 is: what a client sends, what it must hear, and how the connection must end."""

from collections.abc import Callable, Sequence

import attrs
from tests.chatserver.net.frames import CLOSE, CONTINUATION, TEXT, close_frame, frame

Frames = Sequence[bytes]
Heard = tuple[int, bytes]

WHOLE, FRAMES, OCTETS = 0, -1, 1
"""How what is sent is cut into pieces: not at all, by frames, or into so many octets."""
_FEW, _MANY = 100, 100_000
"""Few octets are sent one by one in every case; many are sent only as the suite does."""

GOODBYE = close_frame(1000)
CONTINUED = b"fragment"


@attrs.frozen
class Case:
    """`number`: that of the Autobahn testsuite; with a `+` behind it, a case of our own beside it.

    `ends`: the close code that the server has to say. `closes`: the client says goodbye itself, in `sends`; otherwise
    it does so with 1000 once it has heard everything, unless the server has to end first.
    """

    number: str
    sends: Frames | Callable[[], Frames] = attrs.field(repr=False)
    hears: Sequence[Heard] = attrs.field(factory=tuple, repr=False)
    ends: int = 1000
    cut: int = FRAMES
    closes: bool = False

    @property
    def frames(self) -> Frames:
        return self.sends() if callable(self.sends) else self.sends

    @property
    def cuts(self) -> Sequence[int]:
        """The cut that the suite asks for, then others that must make no difference."""
        octets = sum(map(len, self.frames))
        others = (WHOLE, OCTETS) if octets <= _FEW else (WHOLE,) if octets <= _MANY else ()
        return tuple(dict.fromkeys((self.cut, *others)))

    @property
    def family(self) -> int:
        return int(self.number.partition(".")[0])

    @property
    def is_fault(self) -> bool:
        """Whether the server has to end the connection."""
        return not self.closes and self.ends != 1000


def pieces(frames: Frames, cut: int) -> Frames:
    """The writes that a client makes."""
    if cut == FRAMES:
        return frames
    data = b"".join(frames)
    return [data[start : start + cut] for start in range(0, len(data), cut)] if cut else [data]


def fragmented(payload: bytes, size: int, opcode: int = TEXT) -> Frames:
    """One message in fragments of `size` octets."""
    parts = [payload[start : start + size] for start in range(0, len(payload), size)]
    last = len(parts) - 1
    return [
        frame(CONTINUATION if index else opcode, part, fin=index == last, mask=bytes(4))
        for index, part in enumerate(parts)
    ]


def echo(payload: bytes) -> Heard:
    return TEXT, payload


def goodbye(code: int | None, reason: bytes = b"") -> bytes:
    """A close frame; the code may be one that nobody may send."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)
