"""Two ports: authenticators prove who somebody is; the token codec lets them say it again without a password."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from chatcore.ids import UserId
from chatcore.model import Credential


class Authenticator(Protocol):
    """One way to prove who one is; several are asked in order (provider kind `auth`)."""

    async def authenticate(self, email: str, secret: str) -> UserId | None:
        """The user that these credentials prove, or None.

        Takes the same time for an unknown e-mail as for a wrong secret.
        """
        ...

    async def seal(self, user_id: UserId, secret: str) -> Credential:
        """The row that makes `secret` the user's, for the caller to store.

        Raises ValidationFailed when it is not good enough.
        """
        ...

    async def set_secret(self, user_id: UserId, secret: str) -> None:
        """Make `secret` the user's new one. Raises ValidationFailed when it is not good enough."""
        ...

    async def verify(self, user_id: UserId, secret: str) -> bool:
        """Whether this is the user's secret now."""
        ...


class TokenKind(StrEnum):
    """What a token is for; one kind is never accepted as another."""

    ACCESS = "access"
    REFRESH = "refresh"
    CSRF = "csrf"
    """Says that a page could read the cookie of a session: see chatserver/csrf.py."""


class TokenCodec(Protocol):
    """Signed tokens (provider kind `token`)."""

    def sign(self, kind: TokenKind, claims: Mapping[str, Any], *, issued_at: int, expires_at: int) -> str:
        """A token with these claims; times in Unix seconds."""
        ...

    def verify(self, kind: TokenKind, token: str, *, now: int) -> dict[str, Any]:
        """The claims of a good token. Raises TokenExpired when it is over, Unauthorized for every other fault."""
        ...
