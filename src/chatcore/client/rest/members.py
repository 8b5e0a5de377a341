"""Members of a workspace, and who of them is there."""

import attrs

from chatcore.client.answers import MemberList, PresenceList
from chatcore.client.api import Api
from chatcore.client.endpoint import Endpoint, fields
from chatcore.client.rest.paging import Pages
from chatcore.ids import UserId
from chatcore.model import MemberCard, Presence, Role

LIST = Endpoint("GET", "/api/workspaces/:slug/members", MemberList)
UPDATE = Endpoint("PATCH", "/api/workspaces/:slug/members/:userId", MemberCard)
REMOVE = Endpoint("DELETE", "/api/workspaces/:slug/members/:userId", type(None))
PRESENCE = Endpoint("GET", "/api/workspaces/:slug/presence", PresenceList)


@attrs.frozen
class Members:
    """`client.members`."""

    _api: Api

    async def page(self, slug: str, *, after: UserId | None = None, limit: int = 100) -> MemberList:
        """Up to `limit` (1 to 100) members by user id, after one."""
        return await self._api.call(LIST, query=fields(after=after, limit=limit), slug=slug)

    def list(self, slug: str) -> Pages[MemberCard]:
        """Every member, page by page: `async for member in client.members.list("team")`."""

        async def read(cursor: str | None) -> tuple[tuple[MemberCard, ...], str | None]:
            page = await self.page(slug, after=None if cursor is None else UserId(cursor))
            return page.members, page.next_cursor if page.has_more else None

        return Pages(read)

    async def set_role(self, slug: str, user_id: UserId, role: Role) -> MemberCard:
        """Change a member's role; for owners and admins."""
        return await self._api.call(UPDATE, body=fields(role=role), slug=slug, user_id=user_id)

    async def remove(self, slug: str, user_id: UserId) -> None:
        """Remove a member, or leave oneself."""
        await self._api.call(REMOVE, slug=slug, user_id=user_id)

    async def presence(self, slug: str) -> tuple[Presence, ...]:
        """The presence of every member."""
        return (await self._api.call(PRESENCE, slug=slug)).presence
