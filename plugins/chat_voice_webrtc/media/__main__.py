"""The media process: `python -m chat_voice_webrtc.media`, started by the chat, which talks to it over stdin and stdout.

It ends when its standard input does: with the chat, however that ended.
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys

import uvloop

from chat_voice_webrtc.link import VERSION, Decoder, Frame, LinkBroken, encode
from chat_voice_webrtc.media.inside import local_addresses, resolves_here
from chat_voice_webrtc.media.mux import Mux, NoPort
from chat_voice_webrtc.media.service import Data, Problem, Service

MAX_UNREAD = 8 * 1024 * 1024
"""Bytes that the chat has not read; over it, the chat is as good as dead."""
MAX_REQUESTS = 1_000
"""Requests at work at once."""

log = logging.getLogger("media")


class Link(asyncio.Protocol):
    """The end of the pipes that is here."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self.ended = asyncio.Event()
        self._decoder = Decoder()
        self._out: asyncio.WriteTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def write_to(self, transport: asyncio.WriteTransport) -> None:
        """Where answers go."""
        self._out = transport

    def data_received(self, data: bytes) -> None:
        """Requests come in."""
        try:
            for frame in self._decoder.feed(data):
                if len(self._tasks) >= MAX_REQUESTS:
                    self._answer(frame, {"error": {"kind": "busy", "message": "The media process is overloaded."}})
                    continue
                task = asyncio.get_running_loop().create_task(self._handle(frame))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except LinkBroken:
            log.exception("the chat does not speak our protocol")
            self.ended.set()

    def connection_lost(self, error: Exception | None) -> None:
        """The chat is gone."""
        self.ended.set()

    def tell(self, event: str, data: Data) -> None:
        """Tell the chat of something."""
        self._write({"event": event, "data": data})

    async def _handle(self, frame: Frame) -> None:
        assert self.service is not None
        try:
            answer: Frame = {"data": await self.service.handle(frame["op"], frame["data"])}
        except Problem as error:
            answer = {"error": {"kind": error.kind, "message": str(error)}}
        except Exception:
            log.exception("the request %s failed", frame.get("op"))
            answer = {"error": {"kind": "unavailable", "message": "The media process failed; its log says why."}}
        self._answer(frame, answer)

    def _answer(self, frame: Frame, answer: Frame) -> None:
        self._write({"id": frame.get("id"), **answer})

    def _write(self, frame: Frame) -> None:
        if self._out is None or self.ended.is_set():
            return
        self._out.write(encode(frame))
        if self._out.get_write_buffer_size() > MAX_UNREAD:
            log.error("the chat does not read any more")
            self.ended.set()


async def run(arguments: argparse.Namespace, out: int) -> None:
    """Until standard input ends."""
    loop, link = asyncio.get_running_loop(), Link()
    loop.add_signal_handler(signal.SIGTERM, link.ended.set)
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(out, "wb", buffering=0))
    link.write_to(transport)
    public = arguments.public
    own = public is not None and resolves_here(public)
    mux = Mux([public] if own else local_addresses(), range(arguments.first, arguments.last + 1))
    mux.open()
    link.service = Service(mux, public, link.tell)
    await loop.connect_read_pipe(lambda: link, sys.stdin)
    link._write({"hello": VERSION, "port": mux.port})
    # What is there now stays: collections have only the packets of the moment to look at.
    gc.collect()
    gc.freeze()
    clock = loop.create_task(link.service.run())
    ended = loop.create_task(link.ended.wait())
    await asyncio.wait((clock, ended), return_when=asyncio.FIRST_COMPLETED)
    mux.close()
    if clock.done():
        clock.result()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m chat_voice_webrtc.media", description=__doc__)
    parser.add_argument("--first", type=int, required=True, help="first UDP port that may be used")
    parser.add_argument("--last", type=int, required=True, help="last UDP port that may be used")
    parser.add_argument("--public", help="the address at which clients reach this machine")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("aioice").setLevel(logging.WARNING)
    logging.getLogger("aiortc").setLevel(logging.WARNING)
    # Whatever prints must not do so into the frames.
    out = os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the chat, which then ends us
    try:
        uvloop.run(run(arguments, out))
    except NoPort as error:
        sys.exit(f"CRITICAL media {error}")


if __name__ == "__main__":
    main()
