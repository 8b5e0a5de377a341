"""Values: frozen attrs classes, one file per noun. They know nothing of storage, network or tasks."""

from chatcore.model.attachment import Attachment
from chatcore.model.audit import AuditEntry
from chatcore.model.channel import Channel, ChannelMember, ChannelSummary, ChannelType, LastMessage, ReadState
from chatcore.model.command import Command, CommandParameter
from chatcore.model.emoji import EmojiPreset
from chatcore.model.huddle import (
    Huddle,
    HuddleDevice,
    HuddleMode,
    HuddlePin,
    HuddleStatus,
    Participant,
    Recording,
    Signal,
    SignalType,
    Topology,
)
from chatcore.model.invite import Invite
from chatcore.model.member import Member, MemberCard, Role
from chatcore.model.message import MAX_CONTENT, Draft, Message, MessageKind, MessagePage, Reaction, ReactionSummary
from chatcore.model.presence import Presence, PresenceStatus
from chatcore.model.scope import TokenScope
from chatcore.model.session import BotToken, Credential, Session
from chatcore.model.user import User, UserCard, card_of
from chatcore.model.workspace import Position, Workspace

__all__ = [
    "MAX_CONTENT",
    "Attachment",
    "AuditEntry",
    "BotToken",
    "Channel",
    "ChannelMember",
    "ChannelSummary",
    "ChannelType",
    "Command",
    "CommandParameter",
    "Credential",
    "Draft",
    "EmojiPreset",
    "Huddle",
    "HuddleDevice",
    "HuddleMode",
    "HuddlePin",
    "HuddleStatus",
    "Invite",
    "LastMessage",
    "Member",
    "MemberCard",
    "Message",
    "MessageKind",
    "MessagePage",
    "Participant",
    "Position",
    "Presence",
    "PresenceStatus",
    "Reaction",
    "ReactionSummary",
    "ReadState",
    "Recording",
    "Role",
    "Session",
    "Signal",
    "SignalType",
    "TokenScope",
    "Topology",
    "User",
    "UserCard",
    "Workspace",
    "card_of",
]
