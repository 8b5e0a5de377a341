"""`open_client`: a server, as one account sees it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from chatcore.client.access import Access, Anonymous, BotAccess, PersonAccess, Tokens
from chatcore.client.answers import Account, WorkspaceItem
from chatcore.client.api import Api, connect
from chatcore.client.beside import beside
from chatcore.client.faults import NotChatcore
from chatcore.client.rest.audit import Audit
from chatcore.client.rest.channels import Channels
from chatcore.client.rest.commands import Commands
from chatcore.client.rest.huddles import Huddles
from chatcore.client.rest.invites import Invites
from chatcore.client.rest.members import Members
from chatcore.client.rest.messages import Messages
from chatcore.client.rest.server import Server
from chatcore.client.rest.sessions import Sessions
from chatcore.client.rest.tokens import BotTokens
from chatcore.client.rest.users import Users
from chatcore.client.rest.workspaces import Workspaces
from chatcore.client.workspace import Back, Waiting, Workspace
from chatcore.errors import NotFound, ValidationFailed
from chatcore.model import Position


class Client:
    """A server, as one account sees it: what it offers by noun, and its workspaces, live. Made by `open_client`."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.sessions = Sessions(api)
        self.users = Users(api)
        self.workspaces = Workspaces(api)
        self.members = Members(api)
        self.tokens = BotTokens(api)
        self.invites = Invites(api)
        self.channels = Channels(api)
        self.messages = Messages(api)
        self.huddles = Huddles(api)
        self.commands = Commands(api)
        self.audit = Audit(api)
        self.server = Server(api)
        self._me: Account | None = None

    @property
    def url(self) -> str:
        """The server, without a slash at the end."""
        return self.api.access.url

    async def me(self) -> Account:
        """Who is signed in; asked for once. Raises ChatError."""
        if self._me is None:
            try:
                self._me = await self.users.me()
            except NotFound as nothing:
                # A server's, but at another path: everybody has an account.
                raise NotChatcore(f"there is no Chatcore server at {self.url}: is the address right?") from nothing
        return self._me

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        again: bool = False,
    ) -> Any:
        """The JSON that any address answers: for the routes of plugins. `again`: it may be sent twice.

        Raises ChatError.
        """
        return await self.api.request(method, path, body=body, query=query, again=again or method == "GET")

    @asynccontextmanager
    async def workspace(
        self,
        slug: str | None = None,
        *,
        since: Position | None = None,
        state: bool = True,
        waiting: Waiting | None = None,
        back: Back | None = None,
    ) -> AsyncIterator[Workspace]:
        """Follow a workspace while this is open.

        slug: None: the only one that one is in. since: the `position` of an earlier `Workspace`: go on behind it.
        state: read the workspace's state first, and keep it. waiting, back: told of interruptions, and of their end.
        Raises NotFound for who is no member; ChatError.
        """
        me = await self.me()
        item = choose(await self.workspaces.list(), slug)
        opened = Workspace(self.api, me.id, item.id, item.slug, since, waiting, back)
        async with beside(opened.run):
            await opened.start(state=state)
            yield opened


def choose(items: Sequence[WorkspaceItem], slug: str | None) -> WorkspaceItem:
    """The workspace of this slug; without one, the only one that one is in. Raises NotFound."""
    if slug is None and len(items) == 1:
        return items[0]
    for item in items:
        if item.slug == slug:
            return item
    mine = ", ".join(item.slug for item in items) or "none"
    if slug is None:
        raise NotFound(f"Say which workspace; you are in: {mine}.")
    raise NotFound(f"There is no workspace {slug!r}, or you are not in it; you are in: {mine}.")


def clean_token(token: str) -> str:
    """A token without the blanks around it, which come from files. Raises ValidationFailed, without the token in it."""
    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise ValidationFailed("this is no token: it is one word of letters, digits, dots, - and _; copy it again")
    return token


def clean_url(url: str) -> str:
    """A server's address without a slash at the end. Raises ValidationFailed."""
    parts = urlsplit(url)
    try:
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # no port has such a number
        whole = False
    if not whole or parts.query or parts.fragment:
        raise ValidationFailed(f"{url!r} is no address of a server: write it like https://chat.example.org")
    return url.rstrip("/")


@asynccontextmanager
async def open_client(
    url: str,
    *,
    token: str | None = None,
    email: str | None = None,
    password: str | None = None,
    tokens: Tokens | None = None,
    keep: Callable[[Tokens], None] | None = None,
    access: Access | None = None,
) -> AsyncIterator[Client]:
    """A server, while this is open.

    Who one is, one of: `token`, a bot's `cct_…` or any access token; `email` and `password`; `tokens` of an earlier
    sign-in; `access` of one's own making; nothing, for registering. `keep` is called with each new pair of tokens, so
    that it can be stored. Raises ChatError: InvalidCredentials, Unreachable.
    """
    url = clean_url(url)
    async with connect(url) as http:
        if access is None:
            access = await _access(http, url, token, email, password, tokens, keep)
        yield Client(Api(access, http))


async def _access(
    http: httpx.AsyncClient,
    url: str,
    token: str | None,
    email: str | None,
    password: str | None,
    tokens: Tokens | None,
    keep: Callable[[Tokens], None] | None,
) -> Access:
    if token is not None:
        return BotAccess(url=url, token=clean_token(token))
    if (email is None) != (password is None):
        raise ValidationFailed("sign in with both an e-mail address and a password")
    if email is not None and password is not None:
        signed_in = await Sessions(Api(Anonymous(url=url), http)).sign_in(email, password)
        tokens = Tokens(access_token=signed_in.access_token, refresh_token=signed_in.refresh_token)
        if keep is not None:
            keep(tokens)
    if tokens is not None:
        return PersonAccess(url=url, tokens=tokens, keep=keep)
    return Anonymous(url=url)
