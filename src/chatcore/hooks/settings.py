"""A plugin's settings: a class of its own, filled from `[plugin.NAME]` in chat.toml."""

import copy
import typing
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

import attrs

from chatcore.config import check_value, shown
from chatcore.errors import ConfigError

if TYPE_CHECKING:
    from chatcore.hooks.plugin import Plugin

RESERVED = frozenset({"enabled"})
"""Keys of a plugin's table that are ours: `enabled = false` leaves the plugin out."""


def _fresh(_: type[Any], fields: list["attrs.Attribute[Any]"]) -> list["attrs.Attribute[Any]"]:
    """Lists and tables given as defaults are copied for each instance: two chats must not share one."""
    return [
        field.evolve(default=attrs.Factory(partial(copy.deepcopy, field.default)))
        if isinstance(field.default, list | dict)
        else field
        for field in fields
    ]


@dataclass_transform(kw_only_default=True, frozen_default=True)
class PluginConfig:
    """Base class of settings: annotated names with their defaults. An instance is frozen.

    Types: str, int, float, bool, lists and tuples of one of them, dict[str, ...] of one, `Literal`, `X | None`.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        attrs.frozen(slots=False, kw_only=True, field_transformer=_fresh)(cls)


P = TypeVar("P", bound=PluginConfig)


def read_settings(cls: type[P], table: Mapping[str, Any], plugin: str) -> P:
    """The settings of a plugin as a value. Raises ConfigError naming `plugin.NAME.KEY`."""
    hints = typing.get_type_hints(cls)
    names = {field.name: field for field in attrs.fields(cls)}  # type: ignore[arg-type]  # see __init_subclass__
    for key in table:
        if key not in names and key not in RESERVED:
            known = ", ".join(sorted(names)) or "none"
            raise ConfigError(f"plugin.{plugin}.{shown(key)}: unknown setting; the plugin has: {known}")
    given = {
        key: check_value(value, hints[key], f"plugin.{plugin}.{key}") for key, value in table.items() if key in names
    }
    for name, field in names.items():
        if field.default is attrs.NOTHING and name not in given:
            raise ConfigError(f"plugin.{plugin}.{name}: must be set (in chat.toml, under [plugin.{plugin}])")
    return cls(**given)


def check_settings(
    plugins: "Iterable[Plugin]", tables: Mapping[str, Mapping[str, Any]], disabled: Iterable[str], *, strict: bool
) -> None:
    """Read the settings of every plugin once, so that a bad one refuses the start. Raises ConfigError.

    strict: settings of a plugin that is not here are bad, too.
    """
    left = set(tables) - set(disabled)
    for plugin in plugins:
        left.discard(plugin.name)
        classes = settings_classes(plugin.part)
        for cls in classes:
            plugin.config(cls)
        unknown = set(plugin.settings) - RESERVED
        if unknown and not classes:
            raise ConfigError(f"plugin.{plugin.name}.{shown(min(unknown))}: unknown setting; the plugin has none")
    if left and strict:
        raise ConfigError(f"plugin.{shown(min(left))}: there is no such plugin; install it, or add it to `plugins`")


def settings_classes(part: Any) -> list[type[PluginConfig]]:
    """The settings classes that a plugin (a module or an object) holds."""
    found = (getattr(part, name, None) for name in dir(part) if not name.startswith("__"))
    return [
        each for each in found if isinstance(each, type) and issubclass(each, PluginConfig) and each is not PluginConfig
    ]
