"""What happens to sessions inside a transaction: opening, rotating, ending."""

from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from chatcore.ids import SessionId, TokenId, UserId
from chatcore.model import Credential, Session, User
from chatcore.ports import Tx

SESSION_LIFETIME = timedelta(days=7)
"""After the last refresh (specification §10: RefreshTokenPayload)."""
REFRESH_GRACE = timedelta(seconds=30)
"""How long the token before the newest is still good: for a second tab, or a client that lost the response."""


class Outcome(StrEnum):
    """What a refresh token turned out to be."""

    GOOD = "good"
    ENDED = "ended"
    EXPIRED = "expired"
    REUSED = "reused"


@attrs.frozen(kw_only=True)
class Refreshed:
    """The answer to a refresh token; `session` as it is now. `user` is given when the token is good."""

    outcome: Outcome
    session: Session | None = None
    user: User | None = None


async def refresh(tx: Tx, session_id: str, token_id: str, new_token_id: TokenId, now: datetime) -> Refreshed:
    """Rotate a session by one of its refresh tokens.

    The newest token is replaced. The one before it, within the grace, gets the newest once more and changes nothing: so
    two tabs that ask at once, or a client that asks again, end up with the same token. Any other token was used before,
    by its owner or by a thief: nobody can tell which, so the session ends.
    """
    session = await tx.sessions.get(session_id)
    if session is None or session.revoked_at is not None:
        return Refreshed(outcome=Outcome.ENDED)
    if session.expires_at <= now:
        return Refreshed(outcome=Outcome.EXPIRED)
    user = await tx.users.get(session.user_id)
    if user is None or user.deactivated_at is not None:
        return Refreshed(outcome=Outcome.ENDED)
    if token_id == session.token_id:
        rotated = attrs.evolve(
            session,
            token_id=new_token_id,
            previous_id=session.token_id,
            rotated_at=now,
            expires_at=now + SESSION_LIFETIME,
        )
        await tx.sessions.update(rotated)
        return Refreshed(outcome=Outcome.GOOD, session=rotated, user=user)
    if token_id == session.previous_id and now - session.rotated_at <= REFRESH_GRACE:
        return Refreshed(outcome=Outcome.GOOD, session=session, user=user)
    return Refreshed(outcome=Outcome.REUSED, session=await end(tx, session, now))


async def end(tx: Tx, session: Session, now: datetime) -> Session:
    """Revoke a session."""
    ended = attrs.evolve(session, revoked_at=now)
    await tx.sessions.update(ended)
    return ended


async def end_all(tx: Tx, user_id: UserId, now: datetime, *, keep: SessionId | None = None) -> list[Session]:
    """Revoke what the user has open, but for one; returns what was revoked."""
    return [
        await end(tx, session, now)
        for session in await tx.sessions.find(user_id=user_id, revoked_at=None)
        if session.id != keep and session.expires_at > now
    ]


async def secrets_of(tx: Tx, user_id: UserId) -> dict[str, datetime]:
    """When each secret of a user was last changed: to notice a change between the proof and what is done upon it."""
    return {row.provider: row.updated_at for row in await tx.credentials.find(user_id=user_id)}


async def store_secret(tx: Tx, credential: Credential) -> None:
    """Make this the user's secret."""
    if await tx.credentials.get(credential.user_id, credential.provider) is None:
        await tx.credentials.insert(credential)
    else:
        await tx.credentials.update(credential)
