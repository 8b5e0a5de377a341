"""What the gateway counts, for `/metrics`: plain integers, because every frame touches them."""

from collections import Counter
from collections.abc import Sequence

import attrs

from chatcore.ids import WorkspaceId
from chatcore.ports import Envelope


@attrs.define
class Tally:
    """Since the start of the process."""

    opened: int = 0
    frames_in: int = 0
    bytes_in: int = 0
    frames_out: int = 0
    """Replies, and what was missed; what rooms write they count themselves."""
    bytes_out: int = 0
    resumed: int = 0
    afresh: int = 0
    closed: Counter[int] = attrs.field(factory=Counter)
    """Close code -> connections."""
    refused: Counter[str] = attrs.field(factory=Counter)
    """Error code -> requests for a connection."""
    events: Counter[str] = attrs.field(factory=Counter)
    """Type -> events of this node's workspaces, whoever caused them and whether or not somebody was there."""
    streams: int = 0
    """TCP connections that are open, of both lanes."""
    streams_refused: int = 0
    """TCP connections that were one too many."""

    def wrote(self, texts: int, size: int) -> None:
        """So many texts, of so many bytes, went to one socket."""
        self.frames_out += texts
        self.bytes_out += size

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Count the events that pass the hub."""
        for envelope in envelopes:
            self.events[envelope.type] += 1

    def joined(self, resumed: bool) -> None:
        """Somebody joined a workspace, with or without what they had missed."""
        if resumed:
            self.resumed += 1
        else:
            self.afresh += 1
