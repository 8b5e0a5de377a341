"""The edge: connections and limits."""

from chatcore.hooks.context import HookContext
from chatcore.hooks.markers import Kind, hookspec
from chatcore.ids import UserId


@hookspec(kind=Kind.OBSERVER)
async def connection_opened(ctx: HookContext, connection_id: str, user_id: UserId) -> None:
    """A real-time connection was signed in.

    ctx: the plugin's context.
    connection_id: names the connection on this node for as long as it lasts.
    user_id: whose it is.
    """


@hookspec(kind=Kind.OBSERVER)
async def connection_closed(ctx: HookContext, connection_id: str, user_id: UserId, code: int) -> None:
    """A real-time connection that was signed in is gone.

    ctx: the plugin's context.
    connection_id: the name that `connection_opened` gave.
    user_id: whose it was.
    code: the WebSocket close code; 1006 when it broke.
    """


@hookspec(kind=Kind.OBSERVER)
async def rate_limited(ctx: HookContext, rule: str, key: str, retry_after: int) -> None:
    """Somebody was told to slow down.

    ctx: the plugin's context.
    rule: the name of the rule.
    key: whom it counted: a user's id or a network address.
    retry_after: seconds until they may try again.
    """
