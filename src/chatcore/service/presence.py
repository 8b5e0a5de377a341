"""Presence: who is there, told to every workspace that a person is a member of."""

import attrs

from chatcore.events import PresenceUpdate
from chatcore.ids import UserId
from chatcore.model import Presence, PresenceStatus
from chatcore.policy import Action
from chatcore.ports import PresenceTracker
from chatcore.service.core import Core, UserRef, WorkspaceRef, id_of


@attrs.frozen
class PresenceService:
    _core: Core
    _tracker: PresenceTracker

    def start(self) -> None:
        """Pass the tracker's changes on."""
        self._tracker.on_change(self._changed)

    async def connect(self, user: UserRef, connection_id: str) -> None:
        """A device of the user connected."""
        await self._tracker.connect(id_of(user), connection_id, PresenceStatus.ONLINE)

    async def update(self, user: UserRef, connection_id: str, status: PresenceStatus) -> None:
        """A device says how its user is. Raises Rejected."""
        user_id: UserId = id_of(user)
        wanted = Presence(user_id=user_id, status=status)
        wanted = await self._core.hooks.filter("presence_will_change", value=wanted)
        await self._tracker.update(user_id, connection_id, wanted.status)

    async def disconnect(self, user: UserRef, connection_id: str) -> None:
        """A device is gone."""
        await self._tracker.disconnect(id_of(user), connection_id)

    async def list(self, workspace: WorkspaceRef, *, actor: UserRef) -> list[Presence]:
        """The status of every member of a workspace, by user id."""
        facts = await self._core.workspace(workspace, id_of(actor), Action.WORKSPACE_VIEW)
        known = await self._tracker.get(facts.members)
        return [known[user_id] for user_id in sorted(facts.members)]

    def _changed(self, presence: Presence) -> None:
        self._core.hub.announce(
            *(
                PresenceUpdate(
                    workspace_id=facts.workspace_id,
                    user_id=presence.user_id,
                    status=presence.status,
                    last_seen=presence.last_seen,
                )
                for facts in self._core.directory.all_loaded()
                if facts.role(presence.user_id) is not None
            )
        )
        self._core.hooks.did("presence_changed", presence=presence)
