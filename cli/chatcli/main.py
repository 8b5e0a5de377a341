"""The root of the command: finds the subcommand, and turns every error into one line and an exit status."""

import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

from chatcli import problem
from chatcore.errors import leaves

COMMANDS = {
    "serve": "chatcli.commands.serve:serve",
    "login": "chatcli.commands.login:login",
    "logout": "chatcli.commands.login:logout",
    "send": "chatcli.commands.send:send",
    "tail": "chatcli.commands.tail:tail",
    "user": "chatcli.commands.user:user",
    "workspace": "chatcli.commands.workspace:workspace",
    "channel": "chatcli.commands.channel:channel",
    "token": "chatcli.commands.token:token",
    "migrate": "chatcli.commands.migrate:migrate",
    "backup": "chatcli.commands.backup:backup",
    "restore": "chatcli.commands.backup:restore",
    "export": "chatcli.commands.archive:export_",
    "import": "chatcli.commands.archive:import_",
    "plugins": "chatcli.commands.plugins:plugins",
    "doctor": "chatcli.commands.doctor:doctor",
}
"""In the order in which somebody new meets them."""

INTERRUPTED = 130
"""The exit status of a command that was ended by Ctrl-C, as shells have it."""


class Root(click.Group):
    """Imports a command when it is called, so that `send` need not load a server."""

    def __init__(self, *args: Any, homes: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = self._homes.get(cmd_name)
        if home is None:
            return None
        module, _, name = home.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with `--debug` errors come out as they are."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, BaseExceptionGroup, KeyboardInterrupt) as error:
            if ctx.params["debug"]:
                raise
            raise _told(error) from error

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> None:
        """Run the command line and exit: 0 done, 1 an error, 2 wrong usage, 130 interrupted."""
        extra["standalone_mode"] = False
        sys.exit(_status(lambda: click.Group.main(self, args, prog_name or "chatcore", **extra)))


def _told(error: BaseException) -> BaseException:
    """What is shown of an error that no command expected."""
    if problem.interrupted(error):
        return click.Abort()
    pipe = next((each for each in leaves(error) if isinstance(each, BrokenPipeError)), None)
    return pipe or problem.Failure(problem.explain(error) or problem.unforeseen(error))


def _status(run: Callable[[], Any]) -> int:
    """Run, say what went wrong, and give the exit status."""
    try:
        result = run()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.Abort:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        click.echo(_line(error), err=True)
        return error.exit_code
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        # Whoever read us (`| head`) has enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _line(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    where = "chatcore" if context is None else context.command_path
    line = f"{where}: {problem.one_line(error.format_message())}"
    if context is not None and context.command.get_help_option(context) is not None:
        line += f" Try `{context.command_path} --help`."
    return line


@click.group(
    cls=Root,
    homes=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command explains itself, with examples: `chatcore COMMAND --help`.",
)
@click.version_option(version("chatcore"), "--version", message="chatcore %(version)s", help="Show the version.")
@click.option("--debug", is_flag=True, help="Show where an error comes from (a traceback) instead of one line.")
def cli(debug: bool) -> None:
    """Team chat: serve it, look after it, and talk from a terminal.

    \b
    A first tour, in two terminals:
      chatcore serve
      chatcore login http://127.0.0.1:8000
      chatcore tail --workspace default
      chatcore send --workspace default general "Hello, world"

    Settings come from flags, then the environment, then chat.toml in the working directory.
    """


def main() -> None:
    """The entry point of the `chatcore` command."""
    cli.main()
