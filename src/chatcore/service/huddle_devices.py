"""Which devices are in huddles by way of this node, and which others are seen to be: bookkeeping, without waiting.

A device is *held* here when it joined by way of this node. How long it may be silent depends on how it joined:

    over a socket       15 s after the socket is gone
    by requests         120 s after the last one, when its person has no socket here and it has no media here
    by this program     for ever: who embeds the chat says when somebody leaves

What others hold is *watched*: their nodes change its beat every 10 s, so one that stands still for 30 s has lost its
node. All times are Trio's.
"""

from collections.abc import Iterable

import attrs

from chatcore.ids import HuddleId, UserId
from chatcore.model import HuddleDevice

REJOIN_SECONDS = 15.0
REQUEST_SECONDS = 120.0
BEAT_SECONDS = 10.0
STILL_SECONDS = 30.0

BY_REQUESTS = ""
"""The connection of who has none: it joined over HTTP."""

DeviceKey = tuple[HuddleId, UserId, str]


@attrs.define(eq=False)
class Held:
    """`connection`: see `Devices.hold`. `since`: when it joined. `lost`: when its socket, or its media, went away.
    `beat`: the last that we saw or made while it was not.
    """

    connection: str | None
    since: float
    asked: float
    beaten: float
    lost: float | None = None
    beat: int | None = None


@attrs.define(eq=False)
class Watched:
    beat: int
    since: float


class Devices:
    """See the module."""

    def __init__(self) -> None:
        self._held: dict[DeviceKey, Held] = {}
        self._watched: dict[DeviceKey, Watched] = {}
        self._sockets: dict[UserId, set[str]] = {}

    # --- sockets -----------------------------------------------------------------------------------------------------

    def opened(self, user_id: UserId, connection: str) -> None:
        """A person has a socket more."""
        self._sockets.setdefault(user_id, set()).add(connection)

    def closed(self, user_id: UserId, connection: str, now: float) -> bool:
        """A socket is gone; whether a device was in a huddle by it."""
        mine = self._sockets.get(user_id, set())
        mine.discard(connection)
        if not mine:
            self._sockets.pop(user_id, None)
        lost = [held for held in self._held.values() if held.connection == connection]
        for held in lost:
            held.lost = now
        return bool(lost)

    # --- devices -----------------------------------------------------------------------------------------------------

    def hold(self, key: DeviceKey, connection: str | None, now: float) -> None:
        """The device joined over this socket, by requests, or (None) by a call of this program."""
        self._watched.pop(key, None)
        held = self._held[key] = Held(connection, now, now, now)
        if connection and connection not in self._sockets.get(key[1], ()):
            held.lost = now  # it closed before we came to this

    def lose(self, key: DeviceKey, now: float) -> None:
        """The device has lost its media: it has some seconds to join again."""
        held = self._held.get(key)
        if held is not None and held.lost is None:
            held.lost = now

    def touch(self, user_id: UserId, huddle_id: HuddleId, now: float) -> None:
        """The person asked something about the huddle."""
        for (huddle, user, _), held in self._held.items():
            if user == user_id and huddle == huddle_id:
                held.asked = now

    def named(self, user_id: UserId, huddle_id: HuddleId) -> list[str]:
        """The person's devices here."""
        return [device for huddle, user, device in self._held if user == user_id and huddle == huddle_id]

    @property
    def count(self) -> int:
        """How many are held here."""
        return len(self._held)

    # --- what is due -------------------------------------------------------------------------------------------------

    def see(self, rows: Iterable[HuddleDevice], asked: float, now: float) -> None:
        """All devices that are in huddles, as they were stored at some time from `asked` to now: what is not among them
        is gone. Of what has joined here since, they say nothing.
        """
        beats = {(row.huddle_id, row.user_id, row.device_id): row.beat for row in rows}
        known = {key: held for key, held in self._held.items() if held.since < asked}
        for key in known.keys() - beats.keys():
            del self._held[key]
        for key in self._watched.keys() - beats.keys():
            del self._watched[key]
        for key in known.keys() & beats.keys():
            held = known[key]
            if held.lost is None or held.beat is None:
                held.beat = beats[key]
            elif held.beat != beats[key]:
                del self._held[key]  # it came back by way of another node
        for key, beat in beats.items():
            watched = self._watched.get(key)
            if key not in self._held and (watched is None or watched.beat != beat):
                self._watched[key] = Watched(beat, now)

    def due(self, now: float, has_media: "frozenset[DeviceKey]") -> list[DeviceKey]:
        """The devices that are to be taken out."""
        mine = [key for key, held in self._held.items() if self._until(key, held, now, has_media) <= now]
        return mine + [key for key, watched in self._watched.items() if watched.since + STILL_SECONDS <= now]

    def next_due(self, now: float, has_media: "frozenset[DeviceKey]") -> float:
        """When `due` may have something, as far as is known now."""
        mine = [self._until(key, held, now, has_media) for key, held in self._held.items()]
        return min(
            [*mine, *(watched.since + STILL_SECONDS for watched in self._watched.values())], default=float("inf")
        )

    def _until(self, key: DeviceKey, held: Held, now: float, has_media: "frozenset[DeviceKey]") -> float:
        if held.lost is not None:
            return held.lost + REJOIN_SECONDS
        if held.connection != BY_REQUESTS or key[1] in self._sockets or key in has_media:
            return float("inf")
        return held.asked + REQUEST_SECONDS

    def to_beat(self, now: float) -> list[DeviceKey]:
        """The devices whose beat is to be changed, once for each call."""
        due = [key for key, held in self._held.items() if held.lost is None and held.beaten + BEAT_SECONDS <= now]
        for key in due:
            self._held[key].beaten = now
        return due

    def beaten(self, beats: dict[DeviceKey, int]) -> None:
        """Their beats were changed to these."""
        for key, beat in beats.items():
            if key in self._held:
                self._held[key].beat = beat
