"""A small team in memory, a running gateway, and sockets without a network."""

import json
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from chatcore import Chat, Config, open_chat
from chatcore.model import Channel, ChannelType, User, Workspace
from chatcore.service.identity import Identity
from chatserver.client import Client, Proxies
from chatserver.gateway.flow import Pace
from chatserver.gateway.gateway import Gateway
from chatserver.gateway.opening import Admission
from chatserver.net.batch import Batch
from chatserver.net.socket import Inbound
from chatserver.origins import Origins
from chatserver.ratelimit import RateLimiter, rules_of


class FakeSocket:
    """A socket whose peer is the test."""

    def __init__(self, *, can_ping: bool = True) -> None:
        self.can_ping = can_ping
        self.close_code = 0
        self.queued = 0
        self.texts = self.bytes = 0
        self.reason = ""
        self.pings = 0
        self.writes = 0
        self._flowing = trio.Event()
        self._flowing.set()
        self._inbound, self._received = trio.open_memory_channel[Inbound](math.inf)
        self._heard: deque[dict[str, Any]] = deque()
        self._news = trio.Event()

    # what the gateway sees

    def write(self, batch: Batch) -> None:
        if not self.close_code:
            self.writes += 1
            self.texts += len(batch.texts)
            self.bytes += batch.size
            self._heard.extend(json.loads(text.payload) for text in batch.texts)
            self._news.set()

    def ping(self) -> None:
        self.pings += 1

    def close(self, code: int, reason: str) -> None:
        if not self.close_code:
            self.close_code, self.reason = int(code), reason
            self.hang_up(int(code))

    async def receive(self) -> Inbound | None:
        try:
            return await self._received.receive()
        except trio.EndOfChannel:
            return None

    async def drained(self) -> None:
        await self._flowing.wait()

    # what the test does

    def hang_up(self, code: int = 1000) -> None:
        """The peer is gone."""
        self.close_code = self.close_code or code
        self._inbound.close()
        self._news.set()
        self._flowing.set()

    def stall(self) -> None:
        """Read nothing: what is written waits."""
        self._flowing = trio.Event()

    def flow(self) -> None:
        """Read on."""
        self._flowing.set()

    def say(self, type_: str, frame_id: str | None = None, **data: Any) -> None:
        """Send a frame."""
        frame = {"type": type_, "data": data} | ({} if frame_id is None else {"id": frame_id})
        self.say_text(json.dumps(frame))

    def say_text(self, text: str) -> None:
        self._inbound.send_nowait(Inbound((text,), frames=1, size=len(text)))

    def pong(self) -> None:
        self._inbound.send_nowait(Inbound(pong=True, frames=1, size=6))

    async def hear(self, type_: str | None = None) -> dict[str, Any]:
        """The next frame (of this type); fails after 5 s, or when the socket is closed."""
        return await self._first(lambda frame: type_ is None or frame["type"] == type_, skip=True)

    async def _first(self, wanted: Callable[[dict[str, Any]], bool], *, skip: bool) -> dict[str, Any]:
        with trio.fail_after(5):
            while True:
                for index, frame in enumerate(self._heard):
                    if wanted(frame):
                        for _ in range(index + 1) if skip else ():
                            self._heard.popleft()
                        if not skip:
                            del self._heard[index]
                        return frame
                assert not self.close_code, f"closed with {self.close_code} ({self.reason}); heard {self.pending()}"
                self._news = trio.Event()
                await self._news.wait()

    def pending(self) -> list[dict[str, Any]]:
        """What was written and not heard yet."""
        heard = list(self._heard)
        self._heard.clear()
        return heard

    async def ask(self, type_: str, **data: Any) -> dict[str, Any]:
        """Send a frame and give its reply; what else was written can still be heard."""
        self.say(type_, "ask", **data)
        return await self._first(lambda frame: frame.get("id") == "ask", skip=False)

    async def closed(self) -> int:
        """Wait for the end; its code."""
        with trio.fail_after(60):
            while not self.close_code:
                self._news = trio.Event()
                await self._news.wait()
        return self.close_code


