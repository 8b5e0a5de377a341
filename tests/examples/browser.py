"""The huddle page in headless Chromium, beside the server that its example starts."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from playwright.sync_api import Browser, BrowserType, Page, sync_playwright

EXAMPLE = Path(__file__).parents[2] / "examples" / "huddle_page" / "serve.py"
PATIENCE = 30.0
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # Candidates with addresses instead of names that only multicast DNS resolves, and of this machine too.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
)


@attrs.frozen
class Served:
    """The example's server."""

    url: str
    pid: int

    def media_processes(self) -> list[int]:
        """Those that carry media for it."""
        lists = Path(f"/proc/{self.pid}/task").glob("*/children")
        children = [pid for each in lists for pid in each.read_text().split()]
        return [int(pid) for pid in children if b"voice" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Served]:
    """The example's server."""
    settings = {"database_url": "memory:", "rate_limits": "off", "bcrypt_rounds": 4} | settings
    code = (
        "import runpy, trio; from functools import partial; from chatcore import Config; "
        f"main = runpy.run_path({str(EXAMPLE)!r})['main']; trio.run(partial(main, 0, config=Config(**{settings!r})))"
    )
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, stderr=log) as server,
    ):
        try:
            assert server.stdout is not None
            line = server.stdout.readline().decode()
            assert line.startswith("Open http"), (folder / "log").read_text()
            yield Served(line.split()[1].partition("/huddle")[0], server.pid)
        finally:
            server.kill()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; each of its contexts is one of its own to the server."""
    with sync_playwright() as playwright, _launched(playwright.chromium) as browser:
        yield browser


@contextmanager
def another(browser: Browser) -> Iterator[Browser]:
    """One more, with processes of its own."""
    with _launched(browser.browser_type) as other:
        yield other


@contextmanager
def _launched(kind: BrowserType) -> Iterator[Browser]:
    browser = kind.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
    try:
        yield browser
    finally:
        browser.close()


@attrs.define(eq=False)
class Person:
    """Somebody at the page, who sends a tone of so many hertz."""

    number: int
    page: Page
    hertz: int

    @classmethod
    def of(cls, browser: Browser, served: Served, number: int, **fields: str) -> "Person":
        """At the page, with the form filled in."""
        hertz = 400 + 200 * number
        page = browser.new_context().new_page()
        query = {"email": f"p{number}@example.org", "hertz": str(hertz), **fields}
        page.goto(f"{served.url}/huddle/index.html?" + "&".join(f"{name}={value}" for name, value in query.items()))
        return cls(number, page, hertz)

    def join(self) -> None:
        """Press the button, and wait until the server has let them in."""
        self.page.click("#join")
        self._wait("window.page.joined !== null")

    def leave(self) -> None:
        self.page.click("#leave")
        self._wait("window.page.huddle.id === null")

    def heard(self) -> list[tuple[float, float]]:
        """Pitch and level of everything that is heard."""
        found = self.page.evaluate("window.page.huddle.heard()")
        return [(each["pitch"], each["level"]) for each in found]

    def hears(self, *people: "Person", level: float = -30) -> None:
        """Wait until each of these is heard, at the frequency that they send and clearly. Raises AssertionError."""
        deadline = time.monotonic() + PATIENCE
        while True:
            heard = self.heard()
            missing = [
                person.hertz
                for person in people
                if not any(abs(pitch - person.hertz) < 15 and volume > level for pitch, volume in heard)
            ]
            if not missing:
                return
            assert time.monotonic() < deadline, f"{self.number} does not hear {missing}: {heard} {self.said()}"
            time.sleep(0.05)

    def show(self, source: str) -> None:
        """Turn the camera on or off, or share the screen."""
        before = self.page.get_attribute(f"#{source}", "aria-pressed")
        self.page.click(f"#{source}")
        self._wait(f"document.getElementById('{source}').getAttribute('aria-pressed') !== {before!r}")

    def watch(self, other: "Person", source: str, is_wanted: bool) -> None:
        """Choose whether to receive a picture of somebody's."""
        self.page.set_checked(f"input[name='{other.user_id()}/{source}']", is_wanted)

    def user_id(self) -> str:
        return str(self.page.evaluate("window.page.huddle.chat.me.id"))

    def sees(self, other: "Person", source: str = "camera", hue: int | None = None) -> None:
        """Wait for pictures of somebody's: moving ones, mostly of a colour (a hue in degrees) when one is named."""
        key = f"{other.user_id()}/{source}"
        deadline, seen, frames = time.monotonic() + PATIENCE, None, set[float]()
        while time.monotonic() < deadline:
            seen = self.page.evaluate(_SEEN, key)
            if seen is not None and (hue is None or abs(seen["hue"] - hue) < 15):
                frames.add(seen["time"])
                if len(frames) >= 3:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{self.number} does not see {key} at {hue}: {seen} {self.said()}")

    def tiles(self) -> set[str]:
        """Which pictures are on the page: `userId/source`."""
        return set(self.page.evaluate("[...document.querySelectorAll('figure')].map(({dataset}) => dataset.key)"))

    def video_bitrate(self, source: str) -> float:
        """Kilobits per second of a picture that are sent now, to everybody together."""
        return float(self.page.evaluate(_SENT, source))

    def first_audio(self) -> float:
        """Milliseconds from the click to the first audio."""
        self._wait("window.page.firstAudio !== null")
        return float(self.page.evaluate("window.page.firstAudio"))

    def joined(self) -> float:
        """Milliseconds from the click to the server's last word."""
        return float(self.page.evaluate("window.page.joined"))

    def set_mode(self, mode: str) -> None:
        """Of the huddle that they started."""
        self.page.evaluate(_SET_MODE, mode)

    def share(self) -> dict[str, float]:
        """Milliseconds of these that the server took: `signingIn`, `joining` and `connecting`."""
        return dict(self.page.evaluate("window.page.share"))

    def watch_for_silence(self) -> None:
        """From now on note the longest time in which nobody is heard."""
        self.page.evaluate(_WATCH_FOR_SILENCE)

    def longest_silence(self) -> float:
        """Milliseconds, since it was asked before."""
        return float(self.page.evaluate(_LONGEST_SILENCE))

    def topology(self) -> str:
        return str(self.page.evaluate("window.page.huddle.topology"))

    def speaking(self) -> int:
        """How many people are marked as speaking."""
        return self.page.locator("li.speaking").count()

    def candidates(self) -> set[str]:
        """Of which types the candidates are that are in use here: `host`, `relay` …"""
        return set(self.page.evaluate(_CANDIDATES))

    def said(self) -> Any:
        return self.page.evaluate("window.page.log")

    def _wait(self, condition: str) -> None:
        try:
            self.page.wait_for_function(condition, timeout=PATIENCE * 1000)
        except Exception as error:
            raise AssertionError(f"{self.number}: never {condition}: {self.said()}") from error


