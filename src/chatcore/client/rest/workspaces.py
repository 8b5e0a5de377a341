"""Workspaces."""

from collections.abc import Mapping
from typing import Any

import attrs

from chatcore.client.answers import WorkspaceItem, WorkspaceList, WorkspaceView
from chatcore.client.api import Api
from chatcore.client.endpoint import KEEP, Endpoint, Keep, changes, fields

LIST = Endpoint("GET", "/api/workspaces", WorkspaceList)
CREATE = Endpoint("POST", "/api/workspaces", WorkspaceView)
GET = Endpoint("GET", "/api/workspaces/:slug", WorkspaceView)
UPDATE = Endpoint("PUT", "/api/workspaces/:slug", WorkspaceView)
JOIN = Endpoint("POST", "/api/workspaces/:slug/join", WorkspaceView, again=True)


@attrs.frozen
class Workspaces:
    """`client.workspaces`."""

    _api: Api

    async def list(self) -> tuple[WorkspaceItem, ...]:
        """The workspaces that one is in, by name."""
        return (await self._api.call(LIST)).workspaces

    async def create(self, *, name: str, slug: str, description: str | None = None) -> WorkspaceView:
        """A new workspace with the channel `general`; one owns it."""
        return await self._api.call(CREATE, body=fields(name=name, slug=slug, description=description))

    async def get(self, slug: str) -> WorkspaceView:
        """One workspace."""
        return await self._api.call(GET, slug=slug)

    async def update(
        self,
        slug: str,
        *,
        name: str | Keep = KEEP,
        description: str | Keep | None = KEEP,
        settings: Mapping[str, Any] | Keep = KEEP,
    ) -> WorkspaceView:
        """Change a workspace. `settings` are replaced as a whole."""
        body = changes(name=name, description=description, settings=settings)
        return await self._api.call(UPDATE, body=body, slug=slug)

    async def join(self, slug: str) -> WorkspaceView:
        """Join a workspace that is open to all; others are joined by invite."""
        return await self._api.call(JOIN, slug=slug)
