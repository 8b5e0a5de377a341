"""A media process, as the chat sees it: started, asked, watched, and told of when it dies."""

import logging
import math
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import trio

from chat_voice_webrtc.link import VERSION, Decoder, Frame, LinkBroken, encode
from chatcore.errors import ChatError, Duplicate, Unavailable, ValidationFailed

START_SECONDS = 20.0
"""For a process to be ready: half a second on a machine that has nothing else to do."""
REQUEST_SECONDS = 5.0
HANG_SECONDS = 8.0
"""It says its totals every second; after so long without a word it hangs, and is killed."""
STOP_SECONDS = 2.0
MAX_WAITING = 200
"""Requests that wait to be written."""
MAX_LOG_LINE = 4_000
COUNTS = ("packets_in", "packets_out", "packets_lost", "bytes_in", "bytes_out", "cpu_seconds")
"""What of the totals goes on to grow when a process is started again; the rest is of now."""

log = logging.getLogger("chatcore.voice.webrtc")
media_log = logging.getLogger("chatcore.voice.webrtc.media")
_LEVELS = {"CRITICAL": logging.CRITICAL, "ERROR": logging.ERROR, "WARNING": logging.WARNING}


class MediaDied(Exception):
    """The process is gone."""


class Listener:
    """Who is told. Nothing here may wait or raise."""

    def ready(self, child: "MediaProcess") -> None:
        """It takes requests."""

    def died(self, child: "MediaProcess") -> None:
        """It is gone, with all that it knew."""

    def happened(self, child: "MediaProcess", event: str, data: Mapping[str, Any]) -> None:
        """It told something."""


@attrs.define(eq=False)
class _Waiting:
    answered: trio.Event = attrs.field(factory=trio.Event)
    frame: Frame | None = None


