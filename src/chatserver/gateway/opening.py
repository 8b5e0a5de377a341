"""Before the upgrade: whose page asks, and as whom they are signed in already."""

from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie

import attrs

from chatcore import Chat
from chatcore.errors import Unauthorized
from chatcore.service.identity import Identity
from chatserver import sessions
from chatserver.client import Client, HeaderMap, Headers, Proxies
from chatserver.origins import Origins
from chatserver.ratelimit import RateLimiter


@attrs.frozen(kw_only=True)
class Request:
    """A request for `/api/realtime`, as a lane got it."""

    headers: Sequence[tuple[bytes, bytes]]
    peer: str
    scheme: str = "ws"


@attrs.frozen(kw_only=True)
class Admission:
    """A request that may become a connection."""

    client: Client
    identity: Identity | None = None
    refused: bool = False
    """The token in `Authorization` is not good: the connection is told so with 4401, because a browser never shows the
    status of a refused upgrade."""


@attrs.frozen(kw_only=True)
class Door:
    """Decides about requests for a connection."""

    chat: Chat
    limiter: RateLimiter
    origins: Origins
    proxies: Proxies

    async def admit(self, request: Request) -> Admission:
        """Raises Forbidden for a page of a foreign origin: it would come with its visitor's cookies; RateLimited."""
        headers = HeaderMap.of(request.headers)
        client = self.proxies.client(request.peer, request.scheme, headers)
        self.limiter.hit("handshake", client.network)
        self.origins.require(headers, client)
        try:
            identity = await sessions.authenticate_headers(self.chat, headers, _cookies(headers), secure=client.secure)
        except Unauthorized:
            # An old cookie only means that the token has to come in the first frame.
            return Admission(client=client, refused=sessions.bearer(headers) is not None)
        return Admission(client=client, identity=identity)


def _cookies(headers: Headers) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie") or "")
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}
