"""A database with a million messages, made once and kept until the schema or this file changes.

One channel has 20 of 21 messages, fifty others share the rest; every 21st message is a reply, every tenth has
reactions. The event log is empty, as it is for everything that is older than its window.
"""

import hashlib
import math
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import attrs

from benchmarks.core import corpus, town
from benchmarks.core.town import Town, settle
from benchmarks.setting import Setting
from chat_storage_sqlite.connection import open_connection
from chat_storage_sqlite.migrator import find_migrations
from chat_storage_sqlite.posting import post_run
from chatcore import Config, open_chat
from chatcore.chat import Chat
from chatcore.events import MessageReceived
from chatcore.ids import ChannelId, MessageId, uuid7
from chatcore.model import Channel, Message, Reaction, card_of
from chatcore.ports import Post, Tx, seal

FULL, QUICK = 1_050_000, 52_500
PEOPLE = 200
SIDE_CHANNELS = 50
STRIDE = 21
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
_APART = timedelta(seconds=60)
_RUN, _RUNS = 500, 10
"""Messages in one run, as many as the storage commits at most; runs in one transaction."""
_REACTIONS_AT_ONCE = 2000


@attrs.frozen
class Million:
    """`count` messages in all; those of the big channel are known by number."""

    town: Town
    count: int

    @property
    def name(self) -> str:
        return f"{self.count * (STRIDE - 1) // STRIDE:,} messages"


def message_id(number: int) -> MessageId:
    """The id of a message by its number: 0 is the oldest."""
    unix_ms = int((_BEGIN + number * _APART).timestamp() * 1000)
    return MessageId(uuid7(unix_ms, number.to_bytes(10, "big")))


def top_level(number: int) -> int:
    """The nearest number, not above, of a top-level message in the big channel."""
    return number - 1 if number % STRIDE in (7, STRIDE - 1) else number


@asynccontextmanager
async def open_million(setting: Setting) -> AsyncIterator[Million]:
    """The database, open. The first time it has to be made, which takes a minute or two."""
    count = setting.choose(FULL, QUICK)
    path = setting.cache / f"million-{_key()}-{count}" / "million.db"
    if not path.exists():
        await _make(setting, path, count)
    config = Config(database_url=f"sqlite:///{path}", slow_query_ms=60_000)
    async with open_chat(config=config) as chat:
        owner = await chat.users.by_email("person0@example.org")
        workspace = (await chat.workspaces.all())[0]
        channels = {each.channel.name: each.channel for each in await chat.channels.list(workspace, actor=owner)}
        yield Million(Town(chat, workspace, channels["general"], [owner]), count)


def _key() -> str:
    """Changes with the schema, and with what is put into it."""
    schema = [migration.up for migration in find_migrations()]
    content = [Path(source).read_text() for source in (__file__, corpus.__file__, town.__file__)]
    return hashlib.sha256("\0".join(schema + content).encode()).hexdigest()[:12]


async def _make(setting: Setting, path: Path, count: int) -> None:
    print(f"  making a database of {count:,} messages, once: {path.parent.name} …", flush=True)
    for outdated in setting.cache.glob("million-*"):
        if _key() not in outdated.name:
            shutil.rmtree(outdated)
    with setting.room() as folder:
        made = folder / "million.db"
        config = Config(database_url=f"sqlite:///{made}", slow_query_ms=60_000)
        async with open_chat(config=config) as chat:
            place = await settle(chat, PEOPLE)
            channels = [place.channel, *await _side_channels(chat, place)]
        _post(made, _posts(place, channels, count))
        async with open_chat(config=config) as chat:
            await _react(chat, place, count)
            await chat.storage.write(lambda tx: tx.events.trim(chat.clock.now() + timedelta(hours=1)))
        path.parent.mkdir()
        os.replace(made, path)


async def _side_channels(chat: Chat, place: Town) -> list[Channel]:
    owner = place.people[0]
    made = []
    for number in range(SIDE_CHANNELS):
        channel = await chat.channels.create(place.workspace, name=f"side-{number}", actor=owner)
        for person in place.people[1:]:
            await chat.channels.join(channel, actor=person)
        made.append(channel)
    return made


def _post(path: Path, posts: Iterator[Post]) -> None:
    """Through the storage's own bulk path, but without waiting for the disk: thrice as fast as message by message."""
    db = open_connection(path, slow_ms=math.inf)
    db.run("PRAGMA synchronous = OFF")
    while transaction := list(islice(posts, _RUNS * _RUN)):
        db.run("BEGIN")
        for start in range(0, len(transaction), _RUN):
            run = post_run(db, transaction[start : start + _RUN], int(_BEGIN.timestamp() * 1000))
            assert len(run.sealed) == len(run.outcomes), run.outcomes
        db.run("COMMIT")
    db.close()


def _posts(place: Town, channels: list[Channel], count: int) -> Iterator[Post]:
    cards = [card_of(person) for person in place.people]
    for number, text in zip(range(count), corpus.texts(), strict=False):
        who = number * 7919 % PEOPLE
        side = number % STRIDE == STRIDE - 1
        channel_id = ChannelId(channels[1 + number // STRIDE % SIDE_CHANNELS].id if side else channels[0].id)
        message = Message(
            id=message_id(number),
            channel_id=channel_id,
            user_id=place.people[who].id,
            user=cards[who],
            content=text,
            thread_id=message_id(number - 3) if number % STRIDE == 7 else None,
            created_at=_BEGIN + number * _APART,
        )
        yield Post(message=message, envelope=seal(MessageReceived(workspace_id=place.workspace.id, message=message)))


async def _react(chat: Chat, place: Town, count: int) -> None:
    for start in range(0, count, 10 * _REACTIONS_AT_ONCE):
        numbers = range(start, min(count, start + 10 * _REACTIONS_AT_ONCE), 10)

        async def work(tx: Tx, numbers: range = numbers) -> None:
            for number in numbers:
                for person in place.people[: 1 + number // 10 % 4]:
                    await tx.messages.react(
                        Reaction(
                            message_id=message_id(number), user_id=person.id, emoji="👍", created_at=_BEGIN + _APART
                        )
                    )

        await chat.storage.write(work)
