"""Being signed in: on the real storage, hooks and tokens, with a clock to turn."""

from pathlib import Path

import pytest
import trio
import trio.testing
from tests.chatcore.service.conftest import CHEAP

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.errors import InvalidCredentials, NotFound, Rejected, TokenExpired, Unauthorized, ValidationFailed
from chatcore.hooks import Reject, hookimpl
from chatcore.ids import SessionId, UserId
from chatcore.model import AuditEntry, Credential, Session, User
from chatcore.ports import Authenticator, TokenKind
from chatcore.service.sessions import ACCESS_LIFETIME, CLEAN_SECONDS, KEEP_EXPIRED, SESSION_LIFETIME, Sessions, SignedIn
from chatcore.testing.clock import FakeClock

PASSWORD = "correct horse"
DAY = 24 * 3600


@pytest.fixture
async def ada(chat: Chat) -> User:
    return await chat.users.create(email="ada@example.org", display_name="Ada")


@pytest.fixture
def told(chat: Chat) -> list[tuple[UserId, SessionId | None]]:
    """What listeners are told of revocations."""
    found: list[tuple[UserId, SessionId | None]] = []
    chat.sessions.on_revoked(lambda user_id, session_id: found.append((user_id, session_id)))
    return found


async def stored(chat: Chat, session: Session) -> Session | None:
    return await chat.storage.read(lambda tx: tx.sessions.get(session.id))


async def audited(chat: Chat, action: str) -> list[AuditEntry]:
    return await chat.storage.read(lambda tx: tx.audit.find(action=action))


async def is_dead(chat: Chat, signed_in: SignedIn) -> bool:
    """Whether both tokens are refused."""
    for call, token in (
        (chat.sessions.verify, signed_in.access_token),
        (chat.sessions.refresh, signed_in.refresh_token),
    ):
        try:
            await call(token)
        except Unauthorized:
            continue
        return False
    return True


# --- signing in ----------------------------------------------------------------------------------------------------


async def test_the_password_opens_a_session(chat: Chat, clock: FakeClock) -> None:
    user = await chat.users.create(email="ada@example.org", display_name="Ada", password=PASSWORD)
    signed_in = await chat.sessions.sign_in(
        email=" ADA@example.org", password=PASSWORD, user_agent="Agent\x00/1\n" * 99
    )
    assert signed_in.user == user
    assert signed_in.session == await stored(chat, signed_in.session)
    assert signed_in.session.user_agent == ("Agent/1" * 99)[:200]
    assert signed_in.session.expires_at - clock.now() <= SESSION_LIFETIME
    identity = await chat.sessions.verify(signed_in.access_token)
    assert (identity.user_id, identity.session_id, identity.is_bot) == (user.id, signed_in.session.id, False)


async def test_tokens_carry_what_the_specification_says(chat: Chat, ada: User, clock: FakeClock) -> None:
    signed_in = await chat.sessions.open(ada)
    now = int(clock.now().timestamp())
    access = chat.codec.verify(TokenKind.ACCESS, signed_in.access_token, now=now)
    refresh = chat.codec.verify(TokenKind.REFRESH, signed_in.refresh_token, now=now)
    assert (access["sub"], access["email"], access["sid"]) == (ada.id, ada.email, signed_in.session.id)
    assert access["exp"] - access["iat"] == 15 * 60
    assert (refresh["sub"], refresh["tokenId"]) == (ada.id, signed_in.session.token_id)
    assert refresh["exp"] - refresh["iat"] == 7 * DAY


async def test_everything_that_fails_fails_alike(chat: Chat) -> None:
    bot = await chat.users.create(email="bot@example.org", display_name="Bot", password=PASSWORD, is_bot=True)
    closed = await chat.users.create(email="closed@example.org", display_name="Closed", password=PASSWORD)
    await chat.users.create(email="none@example.org", display_name="No password")
    await chat.users.deactivate(closed)
    messages = set()
    for email in (bot.email, closed.email, "none@example.org", "nobody@example.org", "no address"):
        with pytest.raises(InvalidCredentials) as caught:
            await chat.sessions.sign_in(email=email, password=PASSWORD)
        messages.add((caught.value.message, str(caught.value.details)))
    with pytest.raises(InvalidCredentials) as caught:
        await chat.sessions.sign_in(email=closed.email, password="wrong horse")
    messages.add((caught.value.message, str(caught.value.details)))
    assert len(messages) == 1
    assert await chat.storage.read(lambda tx: tx.sessions.find()) == []


