"""The wrappers around one operation."""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any

import trio

from chatcore.errors import Unavailable
from chatcore.hooks.containment import contained
from chatcore.hooks.implementation import Implementation
from chatcore.hooks.origin import Origin, acting_as, current_origin, enter
from chatcore.hooks.reject import find_reject, rejected
from chatcore.hooks.timing import Timed


class Nothing:
    """Around an operation that no plugin wraps."""

    __slots__ = ()

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


NOTHING = Nothing()


@asynccontextmanager
async def around_all(
    implementations: Sequence[Implementation], context: dict[str, Any], limit: float
) -> AsyncIterator[None]:
    """Open every wrapper, first to last, run the operation, close them in reverse.

    Raises Rejected, and what the operation raises.
    """
    origin = current_origin()
    async with AsyncExitStack() as stack:
        for each in implementations:
            if each.plugin.name not in origin:
                await stack.enter_async_context(_wrap(each, context, origin, limit))
        yield


@asynccontextmanager
async def _wrap(each: Implementation, context: dict[str, Any], origin: Origin, limit: float) -> AsyncIterator[None]:
    """One wrapper. `limit` (seconds) holds for what it does before, and again for what it does after.

    The operation itself has none. One cancel scope spans all three, because the plugin may open scopes of its own that
    do, and scopes must nest. What the operation raised is raised again whatever the plugin does with it.
    """
    ran = False
    raised: BaseException | None = None

    def failed(error: Exception) -> None:
        reject = None if ran else find_reject(error)
        if reject is not None:
            raise rejected(reject, each.plugin.name) from error
        if not _is_only(error, raised):
            each.plugin.failed(each.hook, error)

    with trio.CancelScope(deadline=trio.current_time() + limit) as scope, contained(failed):
        async with _Acting(each, context, origin):
            scope.deadline = math.inf
            ran = True
            try:
                yield
            except BaseException as error:
                raised = error
                raise
            finally:
                scope.deadline = trio.current_time() + limit
    if scope.cancelled_caught:
        each.plugin.late(each.hook, f"took longer than {limit:g} s")
    if not ran:
        yield
    elif isinstance(raised, trio.Cancelled):
        # The plugin's own scope stopped the operation, or it kept a cancellation that was not its to keep.
        await trio.lowlevel.checkpoint_if_cancelled()
        raise Unavailable(f"The plugin {each.plugin.name} stopped the operation; try again.")
    elif raised is not None:
        raise raised


class _Acting:
    """A plugin's context manager whose two ends act as the plugin; the operation between them does not."""

    def __init__(self, each: Implementation, context: dict[str, Any], origin: Origin) -> None:
        each.plugin.calls += 1
        self._manager: AbstractAsyncContextManager[Any] = each.call(context, origin)
        self._origin = enter(origin, each.plugin.name)
        self._hook, self._stepped = each.hook, each.plugin.stepped

    async def __aenter__(self) -> None:
        with acting_as(self._origin):
            await Timed(self._manager.__aenter__(), self._hook, self._stepped)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        with acting_as(self._origin):
            kept: bool | None = await Timed(self._manager.__aexit__(kind, error, trace), self._hook, self._stepped)
            return kept


def _is_only(error: BaseException, wanted: BaseException | None) -> bool:
    """Whether an error is this one, bare or in groups of its own (a nursery wraps what passes through it)."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_only(inner, wanted) for inner in error.exceptions)
    return error is wanted
