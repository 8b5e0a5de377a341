"""Channels: public and private ones, their members, and direct messages."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from chatcore import policy, text
from chatcore.errors import Duplicate, Forbidden, NotFound, ValidationFailed
from chatcore.events import ChannelArchived, ChannelHidden, ChannelUpdated
from chatcore.ids import ChannelId, UserId
from chatcore.model import AuditEntry, Channel, ChannelSummary, ChannelType, Member, MemberCard, Position, Role, User
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service import huddle_steps, membership
from chatcore.service.core import (
    KEEP,
    ChannelRef,
    Core,
    Keep,
    Seat,
    UserRef,
    WorkspaceRef,
    existing_channel,
    id_of,
)
from chatcore.service.directory import GENERAL, WorkspaceDirectory, is_general
from chatcore.service.facts import Facts
from chatcore.service.workspaces import clean_description, clean_settings

MAX_FIRST_MEMBERS = 500
DIRECT_SIZES = range(2, 10)
"""How many people a direct message has, the one who opens it included."""


@attrs.frozen(kw_only=True)
class ChannelView:
    """A channel with its members, as one who may read it sees it."""

    channel: Channel
    members: tuple[MemberCard, ...]


@attrs.frozen(kw_only=True)
class ChannelListing:
    """The channels that exist for one person, by name, as the events up to `position` made them."""

    channels: tuple[ChannelSummary, ...]
    position: Position


@attrs.frozen
class Channels:
    """Every method raises NotFound for a channel that the actor may not see."""

    _core: Core

    async def create(
        self,
        workspace: WorkspaceRef,
        *,
        name: str,
        actor: UserRef,
        type: ChannelType = ChannelType.PUBLIC,
        description: str | None = None,
        members: Sequence[UserRef] = (),
    ) -> Channel:
        """A public or private channel with the actor in it, and `members`; `general` (always public) with everybody.

        Raises Duplicate when the name is taken.
        """
        if type is ChannelType.DIRECT:
            raise ValidationFailed.of("type", "must be public or private; open direct messages by their people")
        user_id: UserId = id_of(actor)
        facts = await self._core.workspace(workspace, user_id, Action.CHANNEL_CREATE)
        first = _people(facts, user_id, members, MAX_FIRST_MEMBERS)
        channel = self._new(facts, text.clean_channel_name(name), type, user_id, clean_description(description))
        channel = await self._core.hooks.filter("channel_will_create", value=channel)
        channel = attrs.evolve(
            channel, name=text.clean_channel_name(channel.name), description=clean_description(channel.description)
        )
        if is_general(channel) and type is ChannelType.PRIVATE:
            raise ValidationFailed.of("type", "must be public: every member is in the general channel")
        now = self._core.clock.now()

        async def work(tx: Tx, told: Facts) -> None:
            people = first
            if is_general(channel):
                people = tuple(card.user_id for card in await tx.members.cards(channel.workspace_id))
            try:
                await membership.new_channel(tx, told, channel, people, now)
            except Duplicate:
                raise Duplicate("There is a channel of this name already: choose another.") from None

        await self._core.write(work)
        return channel

    def _new(
        self, facts: WorkspaceDirectory, name: str, type_: ChannelType, creator: UserId, description: str | None = None
    ) -> Channel:
        now = self._core.clock.now()
        return Channel(
            id=ChannelId(self._core.new_id()),
            workspace_id=facts.workspace_id,
            name=name,
            type=type_,
            description=description,
            created_by=creator,
            created_at=now,
            updated_at=now,
        )

    async def direct(
        self, workspace: WorkspaceRef, users: Sequence[UserRef], *, actor: UserRef
    ) -> tuple[Channel, bool]:
        """The direct message between the actor and these people (2 to 9 in all); whether it was made now.

        The same people get the same channel. Guests can only write to people whom they meet in a channel.
        """
        user_id: UserId = id_of(actor)
        facts = await self._core.workspace(workspace, user_id, Action.DIRECT_OPEN)
        people = _people(facts, user_id, users, max(DIRECT_SIZES))
        if len(people) not in DIRECT_SIZES:
            raise ValidationFailed.of("userIds", "a direct message has 2 to 9 people, you included")
        if facts.role(user_id) is Role.GUEST and not all(facts.share_channel(user_id, one) for one in people):
            raise Forbidden("Guests can only write to people whom they meet in a channel.")
        name = direct_name(people)
        channel = self._new(facts, name, ChannelType.DIRECT, user_id)
        now = channel.created_at

        async def work(tx: Tx, told: Facts) -> tuple[Channel, bool]:
            found = await tx.channels.by_name(facts.workspace_id, name)
            if found is None:
                await membership.new_channel(tx, told, channel, people, now)
                return channel, True
            if found.type is not ChannelType.DIRECT:
                raise Duplicate(f"The channel {name} has the name of this direct message: have it renamed.")
            for one in people:  # who was removed from the workspace, and is back, has lost their place
                await membership.join_channel(
                    tx, told, found, *await membership.existing_member(tx, found.workspace_id, one), now
                )
            return found, False

        return await self._core.write(work)

    async def list(self, workspace: WorkspaceRef, *, actor: UserRef) -> list[ChannelSummary]:
        """Every channel that exists for the actor, with their read state and the last message, by name."""
        return list((await self.listing(workspace, actor=actor)).channels)

    async def listing(self, workspace: WorkspaceRef, *, actor: UserRef) -> ChannelListing:
        """As `list`, with the place in the event log that it shows."""
        user_id: UserId = id_of(actor)
        facts = await self._core.workspace(workspace, user_id, Action.WORKSPACE_VIEW)
        public = facts.role(user_id) is not Role.GUEST

        async def work(tx: Tx) -> ChannelListing:
            found = await tx.channels.summaries(facts.workspace_id, user_id, public=public)
            return ChannelListing(channels=tuple(found), position=await tx.events.position(facts.workspace_id))

        return await self._core.storage.read(work)

    async def get(self, channel: ChannelRef, *, actor: UserRef) -> ChannelView:
        """A channel and its members."""
        seat = await self._core.allowed(channel, id_of(actor), Action.CHANNEL_VIEW)

        async def work(tx: Tx) -> ChannelView:
            found = await existing_channel(tx, seat.channel.id)
            return ChannelView(channel=found, members=tuple(await tx.channel_members.cards(found.id)))

        return await self._core.storage.read(work)

    async def update(
        self,
        channel: ChannelRef,
        *,
        actor: UserRef,
        name: str | Keep = KEEP,
        description: str | Keep | None = KEEP,
        type: ChannelType | Keep = KEEP,
        settings: Mapping[str, Any] | Keep = KEEP,
        archived: bool | Keep = KEEP,
    ) -> Channel:
        """Change a channel. Anyone in it may describe it; name, type, settings and the archive are for staff and its
        creator, who need not be in it, except to make it private. Saying what is so already changes nothing. Archiving
        cannot be combined with other changes.
        """
        changes = _changes(name, description, type, settings)
        if archived is True:
            if changes:
                raise ValidationFailed.of(
                    "archived", "must be the only change: first change the channel, then archive it"
                )
            return await self.archive(channel, actor=actor)
        seat, old = await self._row(channel, actor)
        if archived is False and old.archived_at is not None:
            await self._check(seat, old, Action.CHANNEL_UNARCHIVE)
            changes["archived_at"] = None
        elif changes:
            await self._check_changes(seat, old, set(changes))
        if changes.get("type") is ChannelType.PRIVATE and seat.user_id not in seat.channel.members:
            raise Forbidden("Join the channel first: once it is private, you would not see it any more.")
        return await self._apply(seat, old, changes)

    async def _apply(self, seat: Seat, old: Channel, changes: dict[str, Any]) -> Channel:
        proposed = attrs.evolve(old, **changes)
        if proposed == old:
            return old
        now = self._core.clock.now()
        proposed = await self._core.hooks.filter(
            "channel_will_update", value=attrs.evolve(proposed, updated_at=now), before=old, user_id=seat.user_id
        )
        wanted = _differences(old, proposed)
        if wanted.get("name") == GENERAL:
            raise Duplicate("`general` is the name of the channel that every member is in: choose another.")
        entry = self._audit("channel.updated", seat, {"fields": sorted(wanted)})

        async def work(tx: Tx, told: Facts) -> Channel:
            # Only what is to change, upon what is there now: somebody else may have changed the rest meanwhile.
            before = await existing_channel(tx, old.id)
            after = attrs.evolve(before, **wanted, updated_at=now)
            try:
                await tx.channels.update(after)
            except Duplicate:
                raise Duplicate("There is a channel of this name already: choose another.") from None
            await tx.events.append(ChannelUpdated(workspace_id=after.workspace_id, channel=after))
            if before.type is ChannelType.PUBLIC and after.type is ChannelType.PRIVATE:
                await tx.events.append(ChannelHidden(workspace_id=after.workspace_id, channel_id=after.id))
            told.did("channel_updated", channel=after, user_id=seat.user_id)
            await told.record(tx, entry)
            return after

        return await self._core.write(work)

    async def archive(self, channel: ChannelRef, *, actor: UserRef) -> Channel:
        """Close a channel: it can be read, not written to; its huddle ends. Doing it again changes nothing."""
        seat, old = await self._row(channel, actor)
        if old.archived_at is not None:
            await self._check(seat, old, Action.CHANNEL_UNARCHIVE)
            return old
        await self._check(seat, old, Action.CHANNEL_MANAGE)
        entry = self._audit("channel.archived", seat, {})
        now = entry.created_at

        async def work(tx: Tx, told: Facts) -> Channel:
            before = await existing_channel(tx, old.id)
            if before.archived_at is not None:
                return before
            huddle = await huddle_steps.active_in(tx, old.id)
            if huddle is not None:
                await huddle_steps.end(tx, told, huddle, now)
            after = attrs.evolve(before, archived_at=now, updated_at=now)
            await tx.channels.update(after)
            await tx.events.append(ChannelArchived(workspace_id=old.workspace_id, channel_id=old.id, archived_at=now))
            told.did("channel_archived", channel=after, user_id=seat.user_id)
            await told.record(tx, entry)
            return after

        return await self._core.write(work)

    async def join(self, channel: ChannelRef, *, actor: UserRef) -> Channel:
        """Join a public channel."""
        seat = await self._core.allowed(channel, id_of(actor), Action.CHANNEL_JOIN)
        return await self._let_in(seat, seat.user_id)

    async def add_member(self, channel: ChannelRef, user: UserRef, *, actor: UserRef) -> Channel:
        """Bring a member of the workspace into a channel that one is in."""
        seat = await self._core.allowed(channel, id_of(actor), Action.CHANNEL_ADD_MEMBER)
        if seat.workspace.role(id_of(user)) is None:
            raise NotFound.of("member")
        return await self._let_in(seat, id_of(user))

    async def _let_in(self, seat: Seat, user_id: UserId) -> Channel:
        async def look(tx: Tx) -> tuple[Channel, User, Member]:
            found = await existing_channel(tx, seat.channel.id)
            return found, *await membership.existing_member(tx, found.workspace_id, user_id)

        found, _, member = await self._core.storage.read(look)
        await self._core.hooks.filter("member_will_join", member=member, channel=found)
        now = self._core.clock.now()

        async def work(tx: Tx, told: Facts) -> None:
            fresh, person, member = await look(tx)
            await membership.join_channel(tx, told, fresh, person, member, now)

        await self._core.write(work)
        return found

    async def leave(self, channel: ChannelRef, *, actor: UserRef) -> None:
        """Leave a channel (not the general one, not a direct message)."""
        seat = await self._core.allowed(channel, id_of(actor), Action.CHANNEL_LEAVE)
        await self._let_out(seat, seat.user_id)

    async def remove_member(self, channel: ChannelRef, user: UserRef, *, actor: UserRef) -> None:
        """Take somebody out of a channel: by staff, or by its creator. Raises NotFound when they are not in it."""
        if id_of(user) == id_of(actor):
            return await self.leave(channel, actor=actor)
        seat, row = await self._row(channel, actor)
        await self._check(seat, row, Action.CHANNEL_REMOVE_MEMBER)
        if id_of(user) not in seat.channel.members:
            raise NotFound.of("member")
        return await self._let_out(seat, id_of(user))

    async def _let_out(self, seat: Seat, user_id: UserId) -> None:
        entry = self._audit("channel.member_removed", seat, {"userId": user_id})

        async def work(tx: Tx, told: Facts) -> None:
            found = await existing_channel(tx, seat.channel.id)
            left = await membership.leave_channel(tx, told, found, user_id, entry.created_at)
            if left and user_id != seat.user_id:
                await told.record(tx, entry)

        await self._core.write(work)

    async def _row(self, channel: ChannelRef, actor: UserRef) -> tuple[Seat, Channel]:
        seat = await self._core.allowed(channel, id_of(actor), Action.CHANNEL_VIEW)
        return seat, await self._core.storage.read(lambda tx: existing_channel(tx, seat.channel.id))

    async def _check_changes(self, seat: Seat, row: Channel, fields: set[str]) -> None:
        """Who may manage a channel may describe it too, from outside."""
        if not fields <= {"description"}:
            await self._check(seat, row, Action.CHANNEL_MANAGE)
            return
        standing = seat.standing(owns=row.created_by == seat.user_id)
        if policy.refusal(Action.CHANNEL_MANAGE, standing, seat.place) is not None:
            policy.check(Action.CHANNEL_DESCRIBE, standing, seat.place)
        await self._core.ask_plugins(Action.CHANNEL_DESCRIBE, seat.user_id, row.workspace_id, row.id)

    async def _check(self, seat: Seat, row: Channel, action: Action) -> None:
        policy.check(action, seat.standing(owns=row.created_by == seat.user_id), seat.place)
        await self._core.ask_plugins(action, seat.user_id, row.workspace_id, row.id)

    def _audit(self, action: str, seat: Seat, details: Mapping[str, Any]) -> AuditEntry:
        return self._core.audit(
            action,
            actor=seat.user_id,
            workspace=seat.workspace.workspace_id,
            target=seat.channel.id,
            details=details,
        )


def _differences(old: Channel, new: Channel) -> dict[str, Any]:
    """What a change, after all filters, sets. Raises ValidationFailed."""
    fields = ("name", "description", "type", "settings", "archived_at")
    wanted = {field: getattr(new, field) for field in fields if getattr(new, field) != getattr(old, field)}
    if "name" in wanted:
        wanted["name"] = text.clean_channel_name(wanted["name"])
    if "description" in wanted:
        wanted["description"] = clean_description(wanted["description"])
    if "settings" in wanted:
        wanted["settings"] = clean_settings(wanted["settings"])
    return wanted


def direct_name(people: Sequence[UserId]) -> str:
    """The stored name of a direct message: the same people, in any order, have the same one."""
    return "dm-" + hashlib.sha256(",".join(sorted(people)).encode()).hexdigest()[:40]


def _changes(
    name: str | Keep,
    description: str | Keep | None,
    type_: ChannelType | Keep,
    settings: Mapping[str, Any] | Keep,
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if not isinstance(name, Keep):
        changes["name"] = text.clean_channel_name(name)
    if not isinstance(description, Keep):
        changes["description"] = clean_description(description)
    if not isinstance(type_, Keep):
        if type_ is ChannelType.DIRECT:
            raise ValidationFailed.of("type", "must be public or private")
        changes["type"] = type_
    if not isinstance(settings, Keep):
        changes["settings"] = clean_settings(settings)
    return changes


def _people(facts: WorkspaceDirectory, actor: UserId, users: Sequence[UserRef], most: int) -> tuple[UserId, ...]:
    """The actor and the others, each once, all members of the workspace. Raises ValidationFailed."""
    people = tuple(dict.fromkeys([actor, *(id_of(user) for user in users)]))
    if len(people) > most:
        raise ValidationFailed.of("members", f"must be at most {most} people, you included")
    strangers = [user_id for user_id in people if facts.role(user_id) is None]
    if strangers:
        raise ValidationFailed.of("members", "must be members of the workspace: " + ", ".join(strangers[:5]))
    return people
