"""`chatcore plugins`: what is installed, and whether a plugin of one's own would be taken."""

import importlib.util
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from chatcli import settings
from chatcli.listing import json_option, show, show_json
from chatcli.operator import operate
from chatcli.plugin_commands import PluginCommands, names, require
from chatcli.problem import Failure
from chatcli.scaffold import scaffold
from chatcli.settings import config_option, database_options
from chatcore import Chat
from chatcore.config import Config
from chatcore.hooks import Hooks, PluginInfo
from chatcore.hooks.loading import available, plugin_name
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
    """Every plugin as it is listed: those that are loaded, and those that the settings switch off or only speak of."""
    provided: dict[str, list[str]] = {}
    for name, provider in hooks.collect("register_providers"):
        provided.setdefault(name, []).append(f"{provider.kind}:{provider.name}")
    rows = [_row(info, provided.get(info.name, [])) for info in hooks.plugins()]
    off = sorted(name for name, table in config.plugin_settings.items() if table.get("enabled") is False)
    rows += [{"name": name, "version": None, "kinds": [], "provides": [], "state": "off"} for name in off]
    known = {row["name"] for row in rows}
    rows += [
        {"name": name, "version": version, "kinds": [], "provides": [], "state": "available"}
        for name, version in available().items()
        if name not in known
    ]
    missing = sorted(set(config.plugin_settings) - {row["name"] for row in rows})
    return rows + [{"name": name, "version": None, "kinds": [], "provides": [], "state": "missing"} for name in missing]


def _row(info: PluginInfo, provided: list[str]) -> dict[str, Any]:
    return {
        "name": info.name,
        "version": info.version or None,
        "kinds": sorted({kind_of(hook) for hook in info.hooks}),
        "hooks": list(info.hooks),
        "provides": provided,
        "guards": list(info.guards),
        "state": "on",
    }


@click.group(short_help="Plugins: list, check, write, switch off, and their own commands.")
def plugins() -> None:
    """Plugins: those that came with installed packages, and those that the settings name."""


@plugins.command("list", short_help="List the plugins, and which are on.")
@json_option
@config_option
def list_(as_json: bool, config_file: Path | None) -> None:
    """List the plugins that a server with these settings would run, and those that come along but have to be asked for.

    `state`: on, off (`enabled = false` in the settings), available (name it by `plugins` in the settings or --plugin),
    missing (there are settings for it; `serve --plugin` may load it).

    \b
    Example:
      chatcore plugins list
    """
    config = settings.read(config_file)
    show(rows_of(config, Hooks(config, strict=False)), COLUMNS, as_json=as_json, none="There are no plugins.")


@plugins.command(short_help="Say whether a plugin would work.")
@click.argument("plugin", metavar="FILE|NAME")
@click.option("--contracts/--no-contracts", default=True, help="Run the contract suites of what it provides.")
@json_option
@config_option
def check(plugin: str, contracts: bool, as_json: bool, config_file: Path | None) -> None:
    """Load a plugin as a server would, check its hooks and settings, and say what it does.

    Finds misspelt hooks, arguments that a hook does not have, functions of the wrong kind, unknown settings, and
    providers whose name is taken. For everything that it provides (a storage and its migrator, a bus, presence, ways to
    sign in, tokens, voice) the contract suites are run, which needs pytest and pytest-trio; and for a storage that is
    no file in a new folder the URL of a database for this alone, which is emptied: CHATCORE_CHECK_URL.

    \b
    Examples:
      chatcore plugins check nospam.py
      chatcore plugins check chat_presence
    """
    config = settings.read(config_file, {"plugins": (plugin,)})
    hooks = Hooks(config, strict=False)
    hooks.plugin_tables()
    rows = {row["name"]: row for row in rows_of(config, hooks)}
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
    for command in names(hooks):
        if command.partition(" ")[0] == row["name"]:
            click.echo(f"command: chatcore plugins run {command}")
    if contracts and row["provides"]:
        _keep_promises(plugin, row["provides"], config_file)
    hooks_, providers = _count(row["hooks"], "hook"), _count(row["provides"], "provider")
    click.echo(f"{row['name']} is fine: {hooks_}, {providers}.")


