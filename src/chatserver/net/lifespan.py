"""The application's own start and end (ASGI lifespan). If it dies in between, the server ends with it, and says so."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from chatserver.net.asgi import App, Message

START_SECONDS = 60.0
END_SECONDS = 10.0

log = logging.getLogger(__name__)


class LifespanFailed(RuntimeError):
    """The application could not start, or broke down while it served."""


class Lifespan:
    def __init__(self, app: App) -> None:
        self._app = app
        self._to_app, self._from_server = trio.open_memory_channel[Message](2)
        self._started = trio.Event()
        self._ended = trio.Event()
        self._ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[dict[str, Any]]:
        """While this is open the application is up; gives its state. Raises LifespanFailed, in a group."""
        state: dict[str, Any] = {}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run, state)
            self._to_app.send_nowait({"type": "lifespan.startup"})
            with trio.fail_after(START_SECONDS):
                await self._started.wait()
            yield state
            self._ending = True
            self._to_app.send_nowait({"type": "lifespan.shutdown"})
            with trio.move_on_after(END_SECONDS):
                await self._ended.wait()
            nursery.cancel_scope.cancel()

    async def _run(self, state: dict[str, Any]) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
        await self._app(scope, self._from_server.receive, self._heard)
        if not self._ending:
            raise LifespanFailed("the application ended although it was not told to")
        self._ended.set()

    async def _heard(self, message: Message) -> None:
        match message["type"]:
            case "lifespan.startup.complete":
                self._started.set()
            case "lifespan.shutdown.complete":
                self._ended.set()
            case "lifespan.startup.failed":
                raise LifespanFailed(f"the application did not start: {message.get('message', '')}")
            case "lifespan.shutdown.failed":
                log.error("the application did not end well: %s", message.get("message", ""))
                self._ended.set()
