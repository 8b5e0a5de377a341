"""Tokens of bots: long-lived, shown once, and gone the moment they are revoked."""

import logging
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Never

import attrs
import trio

from chatcore import policy
from chatcore.errors import ChatError, Forbidden, NotFound, TokenExpired, Unauthorized, ValidationFailed
from chatcore.ids import SessionId, TokenId, UserId
from chatcore.model import BotToken, TokenScope
from chatcore.model.scope import in_order
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service import membership
from chatcore.service.core import Core, UserRef, WorkspaceRef, id_of
from chatcore.service.identity import Identity, Remembered, digest_of
from chatcore.service.revocations import Revocations
from chatcore.text import clean_line

PREFIX = "cct_"
"""By it a bot's token is told from an access token, and found by those who look for leaked secrets."""
MAX_NAME = 100
WATCH_SECONDS = 2.0
"""How often the tokens in use are looked up again, because another process may have revoked them."""

_BAD = "This token is not valid: it was revoked, or never existed. Ask the bot's owner for a new one."

log = logging.getLogger("chatcore.tokens")


class Tokens:
    """The tokens of all bots. `run` must be running.

    `revocations` is told, without a session, when a token ends. Which of the bot's sockets used it is not known: all
    are closed, and those with another token come back.
    """

    def __init__(self, core: Core, revocations: Revocations) -> None:
        self._core = core
        self._known: Remembered[BotToken] = Remembered()
        self._revocations = revocations
        self._ended = 0
        revocations.on_revoked(self._revoked)

    async def create(
        self,
        user: UserRef,
        *,
        name: str,
        scopes: Collection[TokenScope] | None = None,
        created_by: UserId | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[BotToken, str]:
        """A token for a bot, and its text, which is not kept and cannot be shown again.

        scopes: what it may be used for; None: for everything that the bot may do.
        Raises NotFound, ValidationFailed.
        """
        user_id: UserId = id_of(user)
        text = PREFIX + secrets.token_urlsafe(32)
        now = self._core.clock.now()
        if expires_at is not None and expires_at <= now:
            raise ValidationFailed.of("expiresAt", "must lie in the future")
        if scopes is not None and not scopes:
            raise ValidationFailed.of("scopes", "name at least one, or leave it out: then the token may do all")
        token = BotToken(
            id=TokenId(self._core.new_id()),
            user_id=user_id,
            name=clean_line(name, "name", MAX_NAME),
            token_hash=digest_of(text),
            scopes=None if scopes is None else in_order(scopes),
            created_by=created_by,
            created_at=now,
            expires_at=expires_at,
        )
        entry = self._core.audit("token.created", actor=created_by, target=token.id, details={"userId": user_id})

        async def work(tx: Tx) -> None:
            user = await tx.users.get(user_id)
            if user is None or user.deactivated_at is not None:
                raise NotFound.of("user")
            if not user.is_bot:
                raise ValidationFailed.of("userId", "tokens are for bots: make a bot account first")
            await tx.bot_tokens.insert(token)
            await tx.audit.insert(entry)

        await self._core.storage.write(work)
        self._core.hooks.did("audit", entry=entry)
        return token, text

    async def manageable(self, workspace: WorkspaceRef, user: UserRef, *, actor: UserRef) -> UserId:
        """The id of a bot in this workspace whose tokens the actor may list, make and revoke.

        A token opens every workspace that its bot is in: the actor must be an owner or admin who may manage it in
        all of them. Raises NotFound, Forbidden, ValidationFailed for who is no bot.
        """
        facts = await self._core.workspace(workspace, id_of(actor), Action.MEMBER_MANAGE)
        user_id: UserId = id_of(user)

        async def work(tx: Tx) -> None:
            person, _ = await membership.existing_member(tx, facts.workspace_id, user_id)
            if not person.is_bot:
                raise ValidationFailed.of("userId", "tokens are for bots")
            for place in await tx.members.find(user_id=user_id):
                mine = await tx.members.get(place.workspace_id, id_of(actor))
                if not policy.may_manage(None if mine is None else mine.role, place.role):
                    raise Forbidden(
                        "This bot is in a workspace, or has a role, that you may not manage: ask who runs the server."
                    )

        await self._core.storage.read(work)
        return user_id

    async def list(self, user: UserRef | None = None) -> list[BotToken]:
        """Every token, or those of one bot, oldest first; the revoked ones too."""
        if user is None:
            return await self._core.storage.read(lambda tx: tx.bot_tokens.find())
        user_id: UserId = id_of(user)
        return await self._core.storage.read(lambda tx: tx.bot_tokens.find(user_id=user_id))

    async def revoke(self, token_id: TokenId, *, actor: UserId | None = None) -> BotToken:
        """End a token; its bot's sockets are closed. Doing it twice is harmless. Raises NotFound."""
        now = self._core.clock.now()
        entry = self._core.audit("token.revoked", actor=actor, target=token_id)

        async def work(tx: Tx) -> tuple[BotToken, bool]:
            token = await tx.bot_tokens.get(token_id)
            if token is None:
                raise NotFound.of("token")
            if token.revoked_at is not None:
                return token, False
            revoked = attrs.evolve(token, revoked_at=now)
            await tx.bot_tokens.update(revoked)
            await tx.audit.insert(entry)
            return revoked, True

        token, changed = await self._core.storage.write(work)
        if changed:
            self._forget(token)
            self._revocations.end_everything(token.user_id)
            self._core.hooks.did("audit", entry=entry)
        return token

    async def verify(self, text: str) -> Identity:
        """Which bot is calling. Raises TokenExpired, Unauthorized."""
        if not text.startswith(PREFIX):
            raise Unauthorized(_BAD)
        digest = digest_of(text)
        token = self._known.get(digest) or await self._learn(digest)
        if token.expires_at is not None and token.expires_at <= self._core.clock.now():
            self._known.drop(digest)
            raise TokenExpired("This token has expired: ask the bot's owner for a new one.")
        scopes = None if token.scopes is None else frozenset(token.scopes)
        return Identity(user_id=token.user_id, expires_at=token.expires_at, is_bot=True, scopes=scopes)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Never:
        """Follow what other processes revoke, and bots that are deactivated."""
        task_status.started()
        well = True
        while True:
            await trio.sleep(WATCH_SECONDS)
            try:
                await self._look_again()
                well = True
            except ChatError as error:
                if well:
                    log.warning("cannot see which tokens were revoked elsewhere, trying on: %s", error.message)
                well = False

    # --- the parts ---------------------------------------------------------------------------------------------------

    async def _learn(self, digest: str) -> BotToken:
        """Look a token up and remember it; again when one was revoked here meanwhile, because it may be this one."""
        while True:
            ended = self._ended
            token = await self._core.storage.read(lambda tx: _good(tx, digest))
            if token is None:
                raise Unauthorized(_BAD)
            if ended == self._ended:
                self._known.put(digest, token)
                return token

    async def _look_again(self) -> None:
        known = self._known.items()
        if not known:
            return

        async def work(tx: Tx) -> list[BotToken]:
            return [token for digest, token in known if await _good(tx, digest) is None]

        for token in await self._core.storage.read(work):
            self._forget(token)
            self._revocations.learned_everything(token.user_id)

    def _revoked(self, user_id: UserId, session_id: SessionId | None) -> None:
        """Everything of a bot was ended: what is remembered of its tokens may no longer be so."""
        if session_id is None:
            self._ended += 1
            for digest, token in self._known.items():
                if token.user_id == user_id:
                    self._known.drop(digest)

    def _forget(self, token: BotToken) -> None:
        self._ended += 1
        self._known.drop(token.token_hash)


async def _good(tx: Tx, digest: str) -> BotToken | None:
    found = await tx.bot_tokens.find(token_hash=digest, revoked_at=None)
    if not found:
        return None
    user = await tx.users.get(found[0].user_id)
    return found[0] if user is not None and user.is_bot and user.deactivated_at is None else None
