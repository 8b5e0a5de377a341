"""An event as committed: what the log stores, what the bus carries, and what a socket is sent."""

import attrs

from chatcore import wire
from chatcore.events import Audience, Event
from chatcore.ids import WorkspaceId


@attrs.define(eq=False)
class Envelope:
    """`data` is the JSON of the event's fields, encoded once when it is made and carried unchanged everywhere.

    `seq` is 0 for an ephemeral event. `epoch` names the history of the log that `seq` belongs to. Treat it as
    frozen: it is
    only `define`d because building frozen objects costs more, and this one is built for every message.
    """

    workspace_id: WorkspaceId
    epoch: str
    seq: int
    type: str
    audience: Audience
    data: bytes
    _event: Event | None = None

    @property
    def event(self) -> Event:
        """The event with its place filled in (decoded from `data` when it came from the log or another node)."""
        if self._event is None:
            self._event = wire.decode_event(self.type, self.workspace_id, self.seq, self.data)
        elif self._event.seq != self.seq:
            self._event = wire.stamp(self._event, self.workspace_id, self.seq)
        return self._event


def seal(event: Event, epoch: str = "", seq: int = 0) -> Envelope:
    """Encode an event into its envelope."""
    return Envelope(event.workspace_id, epoch, seq, event.type, event.audience, wire.encode_event(event), event)
