"""Clients on a socket that behave as the protocol asks of them: they come back, with their cursor, and send again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import orjson
import trio
from tests.chatserver.net.client import Client
from tests.chatserver.net.waiting import until
from tests.programme.process import Person, Server


class Broken(Exception):
    """The line is gone."""


class Line:
    """One WebSocket to a server that may die at any moment."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def say(self, type_: str, frame_id: str | None = None, **data: Any) -> None:
        """Send a frame. Raises Broken."""
        try:
            await self._client.say(type_, frame_id, **data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Broken from error

    async def hear(self, patience: float = 60) -> dict[str, Any]:
        """The next frame. Raises Broken."""
        text = await self._client.receive(patience)
        if text is None:
            raise Broken(self._client.close_code)
        frame: dict[str, Any] = orjson.loads(text)
        return frame

    async def ask(self, type_: str, **data: Any) -> dict[str, Any]:
        """Send a frame; its reply. Other frames are skipped. Raises Broken."""
        await self.say(type_, "ask", **data)
        while (heard := await self.hear()).get("id") != "ask":
            pass
        return heard


@asynccontextmanager
async def line(server: Server) -> AsyncIterator[Line]:
    """A line, once the server is running. Raises Broken."""
    await server.running()
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    except OSError as error:
        raise Broken from error
    async with stream:
        client = Client(stream)
        try:
            status, _, _ = await client.upgrade()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Broken from error
        if status != 101:
            raise Broken(status)
        yield Line(client)


@attrs.define(eq=False)
class Ear:
    """A client that follows a workspace through every break, by its cursor; it keeps every durable event."""

    person: Person
    workspace_id: str
    events: list[dict[str, Any]] = attrs.field(factory=list)
    cursor: dict[str, Any] | None = None
    resyncs: int = 0
    live: trio.Event = attrs.field(factory=trio.Event)

    async def listen(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with line(self.person.server) as socket:
                    await self._follow(socket)
            except Broken:
                self.live = trio.Event()

    async def _follow(self, socket: Line) -> None:
        since = {} if self.cursor is None else {"since": self.cursor}
        await socket.say(
            "join_workspace", "join", workspaceId=self.workspace_id, accessToken=self.person.token, **since
        )
        while True:
            frame = await socket.hear()
            if frame["type"] == "reply":
                self._joined(frame)
            elif "seq" in frame:
                assert self.cursor is None or frame["seq"] > self.cursor["seq"], "out of order, or twice"
                self.events.append(frame)
                if self.cursor is not None:
                    self.cursor = {**self.cursor, "seq": frame["seq"]}

    def _joined(self, frame: dict[str, Any]) -> None:
        assert frame["ok"], frame
        where = {"epoch": frame["data"]["epoch"], "seq": frame["data"]["seq"]}
        if self.cursor is not None and not frame["data"]["resumed"]:
            self.resyncs += 1
            self.cursor = None
        if self.cursor is None or self.cursor["seq"] < where["seq"]:
            self.cursor = where
        self.live.set()

    async def until(self, count: int, kind: str = "message_received", seconds: float = 30.0) -> list[dict[str, Any]]:
        """Wait for so many events of a kind; all of that kind."""
        await until(lambda: len(self.of(kind)) >= count, seconds)
        return self.of(kind)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind, in the order of their arrival."""
        return [event for event in self.events if event["type"] == kind]


async def send_until_acknowledged(
    person: Person, channel_id: str, temp_ids: list[str], acknowledged: dict[str, str]
) -> None:
    """Send one message for each temp id, one after the other, again and again until each is acknowledged.

    `acknowledged` gets temp id -> message id.
    """
    waiting = list(temp_ids)
    while waiting:
        try:
            async with line(person.server) as socket:
                await socket.say("authenticate", accessToken=person.token)
                while waiting:
                    acknowledged[waiting[0]] = await _send(socket, channel_id, waiting[0])
                    del waiting[0]
        except Broken:
            continue


async def _send(socket: Line, channel_id: str, temp_id: str) -> str:
    while True:
        await socket.say("send_message", temp_id, channelId=channel_id, content=f"message {temp_id}", tempId=temp_id)
        while (frame := await socket.hear()).get("id") != temp_id:
            assert frame["type"] != "error", frame
        if frame["ok"]:
            return str(frame["data"]["message"]["id"])
        assert frame["error"]["code"] == "SERVICE_UNAVAILABLE", frame
        await trio.sleep(0.1)
