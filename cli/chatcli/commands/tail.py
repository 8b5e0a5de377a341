"""`chatcore tail`: follow what is said."""

from collections import deque
from datetime import datetime
from typing import Any

import click
import trio

from chatcli.feed import Event, Lines, as_json, channel_of
from chatcli.listing import json_option
from chatcli.remote.access import Access
from chatcli.remote.api import Api, open_api
from chatcli.remote.backlog import read_backlog
from chatcli.remote.cursor import Cursor
from chatcli.remote.follow import Following
from chatcli.signin import choose_access, choose_channel, choose_workspace, list_channels, server_options
from chatcli.since import read_since

REMEMBERED = 2000
"""Messages known to have been shown, for when the history itself is exchanged (a backup was restored)."""


class Tail:
    """Prints what it is told, and reads what it missed."""

    def __init__(
        self,
        api: Api,
        slug: str,
        channels: list[dict[str, Any]],
        only: str | None,
        *,
        json: bool,
        since: datetime | None,
    ) -> None:
        self._api = api
        self._slug = slug
        self._only = only
        self._json = json
        self._since = since
        self._lines = Lines({channel["id"]: channel["name"] for channel in channels})
        self._place: Cursor | None = None
        self._shown: deque[str] = deque(maxlen=REMEMBERED)
        self._waited = False

    async def joined(self, now: Cursor, *, resumed: bool) -> None:
        if self._waited:
            click.echo("-- connected again", err=True)
        if not resumed:
            await self._catch_up(now)
        self._waited = False

    async def event(self, event: dict[str, Any], cursor: Cursor | None) -> None:
        if cursor is None:
            return
        self._place = cursor
        if self._only is None or channel_of(event) == self._only:
            self._show(event, cursor)

    def waiting(self, reason: str, delay: float) -> None:
        self._waited = True
        click.echo(f"-- {reason}; trying again in {delay:.1f} s", err=True)

    async def _catch_up(self, now: Cursor) -> None:
        """Show what the history holds and the stream will not say again."""
        before = self._place
        if before is None and self._since is None:
            self._place = now
            return
        if before is not None:
            click.echo("-- too long ago to resume; reading again (without replies, edits and deletions)", err=True)
        channels = [channel["id"] for channel in await list_channels(self._api, self._slug)]
        wanted = [self._only] if self._only is not None else channels
        for message in await read_backlog(self._api, wanted, lambda each: self._missed(each, before, now), now.seq):
            event = {"type": "message_received", "seq": message["seq"], "data": {"message": message}}
            self._show(event, Cursor(now.epoch, message["seq"]))
        self._place = now

    def _missed(self, message: dict[str, Any], before: Cursor | None, now: Cursor) -> bool:
        if message["id"] in self._shown:
            return False
        if before is not None and before.epoch == now.epoch:
            return bool(message["seq"] > before.seq)
        return self._since is not None and datetime.fromisoformat(message["createdAt"]) >= self._since

    def _show(self, event: Event, cursor: Cursor) -> None:
        if event["type"] == "message_received":
            message = event["data"]["message"]
            self._shown.append(message["id"])
            self._since = datetime.fromisoformat(message["createdAt"])
        line = as_json(event, cursor) if self._json else self._lines.of(event)
        if line is not None:
            click.echo(line)


async def _follow(
    access: Access, slug: str | None, channel: str | None, since: datetime | Cursor | None, as_json: bool
) -> None:
    async with open_api(access) as api:
        workspace = await choose_workspace(api, slug)
        channels = await list_channels(api, workspace["slug"])
        only = None if channel is None else choose_channel(channels, channel)["id"]
        start = since if isinstance(since, datetime) else None
        tail = Tail(api, workspace["slug"], channels, only, json=as_json, since=start)
        cursor = since if isinstance(since, Cursor) else None
        await Following(api, workspace["id"], tail, cursor).run()


@click.command(short_help="Follow what is said, live.")
@click.argument("channel", required=False)
@server_options
@click.option(
    "--since",
    callback=read_since,
    metavar="WHEN",
    help="Show what was said before: 10m, 2h or a time (then without replies), or the cursor of a line of `--json`.",
)
@json_option
def tail(
    channel: str | None,
    workspace: str | None,
    email: str | None,
    url: str | None,
    since: datetime | Cursor | None,
    as_json: bool,
) -> None:
    """Follow a channel, or the whole workspace, until Ctrl-C.

    When the connection breaks it comes back by itself: nothing is lost, and nothing is shown twice. With --json each
    line is one event with a `cursor`; `--since CURSOR` goes on exactly behind it.

    \b
    Examples:
      chatcore tail --workspace team
      chatcore tail --workspace team general --since 1h
      chatcore tail --workspace team --json | jq -r .data.message.content
    """
    trio.run(_follow, choose_access(url, email), workspace, channel, since, as_json)
