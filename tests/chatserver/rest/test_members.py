"""Members, roles and presence over HTTP."""

import pytest
from tests.chatserver.api import Team

from chatcore.model import Role

MEMBERS = "/api/workspaces/team/members"


async def test_members_are_listed_page_by_page(team: Team) -> None:
    whole = await team.api("GET", MEMBERS, by=team.guest)
    assert {card["displayName"]: card["role"] for card in whole.data["members"]} == {
        "Owner": "owner",
        "Admin": "admin",
        "Member": "member",
        "Guest": "guest",
    }
    assert whole.data["hasMore"] is False
    found, query = [], "limit=2"
    for _ in range(2):
        page = (await team.api("GET", f"{MEMBERS}?{query}", by=team.member)).data
        found += page["members"]
        query = f"limit=2&after={page.get('nextCursor')}"
    assert found == whole.data["members"]
    assert page["hasMore"] is False
    assert "nextCursor" not in page


async def test_roles_are_changed_by_those_above(team: Team) -> None:
    path = f"{MEMBERS}/{team.guest.id}"
    assert (await team.api("PATCH", path, {"role": "member"}, by=team.member)).status == 403
    changed = await team.api("PATCH", path, {"role": "member"}, by=team.admin)
    assert (changed.status, changed.data["role"]) == (200, "member")
    assert (await team.api("PATCH", path, {"role": "owner"}, by=team.admin)).status == 403
    assert (await team.api("PATCH", f"{MEMBERS}/{team.owner.id}", {"role": "guest"}, by=team.admin)).status == 403


async def test_the_last_owner_stays(team: Team) -> None:
    path = f"{MEMBERS}/{team.owner.id}"
    assert (await team.api("PATCH", path, {"role": "member"}, by=team.owner)).status == 403
    assert (await team.api("DELETE", path, by=team.owner)).status == 403


@pytest.mark.parametrize("body", [{}, {"role": "king"}, {"role": None}, {"role": 1}, {"role": "admin", "x": 1}])
async def test_bad_roles_are_refused(team: Team, body: object) -> None:
    refused = await team.api("PATCH", f"{MEMBERS}/{team.guest.id}", body, by=team.owner)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")


async def test_leaving_and_removing(team: Team) -> None:
    assert (await team.api("DELETE", f"{MEMBERS}/{team.guest.id}", by=team.member)).status == 403
    assert (await team.api("DELETE", f"{MEMBERS}/{team.member.id}", by=team.member)).status == 204
    assert (await team.api("GET", "/api/workspaces/team", by=team.member)).status == 404
    assert (await team.api("DELETE", f"{MEMBERS}/{team.guest.id}", by=team.admin)).status == 204
    assert (await team.api("DELETE", f"{MEMBERS}/{team.guest.id}", by=team.admin)).status == 404


@pytest.mark.parametrize("user_id", ["0b5e3f0a-9a51-4d58-8f5c-3c1c1f6f2a77", "me", "1", "%00"])
async def test_an_unknown_member_is_not_found(team: Team, user_id: str) -> None:
    for method, body in (("PATCH", {"role": "guest"}), ("DELETE", None)):
        refused = await team.api(method, f"{MEMBERS}/{user_id}", body, by=team.owner)
        assert (refused.status, refused.code) == (404, "RESOURCE_NOT_FOUND")


async def test_a_role_below_takes_effect_at_once(team: Team) -> None:
    path = "/api/workspaces/team/channels"
    assert (await team.api("POST", path, {"name": "a", "type": "public"}, by=team.member)).status == 201
    await team.api.chat.members.set_role(team.workspace, team.member.user, Role.GUEST, actor=team.owner.user)
    assert (await team.api("POST", path, {"name": "b", "type": "public"}, by=team.member)).status == 403


async def test_presence_lists_every_member(team: Team) -> None:
    await team.api.chat.presence.connect(team.member.user, "socket-1")
    found = (await team.api("GET", "/api/workspaces/team/presence", by=team.guest)).data["presence"]
    statuses = {each["userId"]: each["status"] for each in found}
    assert statuses.pop(team.member.id) == "online"
    assert set(statuses.values()) == {"offline"}
    assert len(statuses) == 3
    assert (await team.api("GET", "/api/workspaces/team/presence", by=team.stranger)).status == 404
