"""A running server, asked over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from chatcli.health.finding import Finding, fail, ok, warn
from chatcore.client.api import connect
from chatcore.client.faults import why

MAX_SKEW = 60.0
"""Seconds: tokens last 15 minutes."""


async def check_server(url: str) -> AsyncIterator[Finding]:
    """What the server says of its parts, and of the time."""
    try:
        async with connect(url) as http:
            response = await http.get("/api/health/ready")
            found = response.json()
            parts: dict[str, dict[str, Any]] = found["checks"]
            state = found["status"]
    except httpx.TransportError as error:
        yield fail("server", f"{url} cannot be reached ({why(error)})", "is it running there?")
        return
    except (ValueError, KeyError, TypeError):
        yield fail("server", f"{url} does not answer like a Chatcore server", "is the address right?")
        return
    down = [name for name, part in parts.items() if part.get("ok") is not True]
    if down or response.status_code != 200:
        yield fail("server", f"{url} is {state}: {', '.join(down) or 'no part'} down", "its log says why")
    else:
        yield ok("server", f"{url} is {state} ({', '.join(parts)})")
    skew = _skew(response)
    if skew is not None and abs(skew) > MAX_SKEW:
        yield warn("server-clock", f"it differs by {skew:.0f} s from ours", "set both clocks (NTP)")


def _skew(response: httpx.Response) -> float | None:
    """Seconds by which the server's clock is ahead; None when it does not say."""
    try:
        return (parsedate_to_datetime(response.headers["date"]) - datetime.now(UTC)).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
