"""Before the upgrade: whose page asks, and as whom they are signed in already."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http.cookies import CookieError, SimpleCookie

import attrs

from chatcore.errors import TokenExpired, Unauthorized
from chatcore.service.identity import Identity
from chatserver.client import Client, HeaderMap, Headers, Proxies
from chatserver.origins import Origins

Authenticate = Callable[[Headers, Mapping[str, str], bool], Awaitable[Identity]]
"""The identity that request headers and cookies prove (`secure`: over TLS). Raises Unauthorized."""


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


class Door:
    """Decides about requests for a connection."""

    def __init__(self, origins: Origins, proxies: Proxies, authenticate: Authenticate) -> None:
        self._origins = origins
        self._proxies = proxies
        self._authenticate = authenticate

    async def admit(self, request: Request) -> Admission:
        """Raises Forbidden for a page of a foreign origin: it would come with its visitor's cookies."""
        headers = HeaderMap.of(request.headers)
        client = self._proxies.client(request.peer, request.scheme, headers)
        self._origins.require(headers, client)
        if headers.get("authorization") is None and headers.get("cookie") is None:
            return Admission(client=client)
        try:
            identity = await self._authenticate(headers, _cookies(headers), client.secure)
        except (TokenExpired, Unauthorized):
            # An old cookie only means that the token has to come in the first frame.
            return Admission(client=client, refused=headers.get("authorization") is not None)
        return Admission(client=client, identity=identity)


def _cookies(headers: Headers) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie") or "")
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}
