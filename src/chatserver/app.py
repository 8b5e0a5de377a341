"""A chat on the network: the web application, the server, and the process of `chatcore serve`."""

import logging
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

import attrs
import trio
from quart_trio import QuartTrio

from chatcore import Chat, Config, open_chat
from chatcore.errors import ConfigError
from chatcore.ports import background
from chatserver.bootstrap import bootstrap
from chatserver.bus_figures import show_bus
from chatserver.direct import Direct
from chatserver.edge import Edge, answer_everything
from chatserver.gateway.flow import Pace
from chatserver.gateway.gateway import Gateway
from chatserver.gateway.sight import show
from chatserver.huddle_figures import show_huddles
from chatserver.lag import Lag
from chatserver.logs import logging_to
from chatserver.net import binding
from chatserver.net.asgi import App
from chatserver.net.certificate import Certificate
from chatserver.net.listener import Limits
from chatserver.net.server import GRACE_SECONDS, serve_listeners
from chatserver.parts import Parts
from chatserver.plugins import measure_plugins, plugin_routes
from chatserver.rest import ROUTES
from chatserver.rules import MatchingRule
from chatserver.supervisor import Supervisor, Worker, until_orphaned

__all__ = ["Address", "Worker", "create_app", "make_gateway", "run_server", "run_workers", "serve"]

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Address:
    """Where a server listens."""

    host: str
    port: int
    tls: bool = False

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


def create_app(chat: Chat, *, app: QuartTrio | None = None, parts: Parts | None = None) -> QuartTrio:
    """The web application of a chat: the API below `/api`, and `/metrics`.

    `app`: an application of your own, to which the API is added; its other pages and error handlers stay as they are.
    Without `parts` (see `serve`) rate limits are neither loaded nor saved. Raises ConfigError.
    """
    edge = Edge(parts or parts_of(chat))
    if app is None:
        app = QuartTrio("chatserver", static_folder=None, template_folder=None)
        app.config["MAX_CONTENT_LENGTH"] = chat.config.max_body_size
        app.url_rule_class = MatchingRule
        answer_everything(app, edge)
        app.asgi_app = Direct(edge, app)  # type: ignore[method-assign]  # the way to wrap it that Quart documents
    edge.mount(app)
    return app


def parts_of(chat: Chat) -> Parts:
    """The parts of one server: our endpoints and those of plugins. Raises ConfigError."""
    parts = Parts.of(chat, (*ROUTES, *plugin_routes(chat.hooks)))
    measure_plugins(parts.meter, chat.hooks)
    return parts


