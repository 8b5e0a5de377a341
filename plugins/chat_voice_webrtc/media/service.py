"""The requests of the chat, and what is told it."""

import asyncio
import logging
import os
import resource
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from chat_voice_webrtc.media.huddle import Huddle
from chat_voice_webrtc.media.inside import Identity, Refused
from chat_voice_webrtc.media.leg import Leg, Seat
from chat_voice_webrtc.media.mux import Address, Mux
from chat_voice_webrtc.media.recorder import Recorder
from chat_voice_webrtc.media.sdp import BadOffer, parse_offer

TICK_SECONDS = 0.1
TICKS_PER_REPORT = 10
MAX_CONNECTING = 100
"""Clients that have an answer and are not here yet; each may take 15 s, and costs a handshake."""

log = logging.getLogger("media.service")
Data = dict[str, Any]


class Problem(Exception):
    """A request that cannot be granted. `kind`: `offer` (a bad one), `busy`, `duplicate` or `unavailable`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Service:
    """Every huddle of this process. `tell(event, data)`: to the chat; `public`: an address to be named to clients."""

    def __init__(self, mux: Mux, public: str | None, tell: Callable[[str, Data], None]) -> None:
        self._mux = mux
        self._tell = tell
        self._candidates: tuple[Address, ...] = tuple((sock.address, sock.port) for sock in mux.sockets)
        if public is not None:
            self._candidates = ((public, mux.port),)
        self._identity = Identity()
        self._huddles: dict[str, Huddle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._connecting = 0
        self._counted = {"packets_in": 0, "packets_out": 0, "packets_lost": 0, "bytes_in": 0, "bytes_out": 0}
        self._operations: dict[str, Callable[[Data], Awaitable[Data]]] = {
            "join": self._join,
            "leave": self._leave,
            "mute": self._mute,
            "wants": self._wants,
            "end": self._end,
            "stats": self._stats,
            "record": self._record,
            "stop_recording": self._stop_recording,
        }

    async def handle(self, operation: str, data: Data) -> Data:
        """Do what was asked. Raises Problem."""
        return await self._operations[operation](data)

    async def run(self) -> None:
        """The clock of everything; never returns."""
        loop, ticks = asyncio.get_running_loop(), 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now, ticks = loop.time(), ticks + 1
            for huddle in list(self._huddles.values()):
                huddle.tick(now)
                await self._drop_lost(huddle, now)
                if ticks % TICKS_PER_REPORT == 0:
                    for leg in huddle.legs.values():
                        if leg.client.connected:
                            leg.report(now)
            if ticks % TICKS_PER_REPORT == 0:
                self._tell("totals", self._totals())

    async def _join(self, data: Data) -> Data:
        try:
            offer = parse_offer(data["sdp"])
        except BadOffer as error:
            raise Problem("offer", str(error)) from None
        if self._connecting >= MAX_CONNECTING:
            raise Problem("busy", "Too many people are joining huddles at this moment: try again in some seconds.")
        huddle = self._huddles.get(data["huddle"])
        if huddle is None:
            huddle = self._huddles[data["huddle"]] = Huddle(data["huddle"], self._tell)
        for user in data["muted"]:
            huddle.muted.add(user)
        seat: Seat = (data["user"], data["device"])
        self._count(await huddle.remove(seat))
        leg = Leg(huddle, seat, offer, data["sources"], self._mux, self._identity.certificate())
        huddle.add(leg)
        self._spawn(self._connect(leg))
        return {"sdp": leg.answer(self._candidates)}

    async def _connect(self, leg: Leg) -> None:
        self._connecting += 1
        try:
            await leg.connect()
        except Refused as error:
            if leg.huddle.legs.get(leg.seat) is leg:
                await self._lose(leg, str(error))
        finally:
            self._connecting -= 1

    async def _leave(self, data: Data) -> Data:
        huddle = self._huddles.get(data["huddle"])
        if huddle is not None:
            self._count(await huddle.remove((data["user"], data["device"])))
            self._forget_if_empty(huddle)
        return {}

    async def _mute(self, data: Data) -> Data:
        huddle = self._huddles.get(data["huddle"])
        if huddle is not None:
            huddle.mute(data["user"], data["muted"])
        return {}

    async def _wants(self, data: Data) -> Data:
        huddle = self._huddles.get(data["huddle"])
        if huddle is not None:
            huddle.wants((data["user"], data["device"]), [(user, source) for user, source in data["videos"]])
        return {}

    async def _end(self, data: Data) -> Data:
        huddle = self._huddles.pop(data["huddle"], None)
        if huddle is not None:
            for leg in huddle.legs.values():
                self._count(leg)
            self._finish(huddle)
            await huddle.close()
        return {}

    async def _stats(self, data: Data) -> Data:
        huddle = self._huddles.get(data["huddle"])
        if huddle is None:
            return {"legs": []}
        now = huddle.now()
        return {"legs": [leg.stats(now) for leg in huddle.legs.values() if leg.client.connected]}

    async def _record(self, data: Data) -> Data:
        huddle = self._huddles.get(data["huddle"])
        if huddle is None:
            raise Problem("unavailable", "Nobody is connected to the huddle: there is nothing to record.")
        if huddle.recorder is not None:
            raise Problem("duplicate", "This huddle is being recorded.")
        try:
            huddle.record(data["recording"], Path(data["folder"]))
        except OSError as error:
            raise Problem("unavailable", f"The recording cannot be written: {error.strerror}.") from None
        return {}

    async def _stop_recording(self, data: Data) -> Data:
        huddle = self._huddles.get(data["huddle"])
        if huddle is not None:
            self._finish(huddle)
            self._forget_if_empty(huddle)
        return {}

    async def _drop_lost(self, huddle: Huddle, now: float) -> None:
        for leg in list(huddle.legs.values()):
            reason = leg.lost(now)
            if reason is not None and (leg.client.connected or leg.client.closed):
                await self._lose(leg, reason)

    async def _lose(self, leg: Leg, reason: str) -> None:
        huddle = leg.huddle
        self._count(await huddle.remove(leg.seat))
        self._tell("lost", {"huddle": huddle.id, "user": leg.seat[0], "device": leg.seat[1], "reason": reason})
        self._forget_if_empty(huddle)

    def _forget_if_empty(self, huddle: Huddle) -> None:
        if not huddle.legs and huddle.recorder is None:
            self._huddles.pop(huddle.id, None)

    def _finish(self, huddle: Huddle) -> None:
        if huddle.recorder is not None:
            recorder, huddle.recorder = huddle.recorder, None
            self._spawn(self._finished(huddle.id, recorder))

    async def _finished(self, huddle_id: str, recorder: Recorder) -> None:
        files, problem = await asyncio.to_thread(recorder.finish)
        self._tell(
            "recorded",
            {"huddle": huddle_id, "recording": recorder.recording_id, "files": files, "problem": problem},
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task failed", exc_info=task.exception())

    def _count(self, leg: Leg | None) -> None:
        """A leg is gone: what it did still counts."""
        if leg is not None:
            for name, value in _traffic(leg).items():
                self._counted[name] += value

    def _totals(self) -> Data:
        legs = [leg for huddle in self._huddles.values() for leg in huddle.legs.values()]
        totals: Data = dict(self._counted)
        for leg in legs:
            for name, value in _traffic(leg).items():
                totals[name] += value
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            **totals,
            "huddles": len(self._huddles),
            "seats": len(legs),
            "dropped": self._mux.dropped,
            "unsent": self._mux.unsent,
            "bitrate_in": sum(leg.bitrate_in for leg in legs),
            "bitrate_out": sum(leg.bitrate_out for leg in legs),
            "jitter_ms": max((leg.jitter_ms for leg in legs), default=0.0),
            "round_trip_ms": 1000 * max((leg.round_trip or 0.0 for leg in legs), default=0.0),
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "pid": os.getpid(),
        }


def _traffic(leg: Leg) -> dict[str, int]:
    meters = [stream.meter for stream in leg.streams]
    return {
        "packets_in": sum(meter.packets for meter in meters),
        "packets_out": sum(slot.packets for slot in leg.slots),
        "packets_lost": sum(max(0, meter.lost) for meter in meters)
        + sum(max(0, slot.report.lost) for slot in leg.slots if slot.report is not None),
        "bytes_in": leg.bytes_in,
        "bytes_out": sum(slot.bytes for slot in leg.slots),
    }
