"""Endpoints and figures of plugins: validated, limited, documented and answered like our own."""

import gc
from collections.abc import AsyncIterator
from typing import Annotated, Any

import attrs
import pytest
import trio
from tests.chatserver.api import Api, Document

from chatcore import Chat, Config, open_chat
from chatcore.errors import ConfigError, NotFound
from chatcore.hooks import Metric, PluginRoute, Raw, Reject, RouteCall, hookimpl
from chatcore.limits import Text, Whole
from chatserver.app import create_app, parts_of


@attrs.frozen(kw_only=True)
class Note:
    text: Annotated[str, Text(1, 10)]
    stars: Annotated[int, Whole(1, 5)] = 3


@attrs.frozen(kw_only=True)
class Notes:
    notes: tuple[Note, ...]


@attrs.frozen(kw_only=True)
class Search:
    least: Annotated[int, Whole(1, 5)] = 1


class Notebook:
    """Endpoints of every kind."""

    name = "notebook"

    def __init__(self) -> None:
        self.notes: list[Note] = []

    @hookimpl
    def register_routes(self) -> list[PluginRoute]:
        return [
            PluginRoute(method="GET", path="/notes", handler=self.list_notes),
            PluginRoute(method="POST", path="/notes", handler=self.add_note, status=201),
            PluginRoute(method="POST", path="/raw/:what", handler=self.raw, signed_in=False),
            PluginRoute(method="GET", path="/fail/:how", handler=self.fail, errors=(500,)),
        ]

    @hookimpl
    def register_metrics(self) -> list[Metric]:
        return [
            Metric(name="notes", about="Notes taken.", read=lambda: len(self.notes)),
            Metric(name="by_stars", about="By stars.", label="stars", read=lambda: {"3": 1.0}),
            Metric(name="broken", about="Broken.", read=lambda: 1 // 0),
        ]

    async def list_notes(self, call: RouteCall, query: Search) -> Notes:
        """Every note of at least so many stars."""
        return Notes(notes=tuple(note for note in self.notes if note.stars >= query.least))

    async def add_note(self, call: RouteCall, body: Note) -> Note:
        """Take a note."""
        assert (await call.chat.users.get(call.actor)).display_name
        self.notes.append(body)
        return body

    async def raw(self, call: RouteCall, what: str, body: bytes) -> Raw:
        """Whatever was sent."""
        call.status = 202 if what == "later" else None
        return Raw(body[::-1], "application/json")

    async def fail(self, call: RouteCall, how: str) -> None:
        """Fail."""
        if how == "reject":
            raise Reject("no", "Not today.")
        if how == "hide":
            raise NotFound.of("note")
        if how == "hang":
            await trio.sleep_forever()
        raise ZeroDivisionError


@pytest.fixture
async def chat(config: Config) -> AsyncIterator[Chat]:
    config = attrs.evolve(config, hook_deadline_ms=100)
    async with open_chat(config=config, plugins=[Notebook()]) as chat:
        yield chat


@pytest.fixture
def api(chat: Chat) -> Api:
    parts = parts_of(chat)
    return Api(chat, create_app(chat, parts=parts), Document(parts.routes))


async def test_endpoints_are_validated_and_authenticated_like_our_own(api: Api) -> None:
    ada = await api.person("ada")
    path = "/api/plugins/notebook/notes"
    assert (await api("GET", path)).status == 401
    made = await api("POST", path, {"text": "hello"}, by=ada)
    assert (made.status, made.data) == (201, {"text": "hello", "stars": 3})
    assert (await api("GET", f"{path}?least=3", by=ada)).data == {"notes": [{"text": "hello", "stars": 3}]}
    assert (await api("GET", f"{path}?least=4", by=ada)).data == {"notes": []}
    for wrong in ({"text": ""}, {"text": "x" * 11}, {"text": "x", "stars": "3"}, {"text": "x", "more": 1}):
        refused = await api("POST", path, wrong, by=ada)
        assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert (await api("GET", f"{path}?least=9", by=ada)).status == 400
    assert (await api("DELETE", path, by=ada)).status == 405
    assert (await api("GET", "/api/plugins/notebook/nothing", by=ada)).status == 404


async def test_an_open_endpoint_takes_what_comes(api: Api) -> None:
    path = "/api/plugins/notebook/raw/now"
    assert (await api("POST", path, raw=b"321", headers={"Content-Type": "text/plain"})).data == 123
    big = await api("POST", path, raw=b"1" * (1024 * 1024 + 1))
    assert big.status == 413
    gc.collect()  # what was left of the body would be told as a warning


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("reject", 422, "REJECTED"),
        ("hide", 404, "RESOURCE_NOT_FOUND"),
        ("hang", 503, "SERVICE_UNAVAILABLE"),
        ("crash", 500, "INTERNAL_ERROR"),
    ],
)
async def test_a_handler_fails_alone(api: Api, how: str, status: int, code: str) -> None:
    ada = await api.person("ada")
    answer = await api("GET", f"/api/plugins/notebook/fail/{how}", by=ada)
    assert (answer.status, answer.code) == (status, code)
    assert (await api("GET", "/api/plugins/notebook/notes", by=ada)).status == 200


