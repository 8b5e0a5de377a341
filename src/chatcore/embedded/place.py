"""A workspace of a chat in this process, as a bot sees it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

from chatcore.bot.place import Place, Shelf
from chatcore.chat import Chat
from chatcore.client import Resynced
from chatcore.errors import Duplicate, PositionLost
from chatcore.events import Event
from chatcore.ids import ChannelId, HuddleId, MessageId, UserId, WorkspaceId
from chatcore.model import Command, HuddleMode, Message, MessagePage, Position, PresenceStatus
from chatcore.ports.shelf import StoredShelf, bot_space
from chatcore.service.subscription import Subscription
from chatcore.state import ChannelState, State, apply

PAGE = 100


class EmbeddedPlace:
    """See `chatcore.bot.place.Place`. Opened by `EmbeddedHome.open`."""

    def __init__(self, chat: Chat, me: UserId, id_: WorkspaceId, slug: str) -> None:
        self.id = id_
        self.slug = slug
        self.me = me
        self.state: State
        self._chat = chat
        self._subscription: Subscription
        self._stack: AsyncExitStack
        self._lost = False

    @property
    def position(self) -> Position:
        return self._subscription.position

    async def start(self, stack: AsyncExitStack, since: Position | None) -> None:
        """Begin to listen; what the stack holds ends it."""
        self._stack = stack
        try:
            self._subscription = await stack.enter_async_context(self._chat.subscribe(self.me, self.id, since=since))
        except PositionLost:
            self._lost = True
            self._subscription = await stack.enter_async_context(self._chat.subscribe(self.me, self.id))
        self.state = await read_state(self._chat, self.me, self.id)

    def events(self) -> AsyncIterator[Event]:
        return self

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._lost or self.state.stale:
            if not self._lost:
                self.state = await read_state(self._chat, self.me, self.id)
            self._lost = False
            return Resynced(workspace_id=self.id)
        try:
            event = await self._subscription.__anext__()
        except PositionLost:
            await self._stack.aclose()
            await self.start(self._stack, None)
            return Resynced(workspace_id=self.id)
        self.state = apply(self.state, event)
        return event

    async def send(
        self, channel: ChannelId, content: str, *, thread_id: MessageId | None = None, temp_id: str | None = None
    ) -> Message:
        return await self._chat.messages.send(
            channel, author=self.me, content=content, thread_id=thread_id, temp_id=temp_id
        )

    async def edit(self, message: MessageId, content: str) -> Message:
        return await self._chat.messages.edit(message, actor=self.me, content=content)

    async def delete(self, message: MessageId) -> None:
        await self._chat.messages.delete(message, actor=self.me)

    async def react(self, message: MessageId, emoji: str) -> None:
        await self._chat.reactions.add(message, emoji, actor=self.me)

    async def unreact(self, message: MessageId, emoji: str) -> None:
        await self._chat.reactions.remove(message, emoji, actor=self.me)

    async def typing(self, channel: ChannelId) -> None:
        await self._chat.typing.set(channel, True, actor=self.me)

    async def history(self, channel: ChannelId, *, before: MessageId | None = None, limit: int = 50) -> MessagePage:
        return await self._chat.messages.history(channel, actor=self.me, before=before, limit=limit)

    async def direct(self, user_ids: Iterable[UserId]) -> ChannelId:
        channel, _ = await self._chat.channels.direct(self.id, tuple(user_ids), actor=self.me)
        return channel.id

    async def join(self, channel: ChannelId) -> None:
        await self._chat.channels.join(channel, actor=self.me)


class EmbeddedHome:
    """See `chatcore.bot.place.Home`: a chat in this process, and the bot's account in it."""

    def __init__(self, chat: Chat, me: UserId, shelf: Shelf | None = None) -> None:
        self.shelf: Shelf = shelf or StoredShelf(chat.storage, bot_space(me))
        self._chat = chat
        self._me = me

    def now(self) -> datetime:
        return self._chat.clock.now()

    async def workspaces(self) -> dict[WorkspaceId, str]:
        found = await self._chat.workspaces.list(actor=self._me)
        return {summary.workspace.id: summary.workspace.slug for summary in found}

    async def announce(self, commands: Sequence[Command]) -> None:
        await self._chat.commands.announce(commands, actor=self._me)

    async def huddle(self, channel: ChannelId) -> HuddleId:
        huddles = self._chat.huddles
        found = await huddles.active(channel, actor=self._me)
        if found is None:
            try:
                found = await huddles.start(channel, actor=self._me, mode=HuddleMode.SFU)
            except Duplicate as other:  # somebody else started one meanwhile
                return HuddleId(other.details["huddleId"])
        return found.huddle.id

    async def join_huddle(self, huddle: HuddleId, device_id: str, offer: Mapping[str, str]) -> Mapping[str, str] | None:
        view = await self._chat.huddles.join(huddle, actor=self._me, device_id=device_id, offer=offer)
        return view.answer

    async def leave_huddle(self, huddle: HuddleId, device_id: str) -> None:
        await self._chat.huddles.leave(huddle, actor=self._me, device_id=device_id)

    @asynccontextmanager
    async def open(self, slug: str, since: Position | None) -> AsyncIterator[Place]:
        id_ = await self._chat.workspaces.resolve(slug, actor=self._me)
        place = EmbeddedPlace(self._chat, self._me, id_, slug)
        async with AsyncExitStack() as stack:
            await place.start(stack, since)
            yield place


async def read_state(chat: Chat, me: UserId, workspace_id: WorkspaceId) -> State:
    """The workspace as one member sees it; messages and members of channels are not loaded."""
    # First the channels, and with them the place in the log: what events say of the rest may be heard twice.
    listing = await chat.channels.listing(workspace_id, actor=me)
    view = await chat.workspaces.get(workspace_id, actor=me)
    presence = {one.user_id: one.status for one in await chat.presence.list(workspace_id, actor=me)}
    return State(
        user_id=me,
        workspace=view.workspace,
        seq=listing.position.seq,
        members={card.user_id: card for card in await _members(chat, me, workspace_id)},
        channels={summary.channel.id: _channel(summary) for summary in listing.channels},
        presence={id_: status for id_, status in presence.items() if status is not PresenceStatus.OFFLINE},
    )


async def _members(chat: Chat, me: UserId, workspace_id: WorkspaceId) -> list[Any]:
    found: list[Any] = []
    while True:
        after = found[-1].user_id if found else None
        page = await chat.members.list(workspace_id, actor=me, after=after, limit=PAGE)
        found += page
        if len(page) < PAGE:
            return found


def _channel(summary: Any) -> ChannelState:
    return ChannelState(
        channel=summary.channel,
        joined=summary.joined,
        read_seq=summary.read.read_seq,
        unread_count=summary.read.unread_count,
        mention_count=summary.read.mention_count,
        huddle_known=not summary.is_huddle_active,
    )
