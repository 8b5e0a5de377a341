"""What is said in a huddle, written down as it comes: a file for each person, all beginning at the same moment.

Nothing is decoded. Where nothing came (a pause, a loss, before they joined) there is silence in the file, so that all
files run in step. The loop of the media only queues; a thread writes.
"""

import heapq
import logging
import queue
import secrets
import threading
from pathlib import Path
from typing import BinaryIO

from chat_voice_webrtc.media.ogg import RATE, SILENCE_SAMPLES, OggOpus, samples

MAX_QUEUED = 20_000
"""Packets that wait for the disk: 20 s of twenty people."""
REORDER = 8
"""Packets that are held back, so that those that overtook each other come into their order."""
JUMP = 10 * RATE
"""A timestamp that moves so far from where the clock says it is has begun anew."""

log = logging.getLogger("media.recorder")


class Track:
    """One person's file. All methods but `place` belong to the writing thread."""

    def __init__(self, name: str, file: BinaryIO, person: str) -> None:
        self.name = name
        self.person = person
        self.problem: str | None = None
        self._file = file
        self._ogg = OggOpus(secrets.randbits(31), (f"ARTIST={person}",))
        self._held: list[tuple[int, int, bytes]] = []
        self._count = 0
        self._ssrc: int | None = None
        self._base = 0
        self._write(self._ogg.headers())

    def place(self, ssrc: int, timestamp: int, elapsed: float) -> int:
        """Where a packet belongs in the file, in samples; `elapsed`: seconds since the recording began."""
        clock = int(elapsed * RATE)
        if self._ssrc == ssrc:
            position = (timestamp + self._base) & 0xFFFFFFFF
            off = (position - clock + 0x80000000) % 0x100000000 - 0x80000000
            if abs(off) < JUMP:
                return clock + off
        self._ssrc, self._base = ssrc, clock - timestamp
        return clock

    def add(self, position: int, packet: bytes) -> None:
        """A packet; those before it may still come."""
        self._count += 1
        heapq.heappush(self._held, (position, self._count, packet))
        if len(self._held) > REORDER:
            self._put(*heapq.heappop(self._held)[::2])

    def close(self) -> None:
        """Write what is held, and the end."""
        while self._held:
            self._put(*heapq.heappop(self._held)[::2])
        self._write(self._ogg.flush(last=True))
        try:
            self._file.close()
        except OSError as error:
            self.problem = self.problem or str(error)

    def _put(self, position: int, packet: bytes) -> None:
        if not samples(packet):
            return
        gap = position - self._ogg.position
        if gap >= SILENCE_SAMPLES:
            self._write(self._ogg.silence(gap))
        # Later than its place by a packet or more: it came twice, or after what follows it.
        if gap > -SILENCE_SAMPLES:
            self._write(self._ogg.add(packet))

    def _write(self, data: bytes) -> None:
        if self.problem is None and data:
            try:
                self._file.write(data)
            except OSError as error:
                self.problem = f"cannot write {self.name}: {error.strerror}"
                log.warning("%s", self.problem)


class Recorder:
    """A recording. The caller closes it with `finish`."""

    def __init__(self, recording_id: str, folder: Path, now: float) -> None:
        """`folder` must not exist yet. Raises OSError."""
        folder.mkdir(parents=True, mode=0o700)
        self.recording_id = recording_id
        self._folder = folder
        self._began = now
        self._tracks: dict[tuple[str, str, str], Track] = {}
        self._queue: queue.SimpleQueue[tuple[Track, int, bytes] | None] = queue.SimpleQueue()
        self._dropped = 0
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def write(self, key: tuple[str, str, str], ssrc: int, timestamp: int, packet: bytes, now: float) -> None:
        """A packet of a stream; `key`: user, device, mid. Never waits."""
        track = self._tracks.get(key)
        if track is None:
            track = self._open(key)
            if track is None:
                return
        if self._queue.qsize() >= MAX_QUEUED:
            self._dropped += 1
        else:
            self._queue.put((track, track.place(ssrc, timestamp, now - self._began), packet))

    def finish(self) -> tuple[dict[str, str], str | None]:
        """Wait for the disk: call it in a thread. Returns name of file -> person, and what went wrong."""
        self._queue.put(None)
        self._thread.join()
        problems = [self._problem, *(track.problem for track in self._tracks.values())]
        if self._dropped:
            problems.append(f"{self._dropped} packets were lost: the disk was too slow")
        found = [each for each in problems if each is not None]
        return {track.name: track.person for track in self._tracks.values()}, "; ".join(found) or None

    def _open(self, key: tuple[str, str, str]) -> Track | None:
        if self._problem is not None:
            return None
        name = f"{len(self._tracks) + 1:02}-{key[0]}.opus"
        try:
            # A page goes to the system at once, one a second: what was said survives the process.
            file = (self._folder / name).open("xb", buffering=0)
        except OSError as error:
            self._problem = f"cannot make {name}: {error.strerror}"
            return None
        track = self._tracks[key] = Track(name, file, key[0])
        return track

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            track, position, packet = entry
            track.add(position, packet)
        for track in self._tracks.values():
            track.close()
