"""Huddles: who is talking in which channel. How media goes is the voice plugin's affair, or the participants' own."""

from collections.abc import Mapping
from typing import Any

import attrs
import trio

from chatcore import text
from chatcore.errors import Duplicate, ValidationFailed
from chatcore.events import HuddleStarted
from chatcore.ids import HuddleId, UserId
from chatcore.model import Huddle, HuddleMode, Topology, UserCard
from chatcore.policy import Action
from chatcore.ports import Background, Tx, VideoSource, Voice, VoiceTotals
from chatcore.service import huddle_steps
from chatcore.service.core import KEEP, ChannelRef, Core, Keep, UserRef, id_of
from chatcore.service.facts import Facts
from chatcore.service.huddle_desk import DEVICE, HuddleRef, HuddleView, check_device, going_on
from chatcore.service.huddle_keeper import HuddleKeeper
from chatcore.service.huddle_media import HuddleMedia, seat_of
from chatcore.service.huddle_people import HuddlePeople
from chatcore.service.huddle_record import post_record
from chatcore.service.huddle_recording import HuddleRecording
from chatcore.service.huddle_rings import Rings
from chatcore.service.huddle_signals import HuddleSignals
from chatcore.service.huddle_speaking import Speaking
from chatcore.service.huddle_steps import PLACEHOLDER
from chatcore.service.ice import IceServer, ice_servers

MAX_TITLE = 200
MAX_OFFER = 128 * 1024
"""Characters of SDP; a browser's offer with many video slots is some 40 KiB."""


