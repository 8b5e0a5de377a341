"""One workspace's sockets: who gets what, decided once per audience and not once per message.

The list of sockets for an audience is remembered until the directory changes; a socket that comes or goes is put into,
or taken out of, the remembered lists. Lists are replaced, never changed: those that are about to be written to stay as
they were when their events were decided.
"""

from collections.abc import Iterable, Sequence

from chatcore.events import Audience, MemberLeft, Scope
from chatcore.ids import UserId, WorkspaceId
from chatcore.ports import Envelope
from chatcore.service.directory import WorkspaceDirectory
from chatserver.gateway.answers import event_text
from chatserver.net.batch import Batch, Text
from chatserver.net.socket import Sink

Sinks = tuple[Sink, ...]
_REMEMBERED = 512
"""Audiences whose lists are kept; a workspace with more busy channels than that decides some of them anew."""
_UPDATED = 32
"""Up to so many lists are corrected when a socket comes or goes; more are forgotten."""


class Room:
    """See the module."""

    def __init__(self, directory: WorkspaceDirectory) -> None:
        self._directory = directory
        self._members: dict[UserId, Sinks] = {}
        self._lists: dict[Audience, Sinks] = {}
        self._version = directory.version
        self._pending: list[tuple[Text, Sinks]] = []

    @property
    def workspace_id(self) -> WorkspaceId:
        return self._directory.workspace_id

    @property
    def empty(self) -> bool:
        return not self._members

    @property
    def waiting(self) -> int:
        """Events that the next `flush` writes."""
        return len(self._pending)

    def sinks(self) -> Iterable[Sink]:
        """Everyone who is here."""
        return (sink for sinks in self._members.values() for sink in sinks)

    # --- coming and going ------------------------------------------------------------------------------------------

    def add(self, user_id: UserId, sink: Sink) -> None:
        """From now on the sink gets what its user may receive."""
        self._members[user_id] = (*self._members.get(user_id, ()), sink)
        for audience, sinks in self._current_lists():
            if self._directory.may_receive(user_id, audience):
                self._lists[audience] = (*sinks, sink)

    def remove(self, user_id: UserId, sink: Sink) -> None:
        """The sink gets what was decided until now, and nothing more. Removing it twice is harmless."""
        left = _without(self._members.get(user_id, ()), sink)
        if left:
            self._members[user_id] = left
        else:
            self._members.pop(user_id, None)
        for audience, sinks in self._current_lists():
            if sink in sinks:
                self._lists[audience] = _without(sinks, sink)

    def replace(self, user_id: UserId, old: Sink, new: Sink) -> None:
        """`new` takes the place of `old`, which still gets what is pending, before `new` gets anything."""
        self.remove(user_id, old)
        self.add(user_id, new)

    def _current_lists(self) -> list[tuple[Audience, Sinks]]:
        if self._version != self._directory.version or len(self._lists) > _UPDATED:
            self._lists.clear()
        return list(self._lists.items())

    # --- events ----------------------------------------------------------------------------------------------------

    def deliver(self, envelopes: Sequence[Envelope]) -> bool:
        """Decide who gets these; whether there is something to be flushed."""
        for envelope in envelopes:
            sinks = self._receivers(envelope.audience)
            if sinks:
                self._pending.append((event_text(envelope), sinks))
            if envelope.type == MemberLeft.type:
                self._member_left(envelope)
        return bool(self._pending)

    def _receivers(self, audience: Audience) -> Sinks:
        if audience.scope is Scope.USER or audience.user_id is not None:
            return self._decide(audience)
        if self._version != self._directory.version:
            self._lists.clear()
            self._version = self._directory.version
        sinks = self._lists.get(audience)
        if sinks is None:
            if len(self._lists) >= _REMEMBERED:
                self._lists.clear()
            sinks = self._lists[audience] = self._decide(audience)
        return sinks

    def _decide(self, audience: Audience) -> Sinks:
        if audience.scope is Scope.USER and audience.user_id is not None:
            mine = self._members.get(audience.user_id, ())
            return mine if mine and self._directory.may_receive(audience.user_id, audience) else ()
        may_receive = self._directory.may_receive
        return tuple(
            sink for user_id, sinks in self._members.items() if may_receive(user_id, audience) for sink in sinks
        )

    def _member_left(self, envelope: Envelope) -> None:
        """Who leaves the workspace leaves the room: should they come back, they have to join with their cursor."""
        event = envelope.event
        if isinstance(event, MemberLeft) and event.channel_id is None:
            for sink in self._members.get(event.user_id, ()):
                self.remove(event.user_id, sink)

    # --- writing ---------------------------------------------------------------------------------------------------

    def flush(self) -> tuple[int, int]:
        """Write what has gathered: once to each socket, whatever the number of events.

        Returns the texts and the bytes that were written, over all sockets.
        """
        pending, self._pending = self._pending, []
        if not pending:
            return 0, 0
        everyone = pending[0][1]
        if all(sinks is everyone for _, sinks in pending):
            batch = Batch([text for text, _ in pending])
            for sink in everyone:
                sink.write(batch)
            return len(pending) * len(everyone), batch.size * len(everyone)
        return _write_mixed(pending)


def _write_mixed(pending: list[tuple[Text, Sinks]]) -> tuple[int, int]:
    """Sockets that get the same events of this round share a buffer: a socket is known by the lists that it is in."""
    bits: dict[int, int] = {}
    masks: dict[Sink, int] = {}
    for _, sinks in pending:
        if id(sinks) not in bits:
            bit = bits[id(sinks)] = 1 << len(bits)
            for sink in sinks:
                masks[sink] = masks.get(sink, 0) | bit
    batches: dict[int, Batch] = {}
    written = size = 0
    for sink, mask in masks.items():
        batch = batches.get(mask)
        if batch is None:
            batch = batches[mask] = Batch([text for text, sinks in pending if bits[id(sinks)] & mask])
        sink.write(batch)
        written += len(batch.texts)
        size += batch.size
    return written, size


def _without(sinks: Sinks, sink: Sink) -> Sinks:
    return tuple(other for other in sinks if other is not sink)
