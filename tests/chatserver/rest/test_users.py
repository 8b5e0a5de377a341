"""The signed-in person over HTTP."""

from typing import Any

import pytest
from tests.chatserver.api import Team


async def test_me(team: Team) -> None:
    me = await team.api("GET", "/api/users/me", by=team.member)
    assert me.status == 200
    assert me.data["id"] == team.member.id
    assert me.data["email"] == "member@example.org"
    assert me.data["isBot"] is False
    assert "avatarUrl" not in me.data


async def test_a_profile_is_changed_field_by_field(team: Team) -> None:
    first = await team.api("PATCH", "/api/users/me", {"firstName": "Ada", "lastName": "L"}, by=team.member)
    assert (first.data["firstName"], first.data["lastName"]) == ("Ada", "L")
    picture = {"avatarUrl": "https://example.org/ada.png"}
    second = await team.api("PATCH", "/api/users/me", picture, by=team.member)
    assert second.data["firstName"] == "Ada"
    assert second.data["avatarUrl"] == picture["avatarUrl"]
    third = await team.api("PATCH", "/api/users/me", {"avatarUrl": None}, by=team.member)
    assert "avatarUrl" not in third.data
    assert third.data["displayName"] == "Member"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"displayName": ""}, "displayName"),
        ({"displayName": "   "}, "displayName"),
        ({"displayName": None}, "displayName"),
        ({"displayName": "x" * 201}, "displayName"),
        ({"displayName": "a\u202egnp.exe"}, "displayName"),
        ({"firstName": "tab\there"}, "firstName"),
        ({"avatarUrl": "javascript:alert(1)"}, "avatarUrl"),
        ({"avatarUrl": "https://x/" + "y" * 500}, "avatarUrl"),
        ({"email": "new@example.org"}, "email"),
        ({"isBot": True}, "isBot"),
    ],
)
async def test_bad_profiles_are_refused(team: Team, body: dict[str, Any], field: str) -> None:
    refused = await team.api("PATCH", "/api/users/me", body, by=team.member)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert field in refused.details


async def test_nobody_is_nobody(team: Team) -> None:
    for method in ("GET", "PATCH"):
        refused = await team.api(method, "/api/users/me")
        assert (refused.status, refused.code) == (401, "UNAUTHORIZED")
