"""One workspace's sockets: who gets what, decided once per audience and not once per message.

Whoever signed in with a token for less than everything gets only what it is for. As long as nobody did, an audience is
one list of sockets; else it is one list for each scope that events may need.

The list of sockets for an audience is remembered until the directory changes; a socket that comes or goes is put into,
or taken out of, the remembered lists. Lists are replaced, never changed: those that are about to be written to stay as
they were when their events were decided.
"""

from collections.abc import Iterable, Sequence

from chatcore.events import Audience, MemberLeft, Scope, scope_for
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import TokenScope
from chatcore.ports import Envelope
from chatcore.service.directory import WorkspaceDirectory
from chatserver.gateway.answers import event_text
from chatserver.net.batch import Batch, Text
from chatserver.net.socket import Sink

Sinks = tuple[Sink, ...]
Scopes = frozenset[TokenScope]
Circle = tuple[Audience, TokenScope | None]
"""Those who get the same events: an audience, and the scope that the events need of a token."""
_REMEMBERED = 512
"""Audiences whose lists are kept; a workspace with more busy channels than that decides some of them anew."""
_UPDATED = 32
"""Up to so many lists are corrected when a socket comes or goes; more are forgotten."""


class Room:
    """See the module."""

    def __init__(self, directory: WorkspaceDirectory) -> None:
        self._directory = directory
        self._members: dict[UserId, Sinks] = {}
        self._lists: dict[Circle, Sinks] = {}
        self._limited: dict[Sink, Scopes] = {}
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

    def add(self, user_id: UserId, sink: Sink, scopes: Scopes | None = None) -> None:
        """From now on the sink gets what its user may receive, and its token is for (None: for everything)."""
        if scopes is not None:
            if not self._limited:
                self._lists.clear()
            self._limited[sink] = scopes
        self._members[user_id] = (*self._members.get(user_id, ()), sink)
        for circle, sinks in self._current_lists():
            audience, needed = circle
            if self._directory.may_receive(user_id, audience) and self._may(sink, needed):
                self._lists[circle] = (*sinks, sink)

    def remove(self, user_id: UserId, sink: Sink) -> None:
        """The sink gets what was decided until now, and nothing more. Removing it twice is harmless."""
        left = _without(self._members.get(user_id, ()), sink)
        if left:
            self._members[user_id] = left
        else:
            self._members.pop(user_id, None)
        for circle, sinks in self._current_lists():
            if sink in sinks:
                self._lists[circle] = _without(sinks, sink)
        if self._limited.pop(sink, None) is not None and not self._limited:
            self._lists.clear()

    def replace(self, user_id: UserId, old: Sink, new: Sink) -> None:
        """`new` takes the place of `old`, which still gets what is pending, before `new` gets anything."""
        scopes = self._limited.get(old)
        self.remove(user_id, old)
        self.add(user_id, new, scopes)

    def _may(self, sink: Sink, needed: TokenScope | None) -> bool:
        if needed is None:
            return True
        scopes = self._limited.get(sink)
        return scopes is None or needed in scopes

    def _current_lists(self) -> list[tuple[Circle, Sinks]]:
        if self._version != self._directory.version or len(self._lists) > _UPDATED:
            self._lists.clear()
        return list(self._lists.items())

    # --- events ----------------------------------------------------------------------------------------------------

    def deliver(self, envelopes: Sequence[Envelope]) -> bool:
        """Decide who gets these; whether there is something to be flushed."""
        for envelope in envelopes:
            sinks = self._receivers(envelope)
            if sinks:
                self._pending.append((event_text(envelope), sinks))
            if envelope.type == MemberLeft.type:
                self._member_left(envelope)
        return bool(self._pending)

    def _receivers(self, envelope: Envelope) -> Sinks:
        audience = envelope.audience
        needed = scope_for(envelope.type, audience) if self._limited else None
        if audience.scope is Scope.USER or audience.user_id is not None:
            return self._decide(audience, needed)
        if self._version != self._directory.version:
            self._lists.clear()
            self._version = self._directory.version
        circle = (audience, needed)
        sinks = self._lists.get(circle)
        if sinks is None:
            if len(self._lists) >= _REMEMBERED:
                self._lists.clear()
            sinks = self._lists[circle] = self._decide(audience, needed)
        return sinks

    def _decide(self, audience: Audience, needed: TokenScope | None) -> Sinks:
        sinks = self._readers(audience)
        return sinks if needed is None else tuple(sink for sink in sinks if self._may(sink, needed))

    def _readers(self, audience: Audience) -> Sinks:
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