async def serve(
    chat: Chat,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    app: QuartTrio | None = None,
    tls: ssl.SSLContext | Certificate | None = None,
    stop: trio.Event | None = None,
    grace: float = GRACE_SECONDS,
    listeners: Sequence[socket.socket] = (),
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a chat over HTTP and WebSocket until cancelled, or until `stop` is set and what is under way is done.

    port: 0 picks a free one; `nursery.start` returns the `Address`. app: see `create_app`. grace: seconds from `stop`
    to the end, whatever the peers do. tls: a `Certificate` is taken up again when its files change. listeners: sockets
    that listen already; host then only names them. Raises ConfigError.
    """
    parts = parts_of(chat)
    limited = bool(parts.limiter.rules)
    if not limited:
        log.warning("rate limits are off: anyone may guess passwords and flood channels here")
    await parts.limiter.load()
    gateway = make_gateway(parts, limited=limited)
    listening = partial(
        serve_listeners,
        cast(App, create_app(chat, app=app, parts=parts)),  # its messages are TypedDicts, ours are plain
        gateway,
        host=host,
        port=port,
        tls=tls,
        limits=Limits.of(chat.config) if limited else None,
        head_limit=chat.config.max_head_size,
        stop=stop,
        grace=grace,
        listeners=listeners,
    )
    lag = Lag()
    parts.meter.histogram("chatcore_loop_lag_seconds", "How late the event loop wakes.", lag.histogram)
    parts.meter.gauge("chatcore_tasks", "Tasks of the event loop.", _tasks)
    async with background() as tasks:
        tasks.keep("loop lag", lag.run)
        # Ends last, so that what was counted to the very end is saved.
        tasks.keep("rate limits", parts.limiter.run)
        parts.watched.update(server=tasks.health, gateway=gateway.health)
        async with trio.open_nursery() as serving:
            bound = await serving.start(listening)
            task_status.started(Address(host=host, port=bound, tls=tls is not None))


def _tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


def make_gateway(parts: Parts, *, limited: bool) -> Gateway:
    """The gateway of one server; what it counts is shown by `/metrics`. Without `limited`, anybody may flood it."""
    config = parts.chat.config
    gateway = Gateway(
        parts.chat,
        limiter=parts.limiter,
        origins=parts.origins,
        proxies=parts.proxies,
        pace=Pace.of(config) if limited else None,
        per_user=config.max_sockets_per_user if limited else None,
    )
    show(gateway, parts.meter)
    show_huddles(parts.meter, parts.chat)
    show_bus(parts.meter, parts.chat)
    return gateway


async def run_server(
    config: Config, *, host: str = "127.0.0.1", port: int = 8000, worker: Worker | None = None
) -> None:
    """The whole of `chatcore serve`: open the chat, say where it is, serve until SIGTERM or SIGINT.

    One line goes to stdout, once connections are accepted; logs, and the first owner's password, go to stderr. SIGHUP
    reads the certificate again. worker: when this is one of several processes (see `run_workers`). Raises ConfigError,
    Unavailable.
    """
    stop, tls = trio.Event(), Certificate.of(config)
    listeners = binding.inherit(worker.sockets) if worker is not None else []
    with logging_to(config.log_level, _log_file(config, worker)):
        try:
            async with open_chat(config=config) as chat, trio.open_nursery() as watching:
                owner = await bootstrap(chat)
                if owner is not None:
                    sys.stderr.write(owner.announcement())
                watching.start_soon(_stop_on_signal, stop, watching.cancel_scope)
                if tls is not None:
                    watching.start_soon(_renew_on_signal, tls)
                if worker is not None:
                    watching.start_soon(_stop_when_orphaned, stop)
                async with trio.open_nursery() as serving:
                    address = await serving.start(
                        partial(serve, chat, host=host, port=port, tls=tls, stop=stop, listeners=listeners)
                    )
                    _say_ready(address)
                watching.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise _only(group) from None


async def run_workers(
    config: Config, *, command: Sequence[str], workers: int, host: str = "127.0.0.1", port: int = 8000
) -> int:
    """The whole of `chatcore serve --workers N`: so many processes on one port, until SIGTERM or SIGINT; exit status.

    command: starts one of them, `--worker …` added. Raises ConfigError.
    """
    if config.database_url.startswith(("sqlite:", "memory:")):
        raise ConfigError(
            "--workers needs PostgreSQL: an SQLite file has one writer, and more processes would only wait for each "
            "other; set DATABASE_URL=postgresql://HOST/NAME, or leave --workers"
        )
    tls = Certificate.of(config) is not None
    listeners = await binding.bind(host, port)
    address = Address(host=host, port=listeners[0].getsockname()[1], tls=tls)
    with logging_to(config.log_level, config.log_file):
        sockets = [listener.fileno() for listener in listeners]
        supervisor = Supervisor(command, workers, sockets, GRACE_SECONDS, renews=tls)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_say_when_ready, supervisor, address)
            status = await supervisor.run()
            nursery.cancel_scope.cancel()
        return status


async def _say_when_ready(supervisor: Supervisor, address: Address) -> None:
    await supervisor.ready.wait()
    _say_ready(address)


def _say_ready(address: Address) -> None:
    sys.stdout.write(f"Chatcore is ready on {address.url}\n")
    sys.stdout.flush()


def _log_file(config: Config, worker: Worker | None) -> str | None:
    """Each process has a file of its own: two that rotate the same one would lose lines."""
    if config.log_file is None or worker is None:
        return config.log_file
    path = Path(config.log_file)
    return str(path.with_name(f"{path.stem}.{worker.number}{path.suffix}"))


async def _stop_when_orphaned(stop: trio.Event) -> None:
    await until_orphaned()
    log.warning("the supervisor is gone: this worker stops")
    stop.set()


async def _stop_on_signal(stop: trio.Event, scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            if stop.is_set():
                scope.cancel()  # a second signal means: now
            stop.set()


async def _renew_on_signal(certificate: Certificate) -> None:
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        async for _ in signals:
            await certificate.renew()


def _only(error: BaseException) -> BaseException:
    """The one failure inside nested groups, or the group."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
