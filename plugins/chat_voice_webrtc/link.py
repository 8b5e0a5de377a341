"""The words between the chat and its media process: frames of JSON over two pipes, the same code on both sides.

A frame is four bytes of length (big-endian) and a JSON object. The media process speaks first: `{"hello": VERSION}`.

    chat  ► {"id": 7, "op": "join", "data": {…}}
    media ► {"id": 7, "data": {…}}                              or {"id": 7, "error": {"kind": "full", "message": "…"}}
    media ► {"event": "speakers", "data": {…}}
"""

from typing import Any

import orjson

VERSION = 1
MAX_FRAME = 1024 * 1024
"""Bytes. The longest true one, the speakers of a huddle of 200 with what is in their slots, has some 60 KiB."""

Frame = dict[str, Any]


class LinkBroken(Exception):
    """The other side does not speak this protocol: the connection is of no more use."""


def encode(frame: Frame) -> bytes:
    """A frame as it goes over the pipe. Raises LinkBroken when it is too long."""
    body = orjson.dumps(frame)
    if len(body) > MAX_FRAME:
        raise LinkBroken(f"a frame of {len(body)} bytes")
    return len(body).to_bytes(4, "big") + body


class Decoder:
    """Frames out of the bytes that come in, however they are cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now. Raises LinkBroken."""
        self._buffer += data
        frames: list[Frame] = []
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if length > MAX_FRAME:
                raise LinkBroken(f"a frame of {length} bytes was announced")
            if len(self._buffer) < 4 + length:
                break
            frames.append(_parse(bytes(self._buffer[4 : 4 + length])))
            del self._buffer[: 4 + length]
        return frames


def _parse(body: bytes) -> Frame:
    try:
        frame = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise LinkBroken(f"a frame is not JSON: {error}") from None
    if not isinstance(frame, dict):
        raise LinkBroken("a frame is not an object")
    return frame
