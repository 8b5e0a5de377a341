-- The first schema: the tables of the specification (§9), in SQLite's terms, and what delivery, counting and search need.
--
-- Ids are UUIDs as text, times whole milliseconds since 1970 in UTC, booleans 0 or 1, settings JSON text. Differences:
--   * users.password_hash lives in `credentials`, a secret for each auth provider (for `password` the bcrypt hash).
--   * Tables of pairs have the pair as their key and no id of their own.
--   * The order of everything is `seq`, the place of an event in its workspace's log; never a time, for clocks jump.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- People --------------------------------------------------------------------------------------------------------------

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE CHECK (length(email) <= 255),
    first_name TEXT NOT NULL DEFAULT '' CHECK (length(first_name) <= 100),
    last_name TEXT NOT NULL DEFAULT '' CHECK (length(last_name) <= 100),
    display_name TEXT NOT NULL CHECK (length(display_name) <= 200),
    avatar_url TEXT CHECK (length(avatar_url) <= 500),
    email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
    is_bot INTEGER NOT NULL DEFAULT 0 CHECK (is_bot IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deactivated_at INTEGER
);
CREATE INDEX idx_users_created_at ON users (created_at);

CREATE TABLE credentials (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    secret TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, provider)
) WITHOUT ROWID;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_id TEXT NOT NULL,
    previous_id TEXT,
    rotated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    user_agent TEXT NOT NULL DEFAULT ''
);
CREATE INDEX idx_sessions_user_id ON sessions (user_id);
CREATE INDEX idx_sessions_expires_at ON sessions (expires_at);
CREATE INDEX idx_sessions_revoked_at ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE bot_tokens (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    created_by TEXT REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
);
CREATE INDEX idx_bot_tokens_user_id ON bot_tokens (user_id);

CREATE TABLE user_presence (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    status TEXT NOT NULL DEFAULT 'offline' CHECK (status IN ('online', 'away', 'offline')),
    last_seen INTEGER
) WITHOUT ROWID;
CREATE INDEX idx_user_presence_last_seen ON user_presence (last_seen);

-- Workspaces ----------------------------------------------------------------------------------------------------------

-- `seq` is that of the newest event in the log; events up to `trimmed_seq` have been forgotten. `number`: see `events`.
CREATE TABLE workspaces (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL CHECK (length(name) <= 200),
    slug TEXT NOT NULL UNIQUE CHECK (length(slug) <= 100),
    description TEXT,
    avatar_url TEXT CHECK (length(avatar_url) <= 500),
    settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
    created_by TEXT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    seq INTEGER NOT NULL DEFAULT 0,
    trimmed_seq INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX idx_workspaces_created_by ON workspaces (created_by);

CREATE TABLE workspace_members (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'admin', 'member', 'guest')),
    joined_at INTEGER NOT NULL,
    invited_by TEXT REFERENCES users (id) ON DELETE SET NULL,
    PRIMARY KEY (workspace_id, user_id)
) WITHOUT ROWID;
CREATE INDEX idx_workspace_members_user_id ON workspace_members (user_id);
CREATE INDEX idx_workspace_members_role ON workspace_members (workspace_id, role);

CREATE TABLE invites (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'guest')),
    created_by TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_uses INTEGER,
    uses INTEGER NOT NULL DEFAULT 0,
    revoked_at INTEGER
);
CREATE INDEX idx_invites_workspace_id ON invites (workspace_id);

-- Channels ------------------------------------------------------------------------------------------------------------

-- Counters of all that was ever posted: `position` top-level messages, `replies`, `everyone` ones that mention everyone.
-- `number` is never used twice: it is the upper part of the rows of the channel's messages, see there.
CREATE TABLE channels (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) <= 100),
    type TEXT NOT NULL DEFAULT 'public' CHECK (type IN ('public', 'private', 'direct')),
    description TEXT,
    settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
    created_by TEXT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER,
    position INTEGER NOT NULL DEFAULT 0,
    replies INTEGER NOT NULL DEFAULT 0,
    everyone INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT check_channel_name CHECK (name <> '' AND name NOT GLOB '*[^a-z0-9_-]*')
);
CREATE INDEX idx_channels_type ON channels (workspace_id, type);
-- Direct messages are not left out: their name is derived from their members, so the same people get the same channel.
CREATE UNIQUE INDEX idx_channels_workspace_name ON channels (workspace_id, name);

