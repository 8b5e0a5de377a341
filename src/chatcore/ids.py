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
RecordingId = NewType("RecordingId", str)

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
    RecordingId,
)

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def is_id(text: str) -> bool:
    """Whether `text` is an identifier in canonical form (any UUID version, lower case)."""
    return _CANONICAL.match(text) is not None


def uuid7(unix_ms: int, tail: bytes | None = None) -> str:
    """A new UUIDv7 for the given Unix time in milliseconds; `tail` gives its randomness (10 bytes, of which 74 bits
    are used).
    """
    digits = (os.urandom(10) if tail is None else tail).hex()
    head = f"{unix_ms & 0xFFFFFFFFFFFF:012x}"
    variant = "89ab"[int(digits[3], 16) & 3]
    return f"{head[:8]}-{head[8:]}-7{digits[:3]}-{variant}{digits[4:7]}-{digits[7:19]}"


class IdSource:
    """New identifiers by the thousand, for one thread.

    The system's randomness is fetched in blocks: `os.urandom` gives up the interpreter lock, and with a busy second
    thread
    getting it back took 100 µs for each message.
    """

    BLOCK = 10 * 400

    def __init__(self) -> None:
        self._random = b""
        self._used = 0

    def new(self, unix_ms: int) -> str:
        """A new UUIDv7 for the given Unix time in milliseconds."""
        if self._used >= len(self._random):
            self._random, self._used = os.urandom(self.BLOCK), 0
        tail = self._random[self._used : self._used + 10]
        self._used += 10
        return uuid7(unix_ms, tail)
