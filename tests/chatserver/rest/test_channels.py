"""Channels, direct messages and read markers over HTTP."""

import uuid
from typing import Any

import pytest
from tests.chatserver.api import Team

from chatcore.events import MessageReceived
from chatcore.model import Position

CHANNELS = "/api/workspaces/team/channels"
DIRECTS = "/api/workspaces/team/directs"


async def test_create_get_and_list(team: Team) -> None:
    body = {"name": "plans", "type": "private", "description": "hush", "members": [team.member.id]}
    created = await team.api("POST", CHANNELS, body, by=team.owner)
    assert created.status == 201
    assert (created.data["name"], created.data["type"], created.data["description"]) == ("plans", "private", "hush")
    assert {card["userId"] for card in created.data["members"]} == {team.owner.id, team.member.id}
    assert {"userId", "displayName", "role"} <= created.data["members"][0].keys()
    path = f"/api/channels/{created.data['id']}"
    assert (await team.api("GET", path, by=team.member)).data == created.data
    assert (await team.api("GET", path, by=team.admin)).status == 404
    names = [each["name"] for each in (await team.api("GET", CHANNELS, by=team.admin)).data["channels"]]
    assert names == ["general"]


async def test_the_list_shows_what_is_new(team: Team) -> None:
    await team.say("hello", by=team.owner)
    last = await team.say(f"<@{team.member.id}> look", by=team.owner)
    (general,) = (await team.api("GET", CHANNELS, by=team.member)).data["channels"]
    assert general["unreadCount"] == 2
    assert general["mentionCount"] == 1
    assert general["joined"] is True
    assert general["isHuddleActive"] is False
    assert general["lastMessage"] == {
        "content": last["content"],
        "timestamp": last["createdAt"],
        "user": {"displayName": "Owner"},
    }


async def test_the_list_says_which_events_it_shows(team: Team) -> None:
    await team.say("counted", by=team.owner)
    listed = (await team.api("GET", CHANNELS, by=team.member)).data
    await team.say("not counted", by=team.owner)
    since = Position(epoch=listed["epoch"], seq=listed["seq"])
    async with team.api.chat.subscribe(team.member.user, team.workspace, since=since) as events:
        event = await anext(events)
    assert isinstance(event, MessageReceived)
    assert event.message.content == "not counted"
    assert listed["channels"][0]["unreadCount"] == 1


async def test_reading_moves_the_marker(team: Team) -> None:
    first = await team.say("one", by=team.owner)
    await team.say("two", by=team.owner)
    path = f"/api/channels/{team.general.id}/read"
    moved = await team.api("PUT", path, {"messageId": first["id"]}, by=team.member)
    assert (moved.status, moved.data["unreadCount"], moved.data["messageId"]) == (200, 1, first["id"])
    (general,) = (await team.api("GET", CHANNELS, by=team.member)).data["channels"]
    assert (general["unreadCount"], general["lastReadMessageId"]) == (1, first["id"])
    other = await team.channel("other")
    foreign = await team.say("elsewhere", by=team.owner, channel=other)
    assert (await team.api("PUT", path, {"messageId": foreign["id"]}, by=team.member)).status == 404
    assert (await team.api("PUT", path, {}, by=team.member)).status == 400


async def test_update_archive_and_back(team: Team) -> None:
    channel = await team.channel("news")
    path = f"/api/channels/{channel}"
    assert (await team.api("PATCH", path, {"name": "olds"}, by=team.member)).status == 403
    changed = await team.api("PATCH", path, {"name": "olds", "type": "private", "settings": {"a": 1}}, by=team.owner)
    assert (changed.data["name"], changed.data["type"], changed.data["settings"]) == ("olds", "private", {"a": 1})
    archived = await team.api("POST", f"{path}/archive", by=team.owner)
    assert archived.data["archivedAt"]
    assert (await team.api("PATCH", path, {"name": "x"}, by=team.owner)).status == 403
    back = await team.api("PATCH", path, {"archived": False}, by=team.owner)
    assert back.status == 200
    assert "archivedAt" not in back.data


async def test_general_belongs_to_everyone(team: Team) -> None:
    path = f"/api/channels/{team.general.id}"
    for method, where, body in (
        ("PATCH", path, {"name": "mine"}),
        ("PATCH", path, {"type": "private"}),
        ("POST", f"{path}/archive", None),
        ("POST", f"{path}/leave", None),
        ("DELETE", f"{path}/members/{team.guest.id}", None),
    ):
        assert (await team.api(method, where, body, by=team.owner)).status == 403


