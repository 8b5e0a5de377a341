"""The storage port: where everything durable lives.

A transaction is a coroutine function that is given a `Tx` and awaits nothing but its methods. It is executed where the
storage lives (a thread for SQLite, an asyncio loop for PostgreSQL), so the trip there and back is paid once for a
transaction, never once for a query. It must touch nothing of Trio, and may be run a second time when the database asks
for a retry: so it returns what it found out and changes nothing outside.

Promises, kept by every implementation and checked by `chatcore.testing.storage`:

* `write` returns only when the transaction is durable: a crash of the process or of the machine does not lose it. If
  it raises, nothing of it was done. `read` sees one consistent state, never older than the last `write` of this node.
* Writes are done in the order in which they were called, whether or not their callers wait at the same time.
* Cancelling a caller before its transaction has begun withdraws it; afterwards the call waits for the outcome. Either
  way the caller knows: a call that was cancelled has done nothing, or its events are delivered as usual.
* Events appended in a transaction get consecutive `seq`s in their workspace in commit order: when an event is visible,
  so is every one with a smaller `seq`.
* After each commit, listeners are called in the Trio thread with that commit's envelopes, in order, before any caller
  of that commit resumes.
* Queues are bounded: when the storage is away, locked or cannot keep up, calls fail with `Unavailable` (a full disk
  with `StorageFull`) within seconds; reads go on when they can.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import attrs

from chatcore.events import Event, Mentioned
from chatcore.ids import AttachmentId, ChannelId, HuddleId, MessageId, UserId, WorkspaceId
from chatcore.model import (
    Attachment,
    AuditEntry,
    BotToken,
    Channel,
    ChannelMember,
    ChannelSummary,
    ChannelType,
    Credential,
    EmojiPreset,
    Huddle,
    HuddleDevice,
    HuddlePin,
    Invite,
    Member,
    MemberCard,
    Message,
    MessagePage,
    Participant,
    Position,
    Presence,
    Reaction,
    ReadState,
    Recording,
    Role,
    Session,
    User,
    Workspace,
)
from chatcore.ports.envelope import Envelope
from chatcore.ports.plugin_data import Pairs, Sql

T = TypeVar("T")
Row = TypeVar("Row")


class Rows(Protocol[Row]):
    """One table of values. The key is the value's `id`, or what the table's line in `Tx` says."""

    async def get(self, *key: str) -> Row | None:
        """The row with this key."""
        ...

    async def find(self, *, limit: int | None = None, newest_first: bool = False, **equals: Any) -> list[Row]:
        """The rows whose columns equal these values (None: IS NULL), in order of their key, or in the reverse order."""
        ...

    async def insert(self, row: Row) -> None:
        """Add a row. Raises Duplicate when its key or another unique column is taken."""
        ...

    async def update(self, row: Row) -> None:
        """Replace the row that has this row's key. Raises NotFound when there is none, Duplicate as `insert`."""
        ...

    async def delete(self, *key: str) -> bool:
        """Remove the row with this key; whether there was one."""
        ...


@attrs.frozen(kw_only=True)
class ChannelAccess:
    """What decides who may read a channel."""

    id: ChannelId
    type: ChannelType
    archived: bool
    is_general: bool
    members: tuple[UserId, ...]


@attrs.frozen(kw_only=True)
class WorkspaceAccess:
    """Everything that permissions in a workspace depend on, at one position of its log.

    Deactivated users are left out of `roles`, which is what shuts them out; their places in channels wait for them.
    """

    workspace_id: WorkspaceId
    position: Position
    roles: tuple[tuple[UserId, Role], ...]
    channels: tuple[ChannelAccess, ...]


@attrs.frozen(kw_only=True)
class WorkspaceSummary:
    """A workspace as its list shows it to one member; `unread_count` adds up the channels they are in."""

    workspace: Workspace
    role: Role
    unread_count: int


class Workspaces(Rows[Workspace], Protocol):
    async def by_slug(self, slug: str) -> Workspace | None: ...

    async def of_user(self, user_id: UserId) -> list[WorkspaceSummary]:
        """The workspaces that the user is a member of, by name."""
        ...

    async def access(self, workspace_id: WorkspaceId) -> WorkspaceAccess | None:
        """What permissions depend on; None when there is no such workspace."""
        ...


class Members(Rows[Member], Protocol):
    """Key: workspace_id, user_id. Removing one removes the person's channel memberships there too."""

    async def cards(
        self, workspace_id: WorkspaceId, *, after: UserId | None = None, limit: int | None = None
    ) -> list[MemberCard]:
        """Members with their public faces, ordered by user id, after that one."""
        ...

    async def count(self, workspace_id: WorkspaceId) -> int:
        """How many members there are whose account is active."""
        ...


