"""A table of its own: `<@ada> ++` in a message is a point for Ada, `/karma` says who has how many.

`chatcore serve --plugin examples/karma.py`; `chatcore plugins run karma top` is for the operator. What a plugin only
looks up by a key needs no table: `ctx.shelf` is enough.
"""

import re
from collections.abc import Iterable

import attrs

from chatcore import Chat
from chatcore.hooks import CliCommand, CliOption, HookContext, Invocation, Metric, SlashCommand, hookimpl
from chatcore.ids import UserId
from chatcore.model import Message
from chatcore.ports import PluginMigration, Tx

POINT = re.compile(r"<@([0-9a-f-]{36})> ?\+\+")
UP = "CREATE TABLE karma_points (user_id TEXT PRIMARY KEY, points INTEGER NOT NULL);"
DOWN = "DROP TABLE karma_points;"
DIALECTS = ("sqlite", "postgresql")


@attrs.define
class Tally:
    """What this server has given since it was started."""

    given: int = 0


@hookimpl
def register_migrations() -> Iterable[PluginMigration]:
    """One step. What it makes is named after the plugin; the next step gets the number 2."""
    return [
        PluginMigration(version=1, name="points", up=dict.fromkeys(DIALECTS, UP), down=dict.fromkeys(DIALECTS, DOWN))
    ]


@hookimpl
async def message_sent(ctx: HookContext, message: Message) -> None:
    """Give the points of a message; nobody gives them to themselves."""
    people = {each for each in POINT.findall(message.content) if each in message.mentions} - {message.user_id}
    if not people:
        return

    async def give(tx: Tx) -> None:
        for user_id in sorted(people):
            if not await tx.sql.run("UPDATE karma_points SET points = points + 1 WHERE user_id = ?", user_id):
                await tx.sql.run("INSERT INTO karma_points (user_id, points) VALUES (?, 1)", user_id)

    await ctx.chat.storage.write(give)
    ctx.once(Tally, Tally).given += len(people)


async def top(chat: Chat, limit: str = "5") -> list[dict[str, object]]:
    """Who has most points."""
    query = "SELECT user_id, points FROM karma_points ORDER BY points DESC, user_id LIMIT ?"
    rows = await chat.storage.read(lambda tx: tx.sql.rows(query, int(limit)))
    return [{"name": (await chat.users.get(UserId(user_id))).display_name, "points": n} for user_id, n in rows]


async def karma(asked: Invocation) -> str:
    """For the caller alone."""
    return "\n".join(f"{row['points']} {row['name']}" for row in await top(asked.chat)) or "Nobody has any points yet."


@hookimpl
def register_slash_commands() -> Iterable[SlashCommand]:
    """`/karma`."""
    return [SlashCommand(name="karma", about="Who has most points", run=karma)]


@hookimpl
def register_cli() -> Iterable[CliCommand]:
    """`chatcore plugins run karma top --limit 10`."""
    limit = CliOption(name="limit", about="How many people.", default="5")
    return [CliCommand(name="top", about="Who has most points.", run=top, options=(limit,), columns=("points", "name"))]


@hookimpl
def register_metrics(ctx: HookContext) -> Iterable[Metric]:
    """`chatcore_plugin_karma_given`."""
    return [Metric(name="given", about="Points given.", read=lambda: ctx.once(Tally, Tally).given)]
