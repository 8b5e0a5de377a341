"""What was said before the live stream begins, read over HTTP."""

from collections.abc import Callable, Iterable
from typing import Any

from chatcore.client import Client

PAGE = 100

Wanted = Callable[[dict[str, Any]], bool]


async def read_backlog(client: Client, channel_ids: Iterable[str], wanted: Wanted, upto: int) -> list[dict[str, Any]]:
    """The wanted messages of these channels in the order in which they were sent, none after the event `upto`.

    Reads backwards, until a page holds nothing that is wanted. Replies stay in their threads: they are not among these.
    """
    found: list[dict[str, Any]] = []
    for channel_id in channel_ids:
        query: dict[str, Any] = {"limit": PAGE}
        more = True
        while more:
            page = await client.request("GET", f"/api/channels/{channel_id}/messages", query=query)
            old = [message for message in page["messages"] if message["seq"] <= upto]
            kept = [message for message in old if wanted(message)]
            found += kept
            query["before"] = page.get("nextCursor")
            more = page["hasMore"] and query["before"] is not None and (bool(kept) or not old)
    return sorted(found, key=lambda message: int(message["seq"]))
