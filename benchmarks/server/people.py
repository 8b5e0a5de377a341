"""People who say things at fixed moments, each on a socket of their own, and listen for the answers of bots."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter

import attrs
import orjson
import trio

from chatcore.client.dialling import dial
from chatcore.client.socket import Socket

PATIENCE = 20.0
"""Seconds for the last answers."""
_ANSWER = re.compile(rb'"content":"answer ([0-9]+)"')


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


class People:
    """Made by `people`. `say` says so many things, spread over all channels."""

    def __init__(self, seats: list[tuple[Socket, str]]) -> None:
        self._seats = seats
        """Every channel, with the socket of who speaks there."""
        self._due: dict[int, float] = {}
        self._took: list[float] = []
        self._numbers = 0
        self._news = trio.Event()

    async def say(self, rate: int, seconds: float, *, command_each: int = 1) -> Heard:
        """`rate` messages a second, of which every `command_each`th is a command that a bot answers."""
        self._due, self._took = {}, []
        began, count = perf_counter(), int(rate * seconds)
        for place in range(count):
            due = began + place / rate
            early = due - perf_counter()
            if early > 0:
                await trio.sleep(early)
            await self._say(place, due, is_command=place % command_each == 0)
        commands = len(self._due)
        with trio.move_on_after(PATIENCE):
            while len(self._took) < commands:
                self._news = trio.Event()
                await self._news.wait()
        return Heard(self._took, commands - len(self._took))

    async def _say(self, place: int, due: float, *, is_command: bool) -> None:
        socket, channel = self._seats[place % len(self._seats)]
        # Late answers of an earlier round are none of this one.
        self._numbers += 1
        content = f"!say {self._numbers}" if is_command else f"message {self._numbers}"
        if is_command:
            self._due[self._numbers] = due
        frame = {"type": "send_message", "data": {"channelId": channel, "content": content}}
        await socket.send([orjson.dumps(frame)])

    async def listen(self, socket: Socket) -> None:
        while True:
            for text in await socket.receive():
                found = _ANSWER.search(text)
                due = None if found is None else self._due.get(int(found[1]))
                if due is not None:
                    self._took.append(perf_counter() - due)
                    self._news.set()


@asynccontextmanager
async def people(url: str, workspace_id: str, who: Sequence[Person]) -> AsyncIterator[People]:
    """All of them, once each is in the workspace."""
    async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
        sockets = [await stack.enter_async_context(_joined(url, workspace_id, person)) for person in who]
        here = People(list(_in_turns(sockets, who)))
        for socket in sockets:
            nursery.start_soon(here.listen, socket)
        yield here
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _joined(url: str, workspace_id: str, person: Person) -> AsyncIterator[Socket]:
    line = await dial(url)
    async with line.stream:
        socket = await line.upgrade("/api/realtime", person.token)
        join = {"type": "join_workspace", "id": "join", "data": {"workspaceId": workspace_id}}
        await socket.send([orjson.dumps(join)])
        with trio.fail_after(PATIENCE):
            while not any(b'"id":"join"' in text for text in await socket.receive()):
                pass
        yield socket


def _in_turns(sockets: Sequence[Socket], who: Sequence[Person]) -> Iterator[tuple[Socket, str]]:
    """One channel of everybody, then the next of everybody."""
    for place in range(max(len(person.channels) for person in who)):
        for socket, person in zip(sockets, who, strict=True):
            if place < len(person.channels):
                yield socket, person.channels[place]
