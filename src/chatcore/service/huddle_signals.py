"""Signals between those in a huddle, and from them to the server's media."""

import attrs

from chatcore.errors import Forbidden, ValidationFailed
from chatcore.events import HuddleSignal
from chatcore.ids import UserId
from chatcore.model import Huddle, Signal, Topology
from chatcore.policy import Action
from chatcore.ports import HuddleStats, Tx, VideoWish
from chatcore.service.core import UserRef
from chatcore.service.huddle_desk import DEVICE, HuddleDesk, HuddleRef, check_device
from chatcore.service.huddle_media import seat_of
from chatcore.wire import encode

MAX_SIGNAL = 32 * 1024
"""Bytes of JSON; an SDP offer of a browser with a microphone and a camera is some 5 to 10 KiB."""
MAX_WISHES = 16


class HuddleSignals(HuddleDesk):
    """Every method raises NotFound for a huddle in a channel that the actor may not see."""

    __slots__ = ()

    async def signal(self, huddle: HuddleRef, signal: Signal, *, actor: UserRef, device_id: str = DEVICE) -> None:
        """Pass a WebRTC signal (≤ 32 KiB) to another participant; without a target, a late candidate to the server.

        Raises Forbidden unless both are in the huddle. The other's devices get it, or the one that it names.
        """
        _check_size(signal)
        check_device(device_id)
        if signal.target_device_id is not None:
            check_device(signal.target_device_id)
        found, seat = await self._visible(huddle, actor, Action.HUDDLE_JOIN)
        target = signal.target_user_id
        if target is None and found.topology is Topology.MESH:
            raise ValidationFailed.of("signal.targetUserId", "is required: name the participant that it is for")

        async def work(tx: Tx) -> set[UserId]:
            present = await tx.participants.find(huddle_id=found.id, left_at=None)
            return {row.user_id for row in present}

        present = await self._core.storage.read(work)
        if seat.user_id not in present or (target is not None and target not in present):
            raise Forbidden("Signals pass between participants of the huddle only: both must have joined.")
        if target is None:
            await self._media.signal(seat_of(found, seat.user_id, device_id), signal)
        else:
            self._core.hub.announce(_to(found, seat.user_id, device_id, target, signal))

    async def wants(
        self, huddle: HuddleRef, videos: tuple[VideoWish, ...], *, actor: UserRef, device_id: str = DEVICE
    ) -> None:
        """Choose which videos a device's video slots show, in their order. Raises Forbidden for who is outside."""
        if len(videos) > MAX_WISHES:
            raise ValidationFailed.of("videos", f"must be at most {MAX_WISHES}")
        found, seat = await self._inside(huddle, actor)
        await self._media.wants(seat_of(found, seat.user_id, check_device(device_id)), videos)

    async def stats(self, huddle: HuddleRef, *, actor: UserRef) -> HuddleStats:
        """How the connections of a huddle do; none while media goes from peer to peer. Raises Forbidden for who may
        not join it.
        """
        found, _ = await self._visible(huddle, actor, Action.HUDDLE_JOIN)
        return await self._media.stats(found.id)


def _to(huddle: Huddle, sender: UserId, device_id: str, target: UserId, signal: Signal) -> HuddleSignal:
    return HuddleSignal(
        workspace_id=huddle.workspace_id,
        huddle_id=huddle.id,
        channel_id=huddle.channel_id,
        from_user_id=sender,
        from_device_id=device_id,
        to_user_id=target,
        to_device_id=signal.target_device_id,
        signal=attrs.evolve(signal, target_user_id=None, target_device_id=None),
    )


def _check_size(signal: Signal) -> None:
    try:
        size = len(encode(signal))
    except (TypeError, ValueError):
        raise ValidationFailed.of("signal.data", "must be plain JSON") from None
    if size > MAX_SIGNAL:
        raise ValidationFailed.of("signal", f"must be at most {MAX_SIGNAL} bytes of JSON")
