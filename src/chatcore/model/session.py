"""Being signed in: sessions with rotated refresh tokens, and the tokens of bots."""

from datetime import datetime

import attrs

from chatcore.ids import SessionId, TokenId, UserId
from chatcore.model.scope import TokenScope


@attrs.frozen(kw_only=True)
class Session:
    """One sign-in on one device, a family of refresh tokens of which only the newest is good.

    `token_id` names that newest one. `previous_id` is the one before it, still accepted for 30 s after `rotated_at`
    so that two tabs, or a client whose response was lost, are not thrown out; any other token of the family is reuse,
    and ends the session.
    """

    id: SessionId
    user_id: UserId
    token_id: TokenId
    previous_id: TokenId | None = None
    rotated_at: datetime
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    user_agent: str = ""


@attrs.frozen(kw_only=True)
class BotToken:
    """A long-lived `cct_…` token; only its SHA-256 is stored.

    `scopes`: what it may be used for; None: for everything that its bot may do.
    """

    id: TokenId
    user_id: UserId
    name: str
    token_hash: str
    scopes: tuple[TokenScope, ...] | None = None
    created_by: UserId | None = None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@attrs.frozen(kw_only=True)
class Credential:
    """A secret by which a user proves who they are to one auth provider (for `password`: the bcrypt hash)."""

    user_id: UserId
    provider: str
    secret: str
    updated_at: datetime