async def test_a_plugin_that_is_switched_off_answers_nobody(api: Api) -> None:
    ada = await api.person("ada")
    api.chat.hooks.disable("notebook")
    assert (await api("GET", "/api/plugins/notebook/notes", by=ada)).status == 503
    assert 'chatcore_plugin_enabled{plugin="notebook"} 0.0' in (await api("GET", "/metrics")).text


async def test_plugins_show_figures(api: Api) -> None:
    ada = await api.person("ada")
    await api("POST", "/api/plugins/notebook/notes", {"text": "hello"}, by=ada)
    await api("GET", "/api/plugins/notebook/fail/crash", by=ada)
    text = (await api("GET", "/metrics")).text
    for line in (
        'chatcore_plugin_notebook_notes{plugin="notebook"} 1.0',
        'chatcore_plugin_notebook_by_stars{stars="3"} 1.0',
        'chatcore_plugin_calls{plugin="notebook"} 2.0',
        'chatcore_plugin_failures{plugin="notebook"} 1.0',
        'chatcore_plugin_blocks{plugin="notebook"} 0.0',
    ):
        assert line in text
    assert "chatcore_plugin_notebook_broken{" not in text


async def test_rate_limits_count_plugins_endpoints(config: Config) -> None:
    config = attrs.evolve(config, rate_limits={"default": {"requests": 3, "window": 60}})
    async with open_chat(config=config, plugins=[Notebook()]) as chat:
        parts = parts_of(chat)
        api = Api(chat, create_app(chat, parts=parts), Document(parts.routes))
        statuses = [(await api("POST", "/api/plugins/notebook/raw/now", raw=b"1")).status for _ in range(4)]
        assert statuses == [200, 200, 200, 429]


async def test_the_document_names_them(api: Api) -> None:
    paths = (await api("GET", "/api/openapi.json")).data["paths"]
    assert paths["/api/plugins/notebook/notes"]["post"]["operationId"] == "notebookAddNote"
    assert paths["/api/plugins/notebook/notes"]["post"]["tags"] == ["notebook"]


@pytest.mark.parametrize(
    ("path", "problem"), [("notes", "a path is like"), ("/notes/:other", r"the handler takes \[\]"), ("/../x", "path")]
)
async def test_an_endpoint_that_cannot_be_refuses_the_start(config: Config, path: str, problem: str) -> None:
    class Wrong:
        name = "wrong"

        @hookimpl
        def register_routes(self) -> list[PluginRoute]:
            return [PluginRoute(method="GET", path=path, handler=handler)]

    async def handler(call: Any) -> None: ...

    async with open_chat(config=config, plugins=[Wrong()]) as chat:
        with pytest.raises(ConfigError, match=f"plugin wrong, register_routes: .*{problem}"):
            create_app(chat)


async def test_commands_are_listed_announced_and_typed(api: Api) -> None:
    ada, bot = await api.person("ada"), await api.person("poll", is_bot=True)
    team = await api.chat.workspaces.create(name="T", slug="t", owner=ada.user, general=True)
    await api.chat.members.add(team, bot.user)
    announced = {"commands": [{"name": "poll", "parameters": [{"name": "question"}]}]}
    assert (await api("PUT", "/api/users/me/commands", announced, by=ada)).status == 403
    assert (await api("PUT", "/api/users/me/commands", announced, by=bot)).status == 204
    [listed] = (await api("GET", "/api/workspaces/t/commands", by=ada)).data["commands"]
    assert (listed["name"], listed["owner"], listed["bot"]) == ("poll", "Poll", True)
    for wrong in ("Poll", "", "a b", "x" * 33):
        refused = await api("PUT", "/api/users/me/commands", {"commands": [{"name": wrong}]}, by=bot)
        assert refused.status == 400
