"""A plugin in one file: `chatcore serve --plugin examples/nospam.py`."""

from chatcore.hooks import HookContext, PluginConfig, Reject, hookimpl
from chatcore.model import Draft


class Config(PluginConfig):
    """`[plugin.nospam]` in chat.toml."""

    words: list[str] = ["spam"]


@hookimpl
async def message_will_send(ctx: HookContext, draft: Draft) -> None:
    """Refuse messages that hold one of the words."""
    if any(word in draft.content for word in ctx.config(Config).words):
        raise Reject("nospam", "No spam, please.")
