"""What forwarding costs, how late it makes a voice, and how far one core goes."""

from collections.abc import AsyncIterator

from benchmarks.figure import AtLeast, AtMost, Figure
from benchmarks.setting import Setting
from benchmarks.voice.huddle import Heard, crowd, open_mixer, open_port, talk

STEPS = (75, 100, 125, 150, 175, 200)
LATE, LOST = 20.0, 0.001
"""Milliseconds at p95 and a share of packets: over one of them, a core has gone too far."""


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Ten who all speak; fifty with three speakers; more, until it is too many."""
    seconds = setting.choose(8, 2)
    with setting.room() as folder:
        async with open_port(folder) as voice:
            ten = await talk(voice, 10, 10, seconds, huddle=10)
            async with open_mixer() as (join, pid):
                mixed = await crowd(join, lambda: pid, 10, 10, seconds)
            for figure in _ten(ten, mixed):
                yield figure
            fifty = await talk(voice, 50, 3, seconds, huddle=11)
            for figure in _of(fifty, AtMost(40)):
                yield figure
            furthest = fifty
            for people in STEPS[: setting.choose(len(STEPS), 1)]:
                heard = await talk(voice, people, 3, seconds / 2, huddle=people)
                if _added(heard) > LATE or heard.missing > LOST:
                    break
                furthest = heard
            yield Figure(
                "one core: people in a huddle of 3 speakers before loss or 20 ms",
                furthest.people,
                "",
                note=f"{furthest.packets_out:,.0f} packets/s out at {100 * furthest.core:.0f} % of the core",
            )


def _ten(heard: Heard, mixed: Heard) -> list[Figure]:
    return [
        *_of(heard, None),
        Figure("10 people, all speaking: CPU for each person", 100 * heard.core / 10, "% of a core"),
        Figure("the same decoded, mixed and encoded: process", 100 * mixed.core, "% of a core"),
        Figure("times cheaper than decoding, mixing and encoding", mixed.core / heard.core, "x", AtLeast(5)),
    ]


def _added(heard: Heard) -> float:
    """At p95, in ms: without what a datagram takes from the crowd to itself."""
    return max(0.0, heard.late_p95 - heard.own_p95)


def _of(heard: Heard, core: AtMost | None) -> list[Figure]:
    what = f"{heard.people} people, {heard.speakers} speaking"
    return [
        Figure(f"{what}: from sender to listener, p50", heard.late_p50, "ms"),
        Figure(f"{what}: from sender to listener, p95", heard.late_p95, "ms"),
        Figure(f"{what}: … of which the server added", _added(heard), "ms", AtMost(LATE)),
        Figure(f"{what}: packets lost", 100 * heard.missing, "%", AtMost(0)),
        Figure(f"{what}: media process", 100 * heard.core, "% of a core", core),
        Figure(f"{what}: CPU for each packet out", 1e6 * heard.core / heard.packets_out, "µs"),
        Figure(f"{what}: a join, ten at a time", heard.join_ms, "ms"),
    ]