-- `read_seq` is the place of the read marker. Counting costs nothing at reading time:
--   unread   = channels.position - unread_base
--   mentions = personal_mentions + channels.everyone - everyone_base
-- The bases are set when the marker moves, and raised when a message behind it goes, or (everyone) is the member's own.
CREATE TABLE channel_members (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined_at INTEGER NOT NULL,
    read_seq INTEGER NOT NULL DEFAULT 0,
    read_message_id TEXT,
    unread_base INTEGER NOT NULL DEFAULT 0,
    everyone_base INTEGER NOT NULL DEFAULT 0,
    personal_mentions INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel_id, user_id)
) WITHOUT ROWID;
CREATE INDEX idx_channel_members_user_id ON channel_members (user_id);

-- Messages ------------------------------------------------------------------------------------------------------------

-- `row` is the channel's number << 33, plus 1 << 32 for a reply, plus the ordinal among its kind in the channel. So what is
-- read together lies together: a page of history is a walk along the table. `place` is that of the event, see `events`.
-- `position` is the ordinal among the channel's top-level messages (for a reply: that of the newest one before it).
-- `mentions` is what the text says now, as JSON, where `message_mentions` keeps what it said when it was sent.
-- No index by channel, user or time: nothing asks for one, and each index that a message is written to costs a page in
-- every commit.
CREATE TABLE messages (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    content TEXT NOT NULL,
    thread_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    reply_count INTEGER NOT NULL DEFAULT 0,
    mentions TEXT,
    mentions_all INTEGER NOT NULL DEFAULT 0 CHECK (mentions_all IN (0, 1)),
    temp_id TEXT,
    place INTEGER NOT NULL,
    position INTEGER NOT NULL,
    edited_at INTEGER,
    created_at INTEGER NOT NULL,
    seq INTEGER NOT NULL GENERATED ALWAYS AS (place & 1099511627775) VIRTUAL,
    CONSTRAINT check_content_length CHECK (length(content) > 0 AND length(content) <= 4000)
);
CREATE UNIQUE INDEX idx_messages_place ON messages (place);
CREATE INDEX idx_messages_thread_id ON messages (thread_id, seq) WHERE thread_id IS NOT NULL;
-- `temp_id` first: ids that clients count up, or take from a clock, then lie together, where a start by channel and author
-- would be another page for every author.
CREATE UNIQUE INDEX idx_messages_temp_id ON messages (temp_id, channel_id, user_id) WHERE temp_id IS NOT NULL;

-- What is left of deleted messages: places, so that cursors stay good and unread messages can be counted.
CREATE TABLE deleted_messages (
    id TEXT PRIMARY KEY,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    thread_id TEXT,
    place INTEGER NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL GENERATED ALWAYS AS (place & 1099511627775) VIRTUAL
) WITHOUT ROWID;
CREATE INDEX idx_deleted_messages_channel_id ON deleted_messages (channel_id, position, seq) WHERE thread_id IS NULL;

-- Whom a message mentioned when it was sent; `user_id` is '*' for everyone. `covered`: the message mentions everyone too,
-- so this row is not counted once more.
CREATE TABLE message_mentions (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    author_id TEXT NOT NULL,
    covered INTEGER NOT NULL DEFAULT 0 CHECK (covered IN (0, 1)),
    PRIMARY KEY (channel_id, user_id, seq)
) WITHOUT ROWID;
CREATE INDEX idx_message_mentions_seq ON message_mentions (channel_id, seq);

-- `id` rises with each reaction: the order in which people reacted.
CREATE TABLE message_reactions (
    id INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    emoji TEXT NOT NULL CHECK (length(emoji) <= 50),
    created_at INTEGER NOT NULL,
    UNIQUE (message_id, user_id, emoji)
);
CREATE INDEX idx_message_reactions_user_id ON message_reactions (user_id);

-- `message_id` is NULL until the upload is posted; `place` is its place among the message's attachments.
CREATE TABLE attachments (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    message_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    filename TEXT NOT NULL CHECK (length(filename) <= 255),
    original_filename TEXT NOT NULL CHECK (length(original_filename) <= 255),
    mime_type TEXT NOT NULL CHECK (length(mime_type) <= 100),
    size_bytes INTEGER NOT NULL,
    url TEXT NOT NULL CHECK (length(url) <= 500),
    uploaded_by TEXT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    created_at INTEGER NOT NULL,
    place INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT check_file_size CHECK (size_bytes > 0 AND size_bytes <= 52428800) -- 50 MiB
);
CREATE INDEX idx_attachments_message_id ON attachments (message_id);
CREATE INDEX idx_attachments_uploaded_by ON attachments (uploaded_by);

