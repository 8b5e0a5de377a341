"""A bot on a server, over the network."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import attrs

from chatcore.bot.place import Place, Shelf
from chatcore.client import Client, Workspace
from chatcore.client.answers import SessionDescription
from chatcore.errors import Duplicate, NotFound
from chatcore.events import Event
from chatcore.ids import ChannelId, HuddleId, MessageId, UserId, WorkspaceId
from chatcore.model import Command, HuddleMode, Message, MessagePage, Position
from chatcore.state import State


@attrs.frozen
class NetworkPlace:
    """A workspace, as `chatcore.bot.place.Place` describes it."""

    _client: Client
    _workspace: Workspace

    @property
    def id(self) -> WorkspaceId:
        return self._workspace.id

    @property
    def slug(self) -> str:
        return self._workspace.slug

    @property
    def me(self) -> UserId:
        return self._workspace.me

    @property
    def state(self) -> State:
        return self._workspace.state

    @property
    def position(self) -> Position:
        return self._workspace.position

    def events(self) -> AsyncIterator[Event]:
        return self._workspace.events()

    async def send(
        self, channel: ChannelId, content: str, *, thread_id: MessageId | None = None, temp_id: str | None = None
    ) -> Message:
        return await self._workspace.send(channel, content, thread_id=thread_id, temp_id=temp_id)

    async def edit(self, message: MessageId, content: str) -> Message:
        return await self._workspace.edit(message, content)

    async def delete(self, message: MessageId) -> None:
        await self._workspace.delete(message)

    async def react(self, message: MessageId, emoji: str) -> None:
        await self._workspace.react(message, emoji)

    async def unreact(self, message: MessageId, emoji: str) -> None:
        await self._workspace.unreact(message, emoji)

    async def typing(self, channel: ChannelId) -> None:
        await self._workspace.typing(channel)

    async def history(self, channel: ChannelId, *, before: MessageId | None = None, limit: int = 50) -> MessagePage:
        return await self._client.messages.history(channel, before=before, limit=limit)

    async def direct(self, user_ids: Iterable[UserId]) -> ChannelId:
        return (await self._client.channels.direct(self._workspace.slug, user_ids)).id

    async def join(self, channel: ChannelId) -> None:
        await self._client.channels.join(channel)


@attrs.frozen
class NetworkHome:
    """A server, with a shelf on this machine. `only`: the slug of the one workspace to be in; None: all."""

    _client: Client
    shelf: Shelf
    only: str | None = None

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def workspaces(self) -> dict[WorkspaceId, str]:
        found = await self._client.workspaces.list()
        return {item.id: item.slug for item in found if self.only in (None, item.slug)}

    async def announce(self, commands: Sequence[Command]) -> None:
        await self._client.commands.announce(commands)

    async def huddle(self, channel: ChannelId) -> HuddleId:
        huddles = self._client.huddles
        try:
            return (await huddles.active(channel)).id
        except NotFound:
            pass
        try:
            return (await huddles.start(channel, mode=HuddleMode.SFU)).id
        except Duplicate:  # somebody else started one meanwhile
            return (await huddles.active(channel)).id

    async def join_huddle(self, huddle: HuddleId, device_id: str, offer: Mapping[str, str]) -> Mapping[str, str] | None:
        described = SessionDescription(type=offer["type"], sdp=offer["sdp"])
        answer = (await self._client.huddles.join(huddle, offer=described, device_id=device_id)).answer
        return None if answer is None else {"type": str(answer.type), "sdp": answer.sdp}

    async def leave_huddle(self, huddle: HuddleId, device_id: str) -> None:
        await self._client.huddles.leave(huddle, device_id=device_id)

    @asynccontextmanager
    async def open(self, slug: str, since: Position | None) -> AsyncIterator[Place]:
        async with self._client.workspace(slug, since=since) as workspace:
            yield NetworkPlace(self._client, workspace)
