"""What ended before its time, and who must be told: open sockets do not ask again, so they are closed.

Other nodes are told at once. Should that be lost, they find in storage what ended (`Sessions.run`, `Tokens.run`).
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from chatcore.ids import SessionId, UserId
from chatcore.model import Session
from chatcore.ports import Peers

RevocationListener = Callable[[UserId, SessionId | None], None]
"""Given whose session ended, and which; None: everything of that person, bot tokens included."""
TOPIC = "revoked"

log = logging.getLogger("chatcore.sessions")


class Revocations:
    """Sessions that were revoked so lately that access tokens of theirs may still be about."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._ended: dict[SessionId, datetime] = {}
        self._listeners: list[RevocationListener] = []
        peers.listen(TOPIC, self._heard)

    def on_revoked(self, listener: RevocationListener) -> None:
        """Call `listener` in the Trio thread as soon as something is revoked. It must be quick."""
        self._listeners.append(listener)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._ended

    def forget_before(self, moment: datetime) -> None:
        """Forget those revoked before this time: their access tokens are over by themselves."""
        for session_id in [each for each, revoked_at in self._ended.items() if revoked_at < moment]:
            del self._ended[session_id]

    def end(self, sessions: Iterable[Session]) -> None:
        """These sessions were revoked here: remember them, and tell everybody."""
        for session in sessions:
            if self._add(session.id, session.revoked_at):
                self._spread(session.user_id, session)
                self._tell(session.user_id, session.id)

    def end_everything(self, user_id: UserId, sessions: Iterable[Session] = ()) -> None:
        """Everything of a user was revoked here, these sessions among it."""
        for session in sessions:
            if self._add(session.id, session.revoked_at):
                self._spread(user_id, session)
        self._spread(user_id, None)
        self._tell(user_id, None)

    def learned(self, sessions: Iterable[Session]) -> None:
        """These sessions were revoked, perhaps elsewhere: remember and tell what is new, here only."""
        for session in sessions:
            if self._add(session.id, session.revoked_at):
                self._tell(session.user_id, session.id)

    def learned_everything(self, user_id: UserId) -> None:
        """Something of a user that has no session was revoked elsewhere."""
        self._tell(user_id, None)

    def _add(self, session_id: SessionId, revoked_at: datetime | None) -> bool:
        if revoked_at is None or session_id in self._ended:
            return False
        self._ended[session_id] = revoked_at
        return True

    def _tell(self, user_id: UserId, session_id: SessionId | None) -> None:
        for listener in self._listeners:
            try:
                listener(user_id, session_id)
            except Exception:
                log.exception("a listener failed to act on a revoked sign-in of user %s", user_id)

    # --- other nodes -----------------------------------------------------------------------------------------------

    def _spread(self, user_id: UserId, session: Session | None) -> None:
        ended = None
        if session is not None and session.revoked_at is not None:
            ended = [session.id, session.revoked_at.timestamp()]
        self._peers.tell(TOPIC, {"user": user_id, "session": ended})

    def _heard(self, node: str, what: Any) -> None:
        user_id = UserId(what["user"])
        if what["session"] is None:
            self._tell(user_id, None)
            return
        session_id, moment = what["session"]
        if self._add(SessionId(session_id), datetime.fromtimestamp(moment, UTC)):
            self._tell(user_id, SessionId(session_id))
