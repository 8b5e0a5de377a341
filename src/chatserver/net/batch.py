"""What is written to sockets: texts that are encoded once, framed once, and shared by everyone who gets them."""

from collections.abc import Sequence

_SHORT = 125
_MEDIUM = 0xFFFF


def text_frame(payload: bytes) -> bytes:
    """One unfragmented, unmasked WebSocket text frame (RFC 6455 §5.2)."""
    size = len(payload)
    if size <= _SHORT:
        return bytes((0x81, size)) + payload
    if size <= _MEDIUM:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class Text:
    """One text for sockets. `seq` is its place in the workspace's log; 0 for what has none."""

    __slots__ = ("framed", "payload", "seq")

    def __init__(self, payload: bytes, seq: int = 0) -> None:
        self.payload = payload
        self.framed = text_frame(payload)
        self.seq = seq


class Batch:
    """Texts that go out together, in order. Both forms of them are made once, when the first socket asks."""

    __slots__ = ("_framed", "_strings", "texts")

    def __init__(self, texts: Sequence[Text]) -> None:
        self.texts = texts
        self._framed: bytes | None = None
        self._strings: list[str] | None = None

    @property
    def framed(self) -> bytes:
        """All of it as WebSocket frames: one buffer, one write."""
        if self._framed is None:
            texts = self.texts
            self._framed = texts[0].framed if len(texts) == 1 else b"".join([text.framed for text in texts])
        return self._framed

    @property
    def strings(self) -> list[str]:
        """All of it as text, for a server that frames by itself."""
        if self._strings is None:
            self._strings = [text.payload.decode() for text in self.texts]
        return self._strings

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return len(self.framed)


def single(payload: bytes) -> Batch:
    """A batch of one text without a place in a log."""
    return Batch((Text(payload),))
