"""How soon somebody is heard, and for how long nobody is when the way of the media changes: in headless Chromium.

The page of `examples/huddle_page`, beside a server in a process of its own, everything on this machine: browsers
encode, decode and draw, and six of them are more than two cores have room for.
"""

import os
import signal
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import trio
from tests.examples.browser import Person, another, chromium, serving

from benchmarks.errors import NotHere
from benchmarks.figure import AtMost, Figure
from benchmarks.setting import Setting

COLD, SHARE, GAP, BACK = AtMost(2000), AtMost(300), AtMost(1000), AtMost(10)


@attrs.frozen
class _Join:
    """Milliseconds from the click, with signing in; and what of it the server took, without."""

    first_audio: float
    signing_in: float
    share: float


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Each join in a browser of its own that has just been started."""
    rounds = setting.choose(3, 1)
    if not await trio.Path("/usr/bin/chromium").exists():
        raise NotHere("there is no /usr/bin/chromium")
    for mode in ("mesh", "sfu"):
        with setting.room() as folder:
            joins = await trio.to_thread.run_sync(_cold, folder, mode, rounds)
        for figure in _figures(f"{mode}: into a huddle of one, cold", joins):
            yield figure
    with setting.room() as folder:
        joins = await trio.to_thread.run_sync(_six, folder)
    for figure in _figures("sfu: the 2nd to 6th, one after the other", joins):
        yield figure
    with setting.room() as folder:
        there, back, killed = await trio.to_thread.run_sync(_switch, folder, rounds)
    yield Figure("a mesh of three goes through the server: longest silence", max(there), "ms", GAP)
    yield Figure("… and becomes a mesh again: longest silence", max(back), "ms", GAP)
    yield Figure("media process killed, until both are heard again", killed, "s", BACK)


def _figures(what: str, joins: list[_Join]) -> list[Figure]:
    def median(name: str) -> float:
        return float(statistics.median(getattr(each, name) for each in joins))

    worst = f"worst {max(each.first_audio for each in joins):,.0f}"
    return [
        Figure(f"{what}: click to first audio", median("first_audio"), "ms", COLD, f"of {len(joins)}, {worst}"),
        Figure("… of which the server signed in", median("signing_in"), "ms"),
        Figure("… of which the server let in and connected", median("share"), "ms", SHARE),
    ]


def _cold(folder: Path, mode: str, rounds: int) -> list[_Join]:
    found: list[_Join] = []
    with chromium() as first:
        for _ in range(rounds):
            with serving(folder, voice="off" if mode == "mesh" else "auto") as served, another(first) as second:
                one = Person.of(first, served, 1, mode=mode)
                one.join()
                found.append(_joined(Person.of(second, served, 2, mode=mode)))
                one.page.context.close()
    return found


def _joined(person: Person) -> _Join:
    person.join()
    first = person.first_audio()
    share = person.share()
    return _Join(first, share["signingIn"], share["joining"] + share["connecting"])


def _six(folder: Path) -> list[_Join]:
    with serving(folder) as served, chromium() as browser:
        people = [Person.of(browser, served, number, mode="sfu") for number in range(1, 7)]
        people[0].join()
        return [_joined(person) for person in people[1:]]


_THROUGH_SERVER = "window.page.huddle.server?.pc.connectionState === 'connected'"
_BETWEEN_PEERS = "window.page.huddle.server === null"


def _silence_until(way: str, one: Person, two: Person) -> float:
    """How long the second heard nothing of the first, until both have found this way and a second later."""
    for person in (one, two):
        person.page.wait_for_function(way)
    two.hears(one)
    time.sleep(1)
    return two.longest_silence()


def _switch(folder: Path, rounds: int) -> tuple[list[float], list[float], float]:
    """The longest silences of the second of three, there and back, and how long a killed process is missed."""
    there: list[float] = []
    back: list[float] = []
    with serving(folder, huddle_mesh_max=2) as served, chromium() as browser:
        one, two, three = (Person.of(browser, served, number) for number in (1, 2, 3))
        one.join()
        two.join()
        two.hears(one)
        two.watch_for_silence()
        for each in range(rounds):
            two.longest_silence()
            if each == 0:
                three.join()
            else:
                one.set_mode("sfu")
            there.append(_silence_until(_THROUGH_SERVER, one, two))
            one.set_mode("mesh")
            back.append(_silence_until(_BETWEEN_PEERS, one, two))
        one.set_mode("sfu")
        for person in (one, two):
            person.page.wait_for_function(_THROUGH_SERVER)
        (media,) = served.media_processes()
        os.kill(media, signal.SIGKILL)
        killed = time.monotonic()
        for person in (one, two):
            person.page.wait_for_function("window.page.log.some((line) => line.startsWith('join again'))")
        for person in (one, two):
            person.page.wait_for_function(_THROUGH_SERVER)
        two.hears(one)
        one.hears(two)
        return there, back, time.monotonic() - killed