def _count(things: list[str], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _keep_promises(plugin: str, provided: list[str], config_file: Path | None) -> None:
    """Run the contract suites of what a plugin provides. Raises Failure when a promise is broken."""
    if importlib.util.find_spec("pytest_trio") is None:
        raise Failure(f"{', '.join(provided)}: the contract suites need pytest and pytest-trio; or add --no-contracts")
    click.echo("running the contract suites …")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *_QUIETLY, "--rootdir", os.getcwd(), "--pyargs", "chatcore.testing.providers"],
        env={**os.environ, "CHATCORE_CHECK_PLUGIN": plugin, **_told(config_file)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    click.echo(done.stdout.strip().splitlines()[-1] if done.returncode == 0 else done.stdout)
    if done.returncode not in (0, NOTHING_TO_RUN):
        raise Failure(f"the plugin {plugin} does not keep what its ports promise: see above")


def _told(config_file: Path | None) -> dict[str, str]:
    file = config_file or settings.DEFAULT_FILE
    return {"CHATCORE_CHECK_CONFIG": str(file)} if file.is_file() else {}


_QUIETLY = ("-q", "-p", "no:cacheprovider", "-c", os.devnull)
NOTHING_TO_RUN = 5
"""What pytest says when there is no suite: not every kind of provider has one."""


@plugins.command()
@click.argument("name")
@click.option("--package", is_flag=True, help="A package of its own, with a pyproject.toml, to be published.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where.  [default: .]")
def new(name: str, package: bool, folder: Path) -> None:
    """Write a new plugin that works, with its test.

    \b
    Examples:
      chatcore plugins new no_spam && pytest test_no_spam.py
      chatcore plugins new no_spam --package
    """
    for path in scaffold(name, folder, package=package):
        click.echo(path)


@plugins.command(short_help="Switch a plugin off, on every running server.")
@click.argument("plugin", metavar="FILE|NAME")
@click.option("--yes", is_flag=True, help="Do not ask, even if it guards something.")
@database_options
def disable(plugin: str, yes: bool, config_file: Path | None, database_url: str | None) -> None:
    """Switch a plugin off, on every server of this database, within a second or two and until it is enabled again.

    Its hooks are not called any more, its work is stopped, its endpoints answer 503. What it provides as a storage, a
    bus or a way to sign in stays: for that set `enabled = false` and restart. What it guards is not guarded meanwhile.
    One that the settings do not name (`serve --plugin`) is named by its file.

    \b
    Example:
      chatcore plugins disable nospam
    """
    hooks, name, files = _named(config_file, plugin)
    (info,) = (each for each in hooks.plugins() if each.name == name)
    if info.guards and not yes:
        guarded = ", ".join(info.guards)
        click.confirm(f"{name} guards {guarded}: NOBODY will, until it is enabled again. Go on?", abort=True, err=True)
    operate(config_file, database_url, partial(_switch, name, False), plugins=files)
    click.echo(f"{name} is switched off." + (f" Nobody guards {', '.join(info.guards)}." if info.guards else ""))


@plugins.command()
@click.argument("plugin", metavar="FILE|NAME")
@database_options
def enable(plugin: str, config_file: Path | None, database_url: str | None) -> None:
    """Switch a plugin on again that `disable` switched off.

    \b
    Example:
      chatcore plugins enable nospam
    """
    _, name, files = _named(config_file, plugin)
    operate(config_file, database_url, partial(_switch, name, True), plugins=files)
    click.echo(f"{name} is switched on.")


def _named(config_file: Path | None, plugin: str) -> tuple[Hooks, str, tuple[str, ...]]:
    """The plugins of these settings and this one, its name, and what to load beside the configured ones.

    Raises Failure when there is no such plugin.
    """
    files = (plugin,) if plugin.endswith(".py") else ()
    hooks, name = Hooks(settings.read(config_file, {"plugins": files}), strict=False), plugin_name(plugin)
    require(hooks, name)
    return hooks, name, files


async def _switch(name: str, on: bool, chat: Chat) -> None:
    await chat.switches.set(name, on=on)


@plugins.group(cls=PluginCommands, short_help="Commands that plugins bring along.")
@config_option
def run(config_file: Path | None) -> None:
    """Commands that plugins bring along. They work on the database itself, beside a running server or without one.

    \b
    Example:
      chatcore plugins run chat_webhooks_out list
    """
