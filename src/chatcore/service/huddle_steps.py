"""What happens to huddles inside a transaction, also when somebody leaves the channel or the workspace."""

from datetime import datetime
from typing import Any

import attrs

from chatcore.errors import Forbidden
from chatcore.events import HuddleEnded, HuddleUpdated, HuddleUserJoined, HuddleUserLeft, ParticipantCard
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import Huddle, HuddleDevice, HuddleMode, HuddleStatus, Participant, Topology, UserCard
from chatcore.ports import Tx
from chatcore.service.facts import Facts

PLACEHOLDER = ""
"""The device of who started a huddle and has not joined with one yet: it gives way to the first that has a name."""
MAX_DEVICES = 5
"""Of one person in one huddle."""


def topology_of(huddle: Huddle, people: int, *, through_server: bool, mesh_max: int) -> Topology:
    """The way of the media with so many people. What went through the server once does not go back to a mesh."""
    if huddle.mode is HuddleMode.MESH or (huddle.mode is HuddleMode.AUTO and not through_server):
        return Topology.MESH
    if huddle.mode is HuddleMode.SFU or huddle.topology is Topology.SFU:
        return Topology.SFU
    return Topology.SFU if people > mesh_max else Topology.MESH


async def enter(
    tx: Tx, facts: Facts, huddle: Huddle, user_id: UserId, device_id: str, card: UserCard, now: datetime
) -> Huddle:
    """Put a device into an active huddle, and with the first one its person; the huddle as it is then.

    Raises Forbidden for who was removed from it, and for too many devices.
    """
    row = await tx.participants.get(huddle.id, user_id)
    if row is not None and row.removed_by is not None:
        raise Forbidden("You were removed from this huddle: ask who moderates it, or wait for the next.")
    await _put_device(tx, huddle, user_id, device_id)
    if huddle.empty_since is not None:
        huddle = attrs.evolve(huddle, empty_since=None)
        await tx.huddles.update(huddle)
    if row is not None and row.left_at is None:
        return huddle
    fresh = Participant(huddle_id=huddle.id, user_id=user_id, joined_at=now)
    await (tx.participants.insert(fresh) if row is None else tx.participants.update(fresh))
    await tx.events.append(
        HuddleUserJoined(
            workspace_id=huddle.workspace_id,
            channel_id=huddle.channel_id,
            huddle_id=huddle.id,
            user=participant_card(fresh, card),
        )
    )
    facts.did("huddle_joined", huddle=huddle, user_id=user_id)
    return huddle


async def _put_device(tx: Tx, huddle: Huddle, user_id: UserId, device_id: str) -> None:
    known = await tx.devices.find(huddle_id=huddle.id, user_id=user_id)
    for device in known:
        if device.device_id == device_id:
            # Another beat: whoever is about to give this device up sees that it is back.
            await tx.devices.update(attrs.evolve(device, beat=device.beat + 1))
            return
        if device.device_id == PLACEHOLDER:
            await tx.devices.delete(huddle.id, user_id, PLACEHOLDER)
    if len(known) >= MAX_DEVICES:
        raise Forbidden(f"You are in this huddle with {MAX_DEVICES} devices: leave with one of them first.")
    await tx.devices.insert(HuddleDevice(huddle_id=huddle.id, user_id=user_id, device_id=device_id))


async def leave(
    tx: Tx,
    facts: Facts,
    huddle: Huddle,
    user_id: UserId,
    now: datetime,
    *,
    device_id: str | None = None,
    removed_by: UserId | None = None,
) -> bool:
    """Take a device, or all of them, out of an active huddle, with the last one its person; whether they left."""
    for device in await tx.devices.find(huddle_id=huddle.id, user_id=user_id):
        if device_id in (None, device.device_id):
            await tx.devices.delete(huddle.id, user_id, device.device_id)
    row = await tx.participants.get(huddle.id, user_id)
    if row is None or row.left_at is not None:
        return False
    if device_id is not None and await tx.devices.find(huddle_id=huddle.id, user_id=user_id, limit=1):
        return False
    await tx.participants.update(attrs.evolve(row, left_at=now, removed_by=removed_by))
    await tx.events.append(
        HuddleUserLeft(
            workspace_id=huddle.workspace_id,
            channel_id=huddle.channel_id,
            huddle_id=huddle.id,
            user_id=user_id,
            removed_by=removed_by,
        )
    )
    facts.did("huddle_left", huddle=huddle, user_id=user_id)
    if not await tx.participants.find(huddle_id=huddle.id, left_at=None, limit=1):
        await tx.huddles.update(attrs.evolve(huddle, empty_since=now))
    return True


async def change(tx: Tx, huddle: Huddle, **changes: Any) -> Huddle:
    """Change a huddle and say so; the huddle as it is then. What is so already is no news."""
    changed = attrs.evolve(huddle, **changes)
    if changed != huddle:
        await tx.huddles.update(changed)
        await tx.events.append(
            HuddleUpdated(workspace_id=huddle.workspace_id, channel_id=huddle.channel_id, huddle=changed)
        )
    return changed


async def end(tx: Tx, facts: Facts, huddle: Huddle, now: datetime) -> Huddle:
    """End a huddle, whoever is in it: they are told of its end only. The huddle as it ended."""
    for present in await tx.participants.find(huddle_id=huddle.id, left_at=None):
        await tx.participants.update(attrs.evolve(present, left_at=now))
    for device in await tx.devices.find(huddle_id=huddle.id):
        await tx.devices.delete(huddle.id, device.user_id, device.device_id)
    await tx.pins.delete(huddle.id)
    ended = attrs.evolve(huddle, status=HuddleStatus.ENDED, ended_at=now, recorded_by=None)
    await tx.huddles.update(ended)
    facts.did("huddle_ended", huddle=ended)
    await tx.events.append(
        HuddleEnded(workspace_id=huddle.workspace_id, channel_id=huddle.channel_id, huddle_id=huddle.id, ended_at=now)
    )
    return ended


async def active_in(tx: Tx, channel_id: ChannelId) -> Huddle | None:
    """The active huddle of a channel."""
    found = await tx.huddles.find(channel_id=channel_id, status=HuddleStatus.ACTIVE, limit=1)
    return found[0] if found else None


async def leave_all(
    tx: Tx,
    facts: Facts,
    workspace_id: WorkspaceId,
    user_id: UserId,
    now: datetime,
    channel_id: ChannelId | None = None,
) -> None:
    """Take somebody out of the active huddles of a workspace, or of one channel."""
    narrowed: dict[str, Any] = {} if channel_id is None else {"channel_id": channel_id}
    for huddle in await tx.huddles.find(workspace_id=workspace_id, status=HuddleStatus.ACTIVE, **narrowed):
        await leave(tx, facts, huddle, user_id, now)


def participant_card(row: Participant, card: UserCard) -> ParticipantCard:
    """A participant as others see them."""
    return ParticipantCard(
        user_id=row.user_id,
        display_name=card.display_name,
        avatar_url=card.avatar_url,
        joined_at=row.joined_at,
        muted=row.muted,
        camera=row.camera,
        sharing=row.sharing,
        hand_raised=row.hand_raised,
    )
