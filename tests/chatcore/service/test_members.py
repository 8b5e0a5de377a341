"""Members of a workspace and their roles."""

import pytest
from tests.chatcore.service.conftest import Team, role_of, stored

from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.events import HuddleUserLeft, MemberJoined, MemberLeft, MemberUpdated
from chatcore.ids import UserId
from chatcore.model import Role


async def test_they_are_listed_page_by_page(team: Team) -> None:
    everybody = await team.chat.members.list(team.workspace, actor=team.guest)
    assert [card.user_id for card in everybody] == sorted(
        user.id for user in (team.owner, team.admin, team.ann, team.ben, team.guest)
    )
    paged: list[UserId] = []
    while page := await team.chat.members.list(
        team.workspace, actor=team.guest, after=paged[-1] if paged else None, limit=2
    ):
        paged += [card.user_id for card in page]
    assert paged == [card.user_id for card in everybody]


@pytest.mark.parametrize("limit", [0, -1, 101, 10**30])
async def test_a_page_has_its_size(team: Team, limit: int) -> None:
    with pytest.raises(ValidationFailed):
        await team.chat.members.list(team.workspace, actor=team.owner, limit=limit)


@pytest.mark.parametrize("after", ["", "x", "\ud800", "x" * 100_000])
async def test_a_page_begins_after_a_user(team: Team, after: str) -> None:
    with pytest.raises(ValidationFailed):
        await team.chat.members.list(team.workspace, actor=team.owner, after=UserId(after))


# --- coming --------------------------------------------------------------------------------------------------------


async def test_a_newcomer_is_in_general(team: Team) -> None:
    seq = await team.seq()
    card = await team.chat.members.add(team.workspace, team.stranger, actor=team.admin)
    assert (card.user_id, card.role) == (team.stranger.id, Role.MEMBER)
    joined = await team.events(seq)
    assert [type(event) for event in joined] == [MemberJoined, MemberJoined]
    assert [event.channel and event.channel.name for event in joined if isinstance(event, MemberJoined)] == [
        None,
        "general",
    ]
    await team.say(team.stranger, where=team.general)


async def test_a_member_stays_what_they_are(team: Team) -> None:
    seq = await team.seq()
    card = await team.chat.members.add(team.workspace, team.owner, role=Role.GUEST)
    assert card.role is Role.OWNER
    assert await team.seq() == seq


async def test_who_may_add(team: Team) -> None:
    before = await stored(team.chat)
    for actor, error in ((team.ann, Forbidden), (team.guest, Forbidden), (team.stranger, NotFound)):
        with pytest.raises(error):
            await team.chat.members.add(team.workspace, team.stranger, actor=actor)
    with pytest.raises(Forbidden, match="above your own"):
        await team.chat.members.add(team.workspace, team.stranger, role=Role.OWNER, actor=team.admin)
    with pytest.raises(NotFound):
        await team.chat.members.add(team.workspace, UserId(team.room.id))
    assert await stored(team.chat) == before


# --- roles ---------------------------------------------------------------------------------------------------------


async def test_a_role_is_changed_and_told(team: Team) -> None:
    seq = await team.seq()
    card = await team.chat.members.set_role(team.workspace, team.ann, Role.ADMIN, actor=team.owner)
    assert card.role is Role.ADMIN
    (event,) = await team.events(seq)
    assert isinstance(event, MemberUpdated)
    assert event.member == card
    entry = (await team.chat.audit.list(team.workspace, actor=team.ann))[0]
    assert (entry.action, entry.target, entry.details) == (
        "member.role_changed",
        team.ann.id,
        {"from": "member", "to": "admin"},
    )


async def test_the_same_role_again_is_no_news(team: Team) -> None:
    before = await stored(team.chat)
    await team.chat.members.set_role(team.workspace, team.ann, Role.MEMBER, actor=team.owner)
    assert await stored(team.chat) == before


