"""Accounts."""

import pytest
from tests.chatcore.service.conftest import Team, role_of, stored

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.config import Config
from chatcore.errors import Duplicate, Forbidden, NotFound, ValidationFailed, WorkspaceDenied
from chatcore.events import HuddleUserLeft, MemberUpdated
from chatcore.ids import UserId
from chatcore.model import Role

ABSENT = UserId("01890a5d-ac96-774b-bcce-b302099a8057")
# Hashing takes its time; a fast authenticator would not be the product's.
PASSWORD = "correct horse battery"


async def test_an_account_is_made_and_found(chat: Chat) -> None:
    user = await chat.users.create(email="  Ada@Example.ORG", first_name="Ada", last_name="Lovelace")
    assert (user.email, user.display_name) == ("ada@example.org", "Ada Lovelace")
    assert await chat.users.get(user) == await chat.users.get(user.id) == user
    assert await chat.users.by_email("ADA@example.org") == user
    assert await chat.users.list() == [user]


async def test_a_name_is_found_for_everyone(chat: Chat) -> None:
    named = await chat.users.create(email="a@example.org", display_name="The Countess", first_name="Ada")
    nameless = await chat.users.create(email="b.c@example.org")
    assert (named.display_name, nameless.display_name) == ("The Countess", "b.c")


async def test_an_email_is_taken_in_any_spelling(chat: Chat) -> None:
    await chat.users.create(email="ada@example.org")
    before = await stored(chat)
    with pytest.raises(Duplicate, match="sign in, or use another"):
        await chat.users.create(email="ADA@EXAMPLE.org")
    assert await stored(chat) == before


async def test_who_is_not_there(chat: Chat) -> None:
    for call in (chat.users.get(ABSENT), chat.users.by_email("nobody@example.org"), chat.users.deactivate(ABSENT)):
        with pytest.raises(NotFound):
            await call


# --- profiles ------------------------------------------------------------------------------------------------------


async def test_a_profile_is_changed_by_its_owner(team: Team) -> None:
    changed = await team.chat.users.update(
        team.ann, actor=team.ann, first_name="Ann", display_name="Annie", avatar_url="https://example.org/a.png"
    )
    assert (changed.first_name, changed.display_name, changed.last_name) == ("Ann", "Annie", "")
    assert changed == await team.chat.users.get(team.ann)
    cleared = await team.chat.users.update(team.ann, actor=team.ann, avatar_url=None)
    assert cleared.avatar_url is None


async def test_a_new_face_is_told_and_shown(team: Team) -> None:
    sent = await team.say(team.ann)
    seq = await team.seq()
    await team.chat.users.update(team.ann, actor=team.ann, display_name="Annie")
    (event,) = await team.events(seq)
    assert isinstance(event, MemberUpdated)
    assert event.member.display_name == "Annie"
    assert (await team.chat.messages.get(sent, actor=team.ann)).user.display_name == "Annie"
    assert (await team.say(team.ann)).user.display_name == "Annie"


async def test_what_others_do_not_see_is_not_told(team: Team) -> None:
    seq = await team.seq()
    await team.chat.users.update(team.ann, actor=team.ann, first_name="Anna", display_name=team.ann.display_name)
    assert await team.events(seq) == []


async def test_nobody_changes_somebody_else(team: Team) -> None:
    for actor in (team.owner, team.stranger):
        with pytest.raises(NotFound):
            await team.chat.users.update(team.ann, actor=actor, display_name="Hacked")
        with pytest.raises(NotFound):
            await team.chat.users.deactivate(team.ann, actor=actor)
    assert await team.chat.users.get(team.ann) == team.ann


# --- closing an account --------------------------------------------------------------------------------------------


async def test_a_closed_account_can_do_nothing(team: Team) -> None:
    sent = await team.say(team.ann)
    closed = await team.chat.users.deactivate(team.ann)
    assert closed.deactivated_at is not None
    for call in (
        team.say(team.ann),
        team.chat.messages.edit(sent, actor=team.ann, content="again"),
        team.chat.messages.history(team.room, actor=team.ann),
        team.chat.workspaces.get(team.workspace, actor=team.ann),
        team.chat.channels.list(team.workspace, actor=team.ann),
        team.chat.channels.direct(team.workspace, [team.ben], actor=team.ann),
        team.chat.users.update(team.ann, actor=team.ann, display_name="Ghost"),
        team.chat.workspaces.create(name="Own", slug="own", owner=team.ann),
        team.chat.presence.list(team.workspace, actor=team.ann),
    ):
        with pytest.raises(NotFound):
            await call
    assert (await team.chat.messages.get(sent, actor=team.owner)).user.display_name == "Ann"


