"""A workspace, followed: its events, each exactly once and in order, through every interruption; and what one says."""

import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import uuid4

import attrs
import trio

from chatcore import events, wire
from chatcore.client.api import Api, jittered
from chatcore.client.endpoint import fields
from chatcore.client.faults import Unreachable, passes, wait_of
from chatcore.client.inbox import Heard, Inbox, Joined
from chatcore.client.link import Link
from chatcore.client.reading import read_state
from chatcore.client.rest.channels import Channels
from chatcore.errors import ChatError, NotFound, RateLimited, Unavailable, ValidationFailed
from chatcore.events import Event
from chatcore.ids import AttachmentId, ChannelId, HuddleId, MessageId, UserId, WorkspaceId, is_id
from chatcore.model import Channel, Message, Position, PresenceStatus, ReadState, Signal
from chatcore.state import State, apply

T = TypeVar("T")

ChannelRef = Channel | ChannelId | str
"""A channel, its id, or its name (`general`, `#general`)."""
MessageRef = Message | MessageId
INSIST_SECONDS = 12 * 3600.0
"""How long a send is tried again: well below the 24 h for which the server knows its `temp_id`."""

log = logging.getLogger("chatcore.client")


@attrs.frozen(kw_only=True)
class Resynced(Event):
    """Said by the client itself: events may be missing here, and what one knows of the workspace is to be read afresh.

    The server no longer had what was missed (after 7 days, or a restored backup), or one's own role changed what one
    may see. `Workspace.state` has been read afresh already.
    """

    type = "resynced"
    durable = False


Frame = dict[str, Any]
"""An event as it came: `type`, `workspaceId`, `data`, and `seq` if it is durable."""
Waiting = Callable[[str, float], None]
"""Told why the connection is gone, and after how many seconds the next attempt comes."""
Back = Callable[[], None]
"""Told that the connection is there again."""


