"""The audit log."""

from collections.abc import Mapping
from typing import Any

import attrs

from chatcore.errors import ValidationFailed
from chatcore.model import AuditEntry
from chatcore.policy import Action
from chatcore.service.core import Core, UserRef, WorkspaceRef, id_of

MAX_PAGE = 500


@attrs.frozen
class Audit:
    _core: Core

    async def record(
        self,
        action: str,
        *,
        actor: UserRef | None = None,
        workspace: WorkspaceRef | None = None,
        target: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> AuditEntry:
        """Write an entry of its own (most are written in the transaction that they tell of)."""
        entry = self._core.audit(
            action,
            actor=None if actor is None else id_of(actor),
            workspace=None if workspace is None else id_of(workspace),
            target=target,
            details=details,
        )
        await self._core.storage.write(lambda tx: tx.audit.insert(entry))
        self._core.hooks.did("audit", entry=entry)
        return entry

    async def list(self, workspace: WorkspaceRef, *, actor: UserRef, limit: int = 100) -> list[AuditEntry]:
        """The newest entries of a workspace, newest first; for owners and admins."""
        if not 1 <= limit <= MAX_PAGE:
            raise ValidationFailed.of("limit", f"must be 1 to {MAX_PAGE}")
        facts = await self._core.workspace(workspace, id_of(actor), Action.AUDIT_VIEW)
        return await self._core.storage.read(
            lambda tx: tx.audit.find(workspace_id=facts.workspace_id, limit=limit, newest_first=True)
        )
