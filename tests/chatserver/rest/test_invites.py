"""Invite links over HTTP."""

from typing import Any

import pytest
from tests.chatserver.api import Team

from chatcore.config import Config

INVITES = "/api/workspaces/team/invites"


async def test_an_invite_lets_somebody_in_as_often_as_it_says(team: Team) -> None:
    body = {"role": "guest", "expiresIn": 3600, "maxUses": 1}
    made = await team.api("POST", INVITES, body, by=team.admin, headers={"Host": "chat.example.org"})
    assert made.status == 201
    assert made.data["role"] == "guest"
    assert made.data["maxUses"] == 1
    assert made.data["url"] == f"http://chat.example.org/invite/{made.data['token']}"
    accept = f"/api/invites/{made.data['token']}/accept"
    joined = await team.api("POST", accept, by=team.stranger)
    assert (joined.status, joined.data["role"], joined.data["slug"]) == (200, "guest", "team")
    late = await team.api.person("late")
    refused = await team.api("POST", accept, by=late)
    assert (refused.status, refused.code) == (404, "RESOURCE_NOT_FOUND")


async def test_invites_are_listed_and_revoked(team: Team) -> None:
    first = await team.api("POST", INVITES, {}, by=team.member)
    second = await team.api("POST", INVITES, {"expiresIn": None, "maxUses": None}, by=team.owner)
    listed = await team.api("GET", INVITES, by=team.owner)
    assert {found["id"] for found in listed.data["invites"]} == {first.data["id"], second.data["id"]}
    assert not any("token" in found for found in listed.data["invites"])
    own = await team.api("GET", INVITES, by=team.member)
    assert [found["id"] for found in own.data["invites"]] == [first.data["id"]]
    assert (await team.api("DELETE", f"/api/invites/{second.data['id']}", by=team.member)).status == 404
    assert (await team.api("DELETE", f"/api/invites/{second.data['id']}", by=team.stranger)).status == 404
    assert (await team.api("DELETE", f"/api/invites/{first.data['id']}", by=team.member)).status == 204
    gone = await team.api("POST", f"/api/invites/{first.data['token']}/accept", by=team.stranger)
    assert gone.status == 404


async def test_who_may_invite_whom(team: Team) -> None:
    assert (await team.api("POST", INVITES, {}, by=team.guest)).status == 403
    assert (await team.api("POST", INVITES, {}, by=team.stranger)).status == 404
    assert (await team.api("POST", INVITES, {"role": "admin"}, by=team.member)).status == 403
    assert (await team.api("POST", INVITES, {"role": "owner"}, by=team.owner)).status == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "king"}, "role"),
        ({"expiresIn": 0}, "expiresIn"),
        ({"expiresIn": 3.5}, "expiresIn"),
        ({"expiresIn": True}, "expiresIn"),
        ({"expiresIn": 10**9}, "expiresIn"),
        ({"maxUses": -1}, "maxUses"),
        ({"maxUses": "2"}, "maxUses"),
        ({"token": "mine"}, "token"),
    ],
)
async def test_bad_invites_are_refused(team: Team, body: dict[str, Any], field: str) -> None:
    refused = await team.api("POST", INVITES, body, by=team.owner)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert field in refused.details


@pytest.mark.parametrize("token", ["nonsense", "%00", "a%20b", "x" * 5000])
async def test_an_unknown_token_is_not_found(team: Team, token: str) -> None:
    refused = await team.api("POST", f"/api/invites/{token}/accept", by=team.stranger)
    assert (refused.status, refused.code) == (404, "RESOURCE_NOT_FOUND")


class TestBehindProxy:
    @pytest.fixture
    def config(self) -> Config:
        return Config(database_url="memory:", rate_limits="off", trusted_proxies=("192.0.2.0/24",))

    async def test_the_link_has_the_scheme_that_people_use(self, team: Team) -> None:
        headers = {"Host": "chat.example.org", "X-Forwarded-Proto": "https"}
        made = await team.api("POST", INVITES, {}, by=team.owner, headers=headers)
        assert made.data["url"].startswith("https://chat.example.org/invite/")
