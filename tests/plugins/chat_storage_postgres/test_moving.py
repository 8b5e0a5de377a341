"""Moving from a file into PostgreSQL: everything, once, the same."""

from pathlib import Path
from typing import Any

import pytest
import trio
from tests.plugins.chat_storage_postgres.conftest import context
from tests.services.postgres import Postgres

from chat_storage_postgres import moving, open_postgres, open_upkeep
from chat_storage_sqlite import open_sqlite
from chatcore import Config, copy_database
from chatcore.errors import ConfigError
from chatcore.model import Reaction
from chatcore.ports import Search, Tx
from chatcore.testing.clock import START
from chatcore.testing.storage.posting import upload
from chatcore.testing.storage.town import Town, found_town


def quiet(table: str, done: int, total: int) -> None:
    """No progress bar."""


@pytest.fixture
def target(postgres: Postgres) -> str:
    """A database with the schema, and no tables of plugins."""
    url = postgres.new_database()

    async def migrate() -> None:
        async with open_upkeep(_plain(url)) as migrator:
            await migrator.up()

    trio.run(migrate)
    return url


def _plain(url: str) -> Any:
    import attrs

    return attrs.evolve(context(url), plugin_tables={})


async def fill(path: Path) -> tuple[Town, dict[str, Any]]:
    """A file with a little of everything in it; and what one sees there."""
    async with open_sqlite(_plain(f"sqlite:///{path}")) as storage:
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


async def test_everything_is_there_and_goes_on(target: str, tmp_path: Path) -> None:
    town, before = await fill(tmp_path / "chat.db")
    source = f"sqlite:///{tmp_path}/chat.db"
    counts = await copy_database(Config(), source, target, quiet)
    assert counts["messages"] == 32
    async with open_postgres(_plain(target)) as storage:
        moved = Town(storage, town.workspace, town.people, town.channel)
        after = await look(moved)
        for name, value in before.items():
            assert after[name] == value, name
        again = await moved.send(moved.ann, "twice", temp_id="one")
        assert again.duplicate
        sent = await moved.say(moved.ann, "here")
        assert sent.seq == before["log"][-1][0] + 1
        reaction = Reaction(message_id=sent.id, user_id=town.ann.id, emoji="👍", created_at=START)
        assert await storage.write(lambda tx: tx.messages.react(reaction))


async def test_what_was_interrupted_goes_on(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, before = await fill(tmp_path / "chat.db")
    source = f"sqlite:///{tmp_path}/chat.db"
    monkeypatch.setattr("chat_storage_sqlite.moving.BATCH", 7)

    def stop(table: str, done: int, total: int) -> None:
        if table == "messages" and done >= 14:
            raise KeyboardInterrupt

    with pytest.raises(BaseException, match=r".*"):
        await copy_database(Config(), source, target, stop)
    with pytest.raises(ConfigError, match="not whole yet"):
        async with open_postgres(_plain(target)):
            pass
    seen: list[int] = []
    await copy_database(
        Config(), source, target, lambda table, done, _: seen.append(done) if table == "messages" else None
    )
    assert seen[0] == 14
    async with open_postgres(_plain(target)) as storage:
        assert storage.epoch == before["epoch"]


async def test_what_is_not_the_same_is_said(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(tmp_path / "chat.db")
    store = moving._stored

    def damaged(row: Any, kinds: Any) -> Any:
        return tuple("message 7!" if value == "message 7" else value for value in store(row, kinds))

    monkeypatch.setattr(moving, "_stored", damaged)
    with pytest.raises(ConfigError, match="copy of messages is not the same"):
        await copy_database(Config(), f"sqlite:///{tmp_path}/chat.db", target, quiet)


async def test_a_target_that_holds_something_is_refused(target: str, tmp_path: Path) -> None:
    async with open_postgres(_plain(target)) as storage:
        await found_town(storage)
    await fill(tmp_path / "chat.db")
    with pytest.raises(ConfigError, match="something else"):
        await copy_database(Config(), f"sqlite:///{tmp_path}/chat.db", target, quiet)


async def test_a_source_in_use_is_refused(target: str, tmp_path: Path) -> None:
    async with open_sqlite(_plain(f"sqlite:///{tmp_path}/chat.db")):
        with pytest.raises(ConfigError, match="in use"):
            await copy_database(Config(), f"sqlite:///{tmp_path}/chat.db", target, quiet)
