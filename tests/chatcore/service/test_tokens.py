"""Tokens of bots."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import trio
import trio.testing

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.errors import MissingScope, NotFound, TokenExpired, Unauthorized, ValidationFailed
from chatcore.ids import SessionId, TokenId, UserId, uuid7
from chatcore.model import TokenScope, User
from chatcore.service.identity import Remembered
from chatcore.service.tokens import WATCH_SECONDS
from chatcore.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def chat(clock: FakeClock) -> AsyncIterator[Chat]:
    async with open_chat("memory:", clock=clock) as chat:
        yield chat


@pytest.fixture
async def bot(chat: Chat) -> User:
    return await chat.users.create(email="bot@example.org", display_name="Bot", is_bot=True)


async def test_a_token_names_its_bot(chat: Chat, bot: User) -> None:
    token, text = await chat.tokens.create(bot, name="deploy")
    assert text.startswith("cct_")
    assert len(text) >= 4 + 43
    identity = await chat.tokens.verify(text)
    assert (identity.user_id, identity.session_id, identity.expires_at, identity.is_bot) == (bot.id, None, None, True)
    assert token.user_id == bot.id


async def test_only_its_digest_is_stored(chat: Chat, bot: User) -> None:
    token, text = await chat.tokens.create(bot, name="deploy")
    stored = await chat.storage.read(lambda tx: tx.bot_tokens.get(token.id))
    assert stored == token
    assert token.token_hash == hashlib.sha256(text.encode()).hexdigest()
    assert text.removeprefix("cct_") not in repr(token)


async def test_tokens_are_listed_by_bot(chat: Chat, bot: User) -> None:
    other = await chat.users.create(email="other@example.org", display_name="Other", is_bot=True)
    made = [(await chat.tokens.create(owner, name=owner.display_name))[0] for owner in (bot, other, bot)]
    assert await chat.tokens.list(bot) == sorted([made[0], made[2]], key=lambda token: token.id)
    assert len(await chat.tokens.list()) == 3


async def test_it_ends_when_it_says(chat: Chat, bot: User, clock: FakeClock) -> None:
    _, text = await chat.tokens.create(bot, name="deploy", expires_at=clock.now() + timedelta(hours=1))
    assert (await chat.tokens.verify(text)).expires_at is not None
    clock.jump(3600)
    for _ in range(2):
        with pytest.raises(TokenExpired):
            await chat.tokens.verify(text)


async def test_a_revoked_token_is_dead_at_once(chat: Chat, bot: User, clock: FakeClock) -> None:
    told: list[tuple[UserId, SessionId | None]] = []
    chat.sessions.on_revoked(lambda user_id, session_id: told.append((user_id, session_id)))
    token, text = await chat.tokens.create(bot, name="deploy")
    _, other = await chat.tokens.create(bot, name="other")
    await chat.tokens.verify(text)
    clock.jump(1)  # entries of one millisecond have no order
    for _ in range(2):
        revoked = await chat.tokens.revoke(token.id)
        assert revoked.revoked_at is not None
    assert told == [(bot.id, None)]
    with pytest.raises(Unauthorized):
        await chat.tokens.verify(text)
    assert await chat.tokens.verify(other)
    actions = [entry.action for entry in await chat.storage.read(lambda tx: tx.audit.find(target=token.id))]
    assert actions == ["token.created", "token.revoked"]


async def test_a_token_that_is_looked_up_while_it_ends_is_refused(chat: Chat, bot: User) -> None:
    token, text = await chat.tokens.create(bot, name="deploy")
    storage, read = type(chat.storage), chat.storage.read

    async def slow_read(self, work):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        found = await read(work)
        await chat.tokens.revoke(token.id)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "read", slow_read)
        with pytest.raises(Unauthorized):
            await chat.tokens.verify(text)


async def test_a_deactivated_bot_is_out(chat: Chat, bot: User, autojump_clock: trio.testing.MockClock) -> None:
    told: list[tuple[UserId, SessionId | None]] = []
    chat.sessions.on_revoked(lambda user_id, session_id: told.append((user_id, session_id)))
    _, text = await chat.tokens.create(bot, name="deploy")
    await chat.tokens.verify(text)
    await chat.users.deactivate(bot)
    assert told == [(bot.id, None)]
    with pytest.raises(Unauthorized):
        await chat.tokens.verify(text)
    await trio.sleep(WATCH_SECONDS + 0.1)
    with pytest.raises(Unauthorized):
        await chat.tokens.verify(text)
    assert told == [(bot.id, None)]
    with pytest.raises(NotFound):
        await chat.tokens.create(bot, name="again")


@pytest.mark.parametrize("text", ["", "cct_", "cct_nonsense", "cct_\ud800", "cct_" + "x" * 100_000, "ey.ey.x"])
async def test_nonsense_is_refused(chat: Chat, bot: User, text: str) -> None:
    with pytest.raises(Unauthorized):
        await chat.tokens.verify(text)


async def test_people_get_no_tokens(chat: Chat) -> None:
    ada = await chat.users.create(email="ada@example.org", display_name="Ada")
    with pytest.raises(ValidationFailed, match="tokens are for bots"):
        await chat.tokens.create(ada, name="deploy")
    with pytest.raises(NotFound):
        await chat.tokens.create(UserId(uuid7(1)), name="deploy")


async def test_bad_input_is_refused(chat: Chat, bot: User, clock: FakeClock) -> None:
    with pytest.raises(ValidationFailed, match="name"):
        await chat.tokens.create(bot, name="")
    with pytest.raises(ValidationFailed, match="expiresAt"):
        await chat.tokens.create(bot, name="deploy", expires_at=clock.now())
    with pytest.raises(NotFound):
        await chat.tokens.revoke(TokenId(uuid7(1)))


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    known: Remembered[int] = Remembered(2)
    for number, digest in enumerate("ab"):
        known.put(digest, number)
    assert known.get("a") == 0
    known.put("c", 2)
    assert (known.get("a"), known.get("b"), known.get("c"), len(known)) == (0, None, 2, 2)


async def test_a_token_says_what_it_is_for(chat: Chat, bot: User) -> None:
    wanted = [TokenScope.MESSAGES_WRITE, TokenScope.MESSAGES_READ, TokenScope.MESSAGES_WRITE]
    token, text = await chat.tokens.create(bot, name="reader", scopes=wanted)
    assert token.scopes == (TokenScope.MESSAGES_READ, TokenScope.MESSAGES_WRITE)
    identity = await chat.tokens.verify(text)
    identity.require(wanted)
    with pytest.raises(MissingScope, match="ask for one with the scope admin") as refused:
        identity.require([TokenScope.MESSAGES_READ, TokenScope.ADMIN])
    assert refused.value.details == {"scope": "admin", "granted": ["messages:read", "messages:write"]}
    assert identity.may(TokenScope.MESSAGES_READ)
    assert not identity.may(TokenScope.ADMIN)


async def test_a_token_without_scopes_may_be_used_for_everything(chat: Chat, bot: User) -> None:
    token, text = await chat.tokens.create(bot, name="all")
    assert token.scopes is None
    (await chat.tokens.verify(text)).require(TokenScope)


async def test_a_token_for_nothing_is_refused(chat: Chat, bot: User) -> None:
    with pytest.raises(ValidationFailed, match="name at least one"):
        await chat.tokens.create(bot, name="nothing", scopes=[])
