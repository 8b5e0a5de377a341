"""A chat on the network: the web application, the server, and the process of `chatcore serve`."""

import logging
import signal
import sys
from functools import partial

import attrs
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio import serve as hypercorn_serve
from quart_trio import QuartTrio

from chatcore import Chat, Config, open_chat
from chatserver.bootstrap import bootstrap
from chatserver.edge import MAX_BODY, Edge, refuses
from chatserver.logs import logging_to
from chatserver.parts import Parts
from chatserver.rest import ROUTES

log = logging.getLogger(__name__)

GRACE_SECONDS = 10.0
"""How long work in flight may go on after SIGTERM."""


@attrs.frozen(kw_only=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def create_app(chat: Chat, *, app: QuartTrio | None = None, parts: Parts | None = None) -> QuartTrio:
    """The web application of a chat: the API below `/api`, and `/metrics`.

    `app`: an application of your own, to which the API is added; its other pages and error handlers stay as they are.
    Without `parts` (see `serve`) rate limits are neither loaded nor saved. Raises ConfigError.
    """
    edge = Edge(parts or Parts.of(chat, ROUTES))
    if app is None:
        app = QuartTrio("chatserver", static_folder=None, template_folder=None)
        app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
        refuses(app, edge)
    edge.mount(app)
    return app


async def serve(
    chat: Chat,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    app: QuartTrio | None = None,
    stopping: trio.Event | None = None,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a chat until cancelled, or until `stopping` is set and what is in flight is done.

    port: 0 picks a free one; `nursery.start` returns the `Address`. app: see `create_app`. Raises ConfigError, OSError.
    """
    parts = Parts.of(chat, ROUTES)
    if not parts.limiter.rules:
        log.warning(
            "rate limits are off: anybody may guess passwords and flood channels; never serve the world like this"
        )
    await parts.limiter.load()
    app = create_app(chat, app=app, parts=parts)
    config = HypercornConfig()
    config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    config.include_server_header = False
    config.graceful_timeout = GRACE_SECONDS
    config.errorlog = logging.getLogger("hypercorn.error")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parts.limiter.run)
        stop = stopping or trio.Event()
        bound = await nursery.start(partial(hypercorn_serve, app, config, shutdown_trigger=stop.wait, mode="asgi"))
        task_status.started(Address(host=host, port=int(bound[0].rpartition(":")[2])))
        await stop.wait()
        nursery.cancel_scope.cancel()


async def run_server(config: Config, *, host: str = "127.0.0.1", port: int = 8000) -> None:
    """The whole of `chatcore serve`: open the chat, say where it is, serve until SIGTERM or SIGINT.

    One line goes to stdout, once connections are accepted; logs, and the first owner's password, go to stderr. Raises
    ConfigError.
    """
    stopping = trio.Event()
    with logging_to(config.log_level, config.log_file):
        try:
            async with open_chat(config=config) as chat, trio.open_nursery() as nursery:
                owner = await bootstrap(chat)
                if owner is not None:
                    sys.stderr.write(owner.announcement())
                nursery.start_soon(_stop_on_signal, stopping, nursery.cancel_scope)
                address = await nursery.start(partial(serve, chat, host=host, port=port, stopping=stopping))
                sys.stdout.write(f"Chatcore is ready on {address.url}\n")
                sys.stdout.flush()
        except BaseExceptionGroup as group:
            raise _only(group) from None


async def _stop_on_signal(stopping: trio.Event, scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            if stopping.is_set():
                scope.cancel()  # a second signal means: now
            stopping.set()


def _only(error: BaseException) -> BaseException:
    """The one failure inside nested groups, or the group."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
