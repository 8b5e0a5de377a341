"""Who somebody is, by e-mail and password."""

import logging

import attrs
import trio

from chat_auth_password.hasher import PasswordHasher, prepare
from chatcore.errors import ChatError, Unavailable, ValidationFailed
from chatcore.ids import UserId
from chatcore.model import Credential
from chatcore.ports import Clock, Storage, Tx
from chatcore.text import normalise_email

PROVIDER = "password"
MAX_WAITING = 64
"""Passwords that may wait to be hashed: at four a second and thread, the last of them waits eight seconds or so."""

log = logging.getLogger("chatcore.auth.password")


class PasswordAuthenticator:
    """A `chatcore.ports.Authenticator`.

    bcrypt runs in a thread and lets go of the interpreter meanwhile; `limiter` says how many may run at once. A call
    that is cancelled leaves its thread to finish alone: it has no effect outside.
    """

    def __init__(self, storage: Storage, clock: Clock, hasher: PasswordHasher, limiter: trio.CapacityLimiter) -> None:
        self._storage = storage
        self._clock = clock
        self._hasher = hasher
        self._limiter = limiter

    async def authenticate(self, email: str, secret: str) -> UserId | None:
        """The user with this e-mail, if that is their password. Takes the same time when there is none."""
        credential = await self._find(email)
        if not await self._matches(secret, credential):
            return None
        assert credential is not None
        if self._hasher.is_outdated(credential.secret):
            await self._renew(credential, secret)
        return credential.user_id

    async def verify(self, user_id: UserId, secret: str) -> bool:
        """Whether this is the user's password now."""
        return await self._matches(secret, await self._storage.read(lambda tx: tx.credentials.get(user_id, PROVIDER)))

    async def seal(self, user_id: UserId, secret: str) -> Credential:
        """The row to store. Raises ValidationFailed for a password too short, too long or with control characters."""
        return Credential(
            user_id=user_id, provider=PROVIDER, secret=await self._hash(prepare(secret)), updated_at=self._clock.now()
        )

    async def set_secret(self, user_id: UserId, secret: str) -> None:
        """Make `secret` the user's password. Raises ValidationFailed as `seal`."""
        credential = await self.seal(user_id, secret)

        async def work(tx: Tx) -> None:
            if await tx.credentials.get(user_id, PROVIDER) is None:
                await tx.credentials.insert(credential)
            else:
                await tx.credentials.update(credential)

        await self._storage.write(work)

    async def _find(self, email: str) -> Credential | None:
        try:
            wanted = normalise_email(email)
        except ValidationFailed:
            return None

        async def work(tx: Tx) -> Credential | None:
            users = await tx.users.find(email=wanted)
            return await tx.credentials.get(users[0].id, PROVIDER) if users else None

        return await self._storage.read(work)

    async def _renew(self, old: Credential, secret: str) -> None:
        """Hash the same password at today's cost, unless it was changed meanwhile.

        It is not a new password: the row keeps its `updated_at`.
        """
        try:
            renewed = attrs.evolve(old, secret=await self._hash(prepare(secret)))

            async def work(tx: Tx) -> None:
                if await tx.credentials.get(old.user_id, PROVIDER) == old:
                    await tx.credentials.update(renewed)

            await self._storage.write(work)
        except ChatError:
            log.warning("a password could not be hashed anew; it will be at the next sign-in", exc_info=True)

    async def _matches(self, secret: str, credential: Credential | None) -> bool:
        stored = None if credential is None else credential.secret
        self._refuse_a_crowd()
        return await trio.to_thread.run_sync(
            self._hasher.verify, secret, stored, abandon_on_cancel=True, limiter=self._limiter
        )

    async def _hash(self, password: str) -> str:
        self._refuse_a_crowd()
        return await trio.to_thread.run_sync(self._hasher.hash, password, abandon_on_cancel=True, limiter=self._limiter)

    def _refuse_a_crowd(self) -> None:
        if self._limiter.statistics().tasks_waiting >= MAX_WAITING:
            raise Unavailable("Too many people are signing in at once; try again in a few seconds.")
