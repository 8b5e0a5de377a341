"""Presence: who is there, told to every workspace that a person is a member of."""

from collections.abc import Sequence

import attrs

from chatcore.events import MemberJoined, MemberUpdated, PresenceUpdate
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Presence, PresenceStatus
from chatcore.policy import Action
from chatcore.ports import Envelope, PresenceTracker
from chatcore.service.core import Core, UserRef, WorkspaceRef, id_of


@attrs.frozen
class PresenceService:
    _core: Core
    _tracker: PresenceTracker
    _here: dict[UserId, Presence] = attrs.field(factory=dict)
    """Who is not offline, as this node was last told: for those who join a workspace while they are there."""

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

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Follow the events: who joins a workspace (or has their account back) and is there is told to be there."""
        for envelope in envelopes:
            if envelope.type in (MemberJoined.type, MemberUpdated.type):
                event = envelope.event
                assert isinstance(event, MemberJoined | MemberUpdated)
                presence = self._here.get(event.member.user_id)
                if presence is not None and not event.member.deactivated:
                    self._core.hub.announce(_update(workspace_id, presence), here=True)

    def _changed(self, presence: Presence, here: bool) -> None:
        """Every node is told by its own tracker, and tells its own sockets."""
        if presence.status is PresenceStatus.OFFLINE:
            self._here.pop(presence.user_id, None)
        else:
            self._here[presence.user_id] = presence
        self._core.hub.announce(
            *(
                _update(facts.workspace_id, presence)
                for facts in self._core.directory.all_loaded()
                if facts.role(presence.user_id) is not None
            ),
            here=True,
        )
        if here:
            self._core.hooks.did("presence_changed", presence=presence)


def _update(workspace_id: WorkspaceId, presence: Presence) -> PresenceUpdate:
    return PresenceUpdate(
        workspace_id=workspace_id,
        user_id=presence.user_id,
        status=presence.status,
        last_seen=presence.last_seen,
    )