class Channels(Rows[Channel], Protocol):
    async def by_name(self, workspace_id: WorkspaceId, name: str) -> Channel | None: ...

    async def summaries(self, workspace_id: WorkspaceId, user_id: UserId, *, public: bool) -> list[ChannelSummary]:
        """The channels that the user is in, and with `public` all public ones, by name; the archived ones too."""
        ...


class ChannelMembers(Rows[ChannelMember], Protocol):
    """Key: channel_id, user_id."""

    async def join(self, member: ChannelMember, seq: int) -> bool:
        """Add a member for whom everything up to the event `seq` is read; False when they were in already."""
        ...

    async def cards(self, channel_id: ChannelId) -> list[MemberCard]:
        """The channel's members with their faces and workspace roles, ordered by user id."""
        ...


@attrs.frozen(kw_only=True)
class Deletion:
    """What went with a deleted message: its own seq, and the mentions in it and in its replies."""

    message_seq: int
    mentioned: tuple[Mentioned, ...]


@attrs.frozen(kw_only=True)
class Search:
    """A full-text query over the channels given (never more: the caller has resolved what the person may read)."""

    text: str
    channels: tuple[ChannelId, ...]
    author_id: UserId | None = None
    before: MessageId | None = None
    after: MessageId | None = None
    limit: int = 50


class Messages(Protocol):
    async def get(self, message_id: MessageId) -> Message | None: ...

    async def channel_of(self, message_id: MessageId) -> ChannelId | None:
        """Where the message is; None when there is none. Both cost one look into an index."""
        ...

    async def page(
        self, channel_id: ChannelId, *, before: MessageId | None, after: MessageId | None, limit: int
    ) -> MessagePage:
        """Top-level messages, newest first; with `after` the ones that follow it, oldest first. By `seq`, O(limit)
        at any depth.

        Raises ValidationFailed when the cursor names no message of this channel. A cursor that was deleted since is
        still good.
        """
        ...

    async def thread(
        self, root_id: MessageId, *, before: MessageId | None, after: MessageId | None, limit: int
    ) -> MessagePage:
        """Replies, oldest first; `after` pages forward, `before` gives those before it, newest first."""
        ...

    async def edit(
        self, message_id: MessageId, content: str, mentions: Sequence[UserId], mentions_all: bool, edited_at: datetime
    ) -> None:
        """Change the text (and the search index).

        Whom it mentioned when it was sent goes on counting. Raises NotFound.
        """
        ...

    async def delete(self, message_id: MessageId) -> Deletion:
        """Remove a message, its reactions, attachments, index entries, its replies if it is a root, and their text
        from the
        event log; correct reply counts and unread counts. Raises NotFound."""
        ...

    async def search(self, query: Search) -> MessagePage:
        """Newest first. Words are joined by AND; quotes make phrases; no input is a syntax error. Replies are found
        too.
        """
        ...

    async def react(self, reaction: Reaction) -> bool:
        """Add a reaction; False when it was there already. Raises NotFound."""
        ...

    async def unreact(self, message_id: MessageId, user_id: UserId, emoji: str) -> bool:
        """Remove a reaction; False when there was none."""
        ...

    async def emojis(self, message_id: MessageId) -> set[str]:
        """The distinct emoji on a message."""
        ...


class Reads(Protocol):
    """Read markers and counts; every answer costs O(1) per channel, whatever the number of messages."""

    async def get(self, channel_id: ChannelId, user_id: UserId) -> ReadState | None:
        """None when the person is not in the channel."""
        ...

    async def move(self, channel_id: ChannelId, user_id: UserId, message_id: MessageId) -> ReadState | None:
        """Put the marker on a message of the channel (a reply counts as its own `seq`), forward or back.

        None when the person is not in the channel. Raises NotFound when the message is not in the channel.
        """
        ...


class EventLog(Protocol):
    async def append(self, event: Event) -> int:
        """Give the event its place; returns its seq. It is delivered after the commit."""
        ...

    async def position(self, workspace_id: WorkspaceId) -> Position:
        """Epoch, and the seq of the newest event. Raises NotFound."""
        ...

    async def positions(self, workspace_ids: Sequence[WorkspaceId]) -> dict[WorkspaceId, int]:
        """The seq of the newest event of each, by one look whatever their number; those that are not there are left
        out.
        """
        ...

    async def oldest(self, workspace_id: WorkspaceId) -> int:
        """The smallest seq from which a replay is complete: every event after it is still there."""
        ...

    async def since(self, workspace_id: WorkspaceId, seq: int, *, limit: int) -> list[Envelope]:
        """Events after `seq` in order.

        Of a message deleted since, the event that created it has no text and no attachments any more, and those of its
        edits are left out. The former still tells what a reader's counts and markers need to come out right.
        """
        ...

    async def trim(self, before: datetime) -> int:
        """Forget events committed before this time; how many."""
        ...


