"""Huddles. Their signals travel over the socket: `Workspace.signal`."""

from collections.abc import Mapping, Sequence

import attrs

from chatcore.client.answers import HuddleStats, HuddleView, IceServer, IceServers, JoinedHuddle, Ringing
from chatcore.client.answers import SessionDescription as Description
from chatcore.client.api import Api
from chatcore.client.endpoint import KEEP, Endpoint, Keep, changes, fields
from chatcore.events import ParticipantCard
from chatcore.ids import ChannelId, HuddleId, UserId
from chatcore.model import HuddleMode

START = Endpoint("POST", "/api/channels/:channelId/huddles", HuddleView)
ACTIVE = Endpoint("GET", "/api/channels/:channelId/huddles/active", HuddleView)
GET = Endpoint("GET", "/api/huddles/:huddleId", HuddleView)
JOIN = Endpoint("POST", "/api/huddles/:huddleId/join", JoinedHuddle)
LEAVE = Endpoint("DELETE", "/api/huddles/:huddleId/leave", type(None))
UPDATE = Endpoint("PATCH", "/api/huddles/:huddleId", HuddleView)
STATE = Endpoint("PATCH", "/api/huddles/:huddleId/state", ParticipantCard)
VIDEOS = Endpoint("PUT", "/api/huddles/:huddleId/videos", type(None))
MUTE = Endpoint("POST", "/api/huddles/:huddleId/participants/:userId/mute", ParticipantCard, again=True)
REMOVE = Endpoint("DELETE", "/api/huddles/:huddleId/participants/:userId", type(None))
RING = Endpoint("POST", "/api/huddles/:huddleId/ring", Ringing)
DECLINE = Endpoint("POST", "/api/huddles/:huddleId/decline", type(None), again=True)
RECORD = Endpoint("POST", "/api/huddles/:huddleId/recording", HuddleView)
STOP_RECORDING = Endpoint("DELETE", "/api/huddles/:huddleId/recording", type(None))
STATS = Endpoint("GET", "/api/huddles/:huddleId/stats", HuddleStats)
ICE_SERVERS = Endpoint("GET", "/api/ice-servers", IceServers)


@attrs.frozen
class Huddles:
    """`client.huddles`."""

    _api: Api

    async def start(
        self,
        channel_id: ChannelId,
        *,
        title: str | None = None,
        mode: HuddleMode = HuddleMode.AUTO,
        device_id: str | None = None,
    ) -> HuddleView:
        """Start a huddle; one is in it. A channel has one at a time."""
        body = fields(title=title, mode=mode, device_id=device_id)
        return await self._api.call(START, body=body, channel_id=channel_id)

    async def active(self, channel_id: ChannelId) -> HuddleView:
        """The huddle that is going on in a channel. Raises NotFound when there is none."""
        return await self._api.call(ACTIVE, channel_id=channel_id)

    async def get(self, huddle_id: HuddleId) -> HuddleView:
        """A huddle, also one that has ended."""
        return await self._api.call(GET, huddle_id=huddle_id)

    async def join(
        self,
        huddle_id: HuddleId,
        *,
        offer: Description | None = None,
        device_id: str | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> JoinedHuddle:
        """Join a huddle, or join again; `offer` is for those that go through the server.

        `sources`: the mid of each video that is sent -> `camera` or `screen`.
        """
        shown = None if not sources else [{"mid": mid, "source": source} for mid, source in sources.items()]
        body = fields(offer=offer, device_id=device_id, sources=shown)
        return await self._api.call(JOIN, body=body, huddle_id=huddle_id)

    async def leave(self, huddle_id: HuddleId, *, device_id: str | None = None) -> None:
        """Leave a huddle, with all devices or with one; it ends some seconds after its last participant left."""
        await self._api.call(LEAVE, body=fields(device_id=device_id), huddle_id=huddle_id)

    async def update(
        self, huddle_id: HuddleId, *, title: str | Keep | None = KEEP, mode: HuddleMode | Keep = KEEP
    ) -> HuddleView:
        """Change the title or the mode; when `topology` changes with it, everybody joins again."""
        return await self._api.call(UPDATE, body=changes(title=title, mode=mode), huddle_id=huddle_id)

    async def set_state(
        self,
        huddle_id: HuddleId,
        *,
        muted: bool | None = None,
        camera: bool | None = None,
        sharing: bool | None = None,
        hand_raised: bool | None = None,
        speaking: bool | None = None,
    ) -> ParticipantCard:
        """Say how one is oneself; what is not named stays as it is."""
        body = fields(muted=muted, camera=camera, sharing=sharing, hand_raised=hand_raised, speaking=speaking)
        return await self._api.call(STATE, body=body, huddle_id=huddle_id)

    async def choose_videos(
        self, huddle_id: HuddleId, videos: Sequence[tuple[UserId, str]], *, device_id: str | None = None
    ) -> None:
        """Choose what one's video slots show: whose, and whether `camera` or `screen`."""
        wanted = [{"userId": user_id, "source": source} for user_id, source in videos]
        await self._api.call(VIDEOS, body=fields(videos=wanted, device_id=device_id), huddle_id=huddle_id)

    async def mute(self, huddle_id: HuddleId, user_id: UserId) -> ParticipantCard:
        """Mute somebody, who may let themselves be heard again; for moderators."""
        return await self._api.call(MUTE, huddle_id=huddle_id, user_id=user_id)

    async def remove(self, huddle_id: HuddleId, user_id: UserId) -> None:
        """Take somebody out, and keep them out of this huddle; for moderators."""
        await self._api.call(REMOVE, huddle_id=huddle_id, user_id=user_id)

    async def ring(self, huddle_id: HuddleId, user_id: UserId | None = None) -> tuple[UserId, ...]:
        """Ring one of the others of a direct message, or all; who is being rung."""
        return (await self._api.call(RING, body=fields(user_id=user_id), huddle_id=huddle_id)).ringing

    async def decline(self, huddle_id: HuddleId) -> None:
        """Say that one will not come: it stops ringing."""
        await self._api.call(DECLINE, huddle_id=huddle_id)

    async def start_recording(self, huddle_id: HuddleId) -> HuddleView:
        """Record what everybody says, where media goes through the server; for moderators."""
        return await self._api.call(RECORD, huddle_id=huddle_id)

    async def stop_recording(self, huddle_id: HuddleId) -> None:
        """Record no more; for moderators."""
        await self._api.call(STOP_RECORDING, huddle_id=huddle_id)

    async def stats(self, huddle_id: HuddleId) -> HuddleStats:
        """How the connections of a huddle through the server do."""
        return await self._api.call(STATS, huddle_id=huddle_id)

    async def ice_servers(self) -> tuple[IceServer, ...]:
        """STUN and TURN for one's connections, with credentials that are good for a day."""
        return (await self._api.call(ICE_SERVERS)).ice_servers
