"""The promises of `chatcore.ports.migrator`, as a suite: the schema of a database, up and down, and its upkeep."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio

from chatcore.errors import ConfigError
from chatcore.ports import Clock, Migration, Migrator
from chatcore.testing.clock import FakeClock
from chatcore.testing.contract import Contract
from chatcore.testing.storage import PLUGIN_TABLES

PLUGIN_STEPS = [(plugin, step.version) for plugin, steps in PLUGIN_TABLES.items() for step in steps]


class MigratorContract(Contract):
    """Inherit, and say how a migrator is opened, of a database that is the test's own: everything in it is undone.

    It is to be opened with `plugin_tables=PLUGIN_TABLES` of `chatcore.testing.storage`.
    """

    pytestmark = pytest.mark.trio

    def open_migrator(self, clock: Clock) -> AbstractAsyncContextManager[Migrator]:
        """The migrator of a database; within one test always of the same."""
        raise NotImplementedError

    @asynccontextmanager
    async def _blank(self) -> AsyncIterator[Migrator]:
        """The migrator of a database in which nothing is. What comes after the test finds the whole schema."""
        async with self.open_migrator(FakeClock()) as migrator:
            if any(step.applied for step in await migrator.status()):
                for plugin in PLUGIN_TABLES:
                    if any(step.applied and step.plugin == plugin for step in await migrator.plugin_status()):
                        await migrator.plugin_down(plugin, 0)
                await migrator.down(0)
            yield migrator
            await migrator.up()
            await migrator.plugins_up()

    async def test_without_a_schema_no_step_is_applied_and_asking_makes_none(self) -> None:
        async with self._blank() as migrator:
            for _ in range(2):
                steps = await migrator.status()
                assert [step.version for step in steps] == list(range(1, len(steps) + 1))
                assert all(step.name and not step.applied and not step.plugin for step in steps)
                assert [(step.plugin, step.version, step.applied) for step in await migrator.plugin_status()] == [
                    (plugin, version, False) for plugin, version in PLUGIN_STEPS
                ]

    async def test_up_applies_what_is_missing_once(self) -> None:
        async with self._blank() as migrator:
            versions = [step.version for step in await migrator.status()]
            assert await migrator.up(1) == [1]
            assert [step.version for step in await migrator.status() if step.applied] == [1]
            assert await migrator.up() == versions[1:]
            assert await migrator.up() == []
            assert all(step.applied for step in await migrator.status())
            assert await migrator.check() == []

    async def test_down_undoes_the_newest_first_and_up_brings_it_back(self) -> None:
        async with self._blank() as migrator:
            versions = await migrator.up()
            assert await migrator.down(versions[-2]) == versions[-1:]
            assert await migrator.down(versions[-2]) == []
            assert await migrator.down(0) == versions[-2::-1]
            assert not any(step.applied for step in await migrator.status())
            assert await migrator.up() == versions
            assert await migrator.check() == []

    async def test_two_who_start_at_once_apply_each_step_once(self) -> None:
        async with self._blank() as migrator, self.open_migrator(FakeClock()) as other:
            applied: list[int] = []

            async def bring_up(each: Migrator) -> None:
                applied.extend(await each.up())

            async with trio.open_nursery() as nursery:
                nursery.start_soon(bring_up, migrator)
                nursery.start_soon(bring_up, other)
            assert sorted(applied) == [step.version for step in await migrator.status()]

    async def test_tables_of_plugins_go_up_behind_the_schema_and_down_by_name(self) -> None:
        async with self._blank() as migrator:
            with pytest.raises(ConfigError):
                await migrator.plugins_up()
            await migrator.up()
            assert _named(await migrator.plugins_up()) == PLUGIN_STEPS
            assert await migrator.plugins_up() == []
            assert all(step.applied for step in await migrator.plugin_status())
            plugin = PLUGIN_STEPS[0][0]
            own = [step for step in PLUGIN_STEPS if step[0] == plugin]
            assert _named(await migrator.plugin_down(plugin, 0)) == own[::-1]
            assert await migrator.plugin_down(plugin, 0) == []
            with pytest.raises(ConfigError):
                await migrator.plugin_down("no_such_plugin", 0)

    async def test_the_schema_is_not_taken_from_under_the_tables_of_a_plugin(self) -> None:
        async with self._blank() as migrator:
            await migrator.up()
            await migrator.plugins_up()
            with pytest.raises(ConfigError):
                await migrator.down(0)
            assert all(step.applied for step in await migrator.status())
            assert await migrator.check() == []

    async def test_what_is_no_backup_is_refused_and_the_database_stays(self) -> None:
        async with self._blank() as migrator:
            await migrator.up()
            with pytest.raises(ConfigError):
                await migrator.restore("/nowhere/at/all.db")
            assert all(step.applied for step in await migrator.status())
            assert await migrator.check() == []


def _named(steps: list[Migration]) -> list[tuple[str, int]]:
    return [(step.plugin, step.version) for step in steps]
