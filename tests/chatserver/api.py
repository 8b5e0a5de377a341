"""A client for tests: speaks to the application, and holds every answer against the OpenAPI document."""

import json
import re
from typing import Any

import attrs
import jsonschema_rs
import orjson
from quart_trio import QuartTrio

from chatcore import Chat
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import Channel, Role, User, Workspace
from chatserver.openapi import describe
from chatserver.rest import ROUTES
from chatserver.route import Route


@attrs.frozen(kw_only=True)
class Answer:
    """An answer, and who it was: the name of its route."""

    status: int
    headers: Any
    data: Any
    text: str

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.data["error"]["code"])

    @property
    def details(self) -> dict[str, Any]:
        """The details of an error."""
        found: dict[str, Any] = self.data["error"].get("details", {})
        return found


@attrs.frozen(kw_only=True)
class Person:
    """Somebody who is signed in."""

    user: User
    token: str

    @property
    def id(self) -> UserId:
        return self.user.id


class Document:
    """The OpenAPI document as a judge. Answers are held to it strictly: a field that it does not name is a breach."""

    def __init__(self, routes: tuple[Route, ...] = ROUTES) -> None:
        self.document = describe(routes)
        schemas = self.document["components"]["schemas"]
        for schema in schemas.values():
            schema.setdefault("additionalProperties", False)
        self._shapes = [(re.compile(re.sub(r":[A-Za-z]+", "[^/]+", route.path) + r"\Z"), route) for route in routes]
        self.seen: set[tuple[str, int]] = set()

    def judge(self, method: str, path: str, answer: Answer) -> None:
        """Fails when the answer is not what the document says."""
        for shape, route in self._shapes:
            if route.method == method and shape.match(path):
                operation = self.document["paths"][route.template][method.lower()]
                assert str(answer.status) in operation["responses"], f"{method} {path}: {answer.status} is undocumented"
                self._check(operation["responses"][str(answer.status)], answer)
                self.seen.add((route.name, answer.status))
                return
        assert answer.status in (404, 405), f"{method} {path} is undocumented, and answered {answer.status}"
        self._check(self.document["components"]["responses"]["Problem"], answer)

    def _check(self, response: dict[str, Any], answer: Answer) -> None:
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        if "content" not in response:
            assert answer.text == ""
            return
        ((kind, media),) = response["content"].items()
        assert answer.headers["content-type"].partition(";")[0] == kind
        if kind == "application/json":
            whole = {**media["schema"], "components": self.document["components"]}
            jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(answer.data)


class Api:
    """Requests to an application."""

    def __init__(self, chat: Chat, app: QuartTrio, document: Document) -> None:
        self.chat = chat
        self.app = app
        self.document = document

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: Person | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        scheme: str = "http",
        peer: str = "192.0.2.1",
    ) -> Answer:
        """Send a request; `raw` instead of `body` is sent as it is, with the headers given."""
        sent = dict(headers or {})
        if by is not None:
            sent["Authorization"] = f"Bearer {by.token}"
        data = raw
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            data = json.dumps(body).encode()
        client = self.app.test_client(use_cookies=False)
        response = await client.open(
            path, method=method, headers=sent, data=data, scheme=scheme, scope_base={"client": (peer, 4711)}
        )
        content = await response.get_data(as_text=False)
        is_json = (response.content_type or "").startswith("application/json") and content
        answer = Answer(
            status=response.status_code,
            headers=response.headers,
            data=orjson.loads(content) if is_json else None,
            text=content.decode("utf-8"),
        )
        if method not in ("OPTIONS", "HEAD"):
            self.document.judge(method, path.partition("?")[0], answer)
        return answer

    async def person(self, name: str, *, is_bot: bool = False) -> Person:
        """A new account, signed in."""
        user = await self.chat.users.create(email=f"{name}@example.org", display_name=name.capitalize(), is_bot=is_bot)
        if is_bot:
            _, token = await self.chat.tokens.create(user, name="test")
            return Person(user=user, token=token)
        signed_in = await self.chat.sessions.open(user)
        return Person(user=user, token=signed_in.access_token)


@attrs.frozen(kw_only=True)
class Team:
    """A workspace with one person of each kind, and somebody outside."""

    api: Api
    workspace: Workspace
    general: Channel
    owner: Person
    admin: Person
    member: Person
    guest: Person
    stranger: Person

    @property
    def id(self) -> WorkspaceId:
        return self.workspace.id

    async def channel(self, name: str, *, type: str = "public", by: Person | None = None) -> ChannelId:
        """A new channel."""
        answer = await self.api(
            "POST", "/api/workspaces/team/channels", {"name": name, "type": type}, by=by or self.owner
        )
        assert answer.status == 201
        return ChannelId(answer.data["id"])

    async def say(self, content: str, *, by: Person, channel: ChannelId | None = None, **more: Any) -> Any:
        """Send a message; the answer's object."""
        path = f"/api/channels/{channel or self.general.id}/messages"
        answer = await self.api("POST", path, {"content": content, **more}, by=by)
        assert answer.status == 201, answer.text
        return answer.data


async def make_team(api: Api) -> Team:
    """The team that most tests play with."""
    people = {name: await api.person(name) for name in ("owner", "admin", "member", "guest", "stranger")}
    workspace = await api.chat.workspaces.create(name="Team", slug="team", owner=people["owner"].user, general=True)
    for name in ("admin", "member", "guest"):
        await api.chat.members.add(workspace, people[name].user, role=Role(name))
    (general,) = await api.chat.channels.list(workspace, actor=people["owner"].user)
    return Team(api=api, workspace=workspace, general=general.channel, **people)
