"""Huddles: who is talking in which channel, and the signals between them. Media is the voice plugin's affair."""

from collections.abc import Mapping
from typing import Any

import attrs

from chatcore import text
from chatcore.errors import Duplicate, Forbidden, NotFound, ValidationFailed
from chatcore.events import HuddleSignal, HuddleStarted, ParticipantCard
from chatcore.ids import HuddleId, UserId
from chatcore.model import Huddle, HuddleMode, HuddleStatus, Signal, UserCard, card_of
from chatcore.policy import Action
from chatcore.ports import Tx, VideoSource
from chatcore.service import huddle_steps
from chatcore.service.core import ChannelRef, Core, Seat, UserRef, id_of
from chatcore.service.facts import Facts
from chatcore.service.huddle_media import HuddleMedia, seat_of
from chatcore.wire import encode

MAX_TITLE = 200
MAX_SIGNAL = 32 * 1024
"""Bytes of JSON; an SDP offer of a browser is some 5 to 10 KiB."""

DEVICE = "main"
"""The device of clients that name none: a person with one."""

HuddleRef = Huddle | HuddleId


@attrs.frozen(kw_only=True)
class HuddleView:
    """A huddle with those who are in it now."""

    huddle: Huddle
    participants: tuple[ParticipantCard, ...]
    started_by: UserCard
    answer: Mapping[str, Any] | None = None
    """After a join with an offer, of a huddle that goes through the server."""


