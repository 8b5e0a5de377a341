"""Which value lives in which table."""

from chat_storage_postgres.table import Layout
from chatcore.model import (
    Attachment,
    AuditEntry,
    BotToken,
    Channel,
    ChannelMember,
    Credential,
    EmojiPreset,
    Huddle,
    HuddleDevice,
    HuddlePin,
    Invite,
    Member,
    Participant,
    Presence,
    Recording,
    Session,
    User,
    Workspace,
)

USERS = Layout(User, "users", "user", locked=True)
CREDENTIALS = Layout(Credential, "credentials", "credential", ("user_id", "provider"), locked=True)
SESSIONS = Layout(Session, "sessions", "session", locked=True)
BOT_TOKENS = Layout(BotToken, "bot_tokens", "token", locked=True)
WORKSPACES = Layout(Workspace, "workspaces", "workspace")
MEMBERS = Layout(Member, "workspace_members", "member", ("workspace_id", "user_id"))
INVITES = Layout(Invite, "invites", "invite", locked=True)
CHANNELS = Layout(Channel, "channels", "channel")
CHANNEL_MEMBERS = Layout(ChannelMember, "channel_members", "channel member", ("channel_id", "user_id"))
ATTACHMENTS = Layout(Attachment, "attachments", "attachment", renames={"size": "size_bytes"})
HUDDLES = Layout(Huddle, "huddles", "huddle", locked=True)
PARTICIPANTS = Layout(Participant, "huddle_participants", "participant", ("huddle_id", "user_id"))
DEVICES = Layout(HuddleDevice, "huddle_devices", "device", ("huddle_id", "user_id", "device_id"))
PINS = Layout(HuddlePin, "huddle_pins", "pin", ("huddle_id",))
RECORDINGS = Layout(Recording, "recordings", "recording")
PRESENCE = Layout(Presence, "user_presence", "presence", ("user_id",))
PRESETS = Layout(EmojiPreset, "emoji_presets", "emoji preset")
AUDIT = Layout(AuditEntry, "audit_log", "audit entry")
