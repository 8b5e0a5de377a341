"""What every service works with: the parts of one chat, and the questions that all of them ask."""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

import attrs

from chatcore import policy
from chatcore.config import Config
from chatcore.errors import NotFound
from chatcore.events import MemberUpdated
from chatcore.hooks import Hooks
from chatcore.ids import (
    AuditId,
    ChannelId,
    IdSource,
    UserId,
    WorkspaceId,
    is_id,
)
from chatcore.model import (
    AuditEntry,
    Channel,
    Member,
    MemberCard,
    User,
    UserCard,
    Workspace,
    card_of,
)
from chatcore.policy import Action, Place, Standing
from chatcore.ports import Clock, Peers, Storage, Tx
from chatcore.ports.envelope import Envelope
from chatcore.service.directory import ChannelFacts, WorkspaceDirectory
from chatcore.service.facts import Change, write
from chatcore.service.hub import Directory, Hub

T = TypeVar("T")
UserRef = User | UserId
WorkspaceRef = Workspace | WorkspaceId
ChannelRef = Channel | ChannelId


class Keep(Enum):
    """The value of an argument that leaves a field as it is (None would clear it)."""

    KEEP = "keep"


KEEP = Keep.KEEP
MAX_CARDS = 100_000
"""Names kept in memory, some 200 bytes each."""


class Cards:
    """The public faces of people, remembered: every message carries its author's."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._cards: OrderedDict[UserId, UserCard] = OrderedDict()
        self._changes = 0

    async def get(self, user_id: UserId) -> UserCard:
        """The face of a user. Raises NotFound."""
        card = self._cards.get(user_id)
        if card is not None:
            return card
        changes = self._changes
        user = await self._storage.read(lambda tx: tx.users.get(user_id))
        if user is None:
            raise NotFound.of("user")
        card = card_of(user)
        if changes != self._changes:  # perhaps theirs, and after we read
            return card
        self._cards[user_id] = card
        if len(self._cards) > MAX_CARDS:
            self._cards.popitem(last=False)
        return card

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Follow the events: a face that changed is read again."""
        for envelope in envelopes:
            if envelope.type == MemberUpdated.type and isinstance(envelope.event, MemberUpdated):
                self.forget(envelope.event.member.user_id)

    def forget(self, user_id: UserId) -> None:
        """The user changed."""
        self._changes += 1
        self._cards.pop(user_id, None)


@attrs.frozen(kw_only=True)
class Seat:
    """A person in front of a channel: everything that a decision about them needs."""

    user_id: UserId
    workspace: WorkspaceDirectory
    channel: ChannelFacts

    @property
    def place(self) -> Place:
        return Place(self.channel.type, self.channel.archived, self.channel.is_general)

    def standing(self, *, owns: bool = False) -> Standing:
        return Standing(self.workspace.role(self.user_id), self.user_id in self.channel.members, owns)


