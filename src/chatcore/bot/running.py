"""Where a bot runs when it is started: on a server, or wherever an installed package offers surroundings for it."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import trio

from chatcore.bot.bot import Bot
from chatcore.bot.journal import Journal
from chatcore.bot.living import Life
from chatcore.bot.network import NetworkHome
from chatcore.client import open_client
from chatcore.client.client import choose
from chatcore.errors import ChatError, leaves

GROUP = "chatcore.bot_surroundings"
"""Entry points: what runs a bot elsewhere. `plugin` makes a plugin of it, `shell` talks to it in a terminal."""


def surroundings(name: str) -> Callable[[Bot], Any]:
    """What is installed under this name. Raises LookupError."""
    for point in entry_points(group=GROUP, name=name):
        found: Callable[[Bot], Any] = point.load()
        return found
    raise LookupError(f"nothing is installed that runs bots as {name!r}")


def run(bot: Bot, arguments: Sequence[str] | None) -> None:
    """`Bot.run`."""
    options = _parser(bot).parse_args(sys.argv[1:] if arguments is None else list(arguments))
    level = "WARNING" if options.shell and options.log_level == "INFO" else options.log_level
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # One line for each request says nothing about the bot.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        if options.shell:
            surroundings("shell")(bot)
        else:
            trio.run(
                serve, bot, _needed(options.url, "CHATCORE_URL", "--url"), _token(), options.workspace, options.data
            )
    except BaseException as error:
        found = list(leaves(error))
        if any(isinstance(each, KeyboardInterrupt) for each in found):
            sys.exit(130)
        if not all(isinstance(each, ChatError | OSError | Missing) for each in found):
            raise
        # Each workspace may have met with the same thing.
        sys.exit(f"{bot.name}: {found[0]}")


async def serve(bot: Bot, url: str, token: str, workspace: str | None, data: Path) -> None:
    """Run a bot on a server until SIGTERM or SIGINT. Raises ChatError, OSError."""
    with Journal(data / f"{bot.name}.journal") as shelf:
        async with open_client(url, token=token) as client:
            me = await client.me()
            logging.getLogger("chatcore.bot").info("%s is %s on %s", bot.name, me.display_name, url)
            if workspace is not None:
                choose(await client.workspaces.list(), workspace)
            life = Life(bot, NetworkHome(client, shelf, workspace))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_stop_on_signal, life.stop, nursery.cancel_scope)
                await life.run()
                nursery.cancel_scope.cancel()


class Missing(Exception):
    """A setting is not there."""


async def _stop_on_signal(stop: trio.Event, scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            if stop.is_set():
                scope.cancel()  # a second signal means: now
            stop.set()


def _parser(bot: Bot) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=bot.about or f"The bot {bot.name}.",
        epilog="It signs in with the token in the variable CHATCORE_TOKEN, which `chatcore token create` makes.",
    )
    parser.add_argument("--shell", action="store_true", help="talk to the bot in this terminal, without a server")
    parser.add_argument("--url", default=os.environ.get("CHATCORE_URL"), help="the server (CHATCORE_URL)")
    parser.add_argument(
        "--workspace",
        default=os.environ.get("CHATCORE_WORKSPACE"),
        help="the only workspace to be in (CHATCORE_WORKSPACE)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("CHATCORE_BOT_DATA") or default_folder(),
        help="the folder where the bot keeps what it remembers (CHATCORE_BOT_DATA)",
    )
    parser.add_argument(
        "--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"), help="how much to log"
    )
    return parser


def default_folder() -> Path:
    """`~/.local/state/chatcore/bots`, or where XDG_STATE_HOME points."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "chatcore" / "bots"


def _token() -> str:
    return _needed(os.environ.get("CHATCORE_TOKEN"), "CHATCORE_TOKEN", None)


def _needed(value: str | None, variable: str, option: str | None) -> str:
    if value:
        return value
    ways = variable if option is None else f"{variable} (or {option})"
    raise Missing(f"set {ways}, or talk to the bot here with --shell; a token is made by `chatcore token create`")
