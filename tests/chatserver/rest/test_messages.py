"""Messages over HTTP: the shapes of the specification, and what is refused."""

import uuid

import pytest
from tests.chatserver.api import Api, Document, Team, make_team

from chatcore import Config, open_chat
from chatcore.hooks import Reject, hookimpl
from chatcore.model import Draft
from chatserver.app import create_app


async def test_a_message_is_sent_and_read(team: Team) -> None:
    sent = await team.say("Hello, world", by=team.member, tempId="t1")
    assert sent["channelId"] == team.general.id
    assert sent["tempId"] == "t1"
    assert sent["user"] == {"displayName": "Member"}
    page = await team.api("GET", f"/api/channels/{team.general.id}/messages", by=team.owner)
    assert page.data == {"messages": [sent], "hasMore": False}
    one = await team.api("GET", f"/api/messages/{sent['id']}", by=team.guest)
    assert one.data == sent


async def test_the_specification_s_fields_are_there(team: Team) -> None:
    root = await team.say("root", by=team.member)
    await team.say("reply", by=team.owner, threadId=root["id"])
    await team.api("POST", f"/api/messages/{root['id']}/reactions", {"emoji": "👍"}, by=team.owner)
    (found,) = (await team.api("GET", f"/api/channels/{team.general.id}/messages", by=team.owner)).data["messages"]
    assert found["threadReplyCount"] == 1
    assert found["reactions"] == [{"emoji": "👍", "count": 1, "users": [team.owner.id]}]
    assert found["attachments"] == []
    assert {"id", "content", "userId", "user", "createdAt"} <= found.keys()
    assert "editedAt" not in found
    assert "threadId" not in found


async def test_a_temp_id_sent_again_returns_the_first_message(team: Team) -> None:
    first = await team.say("once", by=team.member, tempId="same")
    assert await team.say("twice", by=team.member, tempId="same") == first


async def test_pages_join_without_gap_or_overlap(team: Team) -> None:
    sent = [(await team.say(f"message {number}", by=team.member))["id"] for number in range(7)]
    path, found, query = f"/api/channels/{team.general.id}/messages", [], "limit=3"
    while True:
        page = (await team.api("GET", f"{path}?{query}", by=team.owner)).data
        found += [message["id"] for message in page["messages"]]
        if not page["hasMore"]:
            break
        query = f"limit=3&before={page['nextCursor']}"
    assert found == sent[::-1]
    newer = (await team.api("GET", f"{path}?after={sent[2]}", by=team.owner)).data
    assert [message["id"] for message in newer["messages"]] == sent[3:]


async def test_a_thread_lists_replies_oldest_first(team: Team) -> None:
    root = await team.say("root", by=team.member)
    replies = [(await team.say(f"reply {n}", by=team.owner, threadId=root["id"]))["id"] for n in range(3)]
    page = await team.api("GET", f"/api/messages/{root['id']}/thread?limit=2", by=team.member)
    assert [message["id"] for message in page.data["messages"]] == replies[:2]
    assert page.data["hasMore"] is True
    rest = await team.api("GET", f"/api/messages/{root['id']}/thread?after={page.data['nextCursor']}", by=team.member)
    assert [message["id"] for message in rest.data["messages"]] == replies[2:]


async def test_edit_and_delete(team: Team) -> None:
    sent = await team.say("frist", by=team.member)
    path = f"/api/messages/{sent['id']}"
    edited = await team.api("PUT", path, {"content": "first"}, by=team.member)
    assert edited.status == 200
    assert edited.data["content"] == "first"
    assert edited.data["editedAt"]
    assert (await team.api("PUT", path, {"content": "mine now"}, by=team.owner)).status == 403
    assert (await team.api("DELETE", path, by=team.guest)).status == 403
    assert (await team.api("DELETE", path, by=team.admin)).status == 204
    assert (await team.api("GET", path, by=team.member)).status == 404
    assert (await team.api("DELETE", path, by=team.member)).status == 404


