"""Workspaces."""

import pytest
from tests.chatcore.service.conftest import Team, role_of, stored

from chatcore.chat import Chat
from chatcore.errors import Duplicate, Forbidden, NotFound, ValidationFailed, WorkspaceDenied
from chatcore.events import ChannelCreated, MemberJoined, WorkspaceUpdated
from chatcore.model import Role


async def test_its_maker_owns_it(chat: Chat) -> None:
    user = await chat.users.create(email="owner@example.org")
    made = await chat.workspaces.create(name=" Team ", slug="team", owner=user, description="Ours")
    assert (made.name, made.slug, made.description, made.settings) == ("Team", "team", "Ours", {})
    view = await chat.workspaces.get(made, actor=user)
    assert (view.workspace, view.member_count, view.role) == (made, 1, Role.OWNER)
    assert await chat.channels.list(made, actor=user) == []
    log = await chat.storage.read(lambda tx: tx.events.since(made.id, 0, limit=10))
    assert [type(envelope.event) for envelope in log] == [MemberJoined]


async def test_it_may_come_with_a_general_channel(chat: Chat) -> None:
    user = await chat.users.create(email="owner@example.org")
    made = await chat.workspaces.create(name="Team", slug="team", owner=user.id, general=True)
    (general,) = await chat.channels.list(made, actor=user)
    assert (general.channel.name, general.joined) == ("general", True)
    log = await chat.storage.read(lambda tx: tx.events.since(made.id, 0, limit=10))
    assert [type(envelope.event) for envelope in log] == [MemberJoined, ChannelCreated]


async def test_a_slug_is_taken_once(team: Team) -> None:
    before = await stored(team.chat)
    with pytest.raises(Duplicate, match="choose another"):
        await team.chat.workspaces.create(name="Other", slug="team", owner=team.stranger)
    assert await stored(team.chat) == before


async def test_a_slug_leads_its_members_there(team: Team) -> None:
    assert await team.chat.workspaces.resolve("team", actor=team.guest) == team.workspace.id
    assert (await team.chat.workspaces.by_slug("team")).id == team.workspace.id


@pytest.mark.parametrize("slug", ["team", "nowhere", "", "\ud800", "ünï", "x" * 10_000])
async def test_a_slug_leads_nobody_else_anywhere(team: Team, slug: str) -> None:
    with pytest.raises(NotFound) as told:
        await team.chat.workspaces.resolve(slug, actor=team.stranger)
    assert (told.value.message, told.value.details) == (NotFound.of("workspace").message, {})


async def test_it_is_listed_to_its_members(team: Team) -> None:
    await team.say(team.owner, where=team.general)
    ((summary),) = await team.chat.workspaces.list(actor=team.guest)
    assert (summary.workspace.id, summary.role, summary.unread_count) == (team.workspace.id, Role.GUEST, 1)
    assert await team.chat.workspaces.list(actor=team.stranger) == []
    assert [one.id for one in await team.chat.workspaces.all()] == [team.workspace.id]


async def test_staff_changes_it(team: Team) -> None:
    seq = await team.seq()
    changed = await team.chat.workspaces.update(
        team.workspace, actor=team.admin, name="Crew", description=None, settings={"openJoin": True, "theme": "dark"}
    )
    assert (changed.name, changed.settings) == ("Crew", {"openJoin": True, "theme": "dark"})
    (event,) = await team.events(seq)
    assert isinstance(event, WorkspaceUpdated)
    assert event.workspace == changed
    entry = (await team.chat.audit.list(team.workspace, actor=team.owner))[0]
    assert (entry.action, entry.actor_id) == ("workspace.updated", team.admin.id)
    assert entry.details == {"fields": ["description", "name", "settings"]}


async def test_others_do_not(team: Team) -> None:
    before = await stored(team.chat)
    for actor in (team.ann, team.guest):
        with pytest.raises(Forbidden):
            await team.chat.workspaces.update(team.workspace, actor=actor, name="Mine")
    with pytest.raises(NotFound):
        await team.chat.workspaces.update(team.workspace, actor=team.stranger, name="Mine")
    assert await stored(team.chat) == before


# --- joining -------------------------------------------------------------------------------------------------------


async def test_an_open_one_is_joined_by_anybody(team: Team) -> None:
    await team.chat.workspaces.update(team.workspace, actor=team.owner, settings={"openJoin": True})
    assert (await team.chat.workspaces.join("team", actor=team.stranger)).id == team.workspace.id
    assert await role_of(team.chat, team.workspace.id, team.stranger.id) is Role.MEMBER
    await team.say(team.stranger, where=team.general)


async def test_who_is_a_member_stays_what_they_are(team: Team) -> None:
    seq = await team.seq()
    await team.chat.workspaces.join("team", actor=team.owner)
    assert await role_of(team.chat, team.workspace.id, team.owner.id) is Role.OWNER
    assert await team.seq() == seq


@pytest.mark.parametrize("slug", ["team", "nowhere", "", "\ud800"])
async def test_a_closed_one_is_as_closed_as_none(team: Team, slug: str) -> None:
    before = await stored(team.chat)
    with pytest.raises(WorkspaceDenied) as told:
        await team.chat.workspaces.join(slug, actor=team.stranger)
    assert told.value.message == "That workspace is not open: ask a member for an invite link."
    assert await stored(team.chat) == before


async def test_a_closed_account_joins_nothing(team: Team) -> None:
    await team.chat.workspaces.update(team.workspace, actor=team.owner, settings={"openJoin": True})
    await team.chat.users.deactivate(team.stranger)
    with pytest.raises(NotFound):
        await team.chat.workspaces.join("team", actor=team.stranger)


async def test_only_a_boolean_opens(team: Team) -> None:
    for value in (1, "true", None, [True]):
        with pytest.raises(ValidationFailed):
            await team.chat.workspaces.update(team.workspace, actor=team.owner, settings={"openJoin": value})
