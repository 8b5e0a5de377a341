"""Voice conversations."""

from chatcore.hooks.context import HookContext
from chatcore.hooks.markers import Kind, hookspec
from chatcore.ids import UserId
from chatcore.model import Huddle


@hookspec(kind=Kind.FILTER, value="huddle", changes=("title", "mode"))
async def huddle_will_start(ctx: HookContext, huddle: Huddle) -> Huddle | None:
    """Somebody starts a huddle.

    ctx: the plugin's context.
    huddle: the huddle as it would be; `title` and `mode` may be changed.
    """


@hookspec(kind=Kind.OBSERVER)
async def huddle_started(ctx: HookContext, huddle: Huddle) -> None:
    """A huddle was started.

    ctx: the plugin's context.
    huddle: the new huddle.
    """


@hookspec(kind=Kind.FILTER)
async def huddle_will_join(ctx: HookContext, huddle: Huddle, user_id: UserId) -> None:
    """Somebody joins a huddle.

    ctx: the plugin's context.
    huddle: the huddle.
    user_id: who joins.
    """


@hookspec(kind=Kind.FILTER)
async def huddle_will_record(ctx: HookContext, huddle: Huddle, user_id: UserId) -> None:
    """Somebody who moderates a huddle wants it recorded.

    ctx: the plugin's context.
    huddle: the huddle.
    user_id: who wants it.
    """


@hookspec(kind=Kind.OBSERVER)
async def huddle_joined(ctx: HookContext, huddle: Huddle, user_id: UserId) -> None:
    """Somebody joined a huddle.

    ctx: the plugin's context.
    huddle: the huddle.
    user_id: who joined.
    """


@hookspec(kind=Kind.OBSERVER)
async def huddle_left(ctx: HookContext, huddle: Huddle, user_id: UserId) -> None:
    """Somebody left a huddle.

    ctx: the plugin's context.
    huddle: the huddle.
    user_id: who left.
    """


@hookspec(kind=Kind.OBSERVER)
async def huddle_ended(ctx: HookContext, huddle: Huddle) -> None:
    """A huddle is over: the last participant left, or somebody ended it.

    ctx: the plugin's context.
    huddle: the huddle as it ended.
    """
