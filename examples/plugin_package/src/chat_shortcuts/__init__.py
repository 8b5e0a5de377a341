"""Writes out shortcuts: whoever sends `:shrug:` has said `¯\\_(ツ)_/¯`."""

import re

import attrs

from chatcore.hooks import HookContext, PluginConfig, hookimpl
from chatcore.model import Draft

_SHORTCUT = re.compile(r":([a-z0-9_-]{1,50}):")


class Config(PluginConfig):
    """`[plugin.chat_shortcuts]` in chat.toml."""

    shortcuts: dict[str, str] = {"shrug": "¯\\_(ツ)_/¯", "tableflip": "(╯°□°)╯︵ ┻━┻"}


@hookimpl
async def message_will_send(ctx: HookContext, draft: Draft) -> Draft:
    """Put the long form in the place of each shortcut that there is."""
    known = ctx.config(Config).shortcuts
    content = _SHORTCUT.sub(lambda match: known.get(match[1], match[0]), draft.content)
    return attrs.evolve(draft, content=content)
