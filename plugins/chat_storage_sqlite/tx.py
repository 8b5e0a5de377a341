"""One transaction: the tables of the storage port over one connection."""

import attrs

from chat_storage_sqlite import layouts
from chat_storage_sqlite.channel_members import ChannelMembers
from chat_storage_sqlite.channels import Channels
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.counters import Counters
from chat_storage_sqlite.events import EventLog
from chat_storage_sqlite.huddles import Huddles
from chat_storage_sqlite.members import Members
from chat_storage_sqlite.messages import Messages
from chat_storage_sqlite.pairs import Pairs
from chat_storage_sqlite.plugin_sql import PluginSql
from chat_storage_sqlite.reads import Reads
from chat_storage_sqlite.sessions import Sessions
from chat_storage_sqlite.table import Table
from chat_storage_sqlite.workspaces import Workspaces
from chatcore.model import (
    Attachment,
    AuditEntry,
    BotToken,
    Credential,
    EmojiPreset,
    HuddleDevice,
    HuddlePin,
    Invite,
    Participant,
    Presence,
    Recording,
    User,
)
from chatcore.ports import Envelope, plugin_data
from chatcore.ports import storage as port


@attrs.frozen
class Setting:
    """What all transactions of a storage share."""

    epoch: str
    slow_ms: float


class SqliteTx:
    """Its methods are coroutines that never suspend. `appended` collects the events of the transaction."""

    def __init__(self, db: Connection, setting: Setting, now_ms: int) -> None:
        self._db = db
        self.appended: list[Envelope] = []
        self.users: port.Rows[User] = Table(db, layouts.USERS)
        self.credentials: port.Rows[Credential] = Table(db, layouts.CREDENTIALS)
        self.sessions: port.Sessions = Sessions(db, layouts.SESSIONS)
        self.bot_tokens: port.Rows[BotToken] = Table(db, layouts.BOT_TOKENS)
        self.workspaces: port.Workspaces = Workspaces(db, setting.epoch)
        self.members: port.Members = Members(db, layouts.MEMBERS)
        self.invites: port.Rows[Invite] = Table(db, layouts.INVITES)
        self.channels: port.Channels = Channels(db, layouts.CHANNELS)
        self.channel_members: port.ChannelMembers = ChannelMembers(db, layouts.CHANNEL_MEMBERS)
        self.messages: port.Messages = Messages(db)
        self.attachments: port.Rows[Attachment] = Table(db, layouts.ATTACHMENTS)
        self.reads: port.Reads = Reads(db)
        self.huddles: port.Huddles = Huddles(db, layouts.HUDDLES)
        self.participants: port.Rows[Participant] = Table(db, layouts.PARTICIPANTS)
        self.devices: port.Rows[HuddleDevice] = Table(db, layouts.DEVICES)
        self.pins: port.Rows[HuddlePin] = Table(db, layouts.PINS)
        self.recordings: port.Rows[Recording] = Table(db, layouts.RECORDINGS)
        self.presence: port.Rows[Presence] = Table(db, layouts.PRESENCE)
        self.presets: port.Rows[EmojiPreset] = Table(db, layouts.PRESETS)
        self.audit: port.Rows[AuditEntry] = Table(db, layouts.AUDIT)
        self.events: port.EventLog = EventLog(db, setting.epoch, now_ms, self.appended)
        self.counters: port.Counters = Counters(db, now_ms)
        self.pairs: plugin_data.Pairs = Pairs(db)
        self.sql: plugin_data.Sql = PluginSql(db)

    def try_room(self) -> None:
        """Write as much as a few messages take."""
        self._db.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('room', hex(zeroblob(32768)))")

    def give_room_back(self) -> None:
        """Remove what `try_room` wrote."""
        self._db.run("DELETE FROM meta WHERE key = 'room'")
