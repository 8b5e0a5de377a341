"""The audit log."""

import pytest
from tests.chatcore.service.conftest import Team

from chatcore.errors import Forbidden, NotFound, ValidationFailed


async def test_it_tells_who_did_what_newest_first(team: Team) -> None:
    entry = await team.chat.audit.record(
        "backup.made", actor=team.owner, workspace=team.workspace, target=team.room.id, details={"size": 5}
    )
    found = await team.chat.audit.list(team.workspace, actor=team.admin)
    assert found[0] == entry
    assert (entry.action, entry.actor_id, entry.target, entry.details) == (
        "backup.made",
        team.owner.id,
        team.room.id,
        {"size": 5},
    )
    assert found[-1].action == "workspace.created"
    assert await team.chat.audit.list(team.workspace, actor=team.owner, limit=1) == [entry]


async def test_it_is_for_owners_and_admins_of_that_workspace(team: Team) -> None:
    await team.chat.audit.record("server.started")
    other = await team.chat.workspaces.create(name="Other", slug="other", owner=team.stranger)
    assert [entry.action for entry in await team.chat.audit.list(other, actor=team.stranger)] == ["workspace.created"]
    for actor in (team.ann, team.guest):
        with pytest.raises(Forbidden):
            await team.chat.audit.list(team.workspace, actor=actor)
    with pytest.raises(NotFound):
        await team.chat.audit.list(team.workspace, actor=team.stranger)


@pytest.mark.parametrize("limit", [0, -1, 501, 10**30])
async def test_a_list_has_its_size(team: Team, limit: int) -> None:
    with pytest.raises(ValidationFailed):
        await team.chat.audit.list(team.workspace, actor=team.owner, limit=limit)
