"""Who somebody is, by e-mail and password: on real storage, at a low cost of hashing."""

import logging
import time
from collections.abc import AsyncIterator

import attrs
import pytest
import trio

from chat_auth_password import PasswordAuthenticator, PasswordHasher, open_codec, open_password, register_providers
from chat_auth_password.authenticator import MAX_WAITING
from chat_storage_sqlite import open_sqlite
from chatcore.config import Config
from chatcore.errors import ConfigError, Unavailable, ValidationFailed
from chatcore.ids import UserId, uuid7
from chatcore.model import Credential, User
from chatcore.ports import ProviderContext, Storage, TokenKind
from chatcore.testing.clock import FakeClock

ADA, BOB = UserId(uuid7(1)), UserId(uuid7(2))
PASSWORD = "correct horse"


@pytest.fixture
async def context() -> AsyncIterator[ProviderContext]:
    context = ProviderContext(config=Config(database_url="memory:"), clock=FakeClock(), data_dir=None)
    async with open_sqlite(context) as storage:
        now = context.clock.now()
        for user_id, email in ((ADA, "ada@example.org"), (BOB, "bob@example.org")):
            user = User(id=user_id, email=email, display_name=email, created_at=now, updated_at=now)
            await storage.write(lambda tx, user=user: tx.users.insert(user))
        yield attrs.evolve(context, storage=storage)


def authenticator(context: ProviderContext, rounds: int = 4, threads: int = 1) -> PasswordAuthenticator:
    assert context.storage is not None
    return PasswordAuthenticator(context.storage, context.clock, PasswordHasher(rounds), trio.CapacityLimiter(threads))


async def stored(storage: Storage | None, user_id: UserId = ADA) -> Credential | None:
    assert storage is not None
    return await storage.read(lambda tx: tx.credentials.get(user_id, "password"))


async def test_the_right_password_proves_the_user_in_any_spelling(context: ProviderContext) -> None:
    auth = authenticator(context)
    await auth.set_secret(ADA, PASSWORD)
    assert await auth.authenticate("ada@example.org", PASSWORD) == ADA
    assert await auth.authenticate(" ADA@Example.ORG ", PASSWORD) == ADA
    assert await auth.verify(ADA, PASSWORD)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.org", "wrong horse"),
        ("ada@example.org", ""),
        ("ada@example.org", "x" * 100_000),
        ("ada@example.org", "nul\x00password"),
        ("ada@example.org", "\ud800password"),
        ("bob@example.org", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
        ("\ud800@example.org", PASSWORD),
        ("ada@example.org' OR '1'='1", PASSWORD),
    ],
)
async def test_nothing_else_proves_anything(context: ProviderContext, email: str, password: str) -> None:
    auth = authenticator(context)
    await auth.set_secret(ADA, PASSWORD)
    assert await auth.authenticate(email, password) is None


async def test_verify_is_about_one_user(context: ProviderContext) -> None:
    auth = authenticator(context)
    await auth.set_secret(ADA, PASSWORD)
    assert not await auth.verify(BOB, PASSWORD)
    assert not await auth.verify(UserId(uuid7(3)), PASSWORD)


async def test_a_new_password_replaces_the_old_one(context: ProviderContext) -> None:
    auth = authenticator(context)
    await auth.set_secret(ADA, PASSWORD)
    await auth.set_secret(ADA, "battery staple")
    assert not await auth.verify(ADA, PASSWORD)
    assert await auth.verify(ADA, "battery staple")


async def test_a_password_that_is_not_good_enough_changes_nothing(context: ProviderContext) -> None:
    auth = authenticator(context)
    await auth.set_secret(ADA, PASSWORD)
    with pytest.raises(ValidationFailed, match="at least 8"):
        await auth.set_secret(ADA, "short")
    with pytest.raises(ValidationFailed):
        await auth.seal(ADA, "short")
    assert await auth.verify(ADA, PASSWORD)