@attrs.frozen
class Huddles:
    """Every method raises NotFound for a huddle in a channel that the actor may not see."""

    _core: Core
    _media: HuddleMedia

    async def start(
        self, channel: ChannelRef, *, actor: UserRef, title: str | None = None, mode: HuddleMode = HuddleMode.AUTO
    ) -> HuddleView:
        """Start a huddle with the actor in it. Raises Duplicate, with its id in the details, when one is going on."""
        seat = await self._core.allowed(channel, id_of(actor), Action.HUDDLE_START)
        now = self._core.clock.now()
        huddle = Huddle(
            id=HuddleId(self._core.new_id()),
            workspace_id=seat.workspace.workspace_id,
            channel_id=seat.channel.id,
            created_by=seat.user_id,
            title=None if title is None else text.clean_line(title, "title", MAX_TITLE),
            mode=mode,
            started_at=now,
        )
        huddle = await self._core.hooks.filter("huddle_will_start", value=huddle)
        card = await self._core.cards.get(seat.user_id)

        async def work(tx: Tx, told: Facts) -> HuddleView:
            active = await huddle_steps.active_in(tx, seat.channel.id)
            if active is not None:
                raise Duplicate("A huddle is going on in this channel: join it.", {"huddleId": active.id})
            await tx.huddles.insert(huddle)
            await tx.events.append(HuddleStarted(workspace_id=huddle.workspace_id, huddle=huddle, started_by=card))
            told.did("huddle_started", huddle=huddle)
            await huddle_steps.join(tx, told, huddle, seat.user_id, card, now)
            return await _view(tx, huddle)

        return await self._core.write(work)

    async def active(self, channel: ChannelRef, *, actor: UserRef) -> HuddleView | None:
        """The huddle that is going on in a channel."""
        seat = await self._core.allowed(channel, id_of(actor), Action.CHANNEL_VIEW)

        async def work(tx: Tx) -> HuddleView | None:
            found = await huddle_steps.active_in(tx, seat.channel.id)
            return None if found is None else await _view(tx, found)

        return await self._core.storage.read(work)

    async def get(self, huddle: HuddleRef, *, actor: UserRef) -> HuddleView:
        """A huddle, also one that has ended."""
        found, _ = await self._visible(huddle, actor)
        return await self._core.storage.read(lambda tx: _view(tx, found))

    async def join(
        self,
        huddle: HuddleRef,
        *,
        actor: UserRef,
        device_id: str = DEVICE,
        offer: Mapping[str, Any] | None = None,
        sources: Mapping[str, VideoSource] | None = None,
    ) -> HuddleView:
        """Join a huddle that is going on; being in it already changes nothing. Raises Forbidden when it has ended.

        `offer` is for huddles through the SFU; without a voice plugin it raises ValidationFailed. `sources`: see
        `Voice.join`.
        """
        if offer is not None and not self._media.available:
            raise ValidationFailed.of(
                "offer", "this server has no voice plugin: exchange signals with the participants"
            )
        found, seat = await self._visible(huddle, actor, Action.HUDDLE_JOIN)
        await self._core.hooks.filter("huddle_will_join", huddle=found, user_id=seat.user_id)
        card = await self._core.cards.get(seat.user_id)
        now = self._core.clock.now()

        async def work(tx: Tx, told: Facts) -> HuddleView:
            fresh = await tx.huddles.get(found.id)
            if fresh is None or fresh.status is HuddleStatus.ENDED:
                raise Forbidden("This huddle has ended: start another.")
            await huddle_steps.join(tx, told, fresh, seat.user_id, card, now)
            return await _view(tx, fresh)

        view = await self._core.write(work)
        if offer is None or found.mode is not HuddleMode.SFU:
            return view
        return attrs.evolve(
            view, answer=await self._media.join(seat_of(found, seat.user_id, device_id), offer, sources)
        )

    async def leave(self, huddle: HuddleRef, *, actor: UserRef, device_id: str = DEVICE) -> None:
        """Leave a huddle; it ends with its last participant. Not being in it changes nothing."""
        found, seat = await self._visible(huddle, actor)
        now = self._core.clock.now()

        async def work(tx: Tx, told: Facts) -> None:
            fresh = await tx.huddles.get(found.id)
            if fresh is not None and fresh.status is HuddleStatus.ACTIVE:
                await huddle_steps.leave(tx, told, fresh, seat.user_id, now)

        await self._core.write(work)
        await self._media.leave(seat_of(found, seat.user_id, device_id))

    async def signal(self, huddle: HuddleRef, signal: Signal, *, actor: UserRef) -> None:
        """Pass a WebRTC signal (≤ 32 KiB) to another participant. Raises Forbidden unless both are in the huddle."""
        _check_size(signal)
        target = signal.target_user_id
        if target is None:
            raise ValidationFailed.of("signal.targetUserId", "is required: name the participant that it is for")
        found, seat = await self._visible(huddle, actor, Action.HUDDLE_JOIN)

        async def work(tx: Tx) -> set[UserId]:
            present = await tx.participants.find(huddle_id=found.id, left_at=None)
            return {row.user_id for row in present}

        present = await self._core.storage.read(work)
        if seat.user_id not in present or target not in present:
            raise Forbidden("Signals pass between participants of the huddle only: both must have joined.")
        self._core.hub.announce(
            HuddleSignal(
                workspace_id=found.workspace_id,
                huddle_id=found.id,
                channel_id=found.channel_id,
                from_user_id=seat.user_id,
                to_user_id=target,
                signal=attrs.evolve(signal, target_user_id=None),
            )
        )

    async def _visible(
        self, huddle: HuddleRef, actor: UserRef, action: Action = Action.CHANNEL_VIEW
    ) -> tuple[Huddle, Seat]:
        huddle_id, hidden = id_of(huddle), self._core.directory.hidden_from(id_of(actor))

        async def work(tx: Tx) -> Huddle | None:
            row = await tx.huddles.get(huddle_id)
            return None if row is None or hidden(row.channel_id) else row

        found = await self._core.storage.read(work)
        if found is None:
            raise NotFound.of("huddle")
        try:
            return found, await self._core.allowed(found.channel_id, id_of(actor), action)
        except NotFound:
            raise NotFound.of("huddle") from None


def _check_size(signal: Signal) -> None:
    try:
        size = len(encode(signal))
    except (TypeError, ValueError):
        raise ValidationFailed.of("signal.data", "must be plain JSON") from None
    if size > MAX_SIGNAL:
        raise ValidationFailed.of("signal", f"must be at most {MAX_SIGNAL} bytes of JSON")


async def _view(tx: Tx, huddle: Huddle) -> HuddleView:
    rows = await tx.participants.find(huddle_id=huddle.id, left_at=None)
    cards: list[ParticipantCard] = []
    for row in sorted(rows, key=lambda row: (row.joined_at, row.user_id)):
        user = await tx.users.get(row.user_id)
        if user is not None:
            cards.append(huddle_steps.participant_card(row, card_of(user)))
    starter = await tx.users.get(huddle.created_by)
    assert starter is not None, "users are never removed"
    return HuddleView(huddle=huddle, participants=tuple(cards), started_by=card_of(starter))
