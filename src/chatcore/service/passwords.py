"""Changing what somebody proves themselves with. Whoever knew the old secret is signed out by it."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from chatcore.errors import InvalidCredentials, NotFound, ValidationFailed
from chatcore.ids import SessionId, UserId
from chatcore.model import Credential, Session
from chatcore.ports import Authenticator, Tx
from chatcore.service import session_steps
from chatcore.service.core import Core

_WRONG = "The old password is wrong."


@attrs.frozen
class Passwords:
    """The part of `Sessions` that replaces secrets; each method returns the sessions that ended with it."""

    _core: Core
    _authenticators: Sequence[Authenticator]

    async def change(self, user_id: UserId, old: str, new: str, keep: SessionId | None) -> list[Session]:
        """By the user, who knows the old one. Raises InvalidCredentials, ValidationFailed."""
        before = await self._core.storage.read(lambda tx: session_steps.secrets_of(tx, user_id))
        for authenticator in self._authenticators:
            if await authenticator.verify(user_id, old):
                credential = await authenticator.seal(user_id, new)
                return await self._store(credential, "user.password_changed", user_id, keep, before)
        raise InvalidCredentials(_WRONG)

    async def reset(self, user_id: UserId, new: str, actor: UserId | None) -> list[Session]:
        """By an operator. Raises NotFound, ValidationFailed."""
        if not self._authenticators:
            raise ValidationFailed.of("password", "no auth plugin is configured that keeps passwords")
        credential = await self._authenticators[0].seal(user_id, new)
        return await self._store(credential, "user.password_reset", actor, None, None)

    async def _store(
        self,
        credential: Credential,
        action: str,
        actor: UserId | None,
        keep: SessionId | None,
        before: dict[str, datetime] | None,
    ) -> list[Session]:
        user_id, now = credential.user_id, self._core.clock.now()
        entry = self._core.audit(action, actor=actor, target=user_id)

        async def work(tx: Tx) -> list[Session]:
            if await tx.users.get(user_id) is None:
                raise NotFound.of("user")
            if before is not None and before != await session_steps.secrets_of(tx, user_id):
                raise InvalidCredentials(_WRONG)  # it was changed while this one was being checked
            await session_steps.store_secret(tx, credential)
            await tx.audit.insert(entry)
            return await session_steps.end_all(tx, user_id, now, keep=keep)

        ended = await self._core.storage.write(work)
        self._core.hooks.did("audit", entry=entry)
        return ended