class Doorkeeper:
    """Lets nobody called Bob in, and writes down who came."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    async def login_will_succeed(self, user: User) -> None:
        if user.display_name == "Bob":
            raise Reject("not_bob", "Bob must ask at the desk.")

    @hookimpl
    async def user_logged_in(self, user: User) -> None:
        self.seen.append(user.display_name)


async def test_plugins_are_asked_before_and_told_after() -> None:
    door = Doorkeeper()
    async with open_chat(config=CHEAP, plugins=[door]) as chat:
        for name in ("Ada", "Bob"):
            await chat.users.create(email=f"{name}@example.org", display_name=name, password=PASSWORD)
        await chat.sessions.sign_in(email="ada@example.org", password=PASSWORD)
        with pytest.raises(Rejected, match="Bob must ask at the desk"):
            await chat.sessions.sign_in(email="bob@example.org", password=PASSWORD)
        await trio.testing.wait_all_tasks_blocked()
        assert door.seen == ["Ada"]
        assert len(await chat.storage.read(lambda tx: tx.sessions.find())) == 1


class Meddling:
    """An authenticator during whose work something else happens."""

    def __init__(self, inner: Authenticator) -> None:
        self.inner = inner
        self.meanwhile = trio.lowlevel.checkpoint

    async def authenticate(self, email: str, secret: str) -> UserId | None:
        found = await self.inner.authenticate(email, secret)
        await self.meanwhile()
        return found

    async def verify(self, user_id: UserId, secret: str) -> bool:
        good = await self.inner.verify(user_id, secret)
        await self.meanwhile()
        return good

    async def seal(self, user_id: UserId, secret: str) -> Credential:
        return await self.inner.seal(user_id, secret)

    async def set_secret(self, user_id: UserId, secret: str) -> None:
        await self.inner.set_secret(user_id, secret)


async def test_a_password_that_is_changed_while_it_is_checked_opens_nothing(chat: Chat, clock: FakeClock) -> None:
    user = await chat.users.create(email="ada@example.org", display_name="Ada", password=PASSWORD)
    slow = Meddling(chat._ports.authenticators[0])
    sessions = Sessions(chat._core, [slow], chat.codec)

    async def change() -> None:
        clock.jump(1)
        await chat.sessions.reset_password(user.id, "battery staple")

    slow.meanwhile = change
    with pytest.raises(InvalidCredentials):
        await sessions.sign_in(email="ada@example.org", password=PASSWORD)
    with pytest.raises(InvalidCredentials):
        await sessions.change_password(user.id, old="battery staple", new="thief's own")
    assert await chat.storage.read(lambda tx: tx.sessions.find()) == []
    assert await chat.sessions.sign_in(email="ada@example.org", password="battery staple")


# --- refreshing ----------------------------------------------------------------------------------------------------


async def test_refreshing_rotates_and_prolongs(chat: Chat, ada: User, clock: FakeClock) -> None:
    first = await chat.sessions.open(ada)
    clock.jump(6 * DAY)
    second = await chat.sessions.refresh(first.refresh_token)
    clock.jump(6 * DAY)
    third = await chat.sessions.refresh(second.refresh_token)
    assert first.session.id == second.session.id == third.session.id
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert (await chat.sessions.verify(third.access_token)).user_id == ada.id
    assert third.user == ada


async def test_a_session_ends_seven_days_after_the_last_refresh(chat: Chat, ada: User, clock: FakeClock) -> None:
    signed_in = await chat.sessions.open(ada)
    clock.jump(7 * DAY)
    with pytest.raises(TokenExpired):
        await chat.sessions.refresh(signed_in.refresh_token)


async def test_access_ends_after_fifteen_minutes(chat: Chat, ada: User, clock: FakeClock) -> None:
    signed_in = await chat.sessions.open(ada)
    clock.jump(ACCESS_LIFETIME.total_seconds() - 5)
    assert await chat.sessions.verify(signed_in.access_token)
    clock.jump(5)
    for _ in range(2):  # remembered or not
        with pytest.raises(TokenExpired):
            await chat.sessions.verify(signed_in.access_token)


async def test_tabs_that_refresh_at_once_all_go_on(chat: Chat, ada: User, clock: FakeClock) -> None:
    signed_in = await chat.sessions.open(ada)
    tabs: list[SignedIn] = []

    async def tab() -> None:
        tabs.append(await chat.sessions.refresh(signed_in.refresh_token))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(tab)
    for each in tabs:
        assert await chat.sessions.verify(each.access_token)
    # Whichever answer the tabs keep, they go on with it, at once and much later.
    for _ in range(3):
        clock.jump(3600)
        tabs = [await chat.sessions.refresh(each.refresh_token) for each in tabs]
    assert await audited(chat, "session.reuse") == []


async def test_a_client_that_lost_the_response_goes_on(chat: Chat, ada: User, clock: FakeClock) -> None:
    signed_in = await chat.sessions.open(ada)
    await chat.sessions.refresh(signed_in.refresh_token)  # the answer is lost
    clock.jump(29)
    again = await chat.sessions.refresh(signed_in.refresh_token)
    assert await chat.sessions.verify(again.access_token)
    clock.jump(3600)
    assert await chat.sessions.refresh(again.refresh_token)


async def test_the_grace_is_not_prolonged_by_using_it(chat: Chat, ada: User, clock: FakeClock) -> None:
    signed_in = await chat.sessions.open(ada)
    await chat.sessions.refresh(signed_in.refresh_token)
    clock.jump(20)
    await chat.sessions.refresh(signed_in.refresh_token)
    clock.jump(20)
    with pytest.raises(Unauthorized):
        await chat.sessions.refresh(signed_in.refresh_token)


async def test_a_reused_token_ends_the_family(
    chat: Chat, ada: User, clock: FakeClock, told: list[tuple[UserId, SessionId | None]]
) -> None:
    bystander = await chat.sessions.open(ada)
    stolen = await chat.sessions.open(ada)
    current = await chat.sessions.refresh(stolen.refresh_token)
    assert await chat.sessions.verify(current.access_token)
    clock.jump(31)
    with pytest.raises(Unauthorized) as caught:
        await chat.sessions.refresh(stolen.refresh_token)
    assert not isinstance(caught.value, TokenExpired)
    assert await is_dead(chat, current)
    assert told == [(ada.id, stolen.session.id)]
    (entry,) = await audited(chat, "session.reuse")
    assert (entry.actor_id, entry.target) == (ada.id, stolen.session.id)
    assert await chat.sessions.verify(bystander.access_token)


async def test_a_token_older_than_the_previous_one_is_reuse_even_within_the_grace(chat: Chat, ada: User) -> None:
    first = await chat.sessions.open(ada)
    second = await chat.sessions.refresh(first.refresh_token)
    third = await chat.sessions.refresh(second.refresh_token)
    with pytest.raises(Unauthorized):
        await chat.sessions.refresh(first.refresh_token)
    assert await is_dead(chat, third)


async def test_using_a_dead_token_again_writes_no_second_entry(chat: Chat, ada: User, clock: FakeClock) -> None:
    first = await chat.sessions.open(ada)
    await chat.sessions.refresh(first.refresh_token)
    clock.jump(31)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            await chat.sessions.refresh(first.refresh_token)
    assert len(await audited(chat, "session.reuse")) == 1


async def test_a_clock_that_jumps_back_throws_nobody_out(chat: Chat, ada: User, clock: FakeClock) -> None:
    signed_in = await chat.sessions.open(ada)
    clock.jump(-3600)
    assert await chat.sessions.verify(signed_in.access_token)
    second = await chat.sessions.refresh(signed_in.refresh_token)
    clock.jump(-3600)
    assert (await chat.sessions.refresh(signed_in.refresh_token)).session == second.session
    assert await chat.sessions.verify(second.access_token)


async def test_one_kind_of_token_is_not_the_other(chat: Chat, ada: User) -> None:
    signed_in = await chat.sessions.open(ada)
    with pytest.raises(Unauthorized):
        await chat.sessions.verify(signed_in.refresh_token)
    with pytest.raises(Unauthorized):
        await chat.sessions.refresh(signed_in.access_token)
    with pytest.raises(Unauthorized):
        await chat.sessions.revoke(refresh_token=signed_in.access_token)


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "\ud800", "cct_x", "é" * 5000])
async def test_nonsense_is_refused(chat: Chat, token: str) -> None:
    for call in (chat.sessions.verify, chat.sessions.refresh):
        with pytest.raises(Unauthorized):
            await call(token)
    with pytest.raises(Unauthorized):
        await chat.sessions.revoke(refresh_token=token)


async def test_another_installations_tokens_are_refused(chat: Chat, ada: User, clock: FakeClock) -> None:
    async with open_chat("memory:", clock=clock) as other:
        user = await other.users.create(email="ada@example.org", display_name="Ada")
        assert await is_dead(chat, await other.sessions.open(user))


# --- signing out ---------------------------------------------------------------------------------------------------


async def test_signing_out_ends_one_session(chat: Chat, ada: User, told: list[tuple[UserId, SessionId | None]]) -> None:
    laptop, phone = await chat.sessions.open(ada), await chat.sessions.open(ada)
    await chat.sessions.verify(laptop.access_token)
    for _ in range(2):
        await chat.sessions.revoke(refresh_token=laptop.refresh_token)
    assert await is_dead(chat, laptop)
    assert await chat.sessions.verify(phone.access_token)
    assert told == [(ada.id, laptop.session.id)]
    await chat.sessions.revoke(session_id=phone.session.id)
    assert await is_dead(chat, phone)


async def test_signing_out_works_with_any_token_of_the_family(chat: Chat, ada: User, clock: FakeClock) -> None:
    first = await chat.sessions.open(ada)
    second = await chat.sessions.refresh(first.refresh_token)
    clock.jump(DAY)
    await chat.sessions.revoke(refresh_token=first.refresh_token)
    assert await is_dead(chat, second)
    assert await audited(chat, "session.reuse") == []


async def test_signing_out_what_is_over_is_harmless(chat: Chat, ada: User, clock: FakeClock) -> None:
    signed_in = await chat.sessions.open(ada)
    clock.jump(8 * DAY)
    await chat.sessions.revoke(refresh_token=signed_in.refresh_token)
    await chat.sessions.revoke(session_id=SessionId(ada.id))
    await chat.sessions.revoke()


async def test_signing_out_everywhere(chat: Chat, ada: User, told: list[tuple[UserId, SessionId | None]]) -> None:
    bob = await chat.users.create(email="bob@example.org", display_name="Bob")
    devices = [await chat.sessions.open(ada) for _ in range(3)]
    for device in devices:
        await chat.sessions.verify(device.access_token)
    bobs = await chat.sessions.open(bob)
    assert await chat.sessions.revoke_all(ada.id, except_session=devices[0].session.id) == 2
    assert await chat.sessions.verify(devices[0].access_token)
    assert sorted(told) == sorted((ada.id, device.session.id) for device in devices[1:])
    told.clear()
    assert await chat.sessions.revoke_all(ada.id) == 1
    assert told == [(ada.id, None)]
    assert all([await is_dead(chat, device) for device in devices])
    assert await chat.sessions.verify(bobs.access_token)
    assert len(await audited(chat, "session.revoked_all")) == 2


async def test_a_closed_account_is_signed_out_and_stays_out(
    chat: Chat, ada: User, told: list[tuple[UserId, SessionId | None]]
) -> None:
    signed_in = await chat.sessions.open(ada)
    await chat.sessions.verify(signed_in.access_token)
    closed = await chat.users.deactivate(ada)
    assert told == [(ada.id, None)]
    assert await is_dead(chat, signed_in)
    with pytest.raises(InvalidCredentials):
        await chat.sessions.open(closed)
    await chat.users.reactivate(ada)
    assert await is_dead(chat, signed_in)


async def test_a_listener_that_raises_costs_the_others_nothing(chat: Chat, ada: User) -> None:
    found: list[SessionId | None] = []
    chat.sessions.on_revoked(lambda user_id, session_id: 1 / 0)
    chat.sessions.on_revoked(lambda user_id, session_id: found.append(session_id))
    signed_in = await chat.sessions.open(ada)
    await chat.sessions.revoke(session_id=signed_in.session.id)
    assert found == [signed_in.session.id]


async def test_a_token_that_is_proved_while_its_session_ends_is_refused(chat: Chat, ada: User) -> None:
    """The proof reads the storage; what is revoked before the answer is acted upon must count."""
    signed_in = await chat.sessions.open(ada)
    prove = chat.sessions._prove

    async def slow_prove(token, now):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        identity = await prove(token, now)
        await chat.sessions.revoke(session_id=signed_in.session.id)
        return identity

    chat.sessions._prove = slow_prove  # type: ignore[method-assign]
    with pytest.raises(Unauthorized):
        await chat.sessions.verify(signed_in.access_token)


# --- passwords -----------------------------------------------------------------------------------------------------


async def test_changing_the_password_ends_the_other_sessions(
    chat: Chat, told: list[tuple[UserId, SessionId | None]]
) -> None:
    user = await chat.users.create(email="ada@example.org", display_name="Ada", password=PASSWORD)
    here, there = await chat.sessions.open(user), await chat.sessions.open(user)
    with pytest.raises(InvalidCredentials, match="old password"):
        await chat.sessions.change_password(user.id, old="wrong horse", new="battery staple")
    with pytest.raises(ValidationFailed, match="at least 8"):
        await chat.sessions.change_password(user.id, old=PASSWORD, new="short")
    assert await chat.sessions.verify(there.access_token)
    assert told == []

    await chat.sessions.change_password(user.id, old=PASSWORD, new="battery staple", keep_session=here.session.id)
    assert await chat.sessions.verify(here.access_token)
    assert await is_dead(chat, there)
    assert told == [(user.id, there.session.id)]
    with pytest.raises(InvalidCredentials):
        await chat.sessions.sign_in(email=user.email, password=PASSWORD)
    assert await chat.sessions.sign_in(email=user.email, password="battery staple")
    (entry,) = await audited(chat, "user.password_changed")
    assert (entry.actor_id, entry.target) == (user.id, user.id)


async def test_resetting_the_password_ends_every_session(
    chat: Chat, ada: User, told: list[tuple[UserId, SessionId | None]]
) -> None:
    signed_in = await chat.sessions.open(ada)
    await chat.sessions.reset_password(ada.id, "battery staple")
    assert await is_dead(chat, signed_in)
    assert told == [(ada.id, None)]
    assert await chat.sessions.sign_in(email=ada.email, password="battery staple")
    (entry,) = await audited(chat, "user.password_reset")
    assert (entry.actor_id, entry.target) == (None, ada.id)
    with pytest.raises(NotFound):
        await chat.sessions.reset_password(UserId(signed_in.session.id), "battery staple")


# --- over time and processes ---------------------------------------------------------------------------------------


async def test_a_remembered_token_costs_no_read(chat: Chat, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in = await chat.sessions.open(ada)
    identity = await chat.sessions.verify(signed_in.access_token)

    async def no_read(work: object) -> None:
        raise AssertionError("the storage was read")

    monkeypatch.setattr(type(chat.storage), "read", lambda self, work: no_read(work))
    assert await chat.sessions.verify(signed_in.access_token) is identity


async def test_expired_sessions_are_forgotten(
    chat: Chat, ada: User, clock: FakeClock, autojump_clock: trio.testing.MockClock
) -> None:
    signed_in = await chat.sessions.open(ada)
    clock.jump((SESSION_LIFETIME + KEEP_EXPIRED).total_seconds() - CLEAN_SECONDS * 1.5)
    await trio.sleep(CLEAN_SECONDS + 5)
    assert await stored(chat, signed_in.session) is not None
    await trio.sleep(CLEAN_SECONDS)
    assert await stored(chat, signed_in.session) is None


async def test_sessions_outlive_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/chat.db"
    async with open_chat(url) as chat:
        user = await chat.users.create(email="ada@example.org", display_name="Ada")
        kept, ended = await chat.sessions.open(user), await chat.sessions.open(user)
        await chat.sessions.revoke(session_id=ended.session.id)
    async with open_chat(url) as chat:
        assert (await chat.sessions.verify(kept.access_token)).user_id == user.id
        assert await is_dead(chat, ended)
        assert await chat.sessions.refresh(kept.refresh_token)


async def test_what_ends_in_one_process_is_dead_in_the_other_within_five_seconds(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/chat.db"
    async with open_chat(url) as here, open_chat(url) as there:
        user = await here.users.create(email="ada@example.org", display_name="Ada")
        bot = await here.users.create(email="bot@example.org", display_name="Bot", is_bot=True)
        token, text = await here.tokens.create(bot, name="deploy")
        signed_in = await here.sessions.open(user)
        await there.sessions.verify(signed_in.access_token)
        await there.tokens.verify(text)
        told: set[tuple[UserId, SessionId | None]] = set()
        all_told = trio.Event()

        def listen(user_id: UserId, session_id: SessionId | None) -> None:
            told.add((user_id, session_id))
            if len(told) == 2:
                all_told.set()

        there.sessions.on_revoked(listen)
        await here.sessions.revoke(session_id=signed_in.session.id)
        await here.tokens.revoke(token.id)
        with trio.fail_after(5):
            await all_told.wait()
        assert told == {(user.id, signed_in.session.id), (bot.id, None)}
        assert await is_dead(there, signed_in)
        with pytest.raises(Unauthorized):
            await there.tokens.verify(text)
