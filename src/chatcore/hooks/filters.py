"""The filters and guards of one hook, and the only code that awaits them."""

from collections.abc import Mapping, Sequence
from typing import Any

import trio

from chatcore.hooks.containment import contained
from chatcore.hooks.implementation import Implementation
from chatcore.hooks.markers import SpecOptions
from chatcore.hooks.origin import acting_as, current_origin, enter
from chatcore.hooks.pinning import Garbage, pin
from chatcore.hooks.plugin import State
from chatcore.hooks.reject import find_reject, rejected, unavailable


class FilterChain:
    """Compiled when plugins come or go. False when there is nothing to call.

    The filters have one deadline together, and so have the guards: a filter that hangs can cost the filters after it
    their turn (they fail open), never a guard. Measured: the deadline's scope is half of what a call costs.
    """

    __slots__ = ("_filters", "_guards", "_limit", "_spec")

    def __init__(self, spec: SpecOptions, implementations: list[Implementation], limit: float) -> None:
        self._spec = spec
        self._limit = limit
        self._filters = tuple(each for each in implementations if not each.options.guard)
        self._guards = tuple(each for each in implementations if each.options.guard)

    def __bool__(self) -> bool:
        return bool(self._filters or self._guards)

    async def run(self, value: Any, context: dict[str, Any]) -> Any:
        """The value after all of them. Raises Rejected."""
        origin = current_origin()
        if self._filters:
            asked = [each for each in self._filters if each.plugin.name not in origin] if origin else self._filters
            value = await self._ask(asked, value, context, self._spec.changes, self._spec.vital)
        if self._guards:
            # A guard is spared only its plugin's own actions: what others do in answer to those is checked.
            asked = [each for each in self._guards if not origin or each.plugin.name != origin[-1]]
            await self._ask(asked, value, context, (), True)
        return value

    async def _ask(
        self,
        asked: Sequence[Implementation],
        value: Any,
        context: dict[str, Any],
        changes: tuple[str, ...],
        closed: bool,
    ) -> Any:
        """The value after these, within one deadline. `closed`: failing is refusing."""
        done = 0
        deadline = trio.current_time() + self._limit
        with trio.CancelScope(deadline=deadline):
            for each in asked:
                if self._spec.value is not None:
                    context[self._spec.value] = value
                value = await self._answer(each, value, context, changes, closed)
                if trio.current_time() >= deadline:
                    break  # it blocked the loop, or kept the cancellation: an answer that is late is none
                done += 1
        if done < len(asked):
            self._late(asked[done], asked[done + 1 :], closed)
        return value

    async def _answer(
        self, each: Implementation, value: Any, context: Mapping[str, Any], changes: tuple[str, ...], closed: bool
    ) -> Any:
        """The value after one of them: the same when it fails."""
        name = each.plugin.name
        if closed and each.plugin.state is State.DOWN:
            raise unavailable(name, "is down")

        def failed(error: Exception) -> None:
            reject = find_reject(error)
            if reject is not None:
                raise rejected(reject, name) from error
            if isinstance(error, Garbage):
                each.plugin.misbehaved(each.hook, str(error))
            else:
                each.plugin.failed(each.hook, error)
            if closed:
                raise unavailable(name, "failed") from error

        origin = current_origin()
        with contained(failed), acting_as(enter(origin, name)):
            answer = await each.result(context, origin)
            if answer is not None:
                value = pin(value, answer, changes)
        return value

    def _late(self, slow: Implementation, skipped: Sequence[Implementation], closed: bool) -> None:
        passed_over = ", ".join(each.plugin.name for each in skipped)
        slow.plugin.late(
            slow.hook,
            f"took longer than {self._limit:g} s" + (f"; no time was left for {passed_over}" if skipped else ""),
        )
        if closed:
            raise unavailable(slow.plugin.name, f"took longer than {self._limit:g} s")