class Huddles(Rows[Huddle], Protocol):
    async def channel_of(self, huddle_id: HuddleId) -> ChannelId | None:
        """Where the huddle is; None when there is none. Both cost one look into an index."""
        ...


class Sessions(Rows[Session], Protocol):
    async def revoked_since(self, moment: datetime) -> list[Session]:
        """The sessions whose `revoked_at` is this time or later: how a node learns of what other processes ended."""
        ...

    async def forget_expired(self, before: datetime) -> int:
        """Delete the sessions whose `expires_at` lies before this time; how many."""
        ...


class Counters(Protocol):
    """Rate limits that outlive the process: a count that starts afresh at `expires_at`."""

    async def load(self, now: datetime) -> dict[str, tuple[int, datetime]]:
        """All counters that have not expired: key -> (count, expires_at)."""
        ...

    async def save(self, counters: dict[str, tuple[int, datetime]]) -> None:
        """Replace these counters, and drop those that expired."""
        ...

    async def add(self, counters: dict[str, tuple[int, datetime]], now: datetime) -> dict[str, tuple[int, datetime]]:
        """Count on, so that several nodes add up: key -> (by how much, expires_at of a counter that is not there yet,
        or has expired). Returns what the counters are now.
        """
        ...


class Tx(Protocol):
    """One transaction: the tables."""

    users: Rows[User]
    credentials: Rows[Credential]
    """Key: user_id, provider."""
    sessions: Sessions
    bot_tokens: Rows[BotToken]
    workspaces: Workspaces
    members: Members
    invites: Rows[Invite]
    channels: Channels
    channel_members: ChannelMembers
    messages: Messages
    attachments: Rows[Attachment]
    reads: Reads
    huddles: Huddles
    participants: Rows[Participant]
    """Key: huddle_id, user_id."""
    devices: Rows[HuddleDevice]
    """Key: huddle_id, user_id, device_id."""
    pins: Rows[HuddlePin]
    """Key: huddle_id."""
    recordings: Rows[Recording]
    presence: Rows[Presence]
    """Key: user_id. What was last known; the presence port knows what is true now."""
    presets: Rows[EmojiPreset]
    audit: Rows[AuditEntry]
    events: EventLog
    counters: Counters
    pairs: Pairs
    """What plugins and bots keep."""
    sql: Sql
    """A plugin's own tables."""


@attrs.frozen(kw_only=True)
class Post:
    """A message to send: the value (its `seq` still 0), and its event sealed with `seq` 0.

    `attachment_ids` are uploads of the author in this workspace that hang on no message yet.
    """

    message: Message
    envelope: Envelope
    attachment_ids: tuple[AttachmentId, ...] = ()


@attrs.frozen(kw_only=True)
class Posted:
    """What became of it. With `duplicate`, the author had sent this `temp_id` to this channel before: `message` is
    the first
    one, nothing was written, and nobody is told again."""

    message: Message
    duplicate: bool = False


Work = Callable[[Tx], Awaitable[T]]
CommitListener = Callable[[Sequence[Envelope]], None]


class Storage(Protocol):
    """See the module's promises. It is opened and closed by its provider's factory (an async context manager)."""

    @property
    def epoch(self) -> str:
        """The epoch of the event log."""
        ...

    def on_commit(self, listener: CommitListener) -> None:
        """Call `listener` after each commit of this node with its envelopes. It must be quick and must not raise."""
        ...

    async def read(self, work: Work[T], *, about: WorkspaceId | None = None) -> T:
        """Run a transaction that only reads. Raises what `work` raises, and Unavailable.

        about: all that it reads belongs to this workspace, and changes with an event in its log only (messages and
        what hangs on them). Then a copy may answer that follows the database, if it holds every event that was
        acknowledged before, by whichever node.
        """
        ...

    async def write(self, work: Work[T]) -> T:
        """Run a transaction and make it durable. Raises what `work` raises, Unavailable, StorageFull."""
        ...

    async def post(self, post: Post) -> Posted:
        """Send a message: the one hot operation, committed together with its neighbours in bulk.

        In one transaction: the message, its index entry, its mentions and their counts, the channel's count, the
        author's read
        marker (unless it is a reply), the root's reply count, its attachments, its event. Raises NotFound when the
        channel,
        the thread's root or an attachment is not there; Forbidden when the channel is archived or the author is not
        in it.
        """
        ...

    async def health(self) -> dict[str, Any]:
        """Quick facts for readiness: `{"ok": bool, ...}`. Never raises."""
        ...

    async def backup(self, target: str) -> None:
        """A consistent copy to the file `target` while everything goes on.

        Raises Unavailable when this storage has other means.
        """
        ...
