"""`chatcore serve`: the server."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from chatcli import problem, settings
from chatcli.settings import database_options
from chatcore import open_migrator
from chatcore.config import Config
from chatcore.errors import ConfigError


async def _serve(config: Config, host: str, port: int, workers: int, migrate: bool, worker: str | None) -> int:
    from chatserver.app import Worker, run_server, run_workers  # half a second that other commands need not pay

    if worker is not None:
        number, _, sockets = worker.partition(":")
        inherited = Worker(number=int(number), sockets=tuple(map(int, sockets.split(","))))
        await run_server(config, host=host, port=port, worker=inherited)
        return 0
    if migrate:
        async with open_migrator(config) as migrator:
            await migrator.up()
            await migrator.plugins_up()
    if workers > 1:
        return await run_workers(config, command=_again(), workers=workers, host=host, port=port)
    await run_server(config, host=host, port=port)
    return 0


def _again() -> list[str]:
    """This very command, to be run once more."""
    return [sys.executable, "-c", "from chatcli.main import main; main()", *sys.argv[1:]]


@click.command(short_help="Serve the chat on HTTP and WebSocket.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is every one.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on; 0 picks one."
)
@database_options
@click.option("--tls-cert", metavar="FILE", help="Serve HTTPS with this certificate (TLS_CERT).")
@click.option("--tls-key", metavar="FILE", help="Its private key, unless that is in the same file (TLS_KEY).")
@click.option("--redis-url", metavar="URL", help="Redis, which carries events between servers (REDIS_URL).")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Server processes on the same port; more than one needs PostgreSQL.",
)
@click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE", help="Load this plugin too. May be given several times."
)
@click.option("--migrate", is_flag=True, help="Bring the database's schema up to date first.")
@click.option("--worker", hidden=True, help="Given by the process that looks after several.")
def serve(
    host: str,
    port: int,
    config_file: Path | None,
    database_url: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    redis_url: str | None,
    workers: int,
    plugins: tuple[str, ...],
    migrate: bool,
    worker: str | None,
) -> int:
    """Serve the chat until SIGTERM or Ctrl-C.

    Says `Chatcore is ready on http://HOST:PORT` once it accepts connections. A SQLite database is made on the first
    start, with the workspace `default` and the channel `general`; the password of its owner is printed once, on stderr.

    \b
    Examples:
      chatcore serve
      chatcore serve --port 9000 --database-url sqlite:////var/lib/chatcore/chat.db
      chatcore serve --host 0.0.0.0 --port 443 --tls-cert fullchain.pem --tls-key privkey.pem
      chatcore serve --config /etc/chatcore/chat.toml --plugin nospam.py
      chatcore serve --database-url postgresql:///chat --workers 4
    """
    flags: dict[str, Any] = {"database_url": database_url, "redis_url": redis_url, "plugins": plugins or None}
    flags |= {"tls_cert": tls_cert, "tls_key": tls_key}
    config = settings.read(config_file, flags)
    try:
        return trio.run(partial(_serve, config, host, port, workers, migrate, worker))
    except ConfigError as error:
        if str(error).startswith("cannot listen on"):
            raise problem.Failure(f"{error}: choose another --host or --port, or stop what listens there") from error
        raise
