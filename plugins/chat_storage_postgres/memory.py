"""What need not be asked again: where the counters of workspaces and channels stood after our last commit, and who may
send there.

All of it holds as long as nobody changes the workspace, and that shows: whoever does writes a new version of its row
(`stale`), and the version says whose it is. So a run of posts to channels that are known here is written at once, on
condition that the row is still the one that our last run wrote.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from chat_storage_postgres.post_rows import Log, Place, PostRows
from chat_storage_postgres.stale import cut
from chatcore.ports import Post

MAX_KNOWN = 10_000
"""Members of channels that are remembered; then it begins afresh."""


@attrs.define(eq=False)
class Memory:
    """Of what this node alone has written lately. Where others write too, there is nothing to remember.

    It ends with its connection, `raw`: behind another one may be another server, which has forgotten our last
    transactions and gives their numbers to others'.
    """

    raw: Any
    _written: dict[str, int] = attrs.field(factory=dict)
    """workspace -> the transaction of our last run there."""
    _seqs: dict[str, int] = attrs.field(factory=dict)
    _places: dict[str, Place] = attrs.field(factory=dict)
    _joined: set[tuple[str, str]] = attrs.field(factory=set)

    def recall(self, posts: Iterable[Post]) -> Sequence[Sequence[Any]] | None:
        """What PostgreSQL would answer about these (see `posting`); None unless everything is known.

        Whether a temp id was used before is not: the table refuses it, and then it is asked.
        """
        answers = []
        for post in posts:
            message = post.message
            place = self._places.get(message.channel_id)
            if place is None or (message.channel_id, message.user_id) not in self._joined:
                return None
            if message.thread_id is not None or post.attachment_ids:
                return None
            id_ = place.log.workspace_id
            counters = self._seqs[id_], place.position, place.everyone
            answers.append((self._written[id_], id_, *counters, False, True, None, None))
        return answers

    def learn(self, rows: PostRows, xid: str) -> None:
        """This transaction wrote these, and is committed."""
        if max(len(self._written), len(self._joined)) >= MAX_KNOWN:
            self._written.clear()
        if all(self._is_ours(log) for log in rows.logs.values()):
            self._seqs |= {id_: log.seq for id_, log in rows.logs.items()}
            self._places |= rows.places
            self._joined |= rows.authors()
        else:  # who wrote there last may do so again
            self.forget()
        self._written |= dict.fromkeys(rows.logs, cut(xid))

    def forget(self) -> None:
        """Begin afresh."""
        self._seqs.clear()
        self._places.clear()
        self._joined.clear()

    def _is_ours(self, log: Log) -> bool:
        return log.changed_by is not None and log.changed_by == self._written.get(log.workspace_id)
