"""The promises of `chatcore.ports.auth`, as two suites: for every way to sign in, and for every codec of tokens."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import permutations
from typing import ClassVar

import attrs
import pytest
import trio

from chatcore.chat import open_chat
from chatcore.config import Config
from chatcore.errors import TokenExpired, Unauthorized, ValidationFailed
from chatcore.ids import UserId, uuid7
from chatcore.ports import Authenticator, ProviderContext, TokenCodec, TokenKind
from chatcore.testing.clock import FakeClock
from chatcore.testing.contract import Contract

SECRET, OTHER_SECRET = "correct horse battery", "quite another staple"
NOBODY = UserId("01890a5d-ac96-774b-bcce-b302099a8f01")
WRONG_SECRETS = ("wrong horse", "", SECRET.upper(), SECRET + " ", "x" * 100_000, "nul\x00secret", "\ud800secret")
WRONG_ADDRESSES = ("nobody@example.org", "no address", "", "\ud800@example.org", "ada@example.org' OR '1'='1")
NOW = 1_800_000_000


@attrs.frozen
class Stand:
    """An authenticator, the storage behind it, and two people who have accounts."""

    auth: Authenticator
    context: ProviderContext
    ada: UserId
    ben: UserId
    ada_email: ClassVar[str] = "ada@example.org"
    ben_email: ClassVar[str] = "ben@example.org"


class AuthContract(Contract):
    """Inherit, and say how an authenticator is opened; and if it keeps no secrets itself, how somebody gets one."""

    pytestmark = pytest.mark.trio

    keeps_secrets: ClassVar[bool] = True
    """Whether `set_secret` works; one that asks elsewhere refuses it."""

    def open_auth(self, context: ProviderContext) -> AbstractAsyncContextManager[Authenticator]:
        """An authenticator on this storage."""
        raise NotImplementedError

    async def enrol(self, auth: Authenticator, user_id: UserId, email: str, secret: str) -> None:
        """Let this be the secret of a person who has an account."""
        await auth.set_secret(user_id, secret)

    @asynccontextmanager
    async def stand(self) -> AsyncIterator[Stand]:
        """Two people, of whom Ada has the secret `SECRET`, and Ben another."""
        config = Config(database_url="memory:", bcrypt_rounds=4)
        clock = FakeClock()
        async with open_chat(config=config, clock=clock) as chat:
            people = [
                await chat.users.create(email=email, display_name=email[:3])
                for email in (Stand.ada_email, Stand.ben_email)
            ]
            context = ProviderContext(config=config, clock=clock, data_dir=None, storage=chat.storage)
            async with self.open_auth(context) as auth:
                await self.enrol(auth, people[0].id, Stand.ada_email, SECRET)
                await self.enrol(auth, people[1].id, Stand.ben_email, OTHER_SECRET)
                yield Stand(auth, context, people[0].id, people[1].id)

    async def test_the_right_secret_proves_the_person(self) -> None:
        async with self.stand() as stand:
            assert await stand.auth.authenticate(stand.ada_email, SECRET) == stand.ada
            assert await stand.auth.authenticate(stand.ben_email, OTHER_SECRET) == stand.ben

    async def test_nothing_else_proves_anything(self) -> None:
        async with self.stand() as stand:
            for secret in (*WRONG_SECRETS, OTHER_SECRET):
                assert await stand.auth.authenticate(stand.ada_email, secret) is None, secret[:40]
            for email in WRONG_ADDRESSES:
                assert await stand.auth.authenticate(email, SECRET) is None, email

    async def test_a_secret_is_verified_of_one_person(self) -> None:
        async with self.stand() as stand:
            assert await stand.auth.verify(stand.ada, SECRET)
            assert not await stand.auth.verify(stand.ada, OTHER_SECRET)
            assert not await stand.auth.verify(stand.ben, SECRET)
            assert not await stand.auth.verify(NOBODY, SECRET)
            for secret in WRONG_SECRETS:
                assert not await stand.auth.verify(stand.ada, secret), secret[:40]

    async def test_a_new_secret_replaces_the_old_one_or_is_refused(self) -> None:
        async with self.stand() as stand:
            if not self.keeps_secrets:
                with pytest.raises(ValidationFailed):
                    await stand.auth.set_secret(stand.ada, OTHER_SECRET)
                assert await stand.auth.verify(stand.ada, SECRET)
                return
            await stand.auth.set_secret(stand.ada, OTHER_SECRET)
            assert not await stand.auth.verify(stand.ada, SECRET)
            assert await stand.auth.authenticate(stand.ada_email, OTHER_SECRET) == stand.ada

    async def test_a_secret_that_is_no_good_changes_nothing(self) -> None:
        async with self.stand() as stand:
            with pytest.raises(ValidationFailed):
                await stand.auth.set_secret(stand.ada, "")
            with pytest.raises(ValidationFailed):
                await stand.auth.seal(stand.ada, "")
            assert await stand.auth.verify(stand.ada, SECRET)

    async def test_what_is_sealed_hides_the_secret_and_changes_nothing_until_it_is_stored(self) -> None:
        async with self.stand() as stand:
            if not self.keeps_secrets:
                with pytest.raises(ValidationFailed):
                    await stand.auth.seal(stand.ada, OTHER_SECRET)
                return
            sealed = await stand.auth.seal(stand.ada, OTHER_SECRET)
            assert sealed.user_id == stand.ada
            assert OTHER_SECRET not in sealed.secret
            assert await stand.auth.verify(stand.ada, SECRET)

    async def test_many_ask_at_once_and_each_is_told_of_themselves(self) -> None:
        async with self.stand() as stand:
            wrong: list[str] = []

            async def ask(email: str, secret: str, expected: UserId | None) -> None:
                if await stand.auth.authenticate(email, secret) != expected:
                    wrong.append(email)

            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(ask, stand.ada_email, SECRET, stand.ada)
                    nursery.start_soon(ask, stand.ben_email, OTHER_SECRET, stand.ben)
                    nursery.start_soon(ask, stand.ada_email, OTHER_SECRET, None)
            assert wrong == []

    async def test_who_gives_up_waiting_is_let_go_and_the_next_is_served(self) -> None:
        async with self.stand() as stand:
            for steps in range(6):
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(stand.auth.authenticate, stand.ada_email, SECRET)
                        for _ in range(steps):
                            await trio.lowlevel.checkpoint()
                        scope.cancel()
            assert await stand.auth.authenticate(stand.ada_email, SECRET) == stand.ada


class TokenContract(Contract):
    """Inherit, and say how a codec is opened whose tokens nobody can make who does not have the secret."""

    pytestmark = pytest.mark.trio

    def open_codec(self, context: ProviderContext) -> AbstractAsyncContextManager[TokenCodec]:
        """The codec of a server whose secret is `context.config.secret`."""
        raise NotImplementedError

    def _opened(self, secret: str = "a secret of thirty-two bytes, ok") -> AbstractAsyncContextManager[TokenCodec]:
        context = ProviderContext(
            config=Config(database_url="memory:", secret=secret), clock=FakeClock(), data_dir=None
        )
        return self.open_codec(context)

    CLAIMS: ClassVar[dict[str, str]] = {"sub": uuid7(1), "sid": uuid7(2), "email": "ädä@example.org"}

    async def test_what_was_signed_comes_back(self) -> None:
        async with self._opened() as codec:
            for kind in TokenKind:
                token = codec.sign(kind, self.CLAIMS, issued_at=NOW, expires_at=NOW + 900)
                claims = codec.verify(kind, token, now=NOW)
                assert {name: claims[name] for name in self.CLAIMS} == self.CLAIMS

    async def test_no_kind_stands_in_for_another(self) -> None:
        async with self._opened() as codec:
            for signed, wanted in permutations(TokenKind, 2):
                token = codec.sign(signed, self.CLAIMS, issued_at=NOW, expires_at=NOW + 900)
                with pytest.raises(Unauthorized):
                    codec.verify(wanted, token, now=NOW)

    async def test_a_token_is_over_when_it_says(self) -> None:
        async with self._opened() as codec:
            token = codec.sign(TokenKind.ACCESS, self.CLAIMS, issued_at=NOW, expires_at=NOW + 900)
            codec.verify(TokenKind.ACCESS, token, now=NOW + 899)
            with pytest.raises(TokenExpired):
                codec.verify(TokenKind.ACCESS, token, now=NOW + 900)

    async def test_a_clock_that_jumped_back_throws_nobody_out(self) -> None:
        async with self._opened() as codec:
            token = codec.sign(TokenKind.ACCESS, self.CLAIMS, issued_at=NOW, expires_at=NOW + 900)
            codec.verify(TokenKind.ACCESS, token, now=NOW - 3600)

    async def test_another_node_with_the_same_secret_knows_our_tokens(self) -> None:
        async with self._opened() as ours, self._opened() as theirs:
            token = ours.sign(TokenKind.REFRESH, self.CLAIMS, issued_at=NOW, expires_at=NOW + 900)
            assert theirs.verify(TokenKind.REFRESH, token, now=NOW)["sub"] == self.CLAIMS["sub"]

    async def test_a_server_with_another_secret_does_not_and_calls_none_of_them_expired(self) -> None:
        async with self._opened() as ours, self._opened("another server's very own secret") as theirs:
            token = ours.sign(TokenKind.ACCESS, self.CLAIMS, issued_at=NOW, expires_at=NOW + 900)
            for now in (NOW, NOW + 9000):
                with pytest.raises(Unauthorized) as refused:
                    theirs.verify(TokenKind.ACCESS, token, now=now)
                assert not isinstance(refused.value, TokenExpired)

    async def test_a_token_that_was_changed_is_refused(self) -> None:
        async with self._opened() as codec:
            token = codec.sign(TokenKind.ACCESS, self.CLAIMS, issued_at=NOW, expires_at=NOW + 900)
            # Not the last character: some of its bits may mean nothing.
            for place in range(len(token) - 1):
                other = "A" if token[place] != "A" else "B"
                self._refuse(codec, token[:place] + other + token[place + 1 :])
            for changed in (token[:-2], token + "x", token[1:], token.upper(), token + token):
                self._refuse(codec, changed)

    async def test_what_is_no_token_is_refused_and_never_a_crash(self) -> None:
        async with self._opened() as codec:
            wild = ("", ".", "..", "x" * 1_000_000, "\x00", "\ud800.\ud800.\ud800", "e30.e30.", "é.é.é", " ", "null")
            for text in wild:
                self._refuse(codec, text)

    def _refuse(self, codec: TokenCodec, token: str) -> None:
        with pytest.raises(Unauthorized) as refused:
            codec.verify(TokenKind.ACCESS, token, now=NOW)
        assert not isinstance(refused.value, TokenExpired)
