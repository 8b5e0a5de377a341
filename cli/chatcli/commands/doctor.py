"""`chatcore doctor`: is everything as it should be?"""

from collections.abc import AsyncIterator
from pathlib import Path

import click
import trio

from chatcli import settings
from chatcli.health.database import check_database
from chatcli.health.finding import Finding, State, fail, ok, warn
from chatcli.health.machine import check_clock, check_disk, check_port, check_python, check_sqlite, check_writable
from chatcli.health.secret import check_secret
from chatcli.health.server import check_server
from chatcli.health.turn import check_turn
from chatcli.listing import json_option, printable, show_json
from chatcli.operator import database_file
from chatcli.settings import database_options
from chatcli.signin import read_url
from chatcore.config import Config
from chatcore.errors import ConfigError
from chatcore.hooks import Hooks

COLOURS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


async def examine(
    config_file: Path | None, database_url: str | None, host: str, port: int, url: str | None
) -> AsyncIterator[Finding]:
    """Every finding, in the order in which one thing needs the other."""
    yield check_python()
    yield check_sqlite()
    try:
        config = settings.read(config_file, {"database_url": database_url})
    except ConfigError as error:
        yield fail("settings", str(error), "correct it; every setting is in docs/reference/configuration.md")
        return
    yield ok("settings", f"database {_without_password(config.database_url)}")
    yield check_plugins(config)
    file = database_file(config)
    home = None if file is None else file.parent
    async for finding in check_database(config):
        yield finding
    places = {"uploads": Path(config.upload_dir)}
    if home is not None:
        yield check_writable("folder", home)
        places = {"the database": home, **places}
    for finding in check_disk(places):
        yield finding
    yield check_secret(config, home)
    yield check_clock(file)
    yield check_port(host, port)
    async for finding in check_turn(config):
        yield finding
    if url is not None:
        async for finding in check_server(url):
            yield finding


def check_plugins(config: Config) -> Finding:
    """Whether all of them load."""
    try:
        hooks = Hooks(config, strict=False)
        hooks.providers()
    except ConfigError as error:
        return fail("plugins", str(error), "correct it, or switch the plugin off: [plugin.NAME] enabled = false")
    names = [info.name for info in hooks.plugins()]
    off = [name for name, table in config.plugin_settings.items() if table.get("enabled") is False]
    missing = sorted(set(config.plugin_settings) - {*names, *off})
    if missing:
        found = f"there are settings for {', '.join(missing)}, and no such plugin"
        return warn("plugins", found, "name it in `plugins`, unless the server is started with --plugin")
    return ok("plugins", ", ".join(names))


def _without_password(url: str) -> str:
    """The URL as it may be shown."""
    scheme, slashes, rest = url.partition("://")
    who, at, where = rest.rpartition("@")
    return f"{scheme}{slashes}{who.partition(':')[0]}{at}{where}"


def line_of(finding: Finding) -> str:
    """One line for people."""
    head = click.style(f"{finding.state.value:<5}", fg=COLOURS[finding.state])
    advice = "" if finding.advice is None else f" – {finding.advice}"
    return f"{head} {finding.check:<10} {printable(finding.said)}{advice}"


@click.command(short_help="Check that everything is as it should be.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that the server would listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port of it.")
@click.option("--url", metavar="URL", envvar="CHATCORE_URL", help="Ask this running server, too (CHATCORE_URL).")
@json_option
@database_options
@click.pass_context
def doctor(
    ctx: click.Context,
    host: str,
    port: int,
    url: str | None,
    as_json: bool,
    config_file: Path | None,
    database_url: str | None,
) -> None:
    """Check Python, SQLite, settings, plugins, database, disk, secret, clock, port and TURN, and say what to do.

    Changes nothing. Exits with 1 when something fails; a warning is no failure.

    \b
    Examples:
      chatcore doctor
      chatcore doctor --config /etc/chatcore/chat.toml --url https://chat.example.org
    """
    url = None if url is None else read_url(url)

    async def run() -> list[Finding]:
        found = []
        async for finding in examine(config_file, database_url, host, port, url):
            found.append(finding)
            if not as_json:
                click.echo(line_of(finding))
        return found

    found = trio.run(run)
    if as_json:
        show_json([{"check": f.check, "state": f.state.value, "said": f.said, "advice": f.advice} for f in found])
    if any(finding.state is State.FAIL for finding in found):
        ctx.exit(1)
