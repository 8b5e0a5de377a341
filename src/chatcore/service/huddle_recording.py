"""Recording a huddle: asked for by who moderates it, allowed by plugins, and seen by everybody before it begins."""

import trio

from chatcore.errors import Duplicate, Forbidden
from chatcore.ids import RecordingId
from chatcore.model import Huddle, Recording, Topology
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service import huddle_steps
from chatcore.service.core import UserRef
from chatcore.service.facts import Facts
from chatcore.service.huddle_desk import HuddleDesk, HuddleRef, HuddleView, going_on


class HuddleRecording(HuddleDesk):
    """Every method raises NotFound for a huddle in a channel that the actor may not see."""

    __slots__ = ()

    async def start_recording(self, huddle: HuddleRef, *, actor: UserRef) -> HuddleView:
        """Record what everybody says from now on; `recorded_by` tells them so first. Who may moderate may.

        Raises Forbidden where media does not go through the server, Rejected, Duplicate, Unavailable.
        """
        found, seat = await self._visible(huddle, actor, Action.HUDDLE_MODERATE)
        await self._core.hooks.filter("huddle_will_record", huddle=found, user_id=seat.user_id)
        entry = self._core.audit("huddle.recorded", actor=seat.user_id, workspace=found.workspace_id, target=found.id)

        recording = Recording(
            id=RecordingId(entry.id),
            huddle_id=found.id,
            channel_id=found.channel_id,
            started_by=seat.user_id,
            started_at=self._core.clock.now(),
        )

        async def work(tx: Tx, told: Facts) -> HuddleView:
            fresh = await going_on(tx, found.id)
            if fresh.topology is not Topology.SFU:
                raise Forbidden("The media of this huddle does not go through the server: set its mode to sfu first.")
            if fresh.recorded_by is not None:
                raise Duplicate("This huddle is being recorded.")
            await told.record(tx, entry)
            await tx.recordings.insert(recording)
            return await self._view(tx, await huddle_steps.change(tx, fresh, recorded_by=seat.user_id))

        view = await self._core.write(work)
        try:
            await self._media.start_recording(found.id, entry.id)
        except BaseException:
            with trio.move_on_after(2, shield=True):
                await self._core.storage.write(lambda tx: _not_begun(tx, found, recording.id))
            raise
        return view

    async def stop_recording(self, huddle: HuddleRef, *, actor: UserRef) -> None:
        """Stop recording; what is not recorded is no news. Who may moderate may."""
        found, _ = await self._visible(huddle, actor, Action.HUDDLE_MODERATE)
        await self._media.stop_recording(found.id)
        await self._core.storage.write(lambda tx: _not_recorded(tx, found))


async def _not_begun(tx: Tx, huddle: Huddle, recording_id: RecordingId) -> None:
    await tx.recordings.delete(recording_id)
    await _not_recorded(tx, huddle)


async def _not_recorded(tx: Tx, huddle: Huddle) -> None:
    fresh = await tx.huddles.get(huddle.id)
    if fresh is not None and fresh.ended_at is None:
        await huddle_steps.change(tx, fresh, recorded_by=None)