async def test_a_guest_sees_less_at_once(team: Team) -> None:
    await team.say(team.ben, where=team.general)
    assert await team.chat.channels.get(team.room, actor=team.ben)
    await team.chat.members.set_role(team.workspace, team.ben, Role.GUEST, actor=team.owner)
    with pytest.raises(NotFound):
        await team.chat.channels.get(team.room, actor=team.ben)
    await team.say(team.ben, where=team.general)


@pytest.mark.parametrize(
    ("actor", "user", "role"),
    [
        ("ann", "ben", Role.GUEST),
        ("guest", "guest", Role.OWNER),
        ("admin", "owner", Role.MEMBER),
        ("admin", "admin", Role.OWNER),
        ("owner", "owner", Role.MEMBER),
    ],
)
async def test_roles_are_protected(team: Team, actor: str, user: str, role: Role) -> None:
    before = await stored(team.chat)
    with pytest.raises(Forbidden):
        await team.chat.members.set_role(team.workspace, getattr(team, user), role, actor=getattr(team, actor))
    assert await stored(team.chat) == before


async def test_the_last_owner_whose_account_is_open_stays(team: Team) -> None:
    await team.chat.members.set_role(team.workspace, team.ann, Role.OWNER, actor=team.owner)
    await team.chat.users.deactivate(team.ann)
    with pytest.raises(Forbidden, match="needs an owner"):
        await team.chat.members.set_role(team.workspace, team.owner, Role.MEMBER, actor=team.owner)
    with pytest.raises(Forbidden, match="needs an owner"):
        await team.chat.members.remove(team.workspace, team.owner, actor=team.owner)
    await team.chat.users.reactivate(team.ann)
    await team.chat.members.set_role(team.workspace, team.owner, Role.MEMBER, actor=team.owner)


# --- going ---------------------------------------------------------------------------------------------------------


async def test_who_is_removed_loses_everything(team: Team) -> None:
    await team.chat.huddles.start(team.room, actor=team.ann)
    seq = await team.seq()
    await team.chat.members.remove(team.workspace, team.ann, actor=team.admin)
    assert [type(event) for event in await team.events(seq)] == [HuddleUserLeft, MemberLeft]
    assert await role_of(team.chat, team.workspace.id, team.ann.id) is None
    assert not await team.chat.storage.read(lambda tx: tx.channel_members.find(user_id=team.ann.id))
    with pytest.raises(NotFound):
        await team.say(team.ann)
    assert (await team.chat.channels.get(team.room, actor=team.ben)).members


async def test_who_comes_back_begins_anew(team: Team) -> None:
    await team.chat.members.remove(team.workspace, team.ann, actor=team.ann)
    await team.chat.members.add(team.workspace, team.ann)
    with pytest.raises(NotFound):
        await team.say(team.ann, where=team.vault)
    joined = {one.channel.name for one in await team.chat.channels.list(team.workspace, actor=team.ann) if one.joined}
    assert joined == {"general"}


async def test_who_comes_back_gets_their_direct_message_back(team: Team) -> None:
    await team.say(team.ben, "Are you there?", team.direct)
    await team.chat.members.remove(team.workspace, team.ann, actor=team.ann)
    await team.chat.members.add(team.workspace, team.ann)
    channel, created = await team.chat.channels.direct(team.workspace, [team.ben], actor=team.ann)
    assert (channel, created) == (team.direct, False)
    await team.say(team.ann, "Again", team.direct)
    page = await team.chat.messages.history(team.direct, actor=team.ann)
    assert [message.content for message in page.messages] == ["Again", "Are you there?"]


@pytest.mark.parametrize(
    ("actor", "user", "error"),
    [
        ("ann", "ben", Forbidden),
        ("admin", "owner", Forbidden),
        ("owner", "owner", Forbidden),
        ("owner", "stranger", NotFound),
        ("stranger", "ann", NotFound),
        ("stranger", "stranger", NotFound),
    ],
)
async def test_who_cannot_be_removed(team: Team, actor: str, user: str, error: type[Exception]) -> None:
    before = await stored(team.chat)
    with pytest.raises(error):
        await team.chat.members.remove(team.workspace, getattr(team, user), actor=getattr(team, actor))
    assert await stored(team.chat) == before
