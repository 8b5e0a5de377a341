"""Who is calling: what a good token proves, remembered so that proving it again costs next to nothing."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Generic, TypeVar

import attrs

from chatcore.errors import MissingScope
from chatcore.ids import SessionId, UserId
from chatcore.model import Session, TokenScope, User

T = TypeVar("T")

MAX_REMEMBERED = 10_000
"""Identities in memory, some 400 bytes each."""


@attrs.frozen(kw_only=True)
class Identity:
    """A signed-in caller. A bot's has no session; it ends when its token does, None is never.

    `scopes`: what a bot's token may be used for; None: for everything that its bot may do.
    """

    user_id: UserId
    session_id: SessionId | None = None
    expires_at: datetime | None
    is_bot: bool = False
    scopes: frozenset[TokenScope] | None = None

    def may(self, scope: TokenScope) -> bool:
        """Whether the caller's token may be used for this."""
        return self.scopes is None or scope in self.scopes

    def require(self, needs: Iterable[TokenScope]) -> None:
        """Raises MissingScope unless the caller's token may be used for all of these."""
        if self.scopes is None:
            return
        for scope in needs:
            if scope not in self.scopes:
                raise MissingScope(
                    f"This token may not be used to {scope.about}: ask for one with the scope {scope}.",
                    {"scope": scope.value, "granted": [each.value for each in TokenScope if each in self.scopes]},
                )


@attrs.frozen(kw_only=True)
class SignedIn:
    """A session that was opened or refreshed, with the tokens that carry it on."""

    user: User
    session: Session
    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)


def digest_of(token: str) -> str:
    """What is kept of a token, in memory and in the database: its SHA-256, from which nobody can make it again."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Remembered(Generic[T]):
    """What lately came of tokens, by their digest; the least recently used go first."""

    def __init__(self, size: int = MAX_REMEMBERED) -> None:
        self._size = size
        self._known: OrderedDict[str, T] = OrderedDict()

    def get(self, digest: str) -> T | None:
        """What is known of this token."""
        known = self._known.get(digest)
        if known is not None:
            self._known.move_to_end(digest)
        return known

    def put(self, digest: str, known: T) -> None:
        """Remember this."""
        self._known[digest] = known
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def drop(self, digest: str) -> None:
        """Forget this token."""
        self._known.pop(digest, None)

    def __len__(self) -> int:
        return len(self._known)

    def items(self) -> list[tuple[str, T]]:
        """Everything that is known now."""
        return list(self._known.items())