_SET_MODE = """(mode) => {
    const { huddle } = window.page;
    return huddle.chat.http('PATCH', `/api/huddles/${huddle.id}`, { mode });
}"""

_WATCH_FOR_SILENCE = """() => {
    window.silence = { since: performance.now(), longest: 0 };
    setInterval(() => {
        const now = performance.now();
        const heard = window.page.huddle.heard().some(({ level }) => level > -45);
        if (heard) window.silence.since = now;
        window.silence.longest = Math.max(window.silence.longest, now - window.silence.since);
    }, 20);
}"""

_LONGEST_SILENCE = """() => {
    const { longest } = window.silence;
    window.silence.longest = 0;
    return longest;
}"""

_SEEN = """(key) => {
    const video = document.querySelector(`figure[data-key="${key}"] video`);
    if (!video || video.videoWidth === 0) return null;
    const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 9 });
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 16, 9);
    const { data } = context.getImageData(0, 0, 16, 9);
    const mean = [0, 1, 2].map((channel) => {
        let sum = 0;
        for (let at = channel; at < data.length; at += 4) sum += data[at];
        return sum / (data.length / 4);
    });
    const [r, g, b] = mean, top = Math.max(r, g, b), span = top - Math.min(r, g, b);
    const turn = span === 0 ? 0 : top === r ? (g - b) / span : top === g ? 2 + (b - r) / span : 4 + (r - g) / span;
    const { totalVideoFrames } = video.getVideoPlaybackQuality();
    return { hue: (60 * turn + 360) % 360, mean, time: totalVideoFrames, width: video.videoWidth };
}"""

_SENT = """async (source) => {
    const count = async () => {
        let bytes = 0;
        for (const { videos } of window.page.huddle.connections())
            for (const report of (await videos[source].sender.getStats()).values())
                if (report.type === 'outbound-rtp') bytes += report.bytesSent;
        return bytes;
    };
    const before = await count();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return (8 * (await count() - before)) / 1000;
}"""

_CANDIDATES = """async () => {
    const { peers, server } = window.page.huddle;
    const found = [];
    for (const { pc } of [...peers.values(), ...(server ? [server] : [])]) {
        const stats = await pc.getStats();
        for (const pair of stats.values())
            if (pair.type === 'candidate-pair' && pair.nominated && pair.state === 'succeeded') {
                const local = stats.get(pair.localCandidateId);
                found.push(local.relayProtocol ? `${local.candidateType}/${local.relayProtocol}` : local.candidateType);
            }
    }
    return found;
}"""
