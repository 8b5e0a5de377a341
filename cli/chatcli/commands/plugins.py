"""`chatcore plugins`: what is installed, and whether a plugin of one's own would be taken."""

from pathlib import Path
from typing import Any

import click

from chatcli import settings
from chatcli.listing import json_option, show, show_json
from chatcli.problem import Failure
from chatcli.settings import config_option
from chatcore.config import Config
from chatcore.hooks import Hooks, PluginInfo
from chatcore.hooks.loading import plugin_name
from chatcore.hooks.markers import spec_options
from chatcore.hooks.specs import SUBJECTS

COLUMNS = ("name", "version", "kinds", "provides", "state")


def kind_of(hook: str) -> str:
    """The kind of a hook of ours; `own` for one that a plugin declares."""
    for subject in SUBJECTS:
        options = spec_options(getattr(subject, hook, None))
        if options is not None:
            return options.kind.value
    return "own"


def rows_of(config: Config, hooks: Hooks) -> list[dict[str, Any]]:
    """Every plugin as it is listed: those that are loaded, and those that the settings switch off."""
    provided: dict[str, list[str]] = {}
    for name, provider in hooks.collect("register_providers"):
        provided.setdefault(name, []).append(f"{provider.kind}:{provider.name}")
    rows = [_row(info, provided.get(info.name, [])) for info in hooks.plugins()]
    off = sorted(name for name, table in config.plugin_settings.items() if table.get("enabled") is False)
    return rows + [{"name": name, "version": None, "kinds": [], "provides": [], "state": "off"} for name in off]


def _row(info: PluginInfo, provided: list[str]) -> dict[str, Any]:
    return {
        "name": info.name,
        "version": info.version or None,
        "kinds": sorted({kind_of(hook) for hook in info.hooks}),
        "hooks": list(info.hooks),
        "provides": provided,
        "state": "on",
    }


@click.group(short_help="Plugins: list them, check one.")
def plugins() -> None:
    """Plugins: those that came with installed packages, and those that the settings name."""


@plugins.command("list")
@json_option
@config_option
def list_(as_json: bool, config_file: Path | None) -> None:
    """List the plugins that a server with these settings would run.

    \b
    Example:
      chatcore plugins list
    """
    config = settings.read(config_file)
    show(rows_of(config, Hooks(config)), COLUMNS, as_json=as_json, none="There are no plugins.")


@plugins.command()
@click.argument("plugin", metavar="FILE|NAME")
@json_option
@config_option
def check(plugin: str, as_json: bool, config_file: Path | None) -> None:
    """Load a plugin as a server would, check its hooks and settings, and say what it does. It is not run.

    Finds misspelt hooks, arguments that a hook does not have, functions of the wrong kind, unknown settings, and
    providers whose name is taken.

    \b
    Examples:
      chatcore plugins check nospam.py
      chatcore plugins check chat_presence
    """
    config = settings.read(config_file, {"plugins": (plugin,)})
    rows = {row["name"]: row for row in rows_of(config, Hooks(config))}
    row = rows[plugin_name(plugin)]
    if row["state"] == "off":
        raise Failure(f"the plugin {row['name']} is switched off in the settings: remove `enabled = false`")
    if as_json:
        show_json(row)
        return
    for hook in row["hooks"]:
        click.echo(f"{hook} ({kind_of(hook)})")
    for provided in row["provides"]:
        click.echo(f"provides {provided}")
    click.echo(f"{row['name']} is fine: {len(row['hooks'])} hooks, {len(row['provides'])} providers.")
