"""Huddles over HTTP."""

import base64
import hmac
import uuid
from typing import Any

import pytest
from tests.chatserver.api import Team

from chatcore.config import Config
from chatserver.huddle_figures import show_huddles
from chatserver.meter import Meter


@pytest.fixture
def config() -> Config:
    """Without what carries media: it goes from peer to peer."""
    return Config(database_url="memory:", rate_limits="off", voice="off")


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
    assert (joined.data["topology"], joined.data["deviceId"]) == ("mesh", "main")
    for person in (team.owner, team.member):
        assert (await team.api("DELETE", f"{path}/leave", by=person)).status == 204
    empty = await team.api("GET", path, by=team.member)
    assert (empty.data["status"], empty.data["participants"]) == ("active", []), "somebody may come back"
    second = await start(team)
    ended = await team.api("GET", path, by=team.member)
    assert (ended.data["status"], ended.data["participants"]) == ("ended", [])
    assert ended.data["endedAt"]
    assert (await team.api("POST", f"{path}/join", by=team.member)).status == 403
    assert (await team.api("GET", active, by=team.member)).data["id"] == second["id"]


async def test_those_in_a_huddle(team: Team) -> None:
    huddle = await start(team)
    path = f"/api/huddles/{huddle['id']}"
    await team.api("POST", f"{path}/join", {"deviceId": "phone"}, by=team.member)
    mine = {"muted": True, "camera": True, "sharing": False, "handRaised": True, "speaking": True}
    state = await team.api("PATCH", f"{path}/state", mine, by=team.member)
    assert (state.status, state.data["userId"], state.data["handRaised"]) == (200, team.member.id, True)
    (_, shown) = (await team.api("GET", path, by=team.owner)).data["participants"]
    assert {name: shown[name] for name in ("muted", "camera", "sharing", "handRaised", "devices")} == {
        "muted": True,
        "camera": True,
        "sharing": False,
        "handRaised": True,
        "devices": ["phone"],
    }
    person = f"{path}/participants/{team.member.id}"
    assert (await team.api("POST", f"{person}/mute", by=team.member)).status == 403
    assert (await team.api("POST", f"{person}/mute", by=team.owner)).data["muted"] is True
    assert (await team.api("PUT", f"{path}/videos", {"videos": []}, by=team.member)).status == 204
    assert (await team.api("GET", f"{path}/stats", by=team.member)).data == {"huddleId": huddle["id"], "legs": []}
    assert (await team.api("POST", f"{path}/ring", {}, by=team.member)).status == 403
    renamed = await team.api("PATCH", path, {"title": "Tea"}, by=team.owner)
    assert (renamed.data["title"], renamed.data["mode"]) == ("Tea", "auto")
    sfu = await team.api("PATCH", path, {"mode": "sfu"}, by=team.owner)
    assert (sfu.status, sfu.details) == (400, {"mode": "this server has no voice plugin: use mesh or auto"})
    assert (await team.api("DELETE", person, by=team.owner)).status == 204
    assert (await team.api("POST", f"{path}/join", by=team.member)).status == 403


async def test_ringing_in_a_direct_message(team: Team) -> None:
    opened = await team.api("POST", "/api/workspaces/team/directs", {"userIds": [team.member.id]}, by=team.owner)
    huddle = await team.api("POST", f"/api/channels/{opened.data['id']}/huddles", {}, by=team.owner)
    path = f"/api/huddles/{huddle.data['id']}"
    assert (await team.api("POST", f"{path}/ring", {}, by=team.owner)).data == {"ringing": [team.member.id]}
    assert (await team.api("POST", f"{path}/decline", by=team.member)).status == 204


async def test_what_goes_on_is_in_the_metrics(team: Team) -> None:
    await start(team)
    meter = Meter()
    show_huddles(meter, team.api.chat)
    metrics = meter.exposition()[0].decode()
    assert "\nchatcore_huddle_devices 1.0\n" in metrics
    for name in ("chatcore_huddles", "chatcore_huddle_devices", "chatcore_voice_seats", "chatcore_voice_packets_lost"):
        assert f"# HELP {name} " in metrics


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


class TestWithTurn:
    @pytest.fixture
    def config(self) -> Config:
        return Config(
            database_url="memory:",
            rate_limits="off",
            turn_server_url="turn:turn.example.org:3478,turns:turn.example.org:5349",
            turn_secret="between us",
        )

    async def test_credentials_are_for_the_caller_and_for_a_while(self, team: Team) -> None:
        answer = await team.api("GET", "/api/ice-servers", by=team.member)
        servers = answer.data["iceServers"]
        assert [each["urls"] for each in servers] == [
            "turn:turn.example.org:3478?transport=udp",
            "turn:turn.example.org:3478?transport=tcp",
            "turns:turn.example.org:5349",
        ]
        expiry, _, user_id = servers[0]["username"].partition(":")
        assert user_id == team.member.id
        assert 0 < int(expiry) - team.api.chat.clock.now().timestamp() <= 24 * 3600
        digest = hmac.digest(b"between us", servers[0]["username"].encode(), "sha1")
        assert servers[0]["credential"] == base64.b64encode(digest).decode()
        huddle = await start(team)
        joined = await team.api("POST", f"/api/huddles/{huddle['id']}/join", {}, by=team.member)
        handed = joined.data["iceServers"]
        assert [each["urls"] for each in handed] == [each["urls"] for each in servers]
        later, _, user_id = handed[0]["username"].partition(":")
        assert user_id == team.member.id
        assert 0 <= int(later) - int(expiry) < 60, "they begin when they are asked for"
        assert (await team.api("GET", "/api/ice-servers")).status == 401
