"""What happens to huddles inside a transaction, also when somebody leaves the channel or the workspace."""

from datetime import datetime
from typing import Any

import attrs

from chatcore.events import HuddleEnded, HuddleUserJoined, HuddleUserLeft, ParticipantCard
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import Huddle, HuddleStatus, Participant, UserCard
from chatcore.ports import Tx
from chatcore.service.facts import Facts


async def join(tx: Tx, facts: Facts, huddle: Huddle, user_id: UserId, card: UserCard, now: datetime) -> bool:
    """Put somebody into an active huddle; False when they are in it."""
    present = await tx.participants.get(huddle.id, user_id)
    if present is not None and present.left_at is None:
        return False
    row = Participant(huddle_id=huddle.id, user_id=user_id, joined_at=now)
    await (tx.participants.insert(row) if present is None else tx.participants.update(row))
    await tx.events.append(
        HuddleUserJoined(
            workspace_id=huddle.workspace_id,
            channel_id=huddle.channel_id,
            huddle_id=huddle.id,
            user=participant_card(row, card),
        )
    )
    facts.did("huddle_joined", huddle=huddle, user_id=user_id)
    return True


async def leave(tx: Tx, facts: Facts, huddle: Huddle, user_id: UserId, now: datetime) -> bool:
    """Take somebody out of a huddle, which ends when it is empty; False when they were not in it."""
    present = await tx.participants.get(huddle.id, user_id)
    if present is None or present.left_at is not None:
        return False
    await tx.participants.update(attrs.evolve(present, left_at=now))
    await tx.events.append(
        HuddleUserLeft(
            workspace_id=huddle.workspace_id, channel_id=huddle.channel_id, huddle_id=huddle.id, user_id=user_id
        )
    )
    facts.did("huddle_left", huddle=huddle, user_id=user_id)
    if not await tx.participants.find(huddle_id=huddle.id, left_at=None, limit=1):
        await end(tx, facts, huddle, now)
    return True


async def end(tx: Tx, facts: Facts, huddle: Huddle, now: datetime) -> None:
    """End a huddle, whoever is in it: they are told of its end only."""
    for present in await tx.participants.find(huddle_id=huddle.id, left_at=None):
        await tx.participants.update(attrs.evolve(present, left_at=now))
    ended = attrs.evolve(huddle, status=HuddleStatus.ENDED, ended_at=now)
    await tx.huddles.update(ended)
    facts.did("huddle_ended", huddle=ended)
    await tx.events.append(
        HuddleEnded(workspace_id=huddle.workspace_id, channel_id=huddle.channel_id, huddle_id=huddle.id, ended_at=now)
    )


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
        user_id=row.user_id, display_name=card.display_name, avatar_url=card.avatar_url, joined_at=row.joined_at
    )
