"""Recordings on disk: a folder for each, a mix made afterwards in a process of its own, and an end to their keeping."""

import logging
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import trio

from chatcore.errors import Unavailable
from chatcore.ids import HuddleId

MIX = "mix.opus"
MIX_SECONDS = 1800.0
"""For the mix of one recording: an hour of ten people takes some two minutes."""
SWEEP_SECONDS = 3600.0
MAX_WAITING = 100
_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")

log = logging.getLogger("chatcore.voice.webrtc.recordings")


@attrs.frozen
class Finished:
    """A recording that nothing is added to any more. `files`: name -> whose voice, or `mix`."""

    huddle_id: HuddleId
    recording_id: str
    folder: Path
    files: Mapping[str, str] = attrs.field(factory=dict)
    problem: str | None = None


class Recordings:
    """`root`: the folder of all, None where nothing can be kept; `days`: how long each is kept, 0 for ever."""

    def __init__(self, root: Path | None, days: int) -> None:
        self._root = root
        self._days = days
        self._waiting, self._work = trio.open_memory_channel[Finished](MAX_WAITING)
        self._listener: Callable[[Finished], None] | None = None

    def on_finished(self, listener: Callable[[Finished], None]) -> None:
        """Call this with each recording when its mix is made, or could not be."""
        self._listener = listener

    def folder(self, recording_id: str) -> Path:
        """Where a recording is. Raises Unavailable."""
        if self._root is None:
            raise Unavailable(
                "This server keeps no files: set `recordings_dir` under [plugin.chat_voice_webrtc] in chat.toml."
            )
        if not _NAME.fullmatch(recording_id):
            raise Unavailable("A recording needs a name of letters and digits.")
        return self._root / recording_id

    def finish(self, recording: Finished) -> None:
        """Mix it, then tell."""
        try:
            self._waiting.send_nowait(recording)
        except trio.WouldBlock:
            self._tell(attrs.evolve(recording, problem="too many recordings end at once: this one is not mixed"))

    async def run(self) -> None:
        """Mix what is finished, one after the other; never returns."""
        async for recording in self._work:
            files = recording.files or await trio.to_thread.run_sync(_files_in, recording.folder)
            problem = await self._mix(recording.folder) if files else None
            made = {} if problem or not files else {MIX: "mix"}
            problems = [each for each in (recording.problem, problem) if each]
            self._tell(attrs.evolve(recording, files={**files, **made}, problem="; ".join(problems) or None))

    async def sweep(self) -> None:
        """Remove what is older than `days`, every hour; never returns."""
        while True:
            if self._root is not None and self._days:
                await trio.to_thread.run_sync(remove_older, self._root, time.time() - 86_400 * self._days)
            await trio.sleep(SWEEP_SECONDS)

    async def _mix(self, folder: Path) -> str | None:
        """Returns what went wrong."""
        command = [sys.executable, "-m", "chat_voice_webrtc.mixing", str(folder), MIX]
        with trio.move_on_after(MIX_SECONDS):
            done = await trio.run_process(command, capture_stderr=True, check=False, stdin=b"")
            if done.returncode == 0:
                return None
            log.error("mixing %s failed: %s", folder, done.stderr[-4000:].decode("utf-8", "replace"))
            return "the mix could not be made; the log says why"
        return f"the mix took longer than {MIX_SECONDS:g} s"

    def _tell(self, recording: Finished) -> None:
        if self._listener is not None:
            self._listener(recording)


def remove_older(root: Path, before: float) -> None:
    """Remove the recordings under `root` that were last written to before this time (Unix). Blocks."""
    if not root.is_dir():
        return
    for folder in root.iterdir():
        try:
            if folder.is_dir() and max(each.stat().st_mtime for each in [folder, *folder.iterdir()]) < before:
                shutil.rmtree(folder)
                log.info("the recording %s was kept for long enough: removed", folder.name)
        except OSError as error:
            log.warning("the recording %s cannot be removed: %s", folder, error)


def _files_in(folder: Path) -> dict[str, str]:
    """What a recording whose process died had written: file -> person, by the names of the files."""
    found = sorted(folder.glob("[0-9]*-*.opus")) if folder.is_dir() else []
    return {path.name: path.stem.partition("-")[2] for path in found}
