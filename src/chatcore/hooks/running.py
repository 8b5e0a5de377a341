"""One piece of a plugin's own work that somebody asked for: a route, a slash command."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from chatcore.errors import ChatError, Internal, Unavailable
from chatcore.hooks.origin import acting_as, current_origin, enter
from chatcore.hooks.plugin import Plugin
from chatcore.hooks.reject import find_reject, rejected
from chatcore.hooks.timing import Timed

T = TypeVar("T")


async def run_for(plugin: Plugin, what: str, work: Callable[[], Awaitable[T]], limit: float) -> T:
    """Do the work as the plugin, within `limit` seconds.

    What it raises on purpose (Reject, ChatError) reaches the caller; everything else is the plugin's failure: it is
    counted and logged, and the caller is told that something broke. Raises Unavailable when it takes too long.
    """
    if not plugin.enabled:
        raise Unavailable(f"The plugin {plugin.name} is switched off.")
    plugin.calls += 1
    with trio.move_on_after(limit), acting_as(enter(current_origin(), plugin.name)):
        try:
            done: T = await Timed(work(), what, plugin.stepped)
            return done
        except (Exception, BaseExceptionGroup) as error:
            _pass_on(plugin, what, error)
    plugin.late(what, f"took longer than {limit:g} s")
    raise Unavailable(f"The plugin {plugin.name} took longer than {limit:g} s; try again.")


def _pass_on(plugin: Plugin, what: str, error: BaseException) -> None:
    """Raise what the caller is told of an error."""
    reject = find_reject(error)
    if reject is not None:
        raise rejected(reject, plugin.name) from error
    if isinstance(error, BaseExceptionGroup):
        failed, rest = error.split(Exception)
        if rest is not None:
            if failed is not None:
                plugin.failed(what, failed)
            raise rest  # a cancellation among them must go on its way
    if isinstance(error, ChatError):
        raise error
    plugin.failed(what, error)
    raise Internal(f"The plugin {plugin.name} failed; its operator finds the reason in the log.") from error
