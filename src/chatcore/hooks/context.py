"""What a plugin is given with every call, as the argument `ctx`."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from chatcore.hooks.settings import PluginConfig
from chatcore.ports.shelf import Shelf, StoredShelf, plugin_space

if TYPE_CHECKING:
    from chatcore.hooks.plugin import Plugin

C = TypeVar("C", bound=PluginConfig)
T = TypeVar("T")


class ChatSlot:
    """Holds the chat once it is open; the contexts of one `Hooks` share it."""

    __slots__ = ("chat",)

    def __init__(self) -> None:
        self.chat: Any = None


class HookContext:
    """The plugin's view of its chat, made for each call."""

    __slots__ = ("_plugin", "_slot", "origin")

    def __init__(self, plugin: "Plugin", slot: ChatSlot, origin: str | None) -> None:
        self._plugin = plugin
        self._slot = slot
        self.origin = origin
        """The name of the plugin whose action this call is about; None when a person acts."""

    @property
    def plugin(self) -> str:
        """The name of the plugin that is called."""
        return self._plugin.name

    @property
    def log(self) -> logging.Logger:
        """The plugin's logger, `chatcore.plugin.<name>`."""
        return self._plugin.log

    @property
    def chat(self) -> Any:
        """The chat, with its services. Raises RuntimeError while it is not open yet."""
        if self._slot.chat is None:
            raise RuntimeError("The chat is not open yet: use ctx.chat from plugin_lifespan on.")
        return self._slot.chat

    @property
    def shelf(self) -> Shelf:
        """What the plugin keeps from one start to the next. Raises RuntimeError while the chat is not open."""
        return StoredShelf(self.chat.storage, plugin_space(self._plugin.name))

    def once(self, cls: type[T], make: Callable[[], T]) -> T:
        """The plugin's one object of this class in this chat: made by whichever hook asks first.

        A plugin that is a module can belong to several chats at once, so its own variables are no place for it.
        """
        found: T | None = self._plugin.kept.get(cls)
        if found is None:
            found = self._plugin.kept[cls] = make()
        return found

    def config(self, cls: type[C]) -> C:
        """The plugin's settings (`[plugin.NAME]` in chat.toml), read once. Raises ConfigError."""
        return cast(C, self._plugin.config(cls))
