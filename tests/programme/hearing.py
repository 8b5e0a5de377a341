"""Somebody who listens at a socket of the server in this process, and keeps every event."""

from typing import Any

import attrs
import orjson
import trio
from tests.chatserver.net.client import Client
from tests.programme.inside import Inside, Person

from chatcore.ids import WorkspaceId


@attrs.define(eq=False)
class Hearing:
    """One person's socket. `events` is what came and was not asked for yet; `run` must be running."""

    person: Person
    client: Client
    events: list[dict[str, Any]] = attrs.field(factory=list)
    closed: bool = False
    _news: trio.Event = attrs.field(factory=trio.Event)

    async def run(self) -> None:
        """Listen, until the socket is closed."""
        while not self.closed:
            text = await self.client.receive(patience=600)
            if text is None:
                self.closed = True
            else:
                self.events.append(orjson.loads(text))
            self._news.set()

    async def until(self, seq: int) -> None:
        """Wait for the durable event with this seq, or for the end of the socket; what belongs before it has come."""
        with trio.fail_after(10):
            while not self.closed and all(event.get("seq", 0) < seq for event in self.events):
                self._news = trio.Event()
                await self._news.wait()

    def take(self) -> list[dict[str, Any]]:
        """What came since the last time."""
        events, self.events = self.events, []
        return events


async def hear(server: Inside, nursery: trio.Nursery, person: Person, workspace_id: WorkspaceId) -> Hearing:
    """Somebody who is live in a workspace from now on."""
    hearing = Hearing(person, await server.joined(person, workspace_id))
    nursery.start_soon(hearing.run)
    return hearing
