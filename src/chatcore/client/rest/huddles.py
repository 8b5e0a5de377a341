"""Huddles. Their signals travel over the socket: `Workspace.signal`."""

import attrs

from chatcore.client.answers import HuddleView, JoinedHuddle, SessionDescription
from chatcore.client.api import Api
from chatcore.client.endpoint import Endpoint, fields
from chatcore.ids import ChannelId, HuddleId
from chatcore.model import HuddleMode

START = Endpoint("POST", "/api/channels/:channelId/huddles", HuddleView)
ACTIVE = Endpoint("GET", "/api/channels/:channelId/huddles/active", HuddleView)
GET = Endpoint("GET", "/api/huddles/:huddleId", HuddleView)
JOIN = Endpoint("POST", "/api/huddles/:huddleId/join", JoinedHuddle)
LEAVE = Endpoint("DELETE", "/api/huddles/:huddleId/leave", type(None))


@attrs.frozen
class Huddles:
    """`client.huddles`."""

    _api: Api

    async def start(
        self, channel_id: ChannelId, *, title: str | None = None, mode: HuddleMode = HuddleMode.AUTO
    ) -> HuddleView:
        """Start a huddle; one is in it. A channel has one at a time."""
        return await self._api.call(START, body=fields(title=title, mode=mode), channel_id=channel_id)

    async def active(self, channel_id: ChannelId) -> HuddleView:
        """The huddle that is going on in a channel. Raises NotFound when there is none."""
        return await self._api.call(ACTIVE, channel_id=channel_id)

    async def get(self, huddle_id: HuddleId) -> HuddleView:
        """A huddle, also one that has ended."""
        return await self._api.call(GET, huddle_id=huddle_id)

    async def join(self, huddle_id: HuddleId, *, offer: SessionDescription | None = None) -> JoinedHuddle:
        """Join a huddle; `offer` is for those that go through the server."""
        return await self._api.call(JOIN, body=fields(offer=offer), huddle_id=huddle_id)

    async def leave(self, huddle_id: HuddleId) -> None:
        """Leave a huddle; it ends with its last participant."""
        await self._api.call(LEAVE, huddle_id=huddle_id)