async def test_a_closed_account_is_shown_as_such_and_not_counted(team: Team) -> None:
    await team.chat.users.deactivate(team.ann)
    cards = {card.user_id: card for card in await team.chat.members.list(team.workspace, actor=team.owner)}
    assert cards[team.ann.id].deactivated
    assert (await team.chat.workspaces.get(team.workspace, actor=team.owner)).member_count == 4


async def test_closing_again_changes_nothing(team: Team) -> None:
    closed = await team.chat.users.deactivate(team.ann)
    seq = await team.seq()
    team.clock.jump(60)
    assert await team.chat.users.deactivate(team.ann) == closed
    assert await team.seq() == seq
    assert (await team.chat.users.reactivate(team.ann)).deactivated_at is None
    after = await stored(team.chat)
    assert (await team.chat.users.reactivate(team.ann)).deactivated_at is None
    assert await stored(team.chat) == after


async def test_who_closes_their_account_leaves_their_huddles(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    seq = await team.seq()
    await team.chat.users.deactivate(team.ann, actor=team.ann)
    assert [type(event) for event in await team.events(seq)] == [HuddleUserLeft, MemberUpdated]
    assert (await team.chat.huddles.get(view.huddle, actor=team.owner)).participants == ()


async def test_an_account_comes_back_to_its_place(team: Team) -> None:
    await team.chat.users.deactivate(team.ann)
    await team.chat.users.reactivate(team.ann)
    assert (await team.say(team.ann, where=team.vault)).user_id == team.ann.id


async def test_an_account_comes_back_to_its_place_after_a_restart(tmp_path: object) -> None:
    """What is remembered from events and what is read from the tables is the same."""
    url = f"sqlite:///{tmp_path}/chat.db"
    async with open_chat(url) as chat:
        owner = await chat.users.create(email="owner@example.org")
        ann = await chat.users.create(email="ann@example.org")
        team = await chat.workspaces.create(name="Team", slug="team", owner=owner)
        await chat.members.add(team, ann)
        room = await chat.channels.create(team, name="room", actor=owner, members=[ann])
        await chat.users.deactivate(ann)
    async with open_chat(url) as chat:
        with pytest.raises(NotFound):
            await chat.messages.send(room, author=ann, content="Hello")
        await chat.users.reactivate(ann)
        await chat.messages.send(room, author=ann, content="Hello")


# --- registering ---------------------------------------------------------------------------------------------------


async def register(chat: Chat, **more: str) -> UserId:
    user = await chat.users.register(
        email="new@example.org", password=PASSWORD, first_name="New", last_name="Comer", **more
    )
    return user.id


async def test_who_registers_can_sign_in(chat: Chat) -> None:
    user_id = await register(chat)
    signed_in = await chat.sessions.sign_in(email="new@example.org", password=PASSWORD)
    assert signed_in.user.id == user_id


async def test_registering_joins_an_open_workspace(team: Team) -> None:
    await team.chat.workspaces.update(team.workspace, actor=team.owner, settings={"openJoin": True})
    user_id = await register(team.chat, workspace_slug="team")
    assert await role_of(team.chat, team.workspace.id, user_id) is Role.MEMBER
    assert await team.chat.messages.send(team.general, author=user_id, content="Hello")


@pytest.mark.parametrize("slug", ["team", "nowhere", "\ud800"])
async def test_registering_for_a_closed_workspace_makes_nothing(team: Team, slug: str) -> None:
    before = await stored(team.chat)
    with pytest.raises(WorkspaceDenied):
        await register(team.chat, workspace_slug=slug)
    assert await stored(team.chat) == before


async def test_registering_by_invite(team: Team) -> None:
    _, token = await team.chat.invites.create(team.workspace, actor=team.admin, role=Role.GUEST)
    user_id = await register(team.chat, invite_token=token)
    assert await role_of(team.chat, team.workspace.id, user_id) is Role.GUEST


@pytest.mark.parametrize("token", ["", "wrong", "\ud800", "x" * 100_000])
async def test_registering_by_a_bad_invite_makes_nothing(team: Team, token: str) -> None:
    before = await stored(team.chat)
    with pytest.raises(NotFound):
        await register(team.chat, invite_token=token)
    assert await stored(team.chat) == before


async def test_registration_may_be_closed_or_by_invite() -> None:
    for mode, advice in (("closed", "operator"), ("invite", "invite link")):
        async with open_chat("memory:", config=Config(registration=mode)) as chat:
            with pytest.raises(Forbidden, match=advice):
                await register(chat)
            assert await chat.users.list() == []


@pytest.mark.parametrize("password", ["", "short", "x" * 10_000])
async def test_a_bad_password_makes_nothing(chat: Chat, password: str) -> None:
    with pytest.raises(ValidationFailed):
        await chat.users.create(email="new@example.org", password=password)
    assert await chat.users.list() == []