async def test_reactions_come_and_go(team: Team) -> None:
    sent = await team.say("react to me", by=team.member)
    path = f"/api/messages/{sent['id']}/reactions"
    added = await team.api("POST", path, {"emoji": "🎉"}, by=team.owner)
    assert added.status == 201
    assert added.data["reactions"] == [{"emoji": "🎉", "count": 1, "users": [team.owner.id]}]
    assert (await team.api("POST", path, {"emoji": "🎉"}, by=team.owner)).data == added.data
    assert (await team.api("DELETE", f"{path}/🎉", by=team.owner)).status == 204
    assert (await team.api("DELETE", f"{path}/🎉", by=team.owner)).status == 204
    assert (await team.api("GET", f"/api/messages/{sent['id']}", by=team.owner)).data["reactions"] == []


async def test_search_finds_words_and_narrows(team: Team) -> None:
    hit = await team.say("the quick brown fox", by=team.member)
    await team.say("the lazy dog", by=team.owner)
    search = "/api/workspaces/team/search"
    found = await team.api("GET", f"{search}?q=quick", by=team.guest)
    assert [message["id"] for message in found.data["results"]] == [hit["id"]]
    assert found.data["hasMore"] is False
    by_author = await team.api("GET", f"{search}?q=the&from={team.member.id}", by=team.owner)
    assert [message["id"] for message in by_author.data["results"]] == [hit["id"]]
    elsewhere = await team.channel("elsewhere")
    narrowed = await team.api("GET", f"{search}?q=the&channelId={elsewhere}", by=team.owner)
    assert narrowed.data["results"] == []


async def test_search_refuses_strangers_and_missing_words(team: Team) -> None:
    assert (await team.api("GET", "/api/workspaces/team/search?q=x", by=team.stranger)).status == 404
    missing = await team.api("GET", "/api/workspaces/team/search", by=team.owner)
    assert (missing.status, missing.details) == (400, {"q": "is required"})


async def test_the_presets_of_the_specification_are_offered(team: Team) -> None:
    presets = (await team.api("GET", "/api/emoji-presets", by=team.guest)).data["presets"]
    assert [preset["emoji"] for preset in presets] == ["👍", "👎", "😄", "❤️", "🎉"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": ""}, "content"),
        ({"content": " \n "}, "content"),
        ({"content": "x" * 4001}, "content"),
        ({"content": "bell \x07"}, "content"),
        ({"content": 1}, "content"),
        ({"content": None}, "content"),
        ({"content": ["x"]}, "content"),
        ({"content": "x", "tempId": ""}, "tempId"),
        ({"content": "x", "tempId": "x" * 65}, "tempId"),
        ({"content": "x", "tempId": 7}, "tempId"),
        ({"content": "x", "threadId": "1"}, "threadId"),
        ({"content": "x", "threadId": str(uuid.uuid4()).upper()}, "threadId"),
        ({"content": "x", "attachmentIds": "none"}, "attachmentIds"),
        ({"content": "x", "attachmentIds": [1]}, "attachmentIds[0]"),
        ({"content": "x", "colour": "red"}, "colour"),
        ({"content": "x", "userId": str(uuid.uuid4())}, "userId"),
    ],
)
async def test_bad_messages_are_refused_and_nothing_is_sent(team: Team, body: object, field: str) -> None:
    refused = await team.api("POST", f"/api/channels/{team.general.id}/messages", body, by=team.member)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert field in refused.details
    page = await team.api("GET", f"/api/channels/{team.general.id}/messages", by=team.member)
    assert page.data["messages"] == []


async def test_files_inside_messages_are_refused_clearly(team: Team) -> None:
    file = {"filename": "a.txt", "mimeType": "text/plain", "size": 2, "data": "aGk="}
    refused = await team.api(
        "POST", f"/api/channels/{team.general.id}/messages", {"content": "x", "attachments": [file]}, by=team.member
    )
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert "attachments" in refused.details


async def test_a_plugin_s_no_is_told_in_its_words(document: Document) -> None:
    class NoShouting:
        @hookimpl
        async def message_will_send(self, draft: Draft) -> None:
            if draft.content.isupper():
                raise Reject("shouting", "Please speak softly.")

    async with open_chat(config=Config(database_url="memory:", rate_limits="off"), plugins=[NoShouting()]) as chat:
        team = await make_team(Api(chat, create_app(chat), document))
        path = f"/api/channels/{team.general.id}/messages"
        refused = await team.api("POST", path, {"content": "HELLO"}, by=team.member)
        assert (refused.status, refused.code) == (422, "REJECTED")
        assert refused.details["code"] == "shouting"
        assert refused.details["text"] == "Please speak softly."
        await team.say("hello", by=team.member)


