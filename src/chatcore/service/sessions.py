"""Being signed in: from a password to a session, from a session to short-lived tokens, and the end of both.

A session is a family of refresh tokens (`chatcore.model.Session`); an access token names its session, and is dead the
moment the session is. Proving an access token costs one read of storage the first time it is seen here, and a look into
memory after that; what ends elsewhere (another process on the same storage) is noticed within `WATCH_SECONDS`.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Never

import trio

from chatcore.errors import ChatError, InvalidCredentials, TokenExpired, Unauthorized, ValidationFailed
from chatcore.ids import SessionId, TokenId, UserId
from chatcore.model import Session, User
from chatcore.ports import Authenticator, TokenCodec, TokenKind, Tx
from chatcore.service import session_steps
from chatcore.service.core import Core
from chatcore.service.identity import Identity, Remembered, SignedIn, digest_of
from chatcore.service.passwords import Passwords
from chatcore.service.revocations import RevocationListener, Revocations
from chatcore.service.session_steps import SESSION_LIFETIME, Outcome
from chatcore.text import normalise_email

ACCESS_LIFETIME = timedelta(minutes=15)
WATCH_SECONDS = 2.0
"""How often the storage is asked what other processes have ended."""
LOOK_BACK = ACCESS_LIFETIME + timedelta(minutes=5)
"""Revocations older than this concern no access token that could still be good, on clocks five minutes apart."""
KEEP_EXPIRED = timedelta(days=1)
CLEAN_SECONDS = 3600.0
MAX_USER_AGENT = 200

_WRONG = "The e-mail or the password is wrong."
_ENDED = "This session has ended: sign in again."
_EXPIRED = "This session has expired: sign in again."

log = logging.getLogger("chatcore.sessions")


class Sessions:
    """Signing in and out. `run` must be running."""

    def __init__(self, core: Core, authenticators: Sequence[Authenticator], codec: TokenCodec) -> None:
        self._core = core
        self._authenticators = authenticators
        self._codec = codec
        self._passwords = Passwords(core, authenticators)
        self._known: Remembered[Identity] = Remembered()
        self.revocations = Revocations(core.peers)
        """What ended, and who is told of it: of bot tokens too (`chatcore.service.tokens`)."""

    # --- in ----------------------------------------------------------------------------------------------------------

    async def sign_in(self, *, email: str, password: str, user_agent: str = "") -> SignedIn:
        """A new session for who proves to be this user.

        Raises InvalidCredentials, the same for an unknown e-mail, a wrong password, a closed account and a bot;
        Rejected when a plugin refuses.
        """
        before = await self._secrets_before(email)
        user = await self._proven(email, password)
        await self._core.hooks.filter("login_will_succeed", user=user)
        signed_in = await self._open(user.id, user_agent, before)
        self._core.hooks.did("user_logged_in", user=signed_in.user)
        return signed_in

    async def open(self, user: User, *, user_agent: str = "") -> SignedIn:
        """A new session for a user who needs no proof, having just registered.

        Raises InvalidCredentials when the account is closed.
        """
        return await self._open(user.id, user_agent, {})

    async def refresh(self, refresh_token: str) -> SignedIn:
        """New tokens for a session (see `session_steps.refresh`). Raises TokenExpired, Unauthorized."""
        now = self._core.clock.now()
        claims = self._codec.verify(TokenKind.REFRESH, refresh_token, now=_unix(now))
        session_id, token_id = str(claims.get("sid")), str(claims.get("tokenId"))
        new_id = TokenId(self._core.new_id())
        reuse = self._core.audit("session.reuse", actor=claims["sub"], target=session_id, details={"tokenId": token_id})

        async def work(tx: Tx) -> session_steps.Refreshed:
            refreshed = await session_steps.refresh(tx, session_id, token_id, new_id, now)
            if refreshed.outcome is Outcome.REUSED:
                await tx.audit.insert(reuse)
            return refreshed

        refreshed = await self._core.storage.write(work)
        if refreshed.outcome is Outcome.GOOD and refreshed.session is not None and refreshed.user is not None:
            return self._signed_in(refreshed.user, refreshed.session, now)
        if refreshed.outcome is Outcome.EXPIRED:
            raise TokenExpired(_EXPIRED)
        if refreshed.session is not None:
            log.warning("a refresh token of session %s was used again: the session is ended", session_id)
            self.revocations.end([refreshed.session])
            self._core.hooks.did("audit", entry=reuse)
        raise Unauthorized(_ENDED)

    async def verify(self, access_token: str) -> Identity:
        """Who is calling. Raises TokenExpired, Unauthorized."""
        now = self._core.clock.now()
        digest = digest_of(access_token)
        identity = self._known.get(digest)
        if identity is None:
            identity = await self._prove(access_token, now)
            self._known.put(digest, identity)
        if identity.expires_at is not None and identity.expires_at <= now:
            self._known.drop(digest)
            raise TokenExpired("This token has expired: refresh it, or sign in again.")
        if identity.session_id in self.revocations:
            raise Unauthorized(_ENDED)
        return identity

    # --- out ---------------------------------------------------------------------------------------------------------

    def on_revoked(self, listener: RevocationListener) -> None:
        """Call `listener(user_id, session_id)` as soon as a session ends.

        Without a session id, everything of that user does. It is called in the Trio thread, and must be quick.
        """
        self.revocations.on_revoked(listener)

    async def revoke(self, *, refresh_token: str | None = None, session_id: SessionId | None = None) -> None:
        """End a session, named by any of its refresh tokens or by its id. Doing it twice is harmless.

        Raises Unauthorized when the token is none of ours.
        """
        if refresh_token is not None:
            try:
                claims = self._codec.verify(TokenKind.REFRESH, refresh_token, now=_unix(self._core.clock.now()))
            except TokenExpired:
                return
            session_id = SessionId(str(claims.get("sid")))
        if session_id is None:
            return
        ended_id, now = session_id, self._core.clock.now()

        async def work(tx: Tx) -> Session | None:
            session = await tx.sessions.get(ended_id)
            if session is None or session.revoked_at is not None:
                return None
            return await session_steps.end(tx, session, now)

        ended = await self._core.storage.write(work)
        if ended is not None:
            self.revocations.end([ended])

    async def revoke_all(self, user_id: UserId, except_session: SessionId | None = None) -> int:
        """End every session of a user, but for one; returns how many ended.

        Without an exception, listeners are told to end everything of that user, sockets with a bot token included.
        """
        now = self._core.clock.now()
        entry = self._core.audit("session.revoked_all", actor=user_id, target=user_id)

        async def work(tx: Tx) -> list[Session]:
            await tx.audit.insert(entry)
            return await session_steps.end_all(tx, user_id, now, keep=except_session)

        ended = await self._core.storage.write(work)
        self._end_all(user_id, ended, except_session)
        self._core.hooks.did("audit", entry=entry)
        return len(ended)

    async def change_password(
        self, user_id: UserId, *, old: str, new: str, keep_session: SessionId | None = None
    ) -> None:
        """Replace the user's own password, and end their other sessions.

        Raises InvalidCredentials, ValidationFailed.
        """
        self._end_all(user_id, await self._passwords.change(user_id, old, new, keep_session), keep_session)

    async def reset_password(self, user_id: UserId, new: str, *, actor: UserId | None = None) -> None:
        """Give a user another password, and end every session of theirs; for operators.

        Raises NotFound, ValidationFailed.
        """
        self._end_all(user_id, await self._passwords.reset(user_id, new, actor), None)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Never:
        """Follow what other processes end, and forget sessions that expired long ago.

        Raises Unavailable, at the start only.
        """
        await self._learn()
        task_status.started()
        clean_at, well = trio.current_time(), True
        while True:
            await trio.sleep(WATCH_SECONDS)
            try:
                await self._learn()
                if trio.current_time() >= clean_at:
                    await self._clean()
                    clean_at = trio.current_time() + CLEAN_SECONDS
                well = True
            except ChatError as error:
                if well:
                    log.warning("cannot see which sessions ended elsewhere, trying on: %s", error.message)
                well = False

    # --- the parts ---------------------------------------------------------------------------------------------------

    async def _secrets_before(self, email: str) -> dict[UserId, dict[str, datetime]]:
        """The state of the account's secrets before the password is looked at, which takes a while."""
        try:
            wanted = normalise_email(email)
        except ValidationFailed:
            return {}

        async def work(tx: Tx) -> dict[UserId, dict[str, datetime]]:
            return {user.id: await session_steps.secrets_of(tx, user.id) for user in await tx.users.find(email=wanted)}

        return await self._core.storage.read(work)

    async def _proven(self, email: str, password: str) -> User:
        for authenticator in self._authenticators:
            user_id = await authenticator.authenticate(email, password)
            if user_id is not None:
                proven = user_id
                break
        else:
            raise InvalidCredentials(_WRONG)
        user = await self._core.storage.read(lambda tx: tx.users.get(proven))
        if user is None or user.deactivated_at is not None or user.is_bot:
            raise InvalidCredentials(_WRONG)
        return user

    async def _open(self, user_id: UserId, user_agent: str, before: dict[UserId, dict[str, datetime]]) -> SignedIn:
        now = self._core.clock.now()
        session = Session(
            id=SessionId(self._core.new_id()),
            user_id=user_id,
            token_id=TokenId(self._core.new_id()),
            rotated_at=now,
            created_at=now,
            expires_at=now + SESSION_LIFETIME,
            user_agent="".join(character for character in user_agent if character.isprintable())[:MAX_USER_AGENT],
        )

        async def work(tx: Tx) -> User:
            user = await tx.users.get(user_id)
            if user is None or user.deactivated_at is not None:
                raise InvalidCredentials(_WRONG)
            if user_id in before and before[user_id] != await session_steps.secrets_of(tx, user_id):
                raise InvalidCredentials(_WRONG)  # the password was changed while this one was being checked
            await tx.sessions.insert(session)
            return user

        return self._signed_in(await self._core.storage.write(work), session, now)

    def _signed_in(self, user: User, session: Session, now: datetime) -> SignedIn:
        access: dict[str, Any] = {"sub": user.id, "email": user.email, "sid": session.id}
        refresh: dict[str, Any] = {"sub": user.id, "tokenId": session.token_id, "sid": session.id}
        issued, access_end = _unix(now), _unix(now + ACCESS_LIFETIME)
        sign = self._codec.sign
        return SignedIn(
            user=user,
            session=session,
            access_token=sign(TokenKind.ACCESS, access, issued_at=issued, expires_at=access_end),
            refresh_token=sign(TokenKind.REFRESH, refresh, issued_at=issued, expires_at=_unix(session.expires_at)),
        )

    async def _prove(self, access_token: str, now: datetime) -> Identity:
        claims = self._codec.verify(TokenKind.ACCESS, access_token, now=_unix(now))
        session_id = SessionId(str(claims.get("sid")))

        async def work(tx: Tx) -> tuple[Session | None, User | None]:
            return await tx.sessions.get(session_id), await tx.users.get(claims["sub"])

        session, user = await self._core.storage.read(work)
        if session is None or session.revoked_at is not None or user is None or user.deactivated_at is not None:
            raise Unauthorized(_ENDED)
        return Identity(
            user_id=user.id,
            session_id=session.id,
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            is_bot=user.is_bot,
        )

    def _end_all(self, user_id: UserId, ended: list[Session], keep: SessionId | None) -> None:
        if keep is not None:
            self.revocations.end(ended)
        else:
            self.revocations.end_everything(user_id, ended)

    async def _learn(self) -> None:
        since = self._core.clock.now() - LOOK_BACK
        self.revocations.forget_before(since)
        self.revocations.learned(await self._core.storage.read(lambda tx: tx.sessions.revoked_since(since)))

    async def _clean(self) -> None:
        before = self._core.clock.now() - KEEP_EXPIRED
        await self._core.storage.write(lambda tx: tx.sessions.forget_expired(before))


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


__all__ = ["ACCESS_LIFETIME", "SESSION_LIFETIME", "Identity", "Sessions", "SignedIn"]
