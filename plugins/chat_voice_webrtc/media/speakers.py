"""Who is heard: a few of those who send audio, chosen by the level that their packets state. Pure; nothing is decoded.

While no more people send than have room, all are heard, however quiet. Above that, whoever begins to speak takes the
place of whoever has been silent longest; and only somebody clearly louder, for a while, takes it from one who speaks.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

SPEAKING = 77.0
"""From here on a smoothed loudness (127 + the level in dBov) is speech: -50 dBov. Rooms hum at -60 to -70."""
HANGOVER = 0.8
"""Seconds for which somebody still speaks after their last loud packet: longer than the pauses between words."""
LOUDER = 6.0
"""dB by which one must exceed a speaker to take their place."""
CHALLENGE = 1.0
"""Seconds for which one must exceed them."""
LINGER = 4.0
"""Seconds of silence after which a place is given up where there are more people than places."""

_ATTACK, _DECAY = 0.4, 0.06
"""Shares of a new packet in the smoothed loudness: up within 60 ms, down within half a second."""

K = TypeVar("K", bound=Hashable)


class Talker(Generic[K]):
    """One stream of audio. `loudness` from 0 (silence) to 127."""

    __slots__ = ("challenging", "heard", "key", "last_loud", "loudness", "muted", "since")

    def __init__(self, key: K) -> None:
        self.key = key
        self.loudness = 0.0
        self.last_loud = float("-inf")
        self.since = float("-inf")
        self.challenging: float | None = None
        self.muted = False
        self.heard = False

    def speaking(self, now: float) -> bool:
        return now - self.last_loud < HANGOVER and not self.muted


class Speakers(Generic[K]):
    """The talkers of one huddle, and which of them are heard: at most `places`."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._talkers: dict[K, Talker[K]] = {}
        self._heard: list[Talker[K]] = []

    def add(self, key: K) -> Talker[K]:
        """Somebody who sends audio now."""
        talker = self._talkers[key] = Talker(key)
        return talker

    def remove(self, key: K) -> None:
        """They are gone."""
        talker = self._talkers.pop(key, None)
        if talker is not None and talker.heard:
            self._heard.remove(talker)

    @staticmethod
    def level(talker: Talker[K], level: int, now: float) -> bool:
        """A packet of -`level` dBov (0 to 127) came. True when they should get a place at once: decide."""
        loudness = 127 - level
        share = _ATTACK if loudness > talker.loudness else _DECAY
        talker.loudness += (loudness - talker.loudness) * share
        if talker.loudness < SPEAKING:
            return False
        talker.last_loud = now
        return not talker.heard and not talker.muted and talker.challenging is None

    def decide(self, now: float) -> list[K]:
        """Who is heard now, in a stable order."""
        audible = [talker for talker in self._talkers.values() if not talker.muted]
        for talker in [each for each in self._heard if each.muted]:
            self._drop(talker)
        if len(audible) <= self.places:
            for talker in audible:
                if not talker.heard:
                    self._take(talker, now)
        else:
            for talker in [each for each in self._heard if now - max(each.last_loud, each.since) >= LINGER]:
                self._drop(talker)
            for talker in audible:
                if not talker.speaking(now):
                    talker.challenging = None
            waiting = [each for each in audible if not each.heard and each.speaking(now)]
            for talker in sorted(waiting, key=lambda each: -each.loudness):
                self._admit(talker, now)
        return [talker.key for talker in self._heard]

    def speaking(self, now: float) -> list[K]:
        """Who speaks now, heard or not, the loudest first."""
        found = [talker for talker in self._talkers.values() if talker.speaking(now)]
        return [talker.key for talker in sorted(found, key=lambda each: -each.loudness)]

    def _admit(self, talker: Talker[K], now: float) -> None:
        if len(self._heard) < self.places:
            return self._take(talker, now)
        silent = [each for each in self._heard if not each.speaking(now)]
        if silent:
            self._drop(min(silent, key=lambda each: each.last_loud))
            return self._take(talker, now)
        quietest = min(self._heard, key=lambda each: each.loudness)
        if talker.loudness < quietest.loudness + LOUDER:
            talker.challenging = now  # they are known to wait: their packets need not ask for a decision each
        elif talker.challenging is None:
            talker.challenging = now
        elif now - talker.challenging >= CHALLENGE:
            self._drop(quietest)
            self._take(talker, now)

    def _take(self, talker: Talker[K], now: float) -> None:
        talker.heard, talker.since, talker.challenging = True, now, None
        self._heard.append(talker)

    def _drop(self, talker: Talker[K]) -> None:
        talker.heard, talker.challenging = False, None
        self._heard.remove(talker)
