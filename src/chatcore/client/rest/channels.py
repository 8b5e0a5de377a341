"""Channels and direct messages."""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from chatcore.client.answers import ChannelItem, ChannelList, ChannelView
from chatcore.client.api import Api
from chatcore.client.endpoint import KEEP, Endpoint, Keep, changes, fields
from chatcore.ids import ChannelId, MessageId, UserId
from chatcore.model import ChannelType, ReadState

LIST = Endpoint("GET", "/api/workspaces/:slug/channels", ChannelList)
CREATE = Endpoint("POST", "/api/workspaces/:slug/channels", ChannelView)
DIRECT = Endpoint("POST", "/api/workspaces/:slug/directs", ChannelView, again=True)
GET = Endpoint("GET", "/api/channels/:channelId", ChannelView)
UPDATE = Endpoint("PATCH", "/api/channels/:channelId", ChannelView)
ARCHIVE = Endpoint("POST", "/api/channels/:channelId/archive", ChannelView)
JOIN = Endpoint("POST", "/api/channels/:channelId/join", ChannelView, again=True)
LEAVE = Endpoint("POST", "/api/channels/:channelId/leave", type(None))
ADD_MEMBER = Endpoint("PUT", "/api/channels/:channelId/members/:userId", type(None))
REMOVE_MEMBER = Endpoint("DELETE", "/api/channels/:channelId/members/:userId", type(None))
READ = Endpoint("PUT", "/api/channels/:channelId/read", ReadState)


@attrs.frozen
class Channels:
    """`client.channels`."""

    _api: Api

    async def list(self, slug: str) -> tuple[ChannelItem, ...]:
        """Every channel that one can see, with what is unread in it, by name."""
        return (await self.listing(slug)).channels

    async def listing(self, slug: str) -> ChannelList:
        """As `list`, with the place in the event log that it shows."""
        return await self._api.call(LIST, slug=slug)

    async def create(
        self,
        slug: str,
        *,
        name: str,
        type: ChannelType = ChannelType.PUBLIC,
        description: str | None = None,
        members: Iterable[UserId] = (),
    ) -> ChannelView:
        """A new public or private channel; one is in it, and so are `members`."""
        body = fields(name=name, type=type, description=description, members=list(members))
        return await self._api.call(CREATE, body=body, slug=slug)

    async def direct(self, slug: str, user_ids: Iterable[UserId]) -> ChannelView:
        """The direct message with these people (2 to 9 with oneself); the same people get the same channel."""
        return await self._api.call(DIRECT, body={"userIds": list(user_ids)}, slug=slug)

    async def get(self, channel_id: ChannelId) -> ChannelView:
        """One channel with its members."""
        return await self._api.call(GET, channel_id=channel_id)

    async def update(
        self,
        channel_id: ChannelId,
        *,
        name: str | Keep = KEEP,
        description: str | Keep | None = KEEP,
        type: ChannelType | Keep = KEEP,
        settings: Mapping[str, Any] | Keep = KEEP,
        archived: bool | Keep = KEEP,
    ) -> ChannelView:
        """Change a channel; what is not given stays. `archived=False` takes it out of the archive."""
        body = changes(name=name, description=description, type=type, settings=settings, archived=archived)
        return await self._api.call(UPDATE, body=body, channel_id=channel_id)

    async def archive(self, channel_id: ChannelId) -> ChannelView:
        """Close a channel: it can be read, not written to."""
        return await self._api.call(ARCHIVE, channel_id=channel_id)

    async def join(self, channel_id: ChannelId) -> ChannelView:
        """Join a public channel."""
        return await self._api.call(JOIN, channel_id=channel_id)

    async def leave(self, channel_id: ChannelId) -> None:
        """Leave a channel."""
        await self._api.call(LEAVE, channel_id=channel_id)

    async def add_member(self, channel_id: ChannelId, user_id: UserId) -> None:
        """Bring a member of the workspace into a channel."""
        await self._api.call(ADD_MEMBER, channel_id=channel_id, user_id=user_id)

    async def remove_member(self, channel_id: ChannelId, user_id: UserId) -> None:
        """Take somebody out of a channel."""
        await self._api.call(REMOVE_MEMBER, channel_id=channel_id, user_id=user_id)

    async def mark_read(self, channel_id: ChannelId, message_id: MessageId) -> ReadState:
        """Move one's read marker to a message."""
        return await self._api.call(READ, body=fields(message_id=message_id), channel_id=channel_id)
