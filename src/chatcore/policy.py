"""Who may do what: one table, and the pure function that reads it.

Three answers: allowed, denied (the actor may see the thing, but not do this: Forbidden), hidden (the actor may not
even know
of it: NotFound, the same as for what does not exist). Plugins may deny more through the hook `permission_check`;
nothing can
allow what this table denies.
"""

from enum import StrEnum

import attrs

from chatcore.errors import Forbidden, NotFound
from chatcore.model import ChannelType, Role

EVERY_ROLE = frozenset(Role)
STAFF = frozenset({Role.OWNER, Role.ADMIN})
NO_GUESTS = frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER})


class Action(StrEnum):
    """Everything that is decided here. The names are those that plugins and the audit log see."""

    WORKSPACE_VIEW = "workspace.view"
    WORKSPACE_UPDATE = "workspace.update"
    MEMBER_MANAGE = "member.manage"
    INVITE_CREATE = "invite.create"
    AUDIT_VIEW = "audit.view"
    CHANNEL_CREATE = "channel.create"
    DIRECT_OPEN = "direct.open"

    CHANNEL_VIEW = "channel.view"
    CHANNEL_JOIN = "channel.join"
    CHANNEL_LEAVE = "channel.leave"
    CHANNEL_DESCRIBE = "channel.describe"
    CHANNEL_MANAGE = "channel.manage"
    CHANNEL_UNARCHIVE = "channel.unarchive"
    CHANNEL_ADD_MEMBER = "channel.add_member"
    CHANNEL_REMOVE_MEMBER = "channel.remove_member"
    CHANNEL_READ_MARK = "channel.read_mark"

    MESSAGE_SEND = "message.send"
    MESSAGE_EDIT = "message.edit"
    MESSAGE_DELETE = "message.delete"
    REACTION_CHANGE = "reaction.change"
    TYPING = "typing"
    HUDDLE_START = "huddle.start"
    HUDDLE_JOIN = "huddle.join"
    HUDDLE_MODERATE = "huddle.moderate"


@attrs.frozen
class Standing:
    """Who is asking. `role` is None outside the workspace; `owns` means: wrote the message, created the channel, or
    started the huddle.
    """

    role: Role | None
    in_channel: bool = False
    owns: bool = False


@attrs.frozen
class Place:
    """The channel that it is about. `is_general` marks the channel that every member is in and that cannot go away."""

    type: ChannelType
    archived: bool = False
    is_general: bool = False


@attrs.frozen
class Rule:
    """One line of the table.

    roles: these may. owner_too: or who owns the thing, whatever their role. joined: only from inside the channel.
    live: not in
    an archived channel. types: only in channels of these types. general: also in the general channel.
    """

    roles: frozenset[Role] = EVERY_ROLE
    owner_too: bool = False
    owner_only: bool = False
    joined: bool = False
    live: bool = False
    types: frozenset[ChannelType] = frozenset(ChannelType)
    general: bool = True


_NAMED = frozenset({ChannelType.PUBLIC, ChannelType.PRIVATE})
_PUBLIC = frozenset({ChannelType.PUBLIC})

RULES: dict[Action, Rule] = {
    # in a workspace
    Action.WORKSPACE_VIEW: Rule(),
    Action.WORKSPACE_UPDATE: Rule(STAFF),
    Action.MEMBER_MANAGE: Rule(STAFF),
    Action.INVITE_CREATE: Rule(NO_GUESTS),
    Action.AUDIT_VIEW: Rule(STAFF),
    Action.CHANNEL_CREATE: Rule(NO_GUESTS),
    Action.DIRECT_OPEN: Rule(),
    # in a channel that one can see
    Action.CHANNEL_VIEW: Rule(),
    Action.CHANNEL_JOIN: Rule(NO_GUESTS, live=True, types=_PUBLIC),
    Action.CHANNEL_LEAVE: Rule(joined=True, types=_NAMED, general=False),
    Action.CHANNEL_DESCRIBE: Rule(NO_GUESTS, joined=True, live=True, types=_NAMED),
    Action.CHANNEL_MANAGE: Rule(STAFF, owner_too=True, live=True, types=_NAMED, general=False),
    Action.CHANNEL_UNARCHIVE: Rule(STAFF, owner_too=True, types=_NAMED),
    Action.CHANNEL_ADD_MEMBER: Rule(NO_GUESTS, joined=True, live=True, types=_NAMED),
    Action.CHANNEL_REMOVE_MEMBER: Rule(STAFF, owner_too=True, types=_NAMED, general=False),
    Action.CHANNEL_READ_MARK: Rule(joined=True),
    Action.MESSAGE_SEND: Rule(joined=True, live=True),
    Action.MESSAGE_EDIT: Rule(owner_only=True, joined=True, live=True),
    Action.MESSAGE_DELETE: Rule(STAFF, owner_too=True, joined=True, live=True),
    Action.REACTION_CHANGE: Rule(joined=True, live=True),
    Action.TYPING: Rule(joined=True, live=True),
    Action.HUDDLE_START: Rule(joined=True, live=True),
    Action.HUDDLE_JOIN: Rule(joined=True, live=True),
    Action.HUDDLE_MODERATE: Rule(STAFF, owner_too=True, joined=True, live=True),
}


def may_read(role: Role | None, type_: ChannelType, in_channel: bool) -> bool:
    """Whether a channel exists for this person: they are in it, or it is public and they are no guest."""
    return role is not None and (in_channel or (type_ is ChannelType.PUBLIC and role is not Role.GUEST))


def refusal(action: Action, standing: Standing, place: Place | None = None) -> str | None:
    """Why the action is denied, in words for the actor; None when it is allowed. Assumes that they may see the
    place.
    """
    rule = RULES[action]
    if place is not None:
        if place.type not in rule.types:
            return (
                "That cannot be done in a direct message."
                if place.type is ChannelType.DIRECT
                else ("Only public channels can be joined; ask a member to add you.")
            )
        if place.is_general and not rule.general:
            return "The general channel belongs to everyone: it cannot be left, renamed, archived or made private."
        if rule.live and place.archived:
            return "This channel is archived: take it out of the archive first."
        if rule.joined and not standing.in_channel:
            return "Join the channel first."
    if rule.owner_only:
        return None if standing.owns else "Only its author may do that."
    if standing.role in rule.roles or (rule.owner_too and standing.owns):
        return None
    return f"Your role ({standing.role}) does not allow that; ask an admin of the workspace."


def check(action: Action, standing: Standing, place: Place | None = None) -> None:
    """Raises NotFound when the place is hidden from the actor, Forbidden when the action is denied."""
    if standing.role is None:
        raise NotFound.of("workspace" if place is None else "channel")
    if place is not None and not may_read(standing.role, place.type, standing.in_channel):
        raise NotFound.of("channel")
    reason = refusal(action, standing, place)
    if reason is not None:
        raise Forbidden(reason)


def may_grant(actor: Role | None, role: Role) -> bool:
    """Whether a role may be given by someone of this role: never above one's own, and ownership only by owners."""
    order = list(Role)
    return actor is not None and actor is not Role.GUEST and order.index(actor) <= order.index(role)


def may_manage(actor: Role | None, target: Role) -> bool:
    """Whether a member of role `target` may be changed or removed: owners only by owners."""
    return actor is Role.OWNER or (actor is Role.ADMIN and target is not Role.OWNER)
