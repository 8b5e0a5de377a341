"""Switching plugins off and on while servers run: what is said in the database holds for every one of them.

`chatcore plugins disable NAME` writes it down; each server looks once a second. So it needs no endpoint that somebody
could call from outside, works for several servers at once, and outlasts a restart.
"""

import logging

import attrs
import trio

from chatcore.errors import ChatError
from chatcore.ports import Tx
from chatcore.ports.plugin_data import MAX_PAIRS
from chatcore.service.core import Core
from chatcore.service.facts import Facts

SPACE = "plugins switched off"
LOOK_SECONDS = 1.0

log = logging.getLogger("chatcore")


@attrs.define
class Switches:
    """`mine` are the plugins that are off because the database says so; what a program switched off stays so."""

    _core: Core
    _mine: set[str] = attrs.field(factory=set)

    async def set(self, plugin: str, *, on: bool) -> None:
        """Switch a plugin on or off, here and on every server of this database. Raises ConfigError for no such one."""
        hooks = self._core.hooks
        if on:
            hooks.enable(plugin)
        else:
            hooks.disable(plugin)
        entry = self._core.audit("plugin.enabled" if on else "plugin.disabled", actor=None, target=plugin)

        async def work(tx: Tx, told: Facts) -> None:
            if on:
                await tx.pairs.delete(SPACE, plugin)
            else:
                await tx.pairs.put(SPACE, plugin, b"")
            await told.record(tx, entry)

        await self._core.write(work)
        await self.look()

    async def off(self) -> list[str]:
        """The plugins that are switched off in the database, by name; not all of them need be installed."""
        return [name for name, _ in await self._core.storage.read(lambda tx: tx.pairs.scan(SPACE, limit=MAX_PAIRS))]

    async def look(self) -> None:
        """Do what the database says."""
        hooks, off = self._core.hooks, set(await self.off())
        for info in hooks.plugins():
            if info.name in off and info.name not in self._mine:
                self._mine.add(info.name)
                log.warning("plugin %s is switched off: `chatcore plugins enable %s` ends that", info.name, info.name)
                hooks.disable(info.name)
            elif info.name not in off and info.name in self._mine:
                self._mine.discard(info.name)
                log.warning("plugin %s is switched on again", info.name)
                hooks.enable(info.name)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look now, and every second; never returns."""
        await self.look()
        task_status.started()
        while True:
            await trio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except ChatError as error:
                log.debug("cannot see which plugins are switched off: %s", error.message)
