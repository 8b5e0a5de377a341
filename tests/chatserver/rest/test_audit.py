"""The audit log over HTTP."""

import pytest
from tests.chatserver.api import Team

AUDIT = "/api/workspaces/team/audit"


async def test_staff_read_who_did_what_newest_first(team: Team) -> None:
    await team.api("PATCH", f"/api/workspaces/team/members/{team.guest.id}", {"role": "member"}, by=team.owner)
    entries = (await team.api("GET", AUDIT, by=team.admin)).data["entries"]
    assert entries[0]["action"] == "member.role_changed"
    assert entries[0]["actorId"] == team.owner.id
    assert entries[0]["target"] == team.guest.id
    assert entries[0]["details"] == {"from": "guest", "to": "member"}
    assert entries[-1]["action"] == "workspace.created"
    assert len((await team.api("GET", f"{AUDIT}?limit=1", by=team.owner)).data["entries"]) == 1


@pytest.mark.parametrize(("who", "status"), [("member", 403), ("guest", 403), ("stranger", 404)])
async def test_nobody_else_does(team: Team, who: str, status: int) -> None:
    assert (await team.api("GET", AUDIT, by=getattr(team, who))).status == status
    assert (await team.api("GET", AUDIT)).status == 401