@attrs.frozen(kw_only=True)
class Core:
    """The parts of one chat that the services share."""

    config: Config
    clock: Clock
    storage: Storage
    hooks: Hooks
    hub: Hub
    peers: Peers
    cards: Cards
    ids: IdSource = attrs.field(factory=IdSource)

    @property
    def directory(self) -> Directory:
        return self.hub.directory

    def new_id(self) -> str:
        """A fresh UUIDv7. Never inside a transaction: neither the clock nor the source of ids is for other threads."""
        return self.ids.new(int(self.clock.now().timestamp() * 1000))

    async def workspace(self, ref: WorkspaceRef, user_id: UserId, action: Action) -> WorkspaceDirectory:
        """The workspace, once the user may do this there. Raises NotFound for who is no member, Forbidden."""
        facts = await self.directory.of_member(id_of(ref), user_id)
        if facts is None:
            raise NotFound.of("workspace")
        policy.check(action, Standing(facts.role(user_id)))
        await self.ask_plugins(action, user_id, facts.workspace_id, None)
        return facts

    async def seat(self, ref: ChannelRef, user_id: UserId) -> Seat:
        """The user's seat in a channel that they can see. Raises NotFound."""
        workspace, channel = await self.directory.channel(id_of(ref), user_id)
        return Seat(user_id=user_id, workspace=workspace, channel=channel)

    async def allowed(self, ref: ChannelRef, user_id: UserId, action: Action, *, owns: bool = False) -> Seat:
        """The user's seat, once they may do this in the channel. Raises NotFound, Forbidden."""
        seat = await self.seat(ref, user_id)
        if policy.refusal(action, seat.standing(owns=owns), seat.place) is not None:
            # They may have joined, or been given a role, on another node, which then tells them before it tells us.
            await self.hub.refresh(seat.workspace.workspace_id)
            policy.check(action, seat.standing(owns=owns), seat.place)
        await self.ask_plugins(action, user_id, seat.workspace.workspace_id, seat.channel.id)
        return seat

    async def write(self, change: Change[T]) -> T:
        """Make a change durable, then tell the observers what it did. See `chatcore.service.facts`."""
        return await write(self.storage, self.hooks, change)

    async def ask_plugins(
        self, action: Action, user_id: UserId, workspace_id: WorkspaceId, channel_id: ChannelId | None
    ) -> None:
        """Let plugins deny what the table allows. Raises Rejected."""
        if self.hooks.has("permission_check"):
            await self.hooks.filter(
                "permission_check",
                action=action.value,
                user_id=user_id,
                workspace_id=workspace_id,
                channel_id=channel_id,
            )

    def audit(
        self,
        action: str,
        *,
        actor: UserId | None,
        workspace: WorkspaceId | None = None,
        target: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> AuditEntry:
        """An entry for the record, to be inserted in the transaction that it tells of; made before it (`new_id`)."""
        return AuditEntry(
            id=AuditId(self.new_id()),
            workspace_id=workspace,
            actor_id=actor,
            action=action,
            target=target,
            details=dict(details or {}),
            created_at=self.clock.now(),
        )


def id_of(ref: Any) -> Any:
    """The id of a value, or the id itself. Raises NotFound for text that is no id: nothing has such a one."""
    if not isinstance(ref, str):
        return ref.id
    if not is_id(ref):
        raise NotFound("There is no such thing: an id is a UUID in lower case.")
    return ref


def member_card(user: User, member: Member) -> MemberCard:
    """A member as others see them."""
    return MemberCard(
        user_id=user.id,
        display_name=user.display_name,
        avatar_url=user.avatar_url,
        role=member.role,
        is_bot=user.is_bot,
        deactivated=user.deactivated_at is not None,
    )


async def active_user(tx: Tx, user_id: UserId) -> User:
    """A user whose account is active. Raises NotFound."""
    user = await tx.users.get(user_id)
    if user is None or user.deactivated_at is not None:
        raise NotFound.of("user")
    return user


async def workspace_of(tx: Tx, slug: str) -> Workspace | None:
    """The workspace of a slug; none for text that cannot be one."""
    return await tx.workspaces.by_slug(slug) if slug.isascii() else None


async def existing_channel(tx: Tx, channel_id: ChannelId) -> Channel:
    """The channel as stored. Raises NotFound."""
    channel = await tx.channels.get(channel_id)
    if channel is None:
        raise NotFound.of("channel")
    return channel


_MENTION = re.compile(r"<@([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})>")
_EVERYONE = re.compile(r"(?<![\w@.])@(?:channel|here|everyone)\b")


def mentions_in(content: str, members: set[UserId]) -> tuple[tuple[UserId, ...], bool]:
    """Whom a text mentions: members named by `<@userId>`, and whether it calls everyone (`@channel`, `@here`,
    `@everyone`).
    """
    if "@" not in content:
        return (), False
    named = (UserId(match) for match in _MENTION.findall(content))
    people = tuple(dict.fromkeys(user_id for user_id in named if user_id in members))
    return people, _EVERYONE.search(content) is not None
