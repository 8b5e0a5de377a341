"""From a URL into a channel: who may make one, what comes of a post, and what a stranger learns."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import attrs
import pytest
from tests.chatserver.api import Api, Document, Team, make_team

from chatcore import Chat, Config, open_chat
from chatserver.app import create_app, parts_of

HOOKS = "/api/plugins/chat_webhooks_in/hooks"
OUT = "/api/plugins/chat_webhooks_out/hooks"


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    config = Config(database_url="memory:", plugins=("chat_webhooks_in", "chat_webhooks_out"), rate_limits="off")
    async with open_chat(config=config) as chat:
        yield chat


@pytest.fixture
def api(chat: Chat) -> Api:
    parts = parts_of(chat)
    return Api(chat, create_app(chat, parts=parts), Document(parts.routes))


@attrs.frozen
class World:
    api: Api
    team: Team


@pytest.fixture
async def world(api: Api) -> World:
    return World(api, await make_team(api))


async def test_whoever_has_the_url_posts(world: World) -> None:
    api, team = world.api, world.team
    made = await api("POST", HOOKS, {"channelId": team.general.id, "name": "Builds"}, by=team.owner)
    assert made.status == 201
    path = made.data["path"]
    answer = await api("POST", path, raw=b'{"text": "*passed*"}', headers={"Content-Type": "application/json"})
    assert (answer.status, answer.text) == (200, "ok")
    form = urlencode({"payload": '{"text": "as a form"}'}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await api("POST", path, raw=form, headers=headers)).status == 200
    page = await api("GET", f"/api/channels/{team.general.id}/messages", by=team.member)
    told = [(each["user"]["displayName"], each["content"]) for each in page.data["messages"]]
    assert told == [("Builds", "as a form"), ("Builds", "**passed**")]
    listed = await api("GET", f"{HOOKS}?workspaceSlug={team.workspace.slug}", by=team.owner)
    assert "path" not in repr(listed.data)
    assert path.rpartition("/")[2] not in repr(listed.data)
    assert (await api("DELETE", f"{HOOKS}/{made.data['id']}", by=team.owner)).status == 204
    assert (await api("POST", path, raw=b'{"text": "late"}')).status == 404


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"{}", b'{"text": ""}', b'{"blocks": []}', b"\xff"])
async def test_what_says_nothing_is_refused(world: World, body: bytes) -> None:
    made = await world.api("POST", HOOKS, {"channelId": world.team.general.id, "name": "x"}, by=world.team.owner)
    refused = await world.api("POST", made.data["path"], raw=body, headers={"Content-Type": "application/json"})
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("kind", ["in", "out"])
async def test_only_staff_manage(world: World, kind: str) -> None:
    api, team = world.api, world.team
    path = HOOKS if kind == "in" else OUT
    new = {"channelId": team.general.id, "name": "x"}
    if kind == "out":
        new = {"workspaceSlug": team.workspace.slug, "url": "https://example.org/hook"}
    made = await api("POST", path, new, by=team.owner)
    assert made.status == 201
    for who, status in ((team.member, 403), (team.stranger, 404)):
        assert (await api("POST", path, new, by=who)).status == status
        assert (await api("GET", f"{path}?workspaceSlug={team.workspace.slug}", by=who)).status == status
        assert (await api("DELETE", f"{path}/{made.data['id']}", by=who)).status == status
    assert (await api("POST", path, new)).status == 401
    assert (await api("DELETE", f"{path}/nothing", by=team.owner)).status == 404


async def test_outgoing_ones_are_checked_and_their_secret_is_shown_once(world: World) -> None:
    api, team = world.api, world.team
    for url in (
        "ftp://example.org",
        "https://",
        "https://u:p@example.org",
        "https://exa mple.org",
        "/x",
        "https://e/#f",
    ):
        refused = await api("POST", OUT, {"workspaceSlug": team.workspace.slug, "url": url}, by=team.owner)
        assert (refused.status, list(refused.details)) == (400, ["url"]), url
    new = {"workspaceSlug": team.workspace.slug, "url": "https://example.org/hook", "events": ["typing"]}
    assert (await api("POST", OUT, new, by=team.owner)).details.keys() == {"events"}
    made = await api("POST", OUT, {**new, "events": ["message_received"]}, by=team.owner)
    assert made.data["secret"].startswith("whsec_")
    listed = await api("GET", f"{OUT}?workspaceSlug={team.workspace.slug}", by=team.owner)
    assert made.data["secret"] not in repr(listed.data)
    assert (await api("GET", f"{OUT}/{made.data['id']}/dead", by=team.owner)).data == {"letters": []}
    assert (await api("POST", f"{OUT}/{made.data['id']}/retry", by=team.owner)).data == {"count": 0}


@pytest.mark.parametrize("asked", [False, True])
async def test_a_webhook_calls_everybody_only_if_it_was_made_to(world: World, asked: bool) -> None:
    api, team = world.api, world.team
    extra = {"mentionsEveryone": True} if asked else {}
    made = await api("POST", HOOKS, {"channelId": team.general.id, "name": "Builds", **extra}, by=team.owner)
    assert made.data["mentionsEveryone"] is asked
    calls = ("<!channel> down", "<!here>", "x <!everyone|@everyone> y", "@channel", "(@here)", "<!x|@channel>")
    for text in calls:
        answer = await api("POST", made.data["path"], {"text": text})
        assert answer.status == 200
    page = await api("GET", f"/api/channels/{team.general.id}/messages", by=team.member)
    assert [each["mentionsAll"] for each in page.data["messages"]] == [asked] * len(calls)
    shown = [each["content"].replace("\u2060", "") for each in page.data["messages"]]
    assert shown == ["@channel", "(@here)", "@channel", "x @everyone y", "@here", "@channel down"]