class Huddles(HuddlePeople, HuddleSignals, HuddleRecording):
    """Every method raises NotFound for a huddle in a channel that the actor may not see."""

    __slots__ = ()

    @classmethod
    def of(cls, core: Core, voice: Voice | None) -> "Huddles":
        """With what it needs. `voice`: the media of this node."""
        media = HuddleMedia.of(core, voice)
        return cls(core, media, HuddleKeeper(core, media), Speaking(core, media), Rings(core))

    def start_tasks(self, tasks: Background) -> None:
        """Begin to look after what goes on."""
        self._media.start(tasks)
        tasks.keep("huddles", self._keeper.run)
        tasks.keep("huddle speakers", self._speaking.run)
        tasks.keep("huddle rings", self._rings.run)

    @property
    def listeners(self) -> tuple[Any, ...]:
        """What follows the events."""
        return (*self._media.listeners, self._keeper, self._speaking, self._rings)

    @property
    def active_count(self) -> int:
        """How many huddles went on when this node last looked: on all nodes."""
        return self._keeper.active

    @property
    def device_count(self) -> int:
        """How many devices are in huddles by way of this node."""
        return self._keeper.devices.count

    def media_totals(self) -> VoiceTotals:
        """What this node's media does."""
        return self._media.totals()

    def ice_servers(self, user: UserRef) -> tuple[IceServer, ...]:
        """STUN and TURN for this person's clients."""
        return ice_servers(self._core.config, self._core.clock, id_of(user))

    # --- sockets of clients ----------------------------------------------------------------------------------------

    def connection_opened(self, user_id: UserId, connection_id: str) -> None:
        """A person has a connection to this node, by which their devices may join."""
        self._keeper.connection_opened(user_id, connection_id)

    def connection_closed(self, user_id: UserId, connection_id: str) -> None:
        """It is gone: devices that joined by it leave in 15 s, unless they join again."""
        self._keeper.connection_closed(user_id, connection_id)

    # --- life ------------------------------------------------------------------------------------------------------

    async def start(
        self,
        channel: ChannelRef,
        *,
        actor: UserRef,
        title: str | None = None,
        mode: HuddleMode = HuddleMode.AUTO,
        device_id: str | None = None,
        connection: str | None = None,
    ) -> HuddleView:
        """Start a huddle with the actor in it. Raises Duplicate, with its id in the details, when one is going on.

        One that everybody has left, and that waits for somebody to come back, ends for it. `device_id` and
        `connection`: see `join`.
        """
        seat = await self._core.allowed(channel, id_of(actor), Action.HUDDLE_START)
        self._check_mode(mode)
        device_id = PLACEHOLDER if device_id is None else check_device(device_id)
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
        huddle = attrs.evolve(huddle, topology=self._topology(huddle, 1))
        card = await self._core.cards.get(seat.user_id)

        async def work(tx: Tx, told: Facts) -> tuple[HuddleView, Huddle | None]:
            active = await huddle_steps.active_in(tx, seat.channel.id)
            if active is not None:
                if await tx.participants.find(huddle_id=active.id, left_at=None, limit=1):
                    raise Duplicate("A huddle is going on in this channel: join it.", {"huddleId": active.id})
                active = await huddle_steps.end(tx, told, active, now)
            await tx.huddles.insert(huddle)
            await tx.events.append(HuddleStarted(workspace_id=huddle.workspace_id, huddle=huddle, started_by=card))
            told.did("huddle_started", huddle=huddle)
            await huddle_steps.enter(tx, told, huddle, seat.user_id, device_id, card, now)
            return await self._view(tx, huddle), active

        view, ended = await self._core.write(work)
        self._keeper.hold((huddle.id, seat.user_id, device_id), connection, huddle)
        if ended is not None:
            await post_record(self._core, ended)
        return view

    async def active(self, channel: ChannelRef, *, actor: UserRef) -> HuddleView | None:
        """The huddle that is going on in a channel."""
        seat = await self._core.allowed(channel, id_of(actor), Action.CHANNEL_VIEW)

        async def work(tx: Tx) -> HuddleView | None:
            found = await huddle_steps.active_in(tx, seat.channel.id)
            return None if found is None else await self._view(tx, found)

        return await self._core.storage.read(work)

    async def get(self, huddle: HuddleRef, *, actor: UserRef) -> HuddleView:
        """A huddle, also one that has ended."""
        found, _ = await self._visible(huddle, actor)
        return await self._core.storage.read(lambda tx: self._view(tx, found))

    async def join(
        self,
        huddle: HuddleRef,
        *,
        actor: UserRef,
        device_id: str = DEVICE,
        connection: str | None = None,
        offer: Mapping[str, Any] | None = None,
        sources: Mapping[str, VideoSource] | None = None,
    ) -> HuddleView:
        """Join a huddle that is going on, or join again, with a device. Raises Forbidden when it has ended.

        offer: is answered when media goes through the server, and of no use when it does not: `huddle.topology` of what
        is returned says which. sources: see `Voice.join`. connection: the client's, by which it is known to be
        there; `BY_REQUESTS` for a client without one; None for a caller in this process, who says when it leaves.
        Raises ValidationFailed, Rejected, VoiceFull too.
        """
        check_device(device_id)
        if offer is not None:
            _check_offer(offer)
        found, seat = await self._visible(huddle, actor, Action.HUDDLE_JOIN)
        await self._core.hooks.filter("huddle_will_join", huddle=found, user_id=seat.user_id)
        card = await self._core.cards.get(seat.user_id)
        view: HuddleView | None = None
        while view is None:
            expected = await self._core.storage.read(lambda tx: self._expected(tx, found.id, seat.user_id))
            if offer is None or expected is Topology.MESH:
                view = await self._enter(found, seat.user_id, device_id, card, expected)
            else:
                view = await self._enter_with_media(found, seat.user_id, device_id, card, offer, sources)
        self._keeper.hold((found.id, seat.user_id, device_id), connection, found)
        return attrs.evolve(view, device_id=device_id)

    async def _expected(self, tx: Tx, huddle_id: HuddleId, user_id: UserId) -> Topology:
        """The way of the media once this person is in. Raises Forbidden."""
        huddle = await going_on(tx, huddle_id)
        present = {row.user_id for row in await tx.participants.find(huddle_id=huddle_id, left_at=None)}
        return self._topology(huddle, len(present | {user_id}))

    async def _enter(
        self, huddle: Huddle, user_id: UserId, device_id: str, card: UserCard, expected: Topology
    ) -> HuddleView | None:
        """None when media would go another way than expected, because others came meanwhile."""
        now = self._core.clock.now()

        async def work(tx: Tx, told: Facts) -> HuddleView | None:
            if await self._expected(tx, huddle.id, user_id) is not expected:
                return None
            fresh = await going_on(tx, huddle.id)
            fresh = await huddle_steps.enter(tx, told, fresh, user_id, device_id, card, now)
            fresh = await huddle_steps.change(tx, fresh, topology=expected)
            return await self._view(tx, fresh)

        return await self._core.write(work)

    async def _enter_with_media(
        self,
        huddle: Huddle,
        user_id: UserId,
        device_id: str,
        card: UserCard,
        offer: Mapping[str, Any],
        sources: Mapping[str, VideoSource] | None,
    ) -> HuddleView | None:
        """Media first: who gets none (the node is full, the offer is bad) has not come in for the others."""
        seat = seat_of(huddle, user_id, device_id)
        answer = await self._media.join(seat, offer, sources)
        view: HuddleView | None = None
        try:
            view = await self._enter(huddle, user_id, device_id, card, Topology.SFU)
        finally:
            if view is None:
                with trio.move_on_after(2, shield=True):
                    await self._media.close(self._media.closing(huddle.id, user_id, device_id))
        if view is None:
            return None
        muted = any(each.muted for each in view.participants if each.user_id == user_id)
        await self._media.mute(huddle.id, user_id, muted)
        return attrs.evolve(view, answer=answer)

    async def leave(self, huddle: HuddleRef, *, actor: UserRef, device_id: str | None = None) -> None:
        """Leave a huddle with one device, or with all; not being in it changes nothing.

        When nobody has been in it for 30 s, it ends.
        """
        found, seat = await self._visible(huddle, actor)
        now = self._core.clock.now()

        async def work(tx: Tx, told: Facts) -> None:
            fresh = await tx.huddles.get(found.id)
            if fresh is not None and fresh.ended_at is None:
                await huddle_steps.leave(tx, told, fresh, seat.user_id, now, device_id=device_id)

        await self._core.write(work)
        self._keeper.wake()
        await self._media.close(self._media.closing(found.id, seat.user_id, device_id))

    async def update(
        self,
        huddle: HuddleRef,
        *,
        actor: UserRef,
        title: str | Keep | None = KEEP,
        mode: HuddleMode | Keep = KEEP,
    ) -> HuddleView:
        """Change the title, or the mode; with it perhaps the way of the media: then everybody joins again.

        Who started the huddle and admins may. Raises Forbidden, ValidationFailed.
        """
        found, _ = await self._visible(huddle, actor, Action.HUDDLE_MODERATE)
        changes: dict[str, Any] = {}
        if not isinstance(title, Keep):
            changes["title"] = None if title is None else text.clean_line(title, "title", MAX_TITLE)
        if not isinstance(mode, Keep):
            self._check_mode(mode)
            changes["mode"] = mode

        async def work(tx: Tx) -> HuddleView:
            fresh = await going_on(tx, found.id)
            wanted = attrs.evolve(fresh, **changes)
            present = await tx.participants.find(huddle_id=fresh.id, left_at=None)
            topology = self._topology(wanted, len(present))
            return await self._view(tx, await huddle_steps.change(tx, fresh, **changes, topology=topology))

        return await self._core.storage.write(work)

    def _check_mode(self, mode: HuddleMode) -> None:
        if mode is HuddleMode.SFU and not self._media.available:
            raise ValidationFailed.of("mode", "this server has no voice plugin: use mesh or auto")

    def _topology(self, huddle: Huddle, people: int) -> Topology:
        limit = self._core.config.huddle_mesh_max
        return huddle_steps.topology_of(huddle, people, through_server=self._media.available, mesh_max=limit)


def _check_offer(offer: Mapping[str, Any]) -> None:
    sdp = offer.get("sdp")
    if not (set(offer) <= {"type", "sdp"} and offer.get("type") == "offer" and isinstance(sdp, str)):
        raise ValidationFailed.of("offer", 'must be {"type": "offer", "sdp": …}')
    if len(sdp) > MAX_OFFER:
        raise ValidationFailed.of("offer.sdp", f"must be at most {MAX_OFFER} characters")
