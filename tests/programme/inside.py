"""A real server in this process, on a free port: its insides can be looked at, its edge is spoken to over the wire."""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import attrs
import httpx
import trio
from tests.chatserver.net.client import Client
from tests.programme.process import plain_http

from chatcore import Chat, Config, open_chat
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Role, TokenScope, User
from chatcore.ports import Clock
from chatserver.app import serve

PASSWORD = "correct horse battery"


@attrs.define(eq=False)
class Person:
    """Somebody, or nobody: `user` and `token` are None for who is signed out."""

    kind: str
    user: User | None = None
    token: str | None = None
    refresh_token: str | None = None

    @property
    def id(self) -> UserId:
        assert self.user is not None
        return self.user.id


@attrs.define(eq=False)
class Inside:
    """The server, and the chat that it serves."""

    chat: Chat
    port: int
    http: httpx.AsyncClient
    sockets: AsyncExitStack
    _people: int = 0

    async def rest(self, by: Person, method: str, path: str, body: Any = None) -> httpx.Response:
        """A request, whatever the answer."""
        headers = {} if by.token is None else {"Authorization": f"Bearer {by.token}"}
        return await self.http.request(method, path, json=body, headers=headers)

    async def socket(self, by: Person) -> Client:
        """A WebSocket, signed in already if they are."""
        stream = await self.sockets.enter_async_context(await trio.open_tcp_stream("127.0.0.1", self.port))
        headers = () if by.token is None else (f"Authorization: Bearer {by.token}",)
        return await Client.connect(self.port, stream=stream, headers=headers)

    async def joined(self, by: Person, workspace_id: WorkspaceId) -> Client:
        """A WebSocket that is live in a workspace."""
        client = await self.socket(by)
        reply = await client.ask("join_workspace", workspaceId=workspace_id)
        assert reply["ok"], reply
        return client

    async def person(
        self, kind: str = "somebody", *, password: str | None = None, scopes: Collection[TokenScope] | None = None
    ) -> Person:
        """A new account that is signed in; a `bot` with a bot's token, for these scopes."""
        self._people += 1
        email, is_bot = f"person{self._people}@example.org", kind == "bot"
        user = await self.chat.users.create(
            email=email, display_name=f"{kind.title()} {self._people}", password=password, is_bot=is_bot
        )
        if is_bot:
            return Person(kind, user, (await self.chat.tokens.create(user, name="test", scopes=scopes))[1])
        signed_in = await self.chat.sessions.open(user)
        return Person(kind, user, signed_in.access_token, signed_in.refresh_token)

    async def member(self, workspace_id: WorkspaceId, kind: str, **options: Any) -> Person:
        """A new account in a workspace; what is no name of a role is a member."""
        person = await self.person(kind, **options)
        role = Role(kind) if kind in set(Role) else Role.MEMBER
        await self.chat.members.add(workspace_id, person.id, role=role)
        return person


@asynccontextmanager
async def inside(
    url: str = "memory:", *, clock: Clock | None = None, plugins: Iterable[Any] = (), **settings: Any
) -> AsyncIterator[Inside]:
    """A server that runs while the context is open, without rate limits."""
    config = Config(**{"database_url": url, "bcrypt_rounds": 4, "rate_limits": "off", **settings})
    async with open_chat(config=config, clock=clock, plugins=plugins) as chat, trio.open_nursery() as nursery:
        address = await nursery.start(partial(serve, chat, port=0))
        async with (
            plain_http(address.url) as http,
            AsyncExitStack() as sockets,
        ):
            # Many people share this client: what one of them is given must not be sent by the next.
            http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            yield Inside(chat, address.port, http, sockets)
        nursery.cancel_scope.cancel()
