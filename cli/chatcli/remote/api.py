"""HTTP: one request, tried again while that is safe and promising."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import trio

from chatcli.remote.access import Access
from chatcli.remote.answer import Refused, Unreachable, read, why

ATTEMPTS = 6
FIRST_DELAY = 0.3
LONGEST_DELAY = 5.0
PATIENCE = 65.0
"""Seconds that a rate limit is waited for: the one for messages ends within a minute."""
_JSON = {"Accept": "application/json; version=1"}
_AGAIN = (502, 503, 504)


def connect(url: str) -> httpx.AsyncClient:
    """A client for one server."""
    # Reading the certificates of the world takes 0.15 s, and plain HTTP has no use for them.
    certificates = url.startswith("https:")
    return httpx.AsyncClient(base_url=url, headers=_JSON, timeout=httpx.Timeout(30, connect=10), verify=certificates)


def jittered(attempt: int) -> float:
    """Seconds to wait before the next attempt: growing, and different for everyone who waits for the same server."""
    return random.uniform(0.5, 1.5) * min(LONGEST_DELAY, FIRST_DELAY * 2.0**attempt)


def unreachable(url: str, error: Exception) -> Unreachable:
    """The server does not answer."""
    return Unreachable(f"cannot reach {url} ({why(error)}): is the server running, and is the address right?")


class Api:
    """A server, as one account sees it."""

    def __init__(self, access: Access, http: httpx.AsyncClient) -> None:
        self.access = access
        self.http = http

    async def get(self, path: str, **query: Any) -> Any:
        """Read something."""
        return await self._call("GET", path, params={k: v for k, v in query.items() if v is not None})

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change something. Only for what may be sent twice and happens once."""
        return await self._call("POST", path, json=dict(body))

    async def renew(self) -> None:
        """Get another token. Raises Unreachable, Refused; Failure when a new sign-in is needed."""
        try:
            await self.access.renew(self.http)
        except httpx.TransportError as error:
            raise unreachable(self.access.url, error) from error

    async def _call(self, method: str, path: str, **content: Any) -> Any:
        """The answer. Raises Refused, Unreachable."""
        attempt, renewed = 0, False
        while True:
            try:
                return read(await self._once(method, path, **content))
            except Refused as refused:
                if refused.status == 401 and not renewed:
                    renewed = True
                    await self.renew()
                    continue
                delay = _delay(refused, attempt)
                if delay is None:
                    raise
            except httpx.TransportError as error:
                # Nobody listens at the first attempt: a wrong address rather than a server that is just restarting.
                if attempt == ATTEMPTS - 1 or (attempt == 0 and isinstance(error, httpx.ConnectError)):
                    raise unreachable(self.access.url, error) from error
                delay = jittered(attempt)
            attempt += 1
            await trio.sleep(delay)

    async def _once(self, method: str, path: str, **content: Any) -> httpx.Response:
        authorization = {"Authorization": f"Bearer {self.access.token}"}
        return await self.http.request(method, path, headers=authorization, **content)


def _delay(refused: Refused, attempt: int) -> float | None:
    """Seconds to wait before trying again; None when that is of no use."""
    if attempt == ATTEMPTS - 1:
        return None
    if refused.status == 429:
        wait = refused.retry_after or 1.0
        return wait + random.uniform(0, 0.5) if wait <= PATIENCE else None
    return max(refused.retry_after or 0, jittered(attempt)) if refused.status in _AGAIN else None


@asynccontextmanager
async def open_api(access: Access) -> AsyncIterator[Api]:
    """The server, while this is open."""
    async with connect(access.url) as http:
        yield Api(access, http)
