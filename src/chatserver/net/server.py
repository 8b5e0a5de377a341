"""Serving: from the first connection to a graceful end."""

import socket
import ssl
from collections.abc import Sequence
from functools import partial

import trio

from chatcore.ports import Background
from chatserver.gateway.gateway import Gateway
from chatserver.net import binding
from chatserver.net.asgi import App, RealtimeApp
from chatserver.net.certificate import Certificate
from chatserver.net.hypercorn_http import Http
from chatserver.net.lifespan import Lifespan
from chatserver.net.listener import Limits, Listener
from chatserver.net.strict import HEAD_LIMIT

GRACE_SECONDS = 10.0
"""How long a stop waits for what is under way."""


async def serve_listeners(
    app: App,
    gateway: Gateway,
    *,
    host: str,
    port: int,
    tls: ssl.SSLContext | Certificate | None = None,
    limits: Limits | None = None,
    head_limit: int = HEAD_LIMIT,
    stop: trio.Event | None = None,
    grace: float = GRACE_SECONDS,
    listeners: Sequence[socket.socket] = (),
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` over HTTP and `gateway` over WebSocket on one port, until `stop` is set or the call is cancelled.

    port: 0 takes a free one; the port is reported once connections are taken. limits: on connections; None is none.
    head_limit: bytes of a request head.
    grace: seconds from `stop` to the end, whatever the peers do. listeners: sockets that listen already, used instead
    of the address. Raises ConfigError when the address cannot be had.
    """
    stop = trio.Event() if stop is None else stop
    app = RealtimeApp(app, gateway)
    listeners = listeners or await binding.bind(host, port)
    try:
        async with Lifespan(app).running() as state, trio.open_nursery() as working:
            tasks: Background = await working.start(gateway.run)
            async with trio.open_nursery() as nursery:
                http = Http.of(app, state, head_limit)
                listener = Listener(gateway, http, nursery, limits=limits, tls=tls)
                if isinstance(tls, Certificate):
                    tasks.keep("certificate", tls.watch)
                for number, each in enumerate(listeners):
                    tasks.keep(f"listener {number}", partial(_accept, listener, each))
                task_status.started(listeners[0].getsockname()[1])
                await stop.wait()
                binding.close(listeners)
                await _drain(gateway, http, listener, grace)
                nursery.cancel_scope.cancel()
            working.cancel_scope.cancel()
    finally:
        binding.close(listeners)


async def _drain(gateway: Gateway, http: Http, listener: Listener, grace: float) -> None:
    """Sockets are told 1012, requests under way are answered, and who has not gone by the end of `grace` is cut."""
    with trio.move_on_after(grace):
        gateway.stop()
        await http.stop()
        await listener.drained()
    listener.abort()


async def _accept(listener: Listener, each: socket.socket) -> None:
    try:
        await listener.accept(each)
        await trio.sleep_forever()
    except trio.Cancelled:
        # A write to a peer that does not read is shielded for a while; cutting its connection ends it at once.
        listener.abort()
        raise
