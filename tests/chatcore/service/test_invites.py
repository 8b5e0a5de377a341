"""Invite links."""

import pytest
from tests.chatcore.service.conftest import Team, role_of, stored

from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.ids import InviteId
from chatcore.model import Role


async def test_an_invite_brings_somebody_in(team: Team) -> None:
    invite, token = await team.chat.invites.create(team.workspace, actor=team.ann, role=Role.GUEST)
    assert token not in str(invite)
    assert (await team.chat.invites.accept(token, actor=team.stranger)).id == team.workspace.id
    assert await role_of(team.chat, team.workspace.id, team.stranger.id) is Role.GUEST
    (listed,) = await team.chat.invites.list(team.workspace, actor=team.ann)
    assert (listed.id, listed.uses) == (invite.id, 1)


async def test_a_member_uses_nothing_up(team: Team) -> None:
    _, token = await team.chat.invites.create(team.workspace, actor=team.owner, role=Role.GUEST, max_uses=1)
    await team.chat.invites.accept(token, actor=team.ann)
    assert await role_of(team.chat, team.workspace.id, team.ann.id) is Role.MEMBER
    await team.chat.invites.accept(token, actor=team.stranger)
    other = await team.user("other", None)
    with pytest.raises(NotFound, match="used up"):
        await team.chat.invites.accept(token, actor=other)


async def test_an_invite_expires(team: Team) -> None:
    _, token = await team.chat.invites.create(team.workspace, actor=team.owner, expires_in=60)
    team.clock.jump(61)
    before = await stored(team.chat)
    with pytest.raises(NotFound, match="ask for a new one"):
        await team.chat.invites.accept(token, actor=team.stranger)
    assert await stored(team.chat) == before


async def test_an_invite_is_revoked_by_who_made_it_and_by_staff(team: Team) -> None:
    for actor in (team.ann, team.admin):
        invite, token = await team.chat.invites.create(team.workspace, actor=team.ann)
        await team.chat.invites.revoke(invite, actor=actor)
        with pytest.raises(NotFound):
            await team.chat.invites.accept(token, actor=team.stranger)
        before = await stored(team.chat)
        await team.chat.invites.revoke(invite, actor=actor)
        assert await stored(team.chat) == before
    assert await team.chat.invites.list(team.workspace, actor=team.owner) == []


async def test_an_invite_that_one_may_not_revoke_is_not_there(team: Team) -> None:
    invite, _ = await team.chat.invites.create(team.workspace, actor=team.ann)
    answers = set()
    for wanted, actor in (
        (invite.id, team.ben),
        (invite.id, team.guest),
        (invite.id, team.stranger),
        (InviteId(team.room.id), team.owner),
    ):
        with pytest.raises(NotFound) as told:
            await team.chat.invites.revoke(wanted, actor=actor)
        answers.add(told.value.message)
    assert len(answers) == 1


async def test_members_see_their_own_staff_sees_all(team: Team) -> None:
    for actor in (team.ann, team.ben):
        await team.chat.invites.create(team.workspace, actor=actor)
    assert [one.created_by for one in await team.chat.invites.list(team.workspace, actor=team.ann)] == [team.ann.id]
    assert len(await team.chat.invites.list(team.workspace, actor=team.admin)) == 2
    with pytest.raises(Forbidden):
        await team.chat.invites.list(team.workspace, actor=team.guest)


@pytest.mark.parametrize(
    ("actor", "role"),
    [("owner", Role.OWNER), ("admin", Role.OWNER), ("ann", Role.ADMIN), ("guest", Role.GUEST)],
)
async def test_no_invite_carries_more_than_its_maker_has(team: Team, actor: str, role: Role) -> None:
    before = await stored(team.chat)
    with pytest.raises(Forbidden):
        await team.chat.invites.create(team.workspace, actor=getattr(team, actor), role=role)
    assert await stored(team.chat) == before


@pytest.mark.parametrize("limits", [{"expires_in": 0}, {"expires_in": 10**12}, {"max_uses": 0}, {"max_uses": 10**9}])
async def test_limits_have_limits(team: Team, limits: dict[str, int]) -> None:
    with pytest.raises(ValidationFailed):
        await team.chat.invites.create(team.workspace, actor=team.owner, **limits)  # type: ignore[arg-type]


@pytest.mark.parametrize("token", ["", "guess", "\ud800\x00", "x" * 1_000_000])
async def test_a_guess_opens_nothing(team: Team, token: str) -> None:
    with pytest.raises(NotFound):
        await team.chat.invites.accept(token, actor=team.stranger)


async def test_a_closed_account_uses_no_invite(team: Team) -> None:
    _, token = await team.chat.invites.create(team.workspace, actor=team.owner, max_uses=1)
    await team.chat.users.deactivate(team.stranger)
    with pytest.raises(NotFound):
        await team.chat.invites.accept(token, actor=team.stranger)
    (invite,) = await team.chat.invites.list(team.workspace, actor=team.owner)
    assert invite.uses == 0