-- The rows of the index are the places of the messages, so its order is that of the log and the newest hits come first by
-- themselves. `scope` holds two words, the channel (`c` and its number) and the author (`u` and the id), so that looking in
-- one's channels only is a matter of the index too.
CREATE VIRTUAL TABLE messages_fts USING fts5 (
    content,
    scope,
    content = '',
    columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2'
);
-- Triggers, so that no way of writing a message, and no cascade, can leave the index behind.
CREATE TRIGGER messages_indexed AFTER INSERT ON messages BEGIN
    INSERT INTO messages_fts (rowid, content, scope)
    VALUES (new.place, new.content, 'c' || (new.row >> 33) || ' u' || replace(new.user_id, '-', ''));
END;
CREATE TRIGGER messages_reindexed AFTER UPDATE OF content ON messages BEGIN
    INSERT INTO messages_fts (messages_fts, rowid, content, scope)
    VALUES ('delete', old.place, old.content, 'c' || (old.row >> 33) || ' u' || replace(old.user_id, '-', ''));
    INSERT INTO messages_fts (rowid, content, scope)
    VALUES (new.place, new.content, 'c' || (new.row >> 33) || ' u' || replace(new.user_id, '-', ''));
END;
CREATE TRIGGER messages_unindexed AFTER DELETE ON messages BEGIN
    INSERT INTO messages_fts (messages_fts, rowid, content, scope)
    VALUES ('delete', old.place, old.content, 'c' || (old.row >> 33) || ' u' || replace(old.user_id, '-', ''));
END;

-- Huddles -------------------------------------------------------------------------------------------------------------

CREATE TABLE huddles (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    created_by TEXT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    title TEXT CHECK (length(title) <= 200),
    mode TEXT NOT NULL DEFAULT 'auto' CHECK (mode IN ('auto', 'mesh', 'sfu')),
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'ended')),
    started_at INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE INDEX idx_huddles_workspace_id ON huddles (workspace_id, status);
CREATE INDEX idx_huddles_status ON huddles (status, started_at);
CREATE INDEX idx_huddles_channel_id ON huddles (channel_id, status);
CREATE UNIQUE INDEX idx_huddles_active ON huddles (channel_id) WHERE status = 'active';

CREATE TABLE huddle_participants (
    huddle_id TEXT NOT NULL REFERENCES huddles (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined_at INTEGER NOT NULL,
    left_at INTEGER,
    PRIMARY KEY (huddle_id, user_id)
) WITHOUT ROWID;
CREATE INDEX idx_huddle_participants_user_id ON huddle_participants (user_id);
CREATE INDEX idx_huddle_participants_active ON huddle_participants (huddle_id, user_id) WHERE left_at IS NULL;

-- The log, and the rest -----------------------------------------------------------------------------------------------

-- `place` is the workspace's number in the upper bits and the `seq` in the lower 40, so that a log grows at its end.
-- `object_id` is the message of an edit, so that its text can be found and forgotten.
CREATE TABLE events (
    place INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    scope TEXT NOT NULL,
    channel_id TEXT,
    user_id TEXT,
    object_id TEXT,
    data TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX idx_events_object_id ON events (object_id) WHERE object_id IS NOT NULL;
CREATE TRIGGER workspaces_forgotten AFTER DELETE ON workspaces BEGIN
    DELETE FROM events WHERE place BETWEEN old.number << 40 AND (old.number + 1 << 40) - 1;
END;

CREATE TABLE audit_log (
    id TEXT PRIMARY KEY,
    workspace_id TEXT REFERENCES workspaces (id) ON DELETE CASCADE,
    actor_id TEXT REFERENCES users (id) ON DELETE SET NULL,
    action TEXT NOT NULL,
    target TEXT,
    details TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    created_at INTEGER NOT NULL
);
CREATE INDEX idx_audit_log_workspace_id ON audit_log (workspace_id, id);
CREATE INDEX idx_audit_log_actor_id ON audit_log (actor_id);

CREATE TABLE rate_counters (
    key TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idx_rate_counters_expires_at ON rate_counters (expires_at);

CREATE TABLE emoji_presets (
    id TEXT PRIMARY KEY,
    emoji TEXT NOT NULL CHECK (length(emoji) <= 50),
    name TEXT NOT NULL CHECK (length(name) <= 100),
    category TEXT NOT NULL CHECK (length(category) <= 50),
    sort_order INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

INSERT INTO emoji_presets (id, emoji, name, category, sort_order) VALUES
    ('01900000-0000-7000-8000-000000000001', '👍', 'thumbs_up', 'reactions', 1),
    ('01900000-0000-7000-8000-000000000002', '👎', 'thumbs_down', 'reactions', 2),
    ('01900000-0000-7000-8000-000000000003', '😄', 'smile', 'reactions', 3),
    ('01900000-0000-7000-8000-000000000004', '❤️', 'heart', 'reactions', 4),
    ('01900000-0000-7000-8000-000000000005', '🎉', 'celebration', 'reactions', 5);
