"""The audit log."""

import attrs

from chatcore.client.answers import AuditList
from chatcore.client.api import Api
from chatcore.client.endpoint import Endpoint, fields
from chatcore.model import AuditEntry

LIST = Endpoint("GET", "/api/workspaces/:slug/audit", AuditList)


@attrs.frozen
class Audit:
    """`client.audit`."""

    _api: Api

    async def list(self, slug: str, *, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Who did what in a workspace, newest first; for owners and admins. `limit` is 1 to 100."""
        return (await self._api.call(LIST, query=fields(limit=limit), slug=slug)).entries
