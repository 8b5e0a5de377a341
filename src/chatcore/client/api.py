"""HTTP: one request, tried again while that is safe and promising."""

import random
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import trio

from chatcore import wire
from chatcore.client.access import Access
from chatcore.client.answering import read
from chatcore.client.endpoint import Endpoint
from chatcore.client.faults import Unreachable, unreachable, wait_of
from chatcore.errors import ChatError, RateLimited, Unauthorized, Unavailable

T = TypeVar("T")

ATTEMPTS = 6
FIRST_DELAY = 0.3
LONGEST_DELAY = 5.0
PATIENCE = 65.0
"""Seconds that a rate limit is waited for: the one for messages ends within a minute."""
_JSON = {"Accept": "application/json; version=1"}


def connect(url: str) -> httpx.AsyncClient:
    """A client for one server."""
    # Reading the certificates of the world takes 0.15 s, and plain HTTP has no use for them.
    certificates = url.startswith("https:")
    return httpx.AsyncClient(base_url=url, headers=_JSON, timeout=httpx.Timeout(30, connect=10), verify=certificates)


def jittered(attempt: int) -> float:
    """Seconds to wait before the next attempt: growing, and different for everyone who waits for the same server."""
    return random.uniform(0.5, 1.5) * min(LONGEST_DELAY, FIRST_DELAY * 2.0**attempt)


class Api:
    """A server, as one account sees it."""

    def __init__(self, access: Access, http: httpx.AsyncClient) -> None:
        self.access = access
        self.http = http

    async def call(
        self,
        endpoint: Endpoint[T],
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        **parts: str,
    ) -> T:
        """What an endpoint answers, as its value. Raises ChatError."""
        path = endpoint.at({wire.camel(name): part for name, part in parts.items()})
        data = await self.request(endpoint.method, path, body=body, query=query, again=endpoint.again)
        if data is None and endpoint.answer is type(None):
            return None
        return wire.structure(data, endpoint.answer, tolerant=True)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        again: bool = False,
    ) -> Any:
        """The JSON that any address answers, a plugin's too; None when it is empty.

        again: it may be sent twice, should an answer not come. Raises ChatError.
        """
        attempt, renewed = 0, False
        while True:
            token = self.access.token
            try:
                return read(await self._once(method, path, token, body, query))
            except Unauthorized:
                if renewed or token is None:
                    raise
                renewed = True
                await self.renew(token)
                continue
            except ChatError as refusal:
                delay = _delay(refusal, attempt, again)
                if delay is None:
                    raise
            except httpx.TransportError as error:
                # Nobody listens at the first attempt: a wrong address rather than a server that is just restarting.
                nobody = isinstance(error, httpx.ConnectError)
                if attempt == ATTEMPTS - 1 or (nobody and attempt == 0) or not (again or nobody):
                    raise unreachable(self.access.url, error) from error
                delay = jittered(attempt)
            attempt += 1
            await trio.sleep(delay)

    async def renew(self, stale: str | None) -> None:
        """Get another token. Raises ChatError; Unauthorized when a new sign-in is needed."""
        for attempt in range(ATTEMPTS):
            try:
                await self.access.renew(self.http, stale)
                return
            except httpx.TransportError as error:
                lost: ChatError = unreachable(self.access.url, error)
                if attempt == ATTEMPTS - 1:
                    raise lost from error
            except Unavailable:
                if attempt == ATTEMPTS - 1:
                    raise
            await trio.sleep(jittered(attempt))

    async def _once(
        self,
        method: str,
        path: str,
        token: str | None,
        body: Mapping[str, Any] | None,
        query: Mapping[str, Any] | None,
    ) -> httpx.Response:
        authorization = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self.http.request(method, path, headers=authorization, json=body, params=query)


def _delay(refusal: ChatError, attempt: int, again: bool) -> float | None:
    """Seconds to wait before trying again; None when that is of no use, or not safe."""
    if attempt == ATTEMPTS - 1:
        return None
    if isinstance(refusal, RateLimited):
        wait = wait_of(refusal) or 1.0
        return wait + random.uniform(0, 0.5) if wait <= PATIENCE else None
    if isinstance(refusal, Unavailable) and not isinstance(refusal, Unreachable) and again:
        return max(wait_of(refusal), jittered(attempt))
    return None
