"""What the services about huddles share: their parts, and how a huddle is looked up for somebody."""

from collections.abc import Mapping
from typing import Any

import attrs

from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.events import ParticipantCard
from chatcore.ids import HuddleId, UserId
from chatcore.model import Huddle, HuddleStatus, Participant, UserCard, card_of
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service import huddle_steps
from chatcore.service.core import Core, Seat, UserRef, id_of
from chatcore.service.huddle_keeper import HuddleKeeper
from chatcore.service.huddle_media import HuddleMedia
from chatcore.service.huddle_rings import Rings
from chatcore.service.huddle_speaking import Speaking

MAX_DEVICE_ID = 64
DEVICE = "main"
"""The device of clients that name none."""

HuddleRef = Huddle | HuddleId


@attrs.frozen(kw_only=True)
class HuddleView:
    """A huddle with those who are in it now, by which devices, and who of them speaks.

    `answer`: after a join with an offer, when media goes through the server. `device_id`: after a join, with which one.
    """

    huddle: Huddle
    participants: tuple[ParticipantCard, ...]
    started_by: UserCard
    devices: Mapping[UserId, tuple[str, ...]] = attrs.field(factory=dict, eq=False)
    speaking: tuple[UserId, ...] = attrs.field(default=(), eq=False)
    answer: Mapping[str, Any] | None = None
    device_id: str | None = attrs.field(default=None, eq=False)


@attrs.frozen
class HuddleDesk:
    """The root of the services about huddles."""

    _core: Core
    _media: HuddleMedia
    _keeper: HuddleKeeper
    _speaking: Speaking
    _rings: Rings

    async def _visible(
        self, huddle: HuddleRef, actor: UserRef, action: Action = Action.CHANNEL_VIEW
    ) -> tuple[Huddle, Seat]:
        """The huddle, and the actor's seat in its channel, once they may do this. Raises NotFound, Forbidden."""
        huddle_id, hidden = id_of(huddle), self._core.directory.hidden_from(id_of(actor))

        async def work(tx: Tx) -> Huddle | None:
            # A hidden one takes as long as none.
            channel_id = await tx.huddles.channel_of(huddle_id)
            return None if channel_id is None or hidden(channel_id) else await tx.huddles.get(huddle_id)

        found = await self._core.storage.read(work)
        if found is None:
            raise NotFound.of("huddle")
        owns = found.created_by == id_of(actor)
        try:
            return found, await self._core.allowed(found.channel_id, id_of(actor), action, owns=owns)
        except NotFound:
            raise NotFound.of("huddle") from None

    async def _inside(self, huddle: HuddleRef, actor: UserRef) -> tuple[Huddle, Seat]:
        """As `_visible`, for who is in the huddle. Raises Forbidden for others."""
        found, seat = await self._visible(huddle, actor, Action.HUDDLE_JOIN)
        row = await self._core.storage.read(lambda tx: tx.participants.get(found.id, seat.user_id))
        if row is None or row.left_at is not None:
            raise Forbidden("Join the huddle first.")
        return found, seat

    async def _view(self, tx: Tx, huddle: Huddle) -> HuddleView:
        rows = await tx.participants.find(huddle_id=huddle.id, left_at=None)
        cards: list[ParticipantCard] = []
        for row in sorted(rows, key=lambda row: (row.joined_at, row.user_id)):
            user = await tx.users.get(row.user_id)
            if user is not None:
                cards.append(huddle_steps.participant_card(row, card_of(user)))
        devices: dict[UserId, tuple[str, ...]] = {}
        for device in await tx.devices.find(huddle_id=huddle.id):
            if device.device_id != huddle_steps.PLACEHOLDER:
                devices[device.user_id] = (*devices.get(device.user_id, ()), device.device_id)
        starter = await tx.users.get(huddle.created_by)
        assert starter is not None, "users are never removed"
        return HuddleView(
            huddle=huddle,
            participants=tuple(cards),
            started_by=card_of(starter),
            devices=devices,
            speaking=self._speaking.now(huddle.id),
        )


async def going_on(tx: Tx, huddle_id: HuddleId) -> Huddle:
    """The huddle as stored. Raises Forbidden when it has ended."""
    huddle = await tx.huddles.get(huddle_id)
    if huddle is None or huddle.status is HuddleStatus.ENDED:
        raise Forbidden("This huddle has ended: start another.")
    return huddle


async def participant(tx: Tx, huddle: Huddle, user_id: UserId) -> Participant:
    """Somebody who is in the huddle. Raises NotFound."""
    row = await tx.participants.get(huddle.id, user_id)
    if row is None or row.left_at is not None:
        raise NotFound("This person is not in the huddle.")
    return row


def check_device(device_id: str) -> str:
    """A client's name for its device. Raises ValidationFailed."""
    if not (1 <= len(device_id) <= MAX_DEVICE_ID and device_id.isascii() and device_id.isprintable()):
        raise ValidationFailed.of("deviceId", f"must be 1 to {MAX_DEVICE_ID} printable ASCII characters")
    return device_id
