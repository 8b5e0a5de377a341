"""Workspaces over HTTP."""

from typing import Any

import pytest
from tests.chatserver.api import Team


async def test_create_list_and_get(team: Team) -> None:
    body = {"name": "Second", "slug": "second", "description": "another"}
    created = await team.api("POST", "/api/workspaces", body, by=team.stranger)
    assert created.status == 201
    assert created.data["memberCount"] == 1
    assert created.data["role"] == "owner"
    assert created.data["settings"] == {}
    assert (await team.api("GET", "/api/workspaces/second", by=team.stranger)).data == created.data
    mine = await team.api("GET", "/api/workspaces", by=team.stranger)
    assert mine.data["workspaces"] == [
        {"id": created.data["id"], "name": "Second", "slug": "second", "role": "owner", "unreadCount": 0}
    ]
    channels = await team.api("GET", "/api/workspaces/second/channels", by=team.stranger)
    assert [channel["name"] for channel in channels.data["channels"]] == ["general"]


async def test_the_list_counts_what_is_unread(team: Team) -> None:
    await team.say("one", by=team.owner)
    await team.say("two", by=team.owner)
    (mine,) = (await team.api("GET", "/api/workspaces", by=team.member)).data["workspaces"]
    assert mine["unreadCount"] == 2


async def test_a_taken_slug_is_refused(team: Team) -> None:
    refused = await team.api("POST", "/api/workspaces", {"name": "T", "slug": "team"}, by=team.stranger)
    assert (refused.status, refused.code) == (409, "DUPLICATE_RESOURCE")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slug": "x"}, "name"),
        ({"name": "X"}, "slug"),
        ({"name": "X", "slug": "Not A Slug"}, "slug"),
        ({"name": "X", "slug": "x" * 101}, "slug"),
        ({"name": "x" * 201, "slug": "x"}, "name"),
        ({"name": "X", "slug": "x", "description": "y" * 1001}, "description"),
        ({"name": "X", "slug": "x", "description": 5}, "description"),
        ({"name": "X", "slug": "x", "createdBy": "me"}, "createdBy"),
    ],
)
async def test_bad_workspaces_are_refused(team: Team, body: dict[str, Any], field: str) -> None:
    refused = await team.api("POST", "/api/workspaces", body, by=team.stranger)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert field in refused.details
    assert (await team.api("GET", "/api/workspaces", by=team.stranger)).data == {"workspaces": []}


async def test_update_is_for_staff(team: Team) -> None:
    change = {"description": "we make things", "settings": {"openJoin": True, "colour": {"accent": "red"}}}
    refused = await team.api("PUT", "/api/workspaces/team", change, by=team.member)
    assert (refused.status, refused.code) == (403, "INSUFFICIENT_PERMISSIONS")
    changed = await team.api("PUT", "/api/workspaces/team", change, by=team.admin)
    assert changed.status == 200
    assert changed.data["settings"] == change["settings"]
    assert changed.data["name"] == "Team"
    cleared = await team.api("PUT", "/api/workspaces/team", {"description": None}, by=team.admin)
    assert "description" not in cleared.data
    assert cleared.data["settings"] == change["settings"]


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"deeper": value}
    return value


@pytest.mark.parametrize(
    "settings",
    [
        "text",
        ["list"],
        None,
        nested(9),
        nested(200),
        nested(900),
        {str(number): number for number in range(200)},
        {"long": "x" * 20_000},
    ],
)
async def test_settings_stay_within_bounds(team: Team, settings: Any) -> None:
    refused = await team.api("PUT", "/api/workspaces/team", {"settings": settings}, by=team.owner)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert "settings" in refused.details
    assert (await team.api("GET", "/api/workspaces/team", by=team.owner)).data["settings"] == {}


async def test_join_needs_an_open_door(team: Team) -> None:
    closed = await team.api("POST", "/api/workspaces/team/join", by=team.stranger)
    absent = await team.api("POST", "/api/workspaces/nowhere/join", by=team.stranger)
    assert (closed.status, closed.code) == (absent.status, absent.code) == (403, "WORKSPACE_ACCESS_DENIED")
    await team.api("PUT", "/api/workspaces/team", {"settings": {"openJoin": True}}, by=team.owner)
    joined = await team.api("POST", "/api/workspaces/team/join", by=team.stranger)
    assert joined.status == 200
    assert joined.data["role"] == "member"
    assert joined.data["memberCount"] == 5


@pytest.mark.parametrize("slug", ["team", "nowhere", "Not%20A%20Slug", "x" * 300, "%00", "%ff", "..", "%2e%2e"])
async def test_strangers_see_no_workspace(team: Team, slug: str) -> None:
    refused = await team.api("GET", f"/api/workspaces/{slug}", by=team.stranger)
    assert (refused.status, refused.code) == (404, "RESOURCE_NOT_FOUND")