async def test_names_are_taken_once(team: Team) -> None:
    await team.channel("plans")
    taken = await team.api("POST", CHANNELS, {"name": "plans", "type": "private"}, by=team.member)
    assert (taken.status, taken.code) == (409, "DUPLICATE_RESOURCE")
    other = await team.channel("other")
    renamed = await team.api("PATCH", f"/api/channels/{other}", {"name": "plans"}, by=team.owner)
    assert (renamed.status, renamed.code) == (409, "DUPLICATE_RESOURCE")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "public"}, "name"),
        ({"name": "x"}, "type"),
        ({"name": "X", "type": "public"}, "name"),
        ({"name": "two words", "type": "public"}, "name"),
        ({"name": "", "type": "public"}, "name"),
        ({"name": "x" * 101, "type": "public"}, "name"),
        ({"name": "x\n", "type": "public"}, "name"),
        ({"name": "x", "type": "direct"}, "type"),
        ({"name": "x", "type": "secret"}, "type"),
        ({"name": "x", "type": "public", "description": "bell\x07"}, "description"),
        ({"name": "x", "type": "public", "members": ["me"]}, "members[0]"),
        ({"name": "x", "type": "public", "members": [str(uuid.uuid4())]}, "members"),
        ({"name": "x", "type": "public", "members": [str(uuid.uuid4()) for _ in range(101)]}, "members"),
        ({"name": "x", "type": "public", "archived": True}, "archived"),
    ],
)
async def test_bad_channels_are_refused(team: Team, body: dict[str, Any], field: str) -> None:
    refused = await team.api("POST", CHANNELS, body, by=team.owner)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert field in refused.details
    assert len((await team.api("GET", CHANNELS, by=team.owner)).data["channels"]) == 1


async def test_joining_and_leaving(team: Team) -> None:
    channel = await team.channel("open")
    path = f"/api/channels/{channel}"
    assert (await team.api("POST", f"{path}/messages", {"content": "x"}, by=team.member)).status == 403
    joined = await team.api("POST", f"{path}/join", by=team.member)
    assert joined.status == 200
    assert team.member.id in {card["userId"] for card in joined.data["members"]}
    assert (await team.api("POST", f"{path}/messages", {"content": "x"}, by=team.member)).status == 201
    assert (await team.api("POST", f"{path}/leave", by=team.member)).status == 204
    assert (await team.api("POST", f"{path}/leave", by=team.member)).status == 403
    assert (await team.api("POST", f"{path}/join", by=team.guest)).status == 404


async def test_members_are_brought_and_taken_out(team: Team) -> None:
    channel = await team.channel("closed", type="private")
    path = f"/api/channels/{channel}"
    assert (await team.api("PUT", f"{path}/members/{team.guest.id}", by=team.owner)).status == 204
    assert (await team.api("PUT", f"{path}/members/{team.guest.id}", by=team.owner)).status == 204
    assert (await team.api("GET", path, by=team.guest)).status == 200
    assert (await team.api("PUT", f"{path}/members/{team.stranger.id}", by=team.owner)).status == 404
    assert (await team.api("PUT", f"{path}/members/{team.member.id}", by=team.guest)).status == 403
    assert (await team.api("DELETE", f"{path}/members/{team.guest.id}", by=team.owner)).status == 204
    assert (await team.api("GET", path, by=team.guest)).status == 404
    assert (await team.api("DELETE", f"{path}/members/{team.guest.id}", by=team.owner)).status == 404


async def test_the_same_people_get_the_same_direct_message(team: Team) -> None:
    opened = await team.api("POST", DIRECTS, {"userIds": [team.member.id]}, by=team.owner)
    assert (opened.status, opened.data["type"]) == (201, "direct")
    again = await team.api("POST", DIRECTS, {"userIds": [team.owner.id, team.member.id]}, by=team.member)
    assert (again.status, again.data["id"]) == (200, opened.data["id"])
    (direct,) = [
        each for each in (await team.api("GET", CHANNELS, by=team.member)).data["channels"] if each["type"] == "direct"
    ]
    assert set(direct["memberIds"]) == {team.owner.id, team.member.id}
    assert (await team.api("GET", f"/api/channels/{opened.data['id']}", by=team.admin)).status == 404
    assert (await team.api("POST", f"/api/channels/{opened.data['id']}/leave", by=team.owner)).status == 403


@pytest.mark.parametrize(
    "ids",
    [[], ["me"], "everyone", None, [str(uuid.uuid4())], [str(uuid.uuid4()) for _ in range(10)]],
)
async def test_bad_direct_messages_are_refused(team: Team, ids: Any) -> None:
    refused = await team.api("POST", DIRECTS, {"userIds": ids}, by=team.owner)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")


async def test_nobody_talks_to_themselves_alone_or_to_strangers(team: Team) -> None:
    for ids in ([team.owner.id], [team.stranger.id], [team.member.id, team.member.id]):
        refused = await team.api("POST", DIRECTS, {"userIds": ids}, by=team.owner)
        assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
