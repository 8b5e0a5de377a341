"""A database with a little of everything in it, and what one sees there: for all that carries it elsewhere."""

from pathlib import Path
from typing import Any

from chat_storage_sqlite import open_sqlite
from chatcore import Config
from chatcore.model import Reaction
from chatcore.ports import ProviderContext, Search, Tx
from chatcore.testing.clock import START, FakeClock
from chatcore.testing.storage.posting import upload
from chatcore.testing.storage.town import Town, found_town


def quiet(table: str, done: int, total: int) -> None:
    """No progress bar."""


def plain(url: str) -> ProviderContext:
    """For a database without tables of plugins."""
    return ProviderContext(config=Config(database_url=url), clock=FakeClock(), data_dir=None)


async def fill(path: Path) -> tuple[Town, dict[str, Any]]:
    """A file with a little of everything in it; and what one sees there."""
    async with open_sqlite(plain(f"sqlite:///{path}")) as storage:
        town = await found_town(storage)
        root = await town.say(town.ann, "Grüße, apple", mentions=(town.ben.id,), mentions_all=True, temp_id="one")
        file = await upload(town, town.ben)
        await town.say(town.ben, "a reply", thread_id=root.id, attachment_ids=(file.id,))
        gone = await town.say(town.cleo, "gone", mentions=(town.ann.id,))
        await town.delete(gone.id)
        for person in (town.ben, town.ann):
            reaction = Reaction(message_id=root.id, user_id=person.id, emoji="👍", created_at=START)
            await storage.write(lambda tx, r=reaction: tx.messages.react(r))  # type: ignore[misc]
        for number in range(30):
            await town.say(town.people[number % 3], f"message {number}")
        await storage.write(lambda tx: tx.pairs.put("plugin:x", "k", b"\x00\xff"))
        await town.mark(town.ben, root.id)
        return town, await look(town)


async def look(town: Town) -> dict[str, Any]:
    """What one sees in a town."""
    found: dict[str, Any] = {
        "epoch": town.storage.epoch,
        "page": await town.page(),
        "log": [(e.seq, e.type, e.audience, e.data) for e in await town.log()],
        "counts": [await town.state(person) for person in town.people],
    }

    async def rest(tx: Tx) -> None:
        found["users"] = await tx.users.find()
        found["members"] = await tx.members.find()
        found["channels"] = await tx.channels.summaries(town.workspace.id, town.ben.id, public=True)
        found["presets"] = await tx.presets.find()
        found["search"] = await tx.messages.search(Search(text="apple", channels=(town.channel.id,)))
        found["pair"] = await tx.pairs.get("plugin:x", "k")
        found["thread"] = await tx.messages.thread(found["page"].messages[-1].id, before=None, after=None, limit=9)

    await town.storage.read(rest)
    return found