async def test_an_unknown_attachment_is_not_found(team: Team) -> None:
    body = {"content": "x", "attachmentIds": [str(uuid.uuid4())]}
    refused = await team.api("POST", f"/api/channels/{team.general.id}/messages", body, by=team.member)
    assert (refused.status, refused.code) == (404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e2", "limit"),
        ("limit=", "limit"),
        ("limit=%EF%BC%95", "limit"),
        ("before=nonsense", "before"),
        ("limit=1&limit=2", "limit"),
        ("page=2", "page"),
    ],
)
async def test_bad_pages_are_refused(team: Team, query: str, field: str) -> None:
    refused = await team.api("GET", f"/api/channels/{team.general.id}/messages?{query}", by=team.member)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert field in refused.details


async def test_a_cursor_of_another_channel_is_refused(team: Team) -> None:
    other = await team.channel("other")
    foreign = await team.say("over here", by=team.owner, channel=other)
    refused = await team.api("GET", f"/api/channels/{team.general.id}/messages?before={foreign['id']}", by=team.member)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("who", ["stranger", "guest"])
async def test_a_channel_one_may_not_see_is_the_same_as_none(team: Team, who: str) -> None:
    person = getattr(team, who)
    hidden = await team.channel("hidden", type="private")
    message = await team.say("secret", by=team.owner, channel=hidden)
    nowhere = str(uuid.uuid4())
    for method, path, body in (
        ("GET", "/api/channels/{}/messages", None),
        ("POST", "/api/channels/{}/messages", {"content": "x"}),
        ("GET", "/api/channels/{}", None),
        ("PUT", "/api/channels/{}/read", {"messageId": message["id"]}),
        ("GET", "/api/channels/{}/huddles/active", None),
    ):
        there = await team.api(method, path.format(hidden), body, by=person)
        absent = await team.api(method, path.format(nowhere), body, by=person)
        assert there.status == absent.status == 404
        assert there.data["error"]["message"] == absent.data["error"]["message"]
    for method, path, body in (
        ("GET", "/api/messages/{}", None),
        ("PUT", "/api/messages/{}", {"content": "x"}),
        ("DELETE", "/api/messages/{}", None),
        ("GET", "/api/messages/{}/thread", None),
        ("POST", "/api/messages/{}/reactions", {"emoji": "👍"}),
        ("DELETE", "/api/messages/{}/reactions/👍", None),
    ):
        there = await team.api(method, path.format(message["id"]), body, by=person)
        absent = await team.api(method, path.format(nowhere), body, by=person)
        assert there.status == absent.status == 404
        assert there.data["error"]["message"] == absent.data["error"]["message"]


async def test_an_archived_channel_is_read_but_not_written(team: Team) -> None:
    channel = await team.channel("old")
    message = await team.say("before", by=team.owner, channel=channel)
    assert (await team.api("POST", f"/api/channels/{channel}/archive", by=team.owner)).status == 200
    refused = await team.api("POST", f"/api/channels/{channel}/messages", {"content": "after"}, by=team.owner)
    assert (refused.status, refused.code) == (403, "INSUFFICIENT_PERMISSIONS")
    assert (await team.api("PUT", f"/api/messages/{message['id']}", {"content": "x"}, by=team.owner)).status == 403
    page = await team.api("GET", f"/api/channels/{channel}/messages", by=team.owner)
    assert [found["id"] for found in page.data["messages"]] == [message["id"]]


async def test_a_removed_member_can_do_nothing_more(team: Team) -> None:
    message = await team.say("I was here", by=team.member)
    path = f"/api/workspaces/team/members/{team.member.id}"
    assert (await team.api("DELETE", path, by=team.admin)).status == 204
    for method, where, body in (
        ("GET", f"/api/channels/{team.general.id}/messages", None),
        ("POST", f"/api/channels/{team.general.id}/messages", {"content": "x"}),
        ("PUT", f"/api/messages/{message['id']}", {"content": "x"}),
        ("DELETE", f"/api/messages/{message['id']}", None),
        ("GET", "/api/workspaces/team", None),
    ):
        assert (await team.api(method, where, body, by=team.member)).status == 404
