"""Ports: short Protocols with every promise written down. Plugins implement them; `chatcore.testing` checks them."""

from chatcore.ports.auth import Authenticator, TokenCodec, TokenKind
from chatcore.ports.background import Background, background
from chatcore.ports.bus import Bus
from chatcore.ports.clock import Clock
from chatcore.ports.envelope import Envelope, seal
from chatcore.ports.ice import turn_credentials, turn_urls
from chatcore.ports.migrator import Migration, Migrator
from chatcore.ports.peers import Peers
from chatcore.ports.plugin_data import Pairs, PluginMigration, Sql
from chatcore.ports.presence import PresenceTracker
from chatcore.ports.provider import Provider, ProviderContext
from chatcore.ports.relayed import Line, RelayedBus, relaying
from chatcore.ports.shelf import Shelf, StoredShelf, bot_space, plugin_space
from chatcore.ports.storage import (
    ChannelAccess,
    Deletion,
    Post,
    Posted,
    Search,
    Storage,
    Tx,
    WorkspaceAccess,
    WorkspaceSummary,
)
from chatcore.ports.subscribers import Subscribers
from chatcore.ports.voice import (
    HuddleStats,
    LegStats,
    MediaRestarted,
    RecordingFinished,
    SeatLost,
    SeatSlots,
    SpeakersChanged,
    VideoSource,
    VideoWish,
    Voice,
    VoiceEvent,
    VoiceListener,
    VoiceSeat,
    VoiceTotals,
)

__all__ = [
    "Authenticator",
    "Background",
    "Bus",
    "ChannelAccess",
    "Clock",
    "Deletion",
    "Envelope",
    "HuddleStats",
    "LegStats",
    "Line",
    "MediaRestarted",
    "Migration",
    "Migrator",
    "Pairs",
    "Peers",
    "PluginMigration",
    "Post",
    "Posted",
    "PresenceTracker",
    "Provider",
    "ProviderContext",
    "RecordingFinished",
    "RelayedBus",
    "Search",
    "SeatLost",
    "SeatSlots",
    "Shelf",
    "SpeakersChanged",
    "Sql",
    "Storage",
    "StoredShelf",
    "Subscribers",
    "TokenCodec",
    "TokenKind",
    "Tx",
    "VideoSource",
    "VideoWish",
    "Voice",
    "VoiceEvent",
    "VoiceListener",
    "VoiceSeat",
    "VoiceTotals",
    "WorkspaceAccess",
    "WorkspaceSummary",
    "background",
    "bot_space",
    "plugin_space",
    "relaying",
    "seal",
    "turn_credentials",
    "turn_urls",
]