async def test_sealing_stores_nothing(context: ProviderContext) -> None:
    sealed = await authenticator(context).seal(ADA, PASSWORD)
    assert (sealed.user_id, sealed.provider, sealed.updated_at) == (ADA, "password", context.clock.now())
    assert PASSWORD not in sealed.secret
    assert await stored(context.storage) is None


async def test_a_password_hashed_at_another_cost_is_hashed_anew_at_the_next_sign_in(context: ProviderContext) -> None:
    await authenticator(context, rounds=4).set_secret(ADA, PASSWORD)
    before = await stored(context.storage)
    dearer = authenticator(context, rounds=5)
    assert await dearer.authenticate("ada@example.org", "wrong horse") is None
    assert await stored(context.storage) == before
    assert await dearer.authenticate("ada@example.org", PASSWORD) == ADA
    after = await stored(context.storage)
    assert before is not None
    assert after is not None
    assert "$05$" in after.secret
    assert after.updated_at == before.updated_at
    assert await dearer.authenticate("ada@example.org", PASSWORD) == ADA


async def test_hashing_anew_does_not_undo_a_change_of_the_password(context: ProviderContext) -> None:
    auth = authenticator(context, rounds=5)
    await authenticator(context, rounds=4).set_secret(ADA, PASSWORD)
    old = await stored(context.storage)
    assert old is not None
    await auth.set_secret(ADA, "battery staple")  # as if between the check of the old one and its renewal
    await auth._renew(old, PASSWORD)
    assert not await auth.verify(ADA, PASSWORD)
    assert await auth.verify(ADA, "battery staple")


async def test_an_unknown_email_takes_as_long_as_a_wrong_password(context: ProviderContext) -> None:
    auth = authenticator(context, rounds=8)  # 20 ms: enough to drown the rest
    await auth.set_secret(ADA, PASSWORD)

    async def seconds(email: str) -> float:
        started = time.process_time()  # of this process alone, whatever else the machine does
        assert await auth.authenticate(email, "wrong horse") is None
        return time.process_time() - started

    emails = ("ada@example.org", "bob@example.org", "nobody@example.org", "no address")
    times: dict[str, list[float]] = {email: [] for email in emails}
    for _ in range(15):
        for email in emails:  # by turns, so that a slow moment of the machine hits all of them
            times[email].append(await seconds(email))
    fastest = {email: min(found) for email, found in times.items()}
    assert max(fastest.values()) < 1.1 * min(fastest.values()), fastest


async def test_a_crowd_is_told_to_come_back(context: ProviderContext) -> None:
    auth = authenticator(context, rounds=6)
    refused = 0

    async def try_once() -> None:
        nonlocal refused
        try:
            await auth.authenticate("nobody@example.org", PASSWORD)
        except Unavailable:
            refused += 1

    async with trio.open_nursery() as nursery:
        for _ in range(MAX_WAITING + 11):
            nursery.start_soon(try_once)
    assert refused == 10


async def test_cancelling_does_not_wait_for_the_hash(context: ProviderContext) -> None:
    auth = authenticator(context, rounds=12)
    started = trio.current_time()
    with trio.move_on_after(0.02) as scope:
        await auth.authenticate("nobody@example.org", PASSWORD)
    assert scope.cancelled_caught
    assert trio.current_time() - started < 0.15


async def test_the_providers_open_with_what_the_configuration_says(
    context: ProviderContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    by_name = {provider.name: provider for provider in register_providers()}
    assert {name: provider.kind for name, provider in by_name.items()} == {"password": "auth", "jwt": "token"}
    async with open_password(context) as auth, open_codec(context) as codec:
        assert "$2b$12$" in (await auth.seal(ADA, PASSWORD)).secret
        token = codec.sign(TokenKind.ACCESS, {"sub": ADA}, issued_at=0, expires_at=1)
        assert codec.verify(TokenKind.ACCESS, token, now=0)["sub"] == ADA
    with pytest.raises(ConfigError, match="needs a storage"):
        async with open_password(attrs.evolve(context, storage=None)):
            pass
    assert caplog.records == []
