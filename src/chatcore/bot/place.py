"""Where a bot lives: what it needs of one workspace, and of the world around it.

`chatcore.bot.network` finds both on a server; `chatcore.embedded` in a chat in the same process.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

from chatcore.events import Event
from chatcore.ids import ChannelId, HuddleId, MessageId, UserId, WorkspaceId
from chatcore.model import Command, Message, MessagePage, Position
from chatcore.state import State


class Place(Protocol):
    """One workspace, as the bot sees it. Every method raises the errors of `chatcore.errors`."""

    @property
    def id(self) -> WorkspaceId: ...

    @property
    def slug(self) -> str: ...

    @property
    def me(self) -> UserId:
        """The bot's own account."""
        ...

    @property
    def state(self) -> State:
        """The workspace as of the last event that `events` gave."""
        ...

    @property
    def position(self) -> Position:
        """The cursor behind that event."""
        ...

    def events(self) -> AsyncIterator[Event]:
        """Every event, each durable one once, in order; `chatcore.client.Resynced` where some may be missing. Ends when
        the bot is no longer a member.
        """
        ...

    async def send(
        self, channel: ChannelId, content: str, *, thread_id: MessageId | None = None, temp_id: str | None = None
    ) -> Message:
        """Send a message; the same `temp_id` in the same channel returns the first one."""
        ...

    async def edit(self, message: MessageId, content: str) -> Message: ...

    async def delete(self, message: MessageId) -> None: ...

    async def react(self, message: MessageId, emoji: str) -> None: ...

    async def unreact(self, message: MessageId, emoji: str) -> None: ...

    async def typing(self, channel: ChannelId) -> None: ...

    async def history(self, channel: ChannelId, *, before: MessageId | None = None, limit: int = 50) -> MessagePage:
        """Messages, newest first."""
        ...

    async def direct(self, user_ids: Iterable[UserId]) -> ChannelId:
        """The direct message with these people."""
        ...

    async def join(self, channel: ChannelId) -> None:
        """Join a public channel."""
        ...


class Shelf(Protocol):
    """What a bot keeps: JSON values of at most 64 KiB, by keys of 1 to 200 characters."""

    async def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default`."""
        ...

    async def put(self, key: str, value: Any) -> None:
        """Store a value. Raises ValidationFailed when it is not JSON or too large."""
        ...

    async def update(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Store what `change` makes of the value (None without one), and return it; nobody writes in between.

        `change` must be quick, and may be called more than once. When it returns None the pair is removed.
        """
        ...

    async def delete(self, key: str) -> bool:
        """Remove a value; whether there was one."""
        ...

    def scan(self, prefix: str = "") -> AsyncIterator[tuple[str, Any]]:
        """Every pair whose key begins with `prefix`, in order."""
        ...


class Home(Protocol):
    """The world of one bot."""

    @property
    def shelf(self) -> Shelf:
        """What the bot keeps from one start to the next."""
        ...

    def now(self) -> datetime:
        """The wall time in UTC."""
        ...

    async def workspaces(self) -> dict[WorkspaceId, str]:
        """The workspaces that the bot is in: their slugs by id."""
        ...

    async def announce(self, commands: Sequence[Command]) -> None:
        """Say what may be typed after a slash, so that clients can offer it. Raises ChatError."""
        ...

    async def huddle(self, channel: ChannelId) -> HuddleId:
        """The huddle that is going on in a channel; where there is none, one through the server is started. Raises
        ChatError.
        """
        ...

    async def join_huddle(self, huddle: HuddleId, device_id: str, offer: Mapping[str, str]) -> Mapping[str, str] | None:
        """Join, or join again, with a device; the answer to the offer, None where media goes from peer to peer.

        Raises ChatError.
        """
        ...

    async def leave_huddle(self, huddle: HuddleId, device_id: str) -> None:
        """Leave with this device. Raises ChatError."""
        ...

    def open(self, slug: str, since: Position | None) -> AbstractAsyncContextManager[Place]:
        """A workspace, from a position on, or from now. Raises ChatError."""
        ...
