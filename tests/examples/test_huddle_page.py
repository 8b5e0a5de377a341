"""People who talk in a real browser: what one sends is found in what the others hear."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.examples.browser import Person, chromium, serving
from tests.services.coturn import running_coturn

# A browser takes a processor, six of them both.
pytestmark = [pytest.mark.slow, pytest.mark.alone]

PATIENCE_MS = 10_000
"""Enough on any machine; what it takes on a quiet one is in docs/how-to/huddles.md."""


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser for each test: pages that go on talking would take the processor from the next one."""
    with chromium() as browser:
        yield browser


def test_two_in_a_mesh(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, voice="off") as served:
        one, two = (Person.of(browser, served, number) for number in (1, 2))
        one.join()
        two.join()
        one.hears(two)
        two.hears(one)
        assert two.first_audio() < PATIENCE_MS
        assert (two.topology(), two.candidates()) == ("mesh", {"host"})
        two.page.wait_for_function("document.querySelectorAll('li.speaking').length === 2")
        one.page.click("#mute")
        two.page.wait_for_function("document.querySelectorAll('li.speaking').length === 1")
        two.page.wait_for_function("window.page.huddle.heard().every(({level}) => level < -60)")
        one.leave()
        two.page.wait_for_function("document.querySelectorAll('#people li').length === 1")


def test_six_in_a_mesh(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, voice="off") as served:
        people = [Person.of(browser, served, number, mode="mesh") for number in range(1, 7)]
        for person in people:
            person.join()
        for person in people:
            person.hears(*(other for other in people if other is not person))


def test_a_lost_socket_is_not_noticed(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, voice="off") as served:
        one, two = (Person.of(browser, served, number) for number in (1, 2))
        one.join()
        two.join()
        one.hears(two)
        one.page.evaluate("() => { window.events = []; window.page.huddle.log = (text) => window.events.push(text); }")
        two.page.evaluate("window.page.huddle.chat.socket.close()")
        two.page.wait_for_function("window.page.huddle.chat.socket.readyState === 1")
        time.sleep(1)
        one.hears(two)
        two.hears(one)
        assert one.page.evaluate("window.events") == []
        assert one.page.evaluate("window.page.huddle.people.size") == 2


@pytest.mark.parametrize("mode", ["mesh", "sfu"])
def test_through_turn_over_tcp_where_udp_is_blocked(browser: Browser, tmp_path: Path, mode: str) -> None:
    voice = "off" if mode == "mesh" else "auto"
    with (
        running_coturn() as turn,
        serving(tmp_path, voice=voice, turn_server_url=turn.url, turn_secret=turn.secret) as served,
    ):
        one, two = (Person.of(browser, served, number, relay="on", mode=mode) for number in (1, 2))
        one.join()
        two.join()
        one.hears(two)
        two.hears(one)
        assert two.topology() == mode
        assert one.candidates() == two.candidates() == {"relay/tcp"}


def test_six_through_the_server(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        people = [Person.of(browser, served, number, mode="sfu") for number in range(1, 7)]
        first, *others, last = people
        for person in people:
            person.join()
            assert person.topology() == "sfu"
        assert last.first_audio() < PATIENCE_MS
        first.page.wait_for_function("document.querySelectorAll('li.speaking').length === 6")
        for person in (*others, last):
            person.page.click("#mute")
        for person in (*others, last):
            person.hears(first)
        first.page.click("#mute")
        last.page.click("#mute")
        for person in (first, *others):
            person.hears(last)


@pytest.mark.parametrize("mode", ["mesh", "sfu"])
def test_pictures_arrive_and_only_those_that_are_wanted(browser: Browser, tmp_path: Path, mode: str) -> None:
    with serving(tmp_path, voice="off" if mode == "mesh" else "auto") as served:
        one = Person.of(browser, served, 1, mode=mode)
        two = Person.of(browser, served, 2, mode=mode, source="microphone")
        one.join()
        one.show("camera")
        two.join()  # and sees what was there before
        assert two.topology() == mode
        two.sees(one, hue=one.hertz % 360)
        two.show("camera")
        two.show("screen")
        one.sees(two)
        one.sees(two, "screen")
        assert len(one.tiles()) == 3
        one.watch(two, "screen", False)
        one.page.wait_for_function("document.querySelectorAll('figure').length === 2")
        if mode == "mesh":  # the server goes on to take what nobody wants, for the next who does
            assert two.video_bitrate("screen") == 0
        one.sees(two)
        one.watch(two, "screen", True)
        one.sees(two, "screen")
        one.show("camera")
        two.page.wait_for_function("document.querySelectorAll('figure').length === 2")


def test_a_mesh_becomes_a_huddle_through_the_server_while_people_talk(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, huddle_mesh_max=2) as served:
        one, two, three = (Person.of(browser, served, number) for number in (1, 2, 3))
        one.join()
        two.join()
        two.hears(one)
        two.watch_for_silence()
        three.join()
        for person in (one, two, three):
            person.page.wait_for_function("window.page.huddle.server?.pc.connectionState === 'connected'")
        two.hears(one, three)
        three.hears(one, two)
        assert two.topology() == "sfu"
        assert two.longest_silence() < PATIENCE_MS / 2
        three.leave()
        one.set_mode("mesh")
        for person in (one, two):
            person.page.wait_for_function("window.page.huddle.server === null && window.page.huddle.peers.size === 1")
        one.hears(two)
        two.hears(one)
        assert two.topology() == "mesh"
        assert two.longest_silence() < PATIENCE_MS / 2


def test_after_the_media_process_was_killed_everybody_is_heard_again(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        one, two = (Person.of(browser, served, number, mode="sfu") for number in (1, 2))
        one.join()
        two.join()
        one.hears(two)
        (media,) = served.media_processes()
        os.kill(media, signal.SIGKILL)
        killed = time.monotonic()
        two.page.wait_for_function("window.page.log.some((line) => line.startsWith('join again'))")
        two.page.wait_for_function("window.page.huddle.server.pc.connectionState === 'connected'")
        one.hears(two)
        two.hears(one)
        assert time.monotonic() - killed < 10
        assert one.page.evaluate("window.page.huddle.people.size") == 2
