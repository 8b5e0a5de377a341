"""Commands that plugins contribute: data that becomes click's, with our listings and our settings."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from chatcli import settings
from chatcli.listing import json_option, show
from chatcli.operator import operate
from chatcli.problem import Failure
from chatcli.settings import database_options
from chatcore.hooks import CliCommand, CliOption, Hooks


def commands_of(config_file: Path | None) -> dict[str, dict[str, CliCommand]]:
    """The commands of every plugin of these settings: plugin's name -> command's name -> command."""
    found: dict[str, dict[str, CliCommand]] = {}
    for plugin, command in Hooks(settings.read(config_file), strict=False).cli():
        found.setdefault(plugin, {})[command.name] = command
    return found


class PluginCommands(click.Group):
    """`plugins run`: one group for each plugin that has commands. They are looked for when somebody asks."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(commands_of(_file(ctx)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        commands = commands_of(_file(ctx)).get(cmd_name)
        if commands is None:
            return None
        group = click.Group(cmd_name, short_help=f"Commands of the plugin {cmd_name}.")
        for command in commands.values():
            group.add_command(_made(command, _file(ctx)))
        return group


def _file(ctx: click.Context) -> Path | None:
    found: Path | None = ctx.params.get("config_file")
    return found


def _made(command: CliCommand, config_file: Path | None) -> click.Command:
    def callback(as_json: bool, database_url: str | None, **given: Any) -> None:
        given.pop("config_file", None)
        answer = operate(config_file, database_url, partial(_run, command, given))
        if isinstance(answer, str):
            click.echo(answer)
        elif answer is not None:
            columns = command.columns or tuple(answer[0] if answer else ())
            show(answer, columns, as_json=as_json, none="There is nothing to list.")

    decorate: Callable[[Any], Any] = database_options
    made = click.command(command.name, help=command.about)(json_option(decorate(callback)))
    made.params = [*(_parameter(each) for each in command.options), *made.params]
    return made


async def _run(command: CliCommand, given: dict[str, Any], chat: Any) -> Any:
    return await command.run(chat, **given)


def _parameter(option: CliOption) -> click.Parameter:
    if option.positional:
        return click.Argument([option.name], metavar=option.name.upper())
    flags = [option.name, f"--{option.name.replace('_', '-')}"]
    if option.flag:
        return click.Option(flags, is_flag=True, help=option.about)
    return click.Option(flags, default=option.default, help=option.about)


def names(hooks: Hooks) -> Iterator[str]:
    """What can be run: `PLUGIN COMMAND`."""
    for plugin, command in hooks.cli():
        yield f"{plugin} {command.name}"


def require(hooks: Hooks, plugin: str) -> None:
    """Raises Failure when these settings load no such plugin."""
    known = [info.name for info in hooks.plugins()]
    if plugin not in known:
        raise Failure(f"there is no plugin {plugin!r}; there are {', '.join(known)}")
