"""Incoming webhooks: URLs by which other programs post to a channel, in the format that Slack takes.

It is built on public hooks only, and opens nothing until the configuration names it: `plugins = ["chat_webhooks_in"]`.
"""

from collections.abc import Sequence

from chat_webhooks_in.managing import routes
from chatcore.hooks import PluginRoute, hookimpl

__all__ = ["register_routes"]


@hookimpl
def register_routes() -> Sequence[PluginRoute]:
    """`/api/plugins/chat_webhooks_in/…`."""
    return routes()
