"""What ended before its time, and who must be told: open sockets do not ask again, so they are closed."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from chatcore.ids import SessionId, UserId
from chatcore.model import Session

RevocationListener = Callable[[UserId, SessionId | None], None]
"""Given whose session ended, and which; None: everything of that person, bot tokens included."""

log = logging.getLogger("chatcore.sessions")


class Revocations:
    """Sessions that were revoked so lately that access tokens of theirs may still be about."""

    def __init__(self) -> None:
        self._ended: dict[SessionId, datetime] = {}
        self._listeners: list[RevocationListener] = []

    def on_revoked(self, listener: RevocationListener) -> None:
        """Call `listener` in the Trio thread as soon as something is revoked. It must be quick."""
        self._listeners.append(listener)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._ended

    def add(self, session: Session) -> bool:
        """Remember that this session is revoked; False when that was known."""
        if session.revoked_at is None or session.id in self._ended:
            return False
        self._ended[session.id] = session.revoked_at
        return True

    def forget_before(self, moment: datetime) -> None:
        """Forget those revoked before this time: their access tokens are over by themselves."""
        for session_id in [each for each, revoked_at in self._ended.items() if revoked_at < moment]:
            del self._ended[session_id]

    def tell(self, user_id: UserId, session_id: SessionId | None) -> None:
        """Tell the listeners, each whatever the others do."""
        for listener in self._listeners:
            try:
                listener(user_id, session_id)
            except Exception:
                log.exception("a listener failed to act on a revoked sign-in of user %s", user_id)

    def end(self, sessions: Iterable[Session]) -> None:
        """These sessions are revoked, here or elsewhere: remember and tell what is new."""
        for session in sessions:
            if self.add(session):
                self.tell(session.user_id, session.id)
