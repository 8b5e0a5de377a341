"""Huddles over HTTP."""

import uuid
from typing import Any

import pytest
from tests.chatserver.api import Team

from chatcore.config import Config


async def start(team: Team, **body: Any) -> Any:
    answer = await team.api("POST", f"/api/channels/{team.general.id}/huddles", body, by=team.owner)
    assert answer.status == 201, answer.text
    return answer.data


async def test_the_life_of_a_huddle(team: Team) -> None:
    active = f"/api/channels/{team.general.id}/huddles/active"
    assert (await team.api("GET", active, by=team.member)).status == 404
    huddle = await start(team, title="Stand-up")
    assert huddle["title"] == "Stand-up"
    assert huddle["status"] == "active"
    assert huddle["startedBy"] == {"displayName": "Owner"}
    (first,) = huddle["participants"]
    assert (first["userId"], first["displayName"], first["isSpeaking"]) == (team.owner.id, "Owner", False)
    assert (await team.api("GET", active, by=team.member)).data == huddle
    (general,) = (await team.api("GET", "/api/workspaces/team/channels", by=team.member)).data["channels"]
    assert general["isHuddleActive"] is True
    path = f"/api/huddles/{huddle['id']}"
    joined = await team.api("POST", f"{path}/join", {}, by=team.member)
    assert joined.status == 200
    assert joined.data["iceServers"] == []
    assert [each["userId"] for each in joined.data["participants"]] == [team.owner.id, team.member.id]
    for person in (team.owner, team.member):
        assert (await team.api("DELETE", f"{path}/leave", by=person)).status == 204
    ended = await team.api("GET", path, by=team.member)
    assert (ended.data["status"], ended.data["participants"]) == ("ended", [])
    assert ended.data["endedAt"]
    assert (await team.api("POST", f"{path}/join", by=team.member)).status == 403
    assert (await team.api("GET", active, by=team.member)).status == 404


async def test_a_channel_has_one_huddle_at_a_time(team: Team) -> None:
    huddle = await start(team)
    second = await team.api("POST", f"/api/channels/{team.general.id}/huddles", by=team.member)
    assert (second.status, second.code) == (409, "DUPLICATE_RESOURCE")
    assert second.details == {"huddleId": huddle["id"]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"mode": "telepathy"}, "mode"),
        ({"settings": {}}, "settings"),
    ],
)
async def test_bad_huddles_are_refused(team: Team, body: dict[str, Any], field: str) -> None:
    refused = await team.api("POST", f"/api/channels/{team.general.id}/huddles", body, by=team.owner)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert field in refused.details


@pytest.mark.parametrize(
    "offer",
    ["v=0", {}, {"type": "offer"}, {"type": "call", "sdp": "v=0"}, {"type": "offer", "sdp": 0}],
)
async def test_bad_offers_are_refused(team: Team, offer: Any) -> None:
    huddle = await start(team)
    refused = await team.api("POST", f"/api/huddles/{huddle['id']}/join", {"offer": offer}, by=team.member)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert all(path.startswith("offer") for path in refused.details)


async def test_a_huddle_one_may_not_hear_is_the_same_as_none(team: Team) -> None:
    huddle = await start(team)
    for method, path in (("GET", ""), ("POST", "/join"), ("DELETE", "/leave")):
        there = await team.api(method, f"/api/huddles/{huddle['id']}{path}", by=team.stranger)
        absent = await team.api(method, f"/api/huddles/{uuid.uuid4()}{path}", by=team.stranger)
        assert there.status == absent.status == 404
        assert there.data["error"]["message"] == absent.data["error"]["message"]


class TestWithStun:
    @pytest.fixture
    def config(self) -> Config:
        return Config(database_url="memory:", rate_limits="off", stun_server_url="stun:stun.example.org:3478")

    async def test_the_configured_server_is_named(self, team: Team) -> None:
        huddle = await start(team)
        joined = await team.api("POST", f"/api/huddles/{huddle['id']}/join", by=team.member)
        assert joined.data["iceServers"] == [{"urls": "stun:stun.example.org:3478"}]
