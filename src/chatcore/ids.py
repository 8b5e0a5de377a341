"""Typed identifiers: UUIDv7 as canonical lower-case strings (RFC 9562 §5.7).

They are plain strings at run time, so they cost nothing to put into JSON or SQL; the types exist for the reader and
for mypy. They sort roughly by creation time, which keeps indexes compact; nothing may rely on that order, because
clocks jump. What needs an order uses the `seq` of the event log.
"""

import os
import re
from typing import Any, NewType

UserId = NewType("UserId", str)
WorkspaceId = NewType("WorkspaceId", str)
ChannelId = NewType("ChannelId", str)
MessageId = NewType("MessageId", str)
AttachmentId = NewType("AttachmentId", str)
InviteId = NewType("InviteId", str)
HuddleId = NewType("HuddleId", str)
SessionId = NewType("SessionId", str)
TokenId = NewType("TokenId", str)
PresetId = NewType("PresetId", str)
AuditId = NewType("AuditId", str)

ID_TYPES: tuple[Any, ...] = (
    UserId,
    WorkspaceId,
    ChannelId,
    MessageId,
    AttachmentId,
    InviteId,
    HuddleId,
    SessionId,
    TokenId,
    PresetId,
    AuditId,
)

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def is_id(text: str) -> bool:
    """Whether `text` is an identifier in canonical form (any UUID version, lower case)."""
    return _CANONICAL.match(text) is not None


def uuid7(unix_ms: int) -> str:
    """A new UUIDv7 for the given Unix time in milliseconds, with 74 random bits."""
    tail = os.urandom(10).hex()
    head = f"{unix_ms & 0xFFFFFFFFFFFF:012x}"
    variant = "89ab"[int(tail[3], 16) & 3]
    return f"{head[:8]}-{head[8:]}-7{tail[:3]}-{variant}{tail[4:7]}-{tail[7:19]}"
