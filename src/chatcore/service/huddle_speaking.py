"""Who speaks, told to those in the huddle: at most 5 times a second for each huddle, whatever the sources say.

The server hears it where media goes through it; in a mesh the clients say it of themselves. It is kept in memory and
nowhere else. Nodes hear of each other's speakers by the same events, and add their own to them.
"""

import logging
import math
from collections.abc import Sequence

import attrs
import trio

from chatcore.errors import ChatError
from chatcore.events import HuddleEnded, HuddleSpeaking, HuddleUserJoined, HuddleUserLeft, Slot
from chatcore.ids import ChannelId, HuddleId, UserId, WorkspaceId
from chatcore.ports import Envelope, SpeakersChanged, Tx, VoiceEvent
from chatcore.service.core import Core
from chatcore.service.huddle_media import HuddleMedia

INTERVAL = 0.2
"""Seconds between two tellings of one huddle."""

HEARD = {event.type for event in (HuddleEnded, HuddleSpeaking, HuddleUserJoined, HuddleUserLeft)}

log = logging.getLogger("chatcore.huddles")


@attrs.define(eq=False)
class _Floor:
    """One huddle: who speaks, and what is still to be told of it."""

    speaking: tuple[UserId, ...] = ()
    slots: dict[UserId, tuple[Slot, ...]] = attrs.field(factory=dict)
    told: float = -math.inf
    pending: bool = False


class Speaking:
    """See the module. `run` must be running."""

    def __init__(self, core: Core, media: HuddleMedia) -> None:
        self._core = core
        self._floors: dict[HuddleId, _Floor] = {}
        self._pending = trio.Event()
        media.on_event(self._happened)

    def now(self, huddle_id: HuddleId) -> tuple[UserId, ...]:
        """Who speaks, the loudest first."""
        floor = self._floors.get(huddle_id)
        return () if floor is None else floor.speaking

    def say(self, huddle_id: HuddleId, user_id: UserId, speaking: bool) -> None:
        """A client in a mesh says that its person speaks, or has stopped."""
        floor = self._floors.setdefault(huddle_id, _Floor())
        if speaking != (user_id in floor.speaking):
            others = tuple(other for other in floor.speaking if other != user_id)
            floor.speaking = (user_id, *others) if speaking else others
            self._to_tell(floor)

    def _happened(self, event: VoiceEvent) -> None:
        if isinstance(event, SpeakersChanged):
            floor = self._floors.setdefault(event.huddle_id, _Floor())
            floor.speaking = event.speaking
            slots: dict[UserId, list[Slot]] = {}
            for seat in event.slots:
                mine = slots.setdefault(seat.user_id, [])
                held = {**seat.audio, **seat.video}
                mine += [Slot(device_id=seat.device_id, mid=mid, user_id=who) for mid, who in held.items()]
            floor.slots = {user_id: tuple(held) for user_id, held in slots.items()}
            self._to_tell(floor)

    def _to_tell(self, floor: _Floor) -> None:
        floor.pending = True
        self._pending.set()

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Follow the events: what other nodes tell of, and who is gone."""
        for envelope in envelopes:
            if envelope.type not in HEARD:
                continue
            event = envelope.event
            if isinstance(event, HuddleSpeaking):
                floor = self._floors.setdefault(event.huddle_id, _Floor())
                if not floor.pending:
                    floor.speaking = event.speaking
            elif isinstance(event, HuddleUserJoined):
                # The media gives them their slots first: what it said of these was told before they were in.
                floor = self._floors.get(event.huddle_id, _Floor())
                if event.user.user_id in floor.slots:
                    self._to_tell(floor)
            elif isinstance(event, HuddleUserLeft) and event.user_id in self.now(event.huddle_id):
                self.say(event.huddle_id, event.user_id, False)
            elif isinstance(event, HuddleEnded):
                self._floors.pop(event.huddle_id, None)

    # --- telling -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell what is to be told, until cancelled."""
        while True:
            await self._pending.wait()
            self._pending = trio.Event()
            while waiting := [(floor.told + INTERVAL, id_) for id_, floor in self._floors.items() if floor.pending]:
                due, huddle_id = min(waiting)
                await trio.sleep_until(due)
                try:
                    await self._tell(huddle_id)
                except ChatError as error:
                    log.warning("who speaks could not be told this once: %s", error.message)

    async def _tell(self, huddle_id: HuddleId) -> None:
        floor = self._floors.get(huddle_id)
        if floor is None:
            return
        floor.pending, floor.told = False, trio.current_time()
        found = await self._core.storage.read(lambda tx: _present(tx, huddle_id))
        if found is None:
            self._floors.pop(huddle_id, None)
            return
        workspace_id, channel_id, present = found
        self._core.hub.announce(
            *(
                HuddleSpeaking(
                    workspace_id=workspace_id,
                    channel_id=channel_id,
                    huddle_id=huddle_id,
                    to_user_id=user_id,
                    speaking=floor.speaking,
                    slots=floor.slots.get(user_id, ()),
                )
                for user_id in present
            )
        )


async def _present(tx: Tx, huddle_id: HuddleId) -> tuple[WorkspaceId, ChannelId, list[UserId]] | None:
    huddle = await tx.huddles.get(huddle_id)
    if huddle is None or huddle.ended_at is not None:
        return None
    rows = await tx.participants.find(huddle_id=huddle_id, left_at=None)
    return huddle.workspace_id, huddle.channel_id, [row.user_id for row in rows]
