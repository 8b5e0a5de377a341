"""Those in a huddle: what they say of themselves, what moderators do, and calling somebody in."""

from collections.abc import Callable
from typing import Any

import attrs

from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.events import HuddleRing, HuddleUserUpdated, ParticipantCard, RingStatus
from chatcore.ids import UserId, is_id
from chatcore.model import ChannelType, Huddle, Participant, Topology
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service import huddle_steps
from chatcore.service.core import UserRef, id_of
from chatcore.service.facts import Facts
from chatcore.service.huddle_desk import HuddleDesk, HuddleRef, going_on, participant
from chatcore.service.huddle_rings import RING_SECONDS


@attrs.frozen(kw_only=True)
class StateChange:
    """What somebody says of themselves; None leaves it as it is.

    `speaking` is for meshes, where nobody else can hear it: it is told and forgotten. The rest is kept, so that who
    comes later reads it.
    """

    muted: bool | None = None
    camera: bool | None = None
    sharing: bool | None = None
    hand_raised: bool | None = None
    speaking: bool | None = None

    @property
    def kept(self) -> dict[str, Any]:
        """What is stored, by field."""
        return {name: value for name, value in attrs.asdict(self).items() if value is not None and name != "speaking"}


class HuddlePeople(HuddleDesk):
    """Every method raises NotFound for a huddle in a channel that the actor may not see."""

    __slots__ = ()

    async def set_state(self, huddle: HuddleRef, change: StateChange, *, actor: UserRef) -> ParticipantCard:
        """Say how one is: muted, with camera …; what is so already is no news. Raises Forbidden for who is outside."""
        found, seat = await self._inside(huddle, actor)
        card = await self._change(found, seat.user_id, seat.user_id, lambda row: attrs.evolve(row, **change.kept))
        speaking = False if change.muted else change.speaking
        if speaking is not None and found.topology is Topology.MESH:
            self._speaking.say(found.id, seat.user_id, speaking)
        return card

    async def mute(self, huddle: HuddleRef, user: UserRef, *, actor: UserRef) -> ParticipantCard:
        """Mute somebody; they may let themselves be heard again. Who started the huddle and admins may.

        Raises Forbidden, and NotFound for who is not in the huddle.
        """
        found, seat = await self._visible(huddle, actor, Action.HUDDLE_MODERATE)
        card = await self._change(found, _person(user), seat.user_id, lambda row: attrs.evolve(row, muted=True))
        if found.topology is Topology.MESH:
            self._speaking.say(found.id, card.user_id, False)
        return card

    async def remove(self, huddle: HuddleRef, user: UserRef, *, actor: UserRef) -> None:
        """Take somebody out with all their devices, and keep them out of this huddle. As `mute`."""
        found, seat = await self._visible(huddle, actor, Action.HUDDLE_MODERATE)
        user_id, now = _person(user), self._core.clock.now()
        entry = self._core.audit(
            "huddle.participant_removed",
            actor=seat.user_id,
            workspace=found.workspace_id,
            target=found.id,
            details={"userId": user_id},
        )

        async def work(tx: Tx, told: Facts) -> None:
            fresh = await going_on(tx, found.id)
            await participant(tx, fresh, user_id)
            await huddle_steps.leave(tx, told, fresh, user_id, now, removed_by=seat.user_id)
            await told.record(tx, entry)

        await self._core.write(work)
        await self._media.close(self._media.closing(found.id, user_id))

    async def _change(
        self, huddle: Huddle, user_id: UserId, by: UserId, change: Callable[[Participant], Participant]
    ) -> ParticipantCard:
        try:
            face = await self._core.cards.get(user_id)
        except NotFound:
            raise NotFound("This person is not in the huddle.") from None

        async def work(tx: Tx) -> tuple[Participant, Participant]:
            fresh = await going_on(tx, huddle.id)
            before = await participant(tx, fresh, user_id)
            after = change(before)
            if after != before:
                await tx.participants.update(after)
                await tx.events.append(
                    HuddleUserUpdated(
                        workspace_id=huddle.workspace_id,
                        channel_id=huddle.channel_id,
                        huddle_id=huddle.id,
                        user=huddle_steps.participant_card(after, face),
                        by_user_id=by,
                    )
                )
            return before, after

        before, after = await self._core.storage.write(work)
        if before.muted != after.muted:
            await self._media.mute(huddle.id, user_id, after.muted)
        return huddle_steps.participant_card(after, face)

    # --- calling ---------------------------------------------------------------------------------------------------

    async def ring(self, huddle: HuddleRef, *, actor: UserRef, user: UserRef | None = None) -> tuple[UserId, ...]:
        """Ring the others of a direct message, or one of them, for 30 s; who is in the huddle already is not rung.

        Returns whom. Raises Forbidden outside of direct messages and for who is not in the huddle.
        """
        found, seat = await self._inside(huddle, actor)
        if seat.channel.type is not ChannelType.DIRECT:
            raise Forbidden("Only people in a direct message can be rung: mention them in the channel instead.")
        wanted = None if user is None else _person(user)
        if wanted is not None and (wanted not in seat.channel.members or wanted == seat.user_id):
            raise ValidationFailed.of("userId", "must be one of the others in this direct message")
        rows = await self._core.storage.read(lambda tx: tx.participants.find(huddle_id=found.id, left_at=None))
        present = {row.user_id for row in rows}
        called = sorted(each for each in seat.channel.members - present if wanted in (None, each))
        for user_id in called:
            self._rings.start(await self._ring(found, seat.user_id, user_id, RingStatus.RINGING))
        return tuple(called)

    async def decline(self, huddle: HuddleRef, *, actor: UserRef) -> None:
        """Say that one will not come: it stops ringing on all one's devices. Raises Forbidden outside of a direct
        message.
        """
        found, seat = await self._visible(huddle, actor, Action.HUDDLE_JOIN)
        if seat.channel.type is not ChannelType.DIRECT:
            raise Forbidden("Nobody is rung outside of direct messages.")
        self._core.hub.announce(await self._ring(found, found.created_by, seat.user_id, RingStatus.DECLINED))

    async def _ring(self, huddle: Huddle, by: UserId, to: UserId, status: RingStatus) -> HuddleRing:
        values: dict[str, Any] = {"user": await self._core.cards.get(by), "timeout_seconds": RING_SECONDS}
        return HuddleRing(
            workspace_id=huddle.workspace_id,
            channel_id=huddle.channel_id,
            huddle_id=huddle.id,
            user_id=by,
            to_user_id=to,
            status=status,
            **values,
        )


def _person(user: UserRef) -> UserId:
    """Raises NotFound for what cannot be anybody."""
    found: UserId = id_of(user)
    if not is_id(found):
        raise NotFound("This person is not in the huddle.")
    return found
