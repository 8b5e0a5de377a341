"""What a huddle costs those who write: chat and the port of media in one process, as in a server."""

from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

import trio

from benchmarks.core.town import TEXT, Town, open_town
from benchmarks.figure import AtMost, Figure
from benchmarks.setting import Setting
from benchmarks.spread import spread
from benchmarks.voice.huddle import open_port, talk
from chat_voice_webrtc import WebRtcVoice

PEOPLE = 10
PAUSE = 0.005
"""Seconds between two messages: people write, and no core is full."""


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Without a huddle, with one, without, with one: what the machine does meanwhile is in both."""
    seconds = setting.choose(10, 3)
    alone: list[float] = []
    beside: list[float] = []
    with setting.room() as folder:
        async with open_town(folder, people=2) as town, open_port(Path(folder)) as voice:
            for number in range(2):
                alone += await _write(town, seconds)
                beside += await _write_beside(town, voice, seconds, huddle=20 + number)
    for name, found in (("without a huddle", alone), (f"beside {PEOPLE} who all speak", beside)):
        seen = spread(found)
        yield Figure(f"a message, durable, {name}: p50", seen.p50 * 1000, "ms")
        yield Figure(f"a message, durable, {name}: p99", seen.p99 * 1000, "ms")
    yield Figure("p99 beside a huddle, by p99 without", spread(beside).p99 / spread(alone).p99, "x", AtMost(1.2))


async def _write(town: Town, seconds: float) -> list[float]:
    """How long each message took, one after the other."""
    took: list[float] = []
    end = perf_counter() + seconds
    while (began := perf_counter()) < end:
        await town.chat.messages.send(town.channel, author=town.people[0], content=TEXT)
        took.append(perf_counter() - began)
        await trio.sleep(PAUSE)
    return took


async def _write_beside(town: Town, voice: WebRtcVoice, seconds: float, huddle: int) -> list[float]:
    took: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk, voice, PEOPLE, PEOPLE, seconds, huddle)
        await trio.sleep(2)  # they have joined, and warm up
        took += await _write(town, seconds)
    return took