class Workspace:
    """A workspace that is open. Made by `Client.workspace`.

    `state` is the workspace as of the last event that `events` gave, and `position` the cursor behind that event: kept
    somewhere, and given to `Client.workspace(..., since=)`, it goes on exactly there, even days later.
    """

    def __init__(
        self,
        api: Api,
        me: UserId,
        id_: WorkspaceId,
        slug: str,
        since: Position | None = None,
        waiting: Waiting | None = None,
        back: Back | None = None,
    ) -> None:
        self.id = id_
        self.slug = slug
        self.me = me
        self.live = trio.Event()
        """Set once the stream was joined for the first time."""
        self._api = api
        self._told_waiting = waiting
        self._told_back = back
        self._away = False
        """Whether somebody was told that the connection is gone."""
        self._link = Link(api, self)
        self._inbox = Inbox()
        self._received = since
        """Behind the last event that came; None before the first joining."""
        self._position = since
        self._state: State | None = None
        self._lagging = False
        self._missed = False
        """Whether events are missing before the next one, which nobody was told yet."""
        self._taking = False
        self._ended = False
        self._status: PresenceStatus | None = None

    # --- what one can look at ----------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The workspace as one sees it. Raises RuntimeError when it was opened with `state=False`."""
        if self._state is None:
            raise RuntimeError("open the workspace with state=True to have its state")
        return self._state

    @property
    def position(self) -> Position:
        """The cursor behind the last event that `events` gave."""
        assert self._position is not None, "not joined yet"
        return self._position

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._link.connected

    # --- events ------------------------------------------------------------------------------------------------------

    def events(self) -> "Stream[Event]":
        """Every event from the opening (or `since`) on: `async for event in workspace.events()`, in one task.

        A durable event comes exactly once. Who is slow loses ephemeral ones only: the server keeps the rest. Ends with
        the `member_left` by which one is no longer in the workspace. Raises ChatError when coming back is of no use.
        """
        return Stream(self.next_event)

    def frames(self) -> "Stream[Frame]":
        """What `events` gives as it came, JSON by JSON: for programs that store or pass on what they do not understand.

        `type`, `workspaceId`, `data`, and `seq` where it is durable, of types of later releases too; `position` is the
        cursor behind it. A frame of type `resynced` is the client's own. Take frames or events, not both.
        """
        return Stream(self.next_frame)

    async def next_event(self) -> Event:
        """What `events` gives. Raises StopAsyncIteration."""
        while True:
            event = self._read(await self._take())
            if event is not None:
                return event

    async def next_frame(self) -> Frame:
        """What `frames` gives. Raises StopAsyncIteration."""
        frame = await self._take()
        if self._state is not None:
            self._read(frame)
        return frame

    async def _take(self) -> Frame:
        """The next frame. Giving up while it waits loses nothing. Raises StopAsyncIteration."""
        if self._taking:
            raise RuntimeError("another task takes the events: take them in one, and pass them on from there")
        if self._ended:
            raise StopAsyncIteration
        self._taking = True
        try:
            while True:
                if self._missed or (self._state is not None and self._state.stale):
                    await self._read_afresh()
                    return {"type": Resynced.type, "workspaceId": self.id, "data": {}}
                item = await self._inbox.get()
                self._catch_up()
                self._reached(item)
                if isinstance(item, Heard):
                    self._ended = self._is_my_end(item.frame)
                    return item.frame
        finally:
            self._taking = False

    async def _read_afresh(self) -> None:
        """The state behind a gap, however often the connection breaks meanwhile. Raises ChatError."""
        attempt = 0
        while self._state is not None:
            try:
                await self.read_state()
                break
            except ChatError as problem:
                if not passes(problem) or self._inbox.failure is not None:
                    raise
                delay = jittered(attempt)
                self.waiting(problem.message, delay)
            await trio.sleep(delay)
            attempt += 1
        self._missed = False

    async def read_state(self) -> State:
        """Read the state afresh, which `events` does by itself whenever it is needed. Raises ChatError."""
        self._state = await read_state(self._api, self.me, self.slug)
        return self._state

    # --- what one says: tried again until it is acknowledged or refused ----------------------------------------------

    async def send(
        self,
        channel: ChannelRef,
        content: str,
        *,
        thread_id: MessageId | None = None,
        temp_id: str | None = None,
        attachment_ids: Sequence[AttachmentId] = (),
    ) -> Message:
        """Send a message; when this returns, it is durable, and was sent once, whatever happened to the connection.

        temp_id: the name of this sending: within 24 h, the same name in the same channel returns the first message.
        Raises ChatError when the server refuses it. How long to insist is up to you: `with trio.fail_after(30): ...`
        """
        data = fields(
            channel_id=await self.channel_id(channel),
            content=content,
            thread_id=thread_id,
            temp_id=temp_id or str(uuid4()),
            attachment_ids=list(attachment_ids) or None,
        )
        return wire.structure((await self._insist("send_message", data))["message"], Message, tolerant=True)

    async def edit(self, message: MessageRef, content: str) -> Message:
        """Change the text of one's own message."""
        data = {"messageId": _id(message), "content": content}
        return wire.structure((await self._insist("edit_message", data))["message"], Message, tolerant=True)

    async def delete(self, message: MessageRef) -> None:
        """Delete a message."""
        await self._insist("delete_message", {"messageId": _id(message)})

    async def react(self, message: MessageRef, emoji: str) -> None:
        """React to a message; doing it again changes nothing."""
        await self._insist("add_reaction", {"messageId": _id(message), "emoji": emoji})

    async def unreact(self, message: MessageRef, emoji: str) -> None:
        """Take one's reaction back."""
        await self._insist("remove_reaction", {"messageId": _id(message), "emoji": emoji})

    async def mark_read(self, message: Message) -> ReadState:
        """Move one's read marker to a message."""
        data = {"channelId": message.channel_id, "messageId": message.id}
        return wire.structure(await self._insist("mark_read", data), ReadState, tolerant=True)

    async def signal(self, huddle_id: HuddleId, signal: Signal) -> None:
        """Send a WebRTC signal to another participant. Not tried again on another connection."""
        data = {"huddleId": huddle_id, "signal": wire.to_json(signal)}
        await self._link.outbox.ask("huddle_signal", data, again=False)

    async def typing(self, channel: ChannelRef, *, stopped: bool = False) -> None:
        """Say that one is typing, or no longer. Without a connection this does nothing."""
        self._link.tell("typing_stop" if stopped else "typing_start", {"channelId": await self.channel_id(channel)})

    def present(self, status: PresenceStatus) -> None:
        """Say whether one is there; said again on each new connection."""
        self._status = status
        self._link.tell("update_presence", {"status": status.value})

    async def channel_id(self, channel: ChannelRef) -> ChannelId:
        """The id of a channel. Raises NotFound for a name that one sees no channel of."""
        if isinstance(channel, Channel):
            return channel.id
        if is_id(channel):
            return ChannelId(channel)
        name = channel.removeprefix("#")
        for each in () if self._state is None else self._state.channels.values():
            if each.channel.name == name:
                return each.channel.id
        for item in await Channels(self._api).list(self.slug):
            if item.name == name:
                return item.id
        raise NotFound(f"There is no channel {name!r}, or you may not see it.")

    async def _insist(self, type_: str, data: dict[str, Any]) -> dict[str, Any]:
        """Ask until there is an answer that lasts. Raises ChatError."""
        attempt = 0
        with trio.move_on_after(INSIST_SECONDS):
            while True:
                try:
                    return await self._link.outbox.ask(type_, data, again=True)
                except ChatError as refusal:
                    if not passes(refusal) or self._inbox.failure is not None:
                        raise
                    limited = isinstance(refusal, RateLimited)
                    wait = wait_of(refusal) + random.uniform(0, 0.5) if limited else jittered(attempt)
                await trio.sleep(wait)
                attempt += 1
        raise Unreachable(f"{self._api.access.url} gave no answer for {INSIST_SECONDS / 3600:.0f} hours")

    async def start(self, *, state: bool) -> None:
        """Wait until the stream is live, and read the state. Raises ChatError."""
        await self.live.wait()
        if self._inbox.failure is not None:
            raise self._inbox.failure
        if self._position is None:
            self._position = self._received
        if state:
            await self.read_state()

    # --- what the link tells -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the connection, until cancelled."""
        ending: ChatError = Unavailable(
            "This workspace is closed: use it inside of `async with client.workspace(...)`."
        )
        try:
            await self._link.run()
        except ChatError as failure:
            ending = failure
        finally:
            # Nobody is left waiting, nor begins to.
            self._inbox.fail(ending)
            self._link.outbox.fail(ending)
            self.live.set()

    def opened(self) -> dict[str, Any] | None:
        if self._status is not None:
            self.present(self._status)
        if self._lagging and not self._inbox.roomy:
            return None
        self._lagging = False
        return self._join_data()

    def joined(self, position: Position, *, resumed: bool) -> None:
        if self._away and self._told_back is not None:
            self._told_back()
        self._away = False
        first = self._received is None
        self._inbox.mark(Joined(position, resumed or first))
        self._received = position
        self.live.set()

    def heard(self, frame: dict[str, Any], size: int) -> bool:
        if frame.get("workspaceId") != self.id:
            return True
        seq = frame.get("seq", 0)
        if seq and (self._received is None or seq <= self._received.seq):
            return True
        if self._inbox.put(Heard(frame, size)):
            if seq and self._received is not None:
                self._received = Position(epoch=self._received.epoch, seq=seq)
            return True
        self._lagging = True
        return False

    def waiting(self, reason: str, delay: float) -> None:
        log.info("%s: %s; trying again in %.1f s", self.slug, reason, delay)
        self._away = True
        if self._told_waiting is not None:
            self._told_waiting(reason, delay)

    # --- the parts ---------------------------------------------------------------------------------------------------

    def _join_data(self) -> dict[str, Any]:
        since = None if self._received is None else attrs.asdict(self._received)
        return fields(workspace_id=self.id) | ({} if since is None else {"since": since})

    def _catch_up(self) -> None:
        """Too much came at once, and waits at the server: let it come, now that there is room."""
        if self._lagging and self._inbox.roomy and self.connected:
            self._lagging = False
            self._link.join(self._join_data())

    def _reached(self, item: Heard | Joined) -> None:
        """Move the cursor behind what was taken."""
        if isinstance(item, Joined):
            self._position = item.position
            self._missed = self._missed or not item.resumed
        elif (seq := item.frame.get("seq", 0)) and self._position is not None:
            self._position = Position(epoch=self._position.epoch, seq=seq)

    def _is_my_end(self, frame: Frame) -> bool:
        """Whether this is the event by which one is no longer in the workspace."""
        data = frame.get("data") or {}
        left = frame.get("type") == events.MemberLeft.type
        return left and data.get("userId") == self.me and data.get("channelId") is None

    def _read(self, frame: Frame) -> Event | None:
        """The event of a frame, with the state brought forward; None for one that this release does not know, or that
        a later one says in a way that this one does not: neither keeps those behind it from being heard.
        """
        if frame["type"] == Resynced.type:
            return Resynced(workspace_id=self.id)
        cls = events.EVENTS.get(str(frame.get("type")))
        if cls is None:
            return None
        try:
            data = wire.structure(frame.get("data"), cls, tolerant=True)
        except ValidationFailed as problem:
            log.warning("%s: an event %s was not understood (%s)", self.slug, cls.type, problem.message)
            return None
        event = wire.stamp(data, self.id, frame.get("seq", 0))
        if self._state is not None:
            self._state = apply(self._state, event)
        return event


class Stream(Generic[T]):
    """An async iterator over what comes; leaving the loop and beginning another goes on where it was."""

    def __init__(self, take: Callable[[], Awaitable[T]]) -> None:
        self._take = take

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        return await self._take()


def _id(message: MessageRef) -> MessageId:
    return message.id if isinstance(message, Message) else message
