"""`chatcore tail`: follow what is said."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
import trio

from chatcli.feed import Lines, as_json, channel_of
from chatcli.listing import json_option
from chatcli.problem import Failure
from chatcli.remote.backlog import read_backlog
from chatcli.signin import choose_access, choose_channel, choose_workspace, server_options
from chatcli.since import read_since
from chatcore.client import Access, Client, Frame, Resynced, Workspace, open_client
from chatcore.client.answers import ChannelItem
from chatcore.errors import RateLimited, Unavailable
from chatcore.model import Position

REMEMBERED = 2000
"""Messages known to have been shown, for when the history itself is exchanged (a backup was restored)."""
FIRST_DELAY = 1.0
LONGEST_DELAY = 10.0


class Tail:
    """Prints what a workspace gives, and reads what it missed. `since`: where to begin; None: now."""

    def __init__(
        self,
        client: Client,
        channels: Sequence[ChannelItem],
        only: str | None,
        *,
        json: bool,
        since: datetime | Position | None,
    ) -> None:
        self._client = client
        self._only = only
        self._json = json
        self._since = since if isinstance(since, datetime) else None
        self._lines = Lines({channel.id: channel.name for channel in channels})
        self._place = since if isinstance(since, Position) else None
        """Behind what was shown last."""
        self._shown: deque[str] = deque(maxlen=REMEMBERED)

    async def follow(self, workspace: Workspace) -> None:
        """Until one is no longer in the workspace. Raises ChatError."""
        if self._since is not None:
            await self._catch_up(workspace)
        elif self._place is None:
            self._place = workspace.position
        async for frame in workspace.frames():
            if frame["type"] == Resynced.type:
                await self._catch_up(workspace)
            elif frame.get("seq"):
                self._place = workspace.position
                if self._only is None or channel_of(frame) == self._only:
                    self._show(frame, workspace.position)

    def waiting(self, reason: str, delay: float) -> None:
        """The connection is gone."""
        click.echo(f"-- {reason}; trying again in {delay:.1f} s", err=True)

    def back(self) -> None:
        """It is there again."""
        click.echo("-- connected again", err=True)

    async def _catch_up(self, workspace: Workspace) -> None:
        """Show what the history holds and the stream will not say again, once the server can be asked."""
        before, now = self._place, workspace.position
        if before is not None:
            click.echo("-- too long ago to resume; reading again (without replies, edits and deletions)", err=True)
        for message in await self._insist(workspace.slug, before, now):
            event = {"type": "message_received", "seq": message["seq"], "data": {"message": message}}
            self._show(event, Position(epoch=now.epoch, seq=message["seq"]))
        self._place = now

    async def _insist(self, slug: str, before: Position | None, now: Position) -> list[dict[str, Any]]:
        delay = FIRST_DELAY
        while True:
            try:
                return await self._read(slug, before, now)
            except (Unavailable, RateLimited) as problem:
                self.waiting(problem.message, delay)
            await trio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)

    async def _read(self, slug: str, before: Position | None, now: Position) -> list[dict[str, Any]]:
        channels = [channel.id for channel in await self._client.channels.list(slug)]
        wanted = [self._only] if self._only is not None else channels
        return await read_backlog(self._client, wanted, lambda each: self._missed(each, before, now), now.seq)

    def _missed(self, message: dict[str, Any], before: Position | None, now: Position) -> bool:
        if message["id"] in self._shown:
            return False
        if before is not None and before.epoch == now.epoch:
            return bool(message["seq"] > before.seq)
        return self._since is not None and datetime.fromisoformat(message["createdAt"]) >= self._since

    def _show(self, event: Frame, position: Position) -> None:
        if event["type"] == "message_received":
            message = event["data"]["message"]
            self._shown.append(message["id"])
            self._since = datetime.fromisoformat(message["createdAt"])
        line = as_json(event, position) if self._json else self._lines.of(event)
        if line is not None:
            click.echo(line)


async def _follow(
    access: Access, slug: str | None, channel: str | None, since: datetime | Position | None, as_json: bool
) -> None:
    async with open_client(access.url, access=access) as client:
        slug = (await choose_workspace(client, slug)).slug
        channels = await client.channels.list(slug)
        only = None if channel is None else choose_channel(channels, channel).id
        tail = Tail(client, channels, only, json=as_json, since=since)
        position = since if isinstance(since, Position) else None
        async with client.workspace(
            slug, since=position, state=False, waiting=tail.waiting, back=tail.back
        ) as workspace:
            await tail.follow(workspace)
    raise Failure(f"you are no longer in {slug}")


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
    since: datetime | Position | None,
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