class MediaProcess:
    """One process. `run` starts it, once it is `wanted`, and ends with it.

    `totals` are what it last said of itself; counts in them are of all processes that were started here.
    """

    def __init__(self, command: tuple[str, ...], listener: Listener) -> None:
        """`command`: the arguments of `python -m chat_voice_webrtc.media`."""
        self.totals: dict[str, float] = {}
        self.starts = 0
        self._command = (sys.executable, "-m", "chat_voice_webrtc.media", *command)
        self._listener = listener
        self._wanted = trio.Event()
        self._ready = trio.Event()
        self._requests: dict[int, _Waiting] = {}
        self._count = 0
        self._outbox: trio.MemorySendChannel[bytes] | None = None
        self._process: trio.Process | None = None
        self._alive_at = math.inf
        self._before: dict[str, float] = {}

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    @property
    def is_wanted(self) -> bool:
        return self._wanted.is_set()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def want(self) -> None:
        """Let it be started, when it is not yet."""
        self._wanted.set()

    async def wait_ready(self) -> None:
        """Until it takes requests."""
        await self._ready.wait()

    async def request(self, operation: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Ask it. Raises what it answers, and Unavailable when it does not."""
        if self._outbox is None:
            raise Unavailable("The media of huddles is being started again: try again in some seconds.")
        self._count += 1
        number, waiting = self._count, _Waiting()
        self._requests[number] = waiting
        try:
            self._outbox.send_nowait(encode({"id": number, "op": operation, "data": data}))
            with trio.move_on_after(REQUEST_SECONDS):
                await waiting.answered.wait()
        except trio.WouldBlock:
            raise Unavailable("The media of huddles is overloaded: try again in some seconds.") from None
        except LinkBroken as error:
            raise ValidationFailed.of("offer", f"is too long: {error}") from None
        finally:
            self._requests.pop(number, None)
        if waiting.frame is None:
            raise Unavailable("The media of huddles did not answer: try again in some seconds.")
        if "error" in waiting.frame:
            raise _error(waiting.frame["error"])
        answer: dict[str, Any] = waiting.frame["data"]
        return answer

    async def run(self) -> None:
        """Start it and stay until it is gone. Raises MediaDied."""
        await self._wanted.wait()
        start = partial(trio.lowlevel.open_process, stdin=-1, stdout=-1, stderr=-1)
        process = self._process = await start(list(self._command))
        self.starts += 1
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read_log, process)
                nursery.start_soon(self._watch, process)
                await self._talk(process, nursery)
                nursery.cancel_scope.cancel()
        finally:
            self._gone()
            await _stop(process)
        raise MediaDied(f"the media process {process.pid} ended with status {process.returncode}")

    async def _talk(self, process: trio.Process, nursery: trio.Nursery) -> None:
        """Read until its output ends."""
        assert process.stdout is not None
        decoder = Decoder()
        self._alive_at = trio.current_time() + START_SECONDS - HANG_SECONDS
        try:
            async for data in process.stdout:
                for frame in decoder.feed(bytes(data)):
                    self._alive_at = trio.current_time()
                    self._received(frame, process, nursery)
        except (LinkBroken, trio.BrokenResourceError) as error:
            log.error("the media process %d does not speak our protocol: %s", process.pid, error)

    def _received(self, frame: Frame, process: trio.Process, nursery: trio.Nursery) -> None:
        if "id" in frame:
            waiting = self._requests.get(frame["id"])
            if waiting is not None:
                waiting.frame = frame
                waiting.answered.set()
        elif frame.get("event") == "totals":
            self._heard_totals(frame["data"])
        elif "event" in frame:
            self._listener.happened(self, frame["event"], frame["data"])
        elif frame.get("hello") == VERSION:
            self._outbox, inbox = trio.open_memory_channel[bytes](MAX_WAITING)
            nursery.start_soon(_write, process, inbox)
            log.info("media process %d is ready on UDP port %d", process.pid, frame["port"])
            self._ready.set()
            self._listener.ready(self)
        else:
            raise LinkBroken(f"it greets with {frame}")

    def _heard_totals(self, data: Mapping[str, float]) -> None:
        self.totals = {**data, **{name: data[name] + self._before.get(name, 0) for name in COUNTS}}

    def _gone(self) -> None:
        self._ready = trio.Event()
        self._outbox = None
        self._alive_at = math.inf
        self._before = {**self.totals}
        self.totals = {name: self._before.get(name, 0) for name in COUNTS}
        for waiting in self._requests.values():
            waiting.answered.set()
        self._listener.died(self)

    async def _watch(self, process: trio.Process) -> None:
        while True:
            await trio.sleep(1)
            if trio.current_time() - self._alive_at > HANG_SECONDS:
                log.error("the media process %d hangs: it is killed", process.pid)
                process.kill()
                return

    async def _read_log(self, process: trio.Process) -> None:
        assert process.stderr is not None
        left = b""
        async for data in process.stderr:
            *lines, left = (left + data).split(b"\n")
            left = left[:MAX_LOG_LINE]
            for line in lines:
                text = line[:MAX_LOG_LINE].decode("utf-8", "replace")
                media_log.log(_LEVELS.get(text.partition(" ")[0], logging.INFO), "%s", text)


async def _write(process: trio.Process, inbox: trio.MemoryReceiveChannel[bytes]) -> None:
    assert process.stdin is not None
    try:
        async for data in inbox:
            await process.stdin.send_all(data)
    except trio.BrokenResourceError:
        pass  # it is gone: its output ends too, and says so


async def _stop(process: trio.Process) -> None:
    """Let it end, which it does when its input is closed; else make it."""
    with trio.CancelScope(shield=True):
        if process.stdin is not None:
            await process.stdin.aclose()
        with trio.move_on_after(STOP_SECONDS):
            await process.wait()
        if process.poll() is None:
            process.kill()
            await process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                await stream.aclose()


def _error(error: Mapping[str, Any]) -> ChatError:
    kind, message = error.get("kind"), str(error.get("message"))
    if kind == "offer":
        return ValidationFailed.of("offer.sdp", message)
    return Duplicate(message) if kind == "duplicate" else Unavailable(message)
