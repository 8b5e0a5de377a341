"""The audit log."""

import attrs

from chatcore.model import AuditEntry, TokenScope
from chatserver.fields import PageSize, Slug
from chatserver.parts import Call
from chatserver.route import route


@attrs.frozen(kw_only=True)
class AuditListRequest:
    limit: PageSize = 100


@attrs.frozen(kw_only=True)
class AuditListResponse:
    """Newest first."""

    entries: tuple[AuditEntry, ...]


async def list_audit(call: Call, slug: Slug, query: AuditListRequest) -> AuditListResponse:
    """Who did what in a workspace; for owners and admins."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    return AuditListResponse(
        entries=tuple(await call.chat.audit.list(workspace_id, actor=call.actor, limit=query.limit))
    )


ROUTES = (route("GET", "/api/workspaces/:slug/audit", list_audit, needs=TokenScope.ADMIN),)
