"""The hub: every event of this node passes here, in order, on its way to those who listen.

    storage commits ─► bus.publish ─► every node's hub: order (Stream) ─► permission memory (Directory) ─► listeners

A workspace is *open* here from the first time that somebody asks for it: its members and channels are read together
with the
position of its log, and followed from there. A hole in the `seq`s (a lossy bus, another process) is filled from the
log: at
once when something arrives behind it, and at the latest when positions are compared, every `CHECK_SECONDS`.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from typing import Protocol

import attrs
import trio

from chatcore.errors import ChatError, NotFound, PositionLost
from chatcore.events import Event
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import Position
from chatcore.ports import Bus, Envelope, Storage, Tx, WorkspaceAccess, seal
from chatcore.service.directory import ACCESS_EVENTS, ChannelFacts, WorkspaceDirectory
from chatcore.service.stream import Stream

CHECK_SECONDS = 2.0
"""How often positions are compared with the log."""
_NO_WORKSPACE = WorkspaceId("00000000-0000-7000-8000-000000000000")
_NO_CHANNEL = ChannelId("00000000-0000-7000-8000-000000000000")
"""Nothing has these ids."""
REPLAY_PAGE = 500
"""Events read from the log at a time."""

log = logging.getLogger("chatcore.hub")


class Listener(Protocol):
    """Somebody who wants the events of this node (the server's rooms, `Chat.subscribe`)."""

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Take events of one workspace, in order. The directory stands exactly at the last of them. Must be quick."""
        ...


@attrs.define(eq=False)
class _Space:
    """A workspace that is open here."""

    stream: Stream = attrs.field(factory=Stream)
    ready: trio.Event = attrs.field(factory=trio.Event)
    facts: WorkspaceDirectory | None = None


class Directory:
    """The permission memory of the open workspaces. Reading is synchronous; opening is not."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._homes: dict[ChannelId, WorkspaceId] = {}

    async def load(self, workspace_id: WorkspaceId) -> WorkspaceDirectory | None:
        """The workspace's directory, opened if need be; None when there is no such workspace."""
        return self.loaded(workspace_id) or await self._hub.open(workspace_id)

    async def of_member(self, workspace_id: WorkspaceId, user_id: UserId) -> WorkspaceDirectory | None:
        """As `load`; for who is no member, not before it was made sure that they have not just become one elsewhere."""
        facts = await self.load(workspace_id)
        if facts is not None and facts.role(user_id) is None:
            await self._hub.refresh(workspace_id)
        return facts

    def loaded(self, workspace_id: WorkspaceId) -> WorkspaceDirectory | None:
        """The directory of an open workspace; None when it is not open."""
        space = self._hub.spaces.get(workspace_id)
        return None if space is None else space.facts

    def all_loaded(self) -> Iterator[WorkspaceDirectory]:
        """Every open workspace."""
        return (space.facts for space in self._hub.spaces.values() if space.facts is not None)

    async def channel(self, channel_id: ChannelId, reader: UserId) -> tuple[WorkspaceDirectory, ChannelFacts]:
        """A channel that the reader may see, and its workspace.

        Raises NotFound, after one look into storage whether there is no such channel or it is hidden from them: how
        long it takes must not tell which. The look also finds what another node did a moment ago.
        """
        home = self._homes.get(channel_id)
        facts = None if home is None else await self.load(home)
        if facts is None or not facts.may_read(reader, channel_id):
            facts = await self._look_up(channel_id)
            if facts is None or not facts.may_read(reader, channel_id):
                raise NotFound.of("channel")
        return facts, facts.channels[channel_id]

    async def _look_up(self, channel_id: ChannelId) -> WorkspaceDirectory | None:
        """The directory of a channel's workspace, as of now; None when there is no such channel."""

        known = self._homes.get(channel_id)

        async def work(tx: Tx) -> tuple[WorkspaceId | None, int]:
            # A channel that is known here is looked for as if it were not there: a row that is found takes longer.
            row = await tx.channels.get(_NO_CHANNEL if known else channel_id)
            home = known if row is None else row.workspace_id
            asked = home or _NO_WORKSPACE
            return home, (await tx.events.positions([asked])).get(asked, 0)

        home, newest = await self._hub.storage.read(work)
        if home is None:
            return None
        self._homes[channel_id] = home
        facts = await self.load(home)
        await self._hub.catch_up(home, newest)
        return facts

    def hidden_from(self, reader: UserId) -> Callable[[ChannelId], bool]:
        """Tells of a channel whether it is known here and hidden from the reader, so that nothing of it need be read.

        It may be asked from another thread, in the middle of a transaction: it looks into dictionaries, no more. What
        it lets through has to be checked again afterwards.
        """

        def hidden(channel_id: ChannelId) -> bool:
            home = self._homes.get(channel_id)
            facts = None if home is None else self.loaded(home)
            return facts is not None and not facts.may_read(reader, channel_id)

        return hidden


class Hub:
    """See the module. `run` must be running for gaps to be filled."""

    def __init__(self, storage: Storage, bus: Bus) -> None:
        self.storage = storage
        self.spaces: dict[WorkspaceId, _Space] = {}
        self.directory = Directory(self)
        self._bus = bus
        self._listeners: list[Listener] = []
        self._gap = trio.Event()
        self._delivering = False
        self._said: list[Envelope] = []
        self._murmured: list[Envelope] = []
        storage.on_commit(bus.publish)

    def receiving(self) -> AbstractContextManager[None]:
        """While the context is open, events are taken from the bus."""
        return self._bus.subscribe(self.received)

    # --- listening -------------------------------------------------------------------------------------------------

    @contextmanager
    def attach(self, listener: Listener) -> Iterator[None]:
        """While the context is open, `listener` gets every event of the open workspaces."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def announce(self, *events: Event, here: bool = False) -> None:
        """Say something ephemeral: no place in the log, no promise that it arrives.

        here: only to this node, because the others find it out by themselves. What a listener says about an event that
        it is being given is heard after all others have been given it.
        """
        (self._murmured if here else self._said).extend(seal(event) for event in events)
        if not self._delivering:
            self._publish_said()

    def _publish_said(self) -> None:
        said, self._said = self._said, []
        murmured, self._murmured = self._murmured, []
        if said:
            self._bus.publish(said)
        if murmured:
            self.received(murmured)

    async def position(self, workspace_id: WorkspaceId, seen: Position | None = None) -> Position:
        """The last event that listeners have been given: one who is attached gets all that follow.

        seen: where somebody has come to. When another node has told them more than this one has heard, this one reads
        the log first: they would be given the same events again. Raises NotFound, Unavailable.
        """
        await self._space(workspace_id)
        stream = self.spaces[workspace_id].stream
        assert stream.last is not None
        if seen is not None and seen.epoch == self.storage.epoch and seen.seq > stream.last:
            await self.refresh(workspace_id)
        return Position(epoch=self.storage.epoch, seq=stream.last)

    async def replay(
        self, workspace_id: WorkspaceId, user_id: UserId, since: Position, upto: int
    ) -> AsyncIterator[list[Envelope]] | None:
        """The events after `since` up to `upto` that the user may receive, in order, page by page.

        None when they cannot be given completely: see `resumable`. What the user may receive is decided page by page,
        by the membership that holds then. Iterating raises PositionLost when the log is trimmed faster than it is read.
        """
        if not await self.resumable(workspace_id, since, upto):
            return None
        return self._pages(workspace_id, user_id, since.seq, upto)

    async def resumable(self, workspace_id: WorkspaceId, since: Position, upto: int) -> bool:
        """Whether everything after a position can be given: it is of this epoch, the log has not forgotten what
        follows it, and has reached it.
        """
        if since.epoch != self.storage.epoch or since.seq > upto:
            return False
        return since.seq >= await self.storage.read(lambda tx: tx.events.oldest(workspace_id))

    async def page(self, workspace_id: WorkspaceId, user_id: UserId, seq: int, upto: int) -> tuple[list[Envelope], int]:
        """The next events after `seq`, up to `upto`, that the user may receive; and the seq up to which that is all.

        Raises PositionLost when the log no longer reaches back to `seq`.
        """

        async def work(tx: Tx) -> tuple[int, list[Envelope]]:
            oldest = await tx.events.oldest(workspace_id)
            return oldest, await tx.events.since(workspace_id, seq, limit=REPLAY_PAGE)

        oldest, page = await self.storage.read(work)
        if seq < oldest:
            raise PositionLost("The events after this position are gone: read the workspace afresh.")
        facts = await self._space(workspace_id)
        due = [one for one in page if one.seq <= upto and facts.may_receive(user_id, one.audience)]
        return due, min(page[-1].seq, upto) if len(page) == REPLAY_PAGE else upto

    async def _pages(
        self, workspace_id: WorkspaceId, user_id: UserId, seq: int, upto: int
    ) -> AsyncIterator[list[Envelope]]:
        while seq < upto:
            due, seq = await self.page(workspace_id, user_id, seq, upto)
            yield due

    # --- receiving -------------------------------------------------------------------------------------------------

    def received(self, envelopes: Sequence[Envelope]) -> None:
        """Take what the bus delivers; called in the Trio thread."""
        for workspace_id, group in groupby(envelopes, key=lambda envelope: envelope.workspace_id):
            space = self.spaces.get(workspace_id)
            if space is None:
                continue
            batch = list(group)
            if all(envelope.seq for envelope in batch):
                self._deliver(space, space.stream.offer(batch))
            else:
                self._deliver_mixed(space, batch)
            if space.stream.has_gap:
                self._gap.set()

    def _deliver_mixed(self, space: _Space, batch: list[Envelope]) -> None:
        for ephemeral, part in groupby(batch, key=lambda envelope: envelope.seq == 0):
            envelopes = list(part)
            self._deliver(space, envelopes if ephemeral else space.stream.offer(envelopes))

    def _deliver(self, space: _Space, due: list[Envelope]) -> None:
        facts = space.facts
        if facts is None or not due:
            return
        start = 0
        self._delivering = True
        try:
            for index, envelope in enumerate(due):
                if envelope.type in ACCESS_EVENTS:
                    self._hand_over(facts.workspace_id, due[start:index])
                    facts.apply(envelope.event)
                    start = index
            self._hand_over(facts.workspace_id, due[start:] if start else due)
        finally:
            self._delivering = False
        self._publish_said()

    def _hand_over(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        if not envelopes:
            return
        for listener in tuple(self._listeners):
            try:
                listener.deliver(workspace_id, envelopes)
            except Exception:
                log.exception("a listener failed; the others go on", extra={"listener": type(listener).__name__})

    # --- opening ---------------------------------------------------------------------------------------------------

    async def open(self, workspace_id: WorkspaceId) -> WorkspaceDirectory | None:
        """Begin to follow a workspace; None when there is none."""
        space = self.spaces.get(workspace_id)
        if space is not None:
            await space.ready.wait()
            # Whoever opened it may have failed or been cancelled: then it is not there, and we try ourselves.
            return space.facts if space.facts is not None else await self.open(workspace_id)
        space = self.spaces[workspace_id] = _Space()
        access: WorkspaceAccess | None = None
        try:
            access = await self.storage.read(lambda tx: tx.workspaces.access(workspace_id))
        finally:
            if access is None:
                del self.spaces[workspace_id]
            else:
                space.facts = WorkspaceDirectory(access)
                self._deliver(space, space.stream.start(access.position.seq))
            space.ready.set()
        return space.facts if access is not None else None

    async def _space(self, workspace_id: WorkspaceId) -> WorkspaceDirectory:
        facts = await self.directory.load(workspace_id)
        if facts is None:
            raise NotFound.of("workspace")
        return facts

    # --- filling gaps ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Fill gaps, until cancelled."""
        while True:
            with trio.move_on_after(CHECK_SECONDS):
                await self._gap.wait()
            self._gap = trio.Event()
            try:
                await self._catch_up()
            except ChatError as error:
                log.warning("the event log cannot be read now: %s", error.message)

    async def _catch_up(self) -> None:
        """Compare every open workspace with the log, and read what is missing."""
        opened = [workspace_id for workspace_id, space in self.spaces.items() if space.facts is not None]
        if not opened:
            return

        positions = await self.storage.read(lambda tx: tx.events.positions(opened))
        for workspace_id, newest in positions.items():
            await self.catch_up(workspace_id, newest)

    async def refresh(self, workspace_id: WorkspaceId) -> None:
        """Follow an open workspace to where its log stands now. Raises Unavailable."""
        positions = await self.storage.read(lambda tx: tx.events.positions([workspace_id]))
        await self.catch_up(workspace_id, positions.get(workspace_id, 0))

    async def catch_up(self, workspace_id: WorkspaceId, newest: int) -> None:
        """Follow an open workspace at least to this event. Raises Unavailable."""
        space = self.spaces[workspace_id]
        while space.stream.last is not None and space.stream.last < newest:
            page = await self._read_log(workspace_id, space.stream.last)
            # A short page means that the log holds nothing else up to `newest`: the rest was deleted.
            upto = page[-1].seq if len(page) == REPLAY_PAGE else max(newest, page[-1].seq if page else 0)
            self._deliver(space, space.stream.fill(page, upto))

    async def _read_log(self, workspace_id: WorkspaceId, seq: int) -> list[Envelope]:
        return await self.storage.read(lambda tx: tx.events.since(workspace_id, seq, limit=REPLAY_PAGE))