@attrs.define
class Team:
    """A workspace with Ada (its owner), Bob and Cyd, and a guest, Gil, who is in `lounge` only."""

    chat: Chat
    ada: User
    bob: User
    cyd: User
    gil: User
    workspace: Workspace
    general: Channel
    lounge: Channel
    secret: Channel

    async def token(self, user: User) -> str:
        """An access token."""
        return (await self.chat.sessions.open(user)).access_token

    async def identity(self, user: User) -> Identity:
        return await self.chat.sessions.verify(await self.token(user))


@asynccontextmanager
async def a_team(**settings: Any) -> AsyncIterator[Team]:
    plugins = settings.pop("plugins", ())
    async with open_chat("memory:", config=Config(**settings), plugins=plugins) as chat:
        yield await make_team(chat)


async def make_team(chat: Chat) -> Team:
    """The team, in a chat that has none."""
    ada, bob, cyd, gil = [
        await chat.users.create(email=f"{name}@example.org", display_name=name.title())
        for name in ("ada", "bob", "cyd", "gil")
    ]
    team = await chat.workspaces.create(name="Team", slug="team", owner=ada)
    general = await chat.channels.create(team, name="general", actor=ada)
    for user in (bob, cyd):
        await chat.members.add(team, user)
    await chat.members.add(team, gil, role="guest")  # type: ignore[arg-type]
    lounge = await chat.channels.create(team, name="lounge", actor=ada, members=[bob.id, gil.id])
    secret = await chat.channels.create(team, name="secret", actor=ada, type=ChannelType.PRIVATE, members=[bob.id])
    return Team(chat, ada, bob, cyd, gil, team, general, lounge, secret)


@attrs.define
class Edge:
    """A team and its gateway."""

    team: Team
    gateway: Gateway
    nursery: trio.Nursery

    def open(self, identity: Identity | None = None, **options: Any) -> FakeSocket:
        """A connection, signed in already if an identity is given."""
        socket = FakeSocket(**options)
        admission = Admission(client=Client(ip="192.0.2.1"), identity=identity)
        self.nursery.start_soon(self.gateway.serve, socket, admission)
        return socket

    async def join(self, user: User, **options: Any) -> FakeSocket:
        """A connection that is live in the workspace."""
        socket = self.open(await self.team.identity(user), **options)
        reply = await socket.ask("join_workspace", workspaceId=self.team.workspace.id)
        assert reply["ok"], reply
        return socket


OpenEdge = Callable[..., Awaitable[Edge]]


@asynccontextmanager
async def an_edge(
    *, pace: Pace | None = None, per_user: int | None = None, running: bool = True, **settings: Any
) -> AsyncIterator[Edge]:
    settings.setdefault("rate_limits", "off")
    async with a_team(**settings) as team, edge_of(team, pace=pace, per_user=per_user, running=running) as edge:
        yield edge


@asynccontextmanager
async def edge_of(
    team: Team, *, pace: Pace | None = None, per_user: int | None = None, running: bool = True
) -> AsyncIterator[Edge]:
    """A gateway of the team's chat."""
    chat = team.chat
    async with trio.open_nursery() as nursery:
        limiter = RateLimiter(
            rules_of(chat.config.rate_limits), storage=chat.storage, clock=chat.clock, hooks=chat.hooks
        )
        proxies = Proxies(chat.config.trusted_proxies)
        gateway = Gateway(chat, limiter=limiter, origins=Origins(()), proxies=proxies, pace=pace, per_user=per_user)
        if running:
            await nursery.start(gateway.run)
        yield Edge(team, gateway, nursery)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with an_edge() as edge:
        yield edge


@pytest.fixture
def make_edge() -> Callable[..., Any]:
    """`async with make_edge(rate_limits=…) as edge`."""
    return an_edge
