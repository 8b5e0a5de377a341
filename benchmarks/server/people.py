"""People who say things at fixed moments, each on a socket of their own, and listen for the answers of bots.

One loop over plain sockets: whoever measures shares a core with the bots, and should take next to nothing of it.
"""

import re
import selectors
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import perf_counter

import attrs
import orjson

from benchmarks.server.frames import Frames, text_frame

PATIENCE = 20.0
"""Seconds for the last answers, and for anything else that a server does."""
_ANSWER = re.compile(rb'"content":"answer ([0-9]+)"')
_UPGRADE = (
    "GET /api/realtime HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
)


@attrs.frozen
class Person:
    """Somebody with a token, and the channels in which they speak."""

    token: str
    channels: list[str]


@attrs.frozen
class Heard:
    """How long each answer took from the moment at which its command was due, in seconds, and how many never came."""

    took: list[float]
    lost: int


class Voice:
    """One socket of somebody who is in the workspace."""

    def __init__(self, raw: socket.socket, host: str, port: int, workspace_id: str, person: Person) -> None:
        """Raises OSError, ConnectionError."""
        self.raw = raw
        self._frames = Frames()
        raw.settimeout(PATIENCE)
        raw.sendall(_UPGRADE.format(host=host, port=port, token=person.token).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._receive()
        status, _, rest = head.partition(b"\r\n\r\n")
        if not status.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"the server refuses a socket: {status[:200]!r}")
        texts = self._understood(rest)
        self.say({"type": "join_workspace", "id": "join", "data": {"workspaceId": workspace_id}})
        while not any(b'"id":"join"' in text for text in texts):
            texts = self.read()

    def say(self, frame: object) -> None:
        self.raw.sendall(text_frame(orjson.dumps(frame)))

    def read(self) -> list[bytes]:
        """What has come."""
        return self._understood(self._receive())

    def _receive(self) -> bytes:
        data = self.raw.recv(64 * 1024)
        if not data:
            raise ConnectionError("the server has hung up")
        return data

    def _understood(self, data: bytes) -> list[bytes]:
        texts, answers = self._frames.feed(data)
        if answers:
            self.raw.sendall(answers)
        return texts


class People:
    """Made by `people`. `say` says so many things, spread over all channels."""

    def __init__(self, seats: list[tuple[Voice, str]], selector: selectors.BaseSelector) -> None:
        self._seats = seats
        """Every channel, with the voice of who speaks there."""
        self._selector = selector
        self._numbers = 0
        self._due: dict[int, float] = {}
        self._took: list[float] = []

    def say(self, rate: int, seconds: float, *, command_each: int = 1) -> Heard:
        """`rate` messages a second, of which every `command_each`th is a command that a bot answers."""
        self._due, self._took = {}, []
        began, count, place = perf_counter(), int(rate * seconds), 0
        while place < count or (len(self._took) < len(self._due) and perf_counter() < began + seconds + PATIENCE):
            while place < count and began + place / rate <= perf_counter():
                self._say(place, began + place / rate, is_command=place % command_each == 0)
                place += 1
            self._listen(max(0.0, began + place / rate - perf_counter()) if place < count else 0.1)
        return Heard(self._took, len(self._due) - len(self._took))

    def _say(self, place: int, due: float, *, is_command: bool) -> None:
        voice, channel = self._seats[place % len(self._seats)]
        # Late answers of an earlier round are none of this one.
        self._numbers += 1
        content = f"!say {self._numbers}" if is_command else f"message {self._numbers}"
        if is_command:
            self._due[self._numbers] = due
        voice.say({"type": "send_message", "data": {"channelId": channel, "content": content}})

    def _listen(self, patience: float) -> None:
        for key, _ in self._selector.select(patience):
            for text in key.data.read():
                found = _ANSWER.search(text)
                due = None if found is None else self._due.get(int(found[1]))
                if due is not None:
                    self._took.append(perf_counter() - due)


@contextmanager
def people(host: str, port: int, workspace_id: str, who: Sequence[Person]) -> Iterator[People]:
    """All of them, once each is in the workspace."""
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        voices: list[Voice] = []
        for person in who:
            raw = stack.enter_context(socket.create_connection((host, port), PATIENCE))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            voices.append(Voice(raw, host, port, workspace_id, person))
            selector.register(raw, selectors.EVENT_READ, voices[-1])
        yield People(list(_in_turns(voices, who)), selector)


def _in_turns(voices: Sequence[Voice], who: Sequence[Person]) -> Iterator[tuple[Voice, str]]:
    """One channel of everybody, then the next of everybody."""
    for place in range(max(len(person.channels) for person in who)):
        for voice, person in zip(voices, who, strict=True):
            if place < len(person.channels):
                yield voice, person.channels[place]
