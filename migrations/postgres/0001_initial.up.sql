-- The first schema: the tables, constraints and indexes of the specification (§9), and what delivery, counting and
-- search need. Differences:
--   * users.password_hash lives in `credentials`, a secret for each auth provider (for `password` the bcrypt hash).
--   * Tables of pairs have the pair as their key and no id of their own.
--   * The order of everything is `seq`, the place of an event in its workspace's log; never a time, for clocks jump.
--   * `workspace_id` stands in every large table: the key by which they can be divided among several servers.
-- Text that is put in an order has the collation "C": the same order everywhere, whatever the database was made with.

CREATE TYPE member_role AS ENUM ('owner', 'admin', 'member', 'guest');
CREATE TYPE channel_type AS ENUM ('public', 'private', 'direct');
CREATE TYPE huddle_status AS ENUM ('active', 'ended');
CREATE TYPE huddle_mode AS ENUM ('auto', 'mesh', 'sfu');
CREATE TYPE presence_status AS ENUM ('online', 'away', 'offline');

CREATE TABLE meta (
    key TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);

-- People --------------------------------------------------------------------------------------------------------------

CREATE TABLE users (
    id UUID PRIMARY KEY,
    email VARCHAR(255) COLLATE "C" NOT NULL,
    first_name VARCHAR(100) NOT NULL DEFAULT '',
    last_name VARCHAR(100) NOT NULL DEFAULT '',
    display_name VARCHAR(200) NOT NULL,
    avatar_url VARCHAR(500),
    email_verified BOOLEAN NOT NULL DEFAULT FALSE,
    is_bot BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deactivated_at TIMESTAMP WITH TIME ZONE
);
CREATE UNIQUE INDEX idx_users_email ON users (email);
CREATE INDEX idx_users_created_at ON users (created_at);

CREATE TABLE credentials (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT COLLATE "C" NOT NULL,
    secret TEXT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (user_id, provider)
);

CREATE TABLE sessions (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_id UUID NOT NULL,
    previous_id UUID,
    rotated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    user_agent TEXT NOT NULL DEFAULT ''
);
CREATE INDEX idx_sessions_user_id ON sessions (user_id);
CREATE INDEX idx_sessions_expires_at ON sessions (expires_at);
CREATE INDEX idx_sessions_revoked_at ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE bot_tokens (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    created_by UUID REFERENCES users (id) ON DELETE SET NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX idx_bot_tokens_user_id ON bot_tokens (user_id);

CREATE TABLE user_presence (
    user_id UUID PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    status presence_status NOT NULL DEFAULT 'offline',
    last_seen TIMESTAMP WITH TIME ZONE
);
CREATE INDEX idx_user_presence_last_seen ON user_presence (last_seen);

-- Workspaces ----------------------------------------------------------------------------------------------------------

-- `seq` is that of the newest event in the log; events up to `trimmed_seq` have been forgotten. Whoever adds an event holds
-- the row's lock until the commit, so the order of seqs is that of commits. Room is left in its pages (and in those of the
-- other tables that every message changes) so that a new version of a row finds place beside the old one.
CREATE TABLE workspaces (
    id UUID PRIMARY KEY,
    name VARCHAR(200) COLLATE "C" NOT NULL,
    slug VARCHAR(100) COLLATE "C" NOT NULL,
    description TEXT,
    avatar_url VARCHAR(500),
    settings JSONB NOT NULL DEFAULT '{}',
    created_by UUID NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seq BIGINT NOT NULL DEFAULT 0,
    trimmed_seq BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 40);
CREATE UNIQUE INDEX idx_workspaces_slug ON workspaces (slug);
CREATE INDEX idx_workspaces_created_by ON workspaces (created_by);

CREATE TABLE workspace_members (
    workspace_id UUID NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role member_role NOT NULL DEFAULT 'member',
    joined_at TIMESTAMP WITH TIME ZONE NOT NULL,
    invited_by UUID REFERENCES users (id) ON DELETE SET NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX idx_workspace_members_workspace_id ON workspace_members (workspace_id);
CREATE INDEX idx_workspace_members_user_id ON workspace_members (user_id);
CREATE INDEX idx_workspace_members_role ON workspace_members (workspace_id, role);

CREATE TABLE invites (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    role member_role NOT NULL,
    created_by UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    max_uses INTEGER,
    uses INTEGER NOT NULL DEFAULT 0,
    revoked_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX idx_invites_workspace_id ON invites (workspace_id);

-- Channels ------------------------------------------------------------------------------------------------------------

-- Counters of all that was ever posted: `position` top-level messages, `everyone` messages that mention everyone.
CREATE TABLE channels (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name VARCHAR(100) COLLATE "C" NOT NULL,
    description TEXT,
    type channel_type NOT NULL DEFAULT 'public',
    settings JSONB NOT NULL DEFAULT '{}',
    created_by UUID NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE,
    position BIGINT NOT NULL DEFAULT 0,
    everyone BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT check_channel_name CHECK (name ~ '^[a-z0-9_-]+$')
) WITH (fillfactor = 50);
CREATE INDEX idx_channels_workspace_id ON channels (workspace_id);
CREATE INDEX idx_channels_type ON channels (workspace_id, type);
-- Direct messages are not left out: their name is derived from their members, so the same people get the same channel.
CREATE UNIQUE INDEX idx_channels_workspace_name ON channels (workspace_id, name);

-- `read_seq` is the place of the read marker. Counting costs nothing at reading time:
--   unread   = channels.position - unread_base
--   mentions = personal_mentions + channels.everyone - everyone_base
-- The bases are set when the marker moves, and raised when a message behind it goes, or (everyone) is the member's own.
CREATE TABLE channel_members (
    channel_id UUID NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined_at TIMESTAMP WITH TIME ZONE NOT NULL,
    read_seq BIGINT NOT NULL DEFAULT 0,
    read_message_id UUID,
    unread_base BIGINT NOT NULL DEFAULT 0,
    everyone_base BIGINT NOT NULL DEFAULT 0,
    personal_mentions BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (channel_id, user_id)
) WITH (fillfactor = 60);
CREATE INDEX idx_channel_members_user_id ON channel_members (user_id);

-- Messages ------------------------------------------------------------------------------------------------------------

-- `position` is the ordinal among the channel's top-level messages (for a reply: that of the newest one before it).
-- `mentions` is what the text says now, where `message_mentions` keeps what it said when it was sent. `search` holds the
-- words as the application folds them, and two words of its own, 'c:<channel>' and 'u:<author>', so that looking in one's
-- own channels only is a matter of the index too.
CREATE TABLE messages (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL,
    channel_id UUID NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    content TEXT NOT NULL,
    thread_id UUID REFERENCES messages (id) ON DELETE CASCADE,
    reply_count INTEGER NOT NULL DEFAULT 0,
    mentions JSONB,
    mentions_all BOOLEAN NOT NULL DEFAULT FALSE,
    temp_id TEXT COLLATE "C",
    seq BIGINT NOT NULL,
    position BIGINT NOT NULL,
    edited_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    search TSVECTOR NOT NULL,
    CONSTRAINT check_content_length CHECK (char_length(content) > 0 AND char_length(content) <= 4000)
) WITH (fillfactor = 95);
CREATE UNIQUE INDEX idx_messages_seq ON messages (workspace_id, seq);
CREATE INDEX idx_messages_channel_id ON messages (channel_id, seq) WHERE thread_id IS NULL;
CREATE INDEX idx_messages_user_id ON messages (user_id);
CREATE INDEX idx_messages_thread_id ON messages (thread_id, seq) WHERE thread_id IS NOT NULL;
-- Nothing asks by time but people who look into the table: a summary of each range of pages is enough for them.
CREATE INDEX idx_messages_created_at ON messages USING brin (created_at);
CREATE UNIQUE INDEX idx_messages_temp_id ON messages (channel_id, user_id, temp_id) WHERE temp_id IS NOT NULL;
CREATE INDEX idx_messages_search ON messages USING gin (search);

-- What is left of deleted messages: places, so that cursors stay good and unread messages can be counted.
CREATE TABLE deleted_messages (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL,
    channel_id UUID NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    thread_id UUID,
    seq BIGINT NOT NULL,
    position BIGINT NOT NULL
);
CREATE INDEX idx_deleted_messages_channel_id ON deleted_messages (channel_id, position, seq) WHERE thread_id IS NULL;

-- Whom a message mentioned when it was sent; the `user_id` of zeros is everyone. `covered`: the message mentions everyone
-- too, so this row is not counted once more.
CREATE TABLE message_mentions (
    channel_id UUID NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    author_id UUID NOT NULL,
    covered BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (channel_id, user_id, seq)
);
CREATE INDEX idx_message_mentions_seq ON message_mentions (channel_id, seq);

-- `id` rises with each reaction: the order in which people reacted.
CREATE TABLE message_reactions (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id UUID NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    emoji VARCHAR(50) COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    UNIQUE (message_id, user_id, emoji)
);
CREATE INDEX idx_message_reactions_message_id ON message_reactions (message_id);
CREATE INDEX idx_message_reactions_user_id ON message_reactions (user_id);

-- `message_id` is NULL until the upload is posted; `place` is its place among the message's attachments.
CREATE TABLE attachments (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    message_id UUID REFERENCES messages (id) ON DELETE CASCADE,
    filename VARCHAR(255) NOT NULL,
    original_filename VARCHAR(255) NOT NULL,
    mime_type VARCHAR(100) NOT NULL,
    size_bytes INTEGER NOT NULL,
    url VARCHAR(500) NOT NULL,
    uploaded_by UUID NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    place INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT check_file_size CHECK (size_bytes > 0 AND size_bytes <= 52428800) -- 50 MiB
);
CREATE INDEX idx_attachments_message_id ON attachments (message_id);
CREATE INDEX idx_attachments_uploaded_by ON attachments (uploaded_by);

-- Huddles -------------------------------------------------------------------------------------------------------------

CREATE TABLE huddles (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    channel_id UUID NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    created_by UUID NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    title VARCHAR(200),
    mode huddle_mode NOT NULL DEFAULT 'auto',
    status huddle_status NOT NULL DEFAULT 'active',
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX idx_huddles_workspace_id ON huddles (workspace_id, status);
CREATE INDEX idx_huddles_status ON huddles (status, started_at);
CREATE INDEX idx_huddles_channel_id ON huddles (channel_id, status);
CREATE UNIQUE INDEX idx_huddles_active ON huddles (channel_id) WHERE status = 'active';

CREATE TABLE huddle_participants (
    huddle_id UUID NOT NULL REFERENCES huddles (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined_at TIMESTAMP WITH TIME ZONE NOT NULL,
    left_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (huddle_id, user_id)
);
CREATE INDEX idx_huddle_participants_huddle_id ON huddle_participants (huddle_id);
CREATE INDEX idx_huddle_participants_user_id ON huddle_participants (user_id);
CREATE INDEX idx_huddle_participants_active ON huddle_participants (huddle_id, user_id) WHERE left_at IS NULL;

-- The log, and the rest -----------------------------------------------------------------------------------------------

-- `data` is carried as it is, byte for byte. `object_id` is the message of an edit, so that its text can be found and
-- forgotten. No foreign key: it would be looked up once more for every message; a trigger clears up after a workspace.
CREATE TABLE events (
    workspace_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    type TEXT NOT NULL,
    scope TEXT NOT NULL,
    channel_id UUID,
    user_id UUID,
    object_id UUID,
    data TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (workspace_id, seq)
);
CREATE INDEX idx_events_object_id ON events (object_id) WHERE object_id IS NOT NULL;
CREATE FUNCTION forget_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM events WHERE workspace_id = old.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER workspaces_forgotten AFTER DELETE ON workspaces FOR EACH ROW EXECUTE FUNCTION forget_workspace();

CREATE TABLE audit_log (
    id UUID PRIMARY KEY,
    workspace_id UUID REFERENCES workspaces (id) ON DELETE CASCADE,
    actor_id UUID REFERENCES users (id) ON DELETE SET NULL,
    action TEXT COLLATE "C" NOT NULL,
    target TEXT,
    details JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX idx_audit_log_workspace_id ON audit_log (workspace_id, id);
CREATE INDEX idx_audit_log_actor_id ON audit_log (actor_id);

CREATE TABLE rate_counters (
    key TEXT COLLATE "C" PRIMARY KEY,
    count BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX idx_rate_counters_expires_at ON rate_counters (expires_at);

CREATE TABLE emoji_presets (
    id UUID PRIMARY KEY,
    emoji VARCHAR(50) NOT NULL,
    name VARCHAR(100) NOT NULL,
    category VARCHAR(50) NOT NULL,
    sort_order INTEGER NOT NULL DEFAULT 0
);

INSERT INTO emoji_presets (id, emoji, name, category, sort_order) VALUES
    ('01900000-0000-7000-8000-000000000001', '👍', 'thumbs_up', 'reactions', 1),
    ('01900000-0000-7000-8000-000000000002', '👎', 'thumbs_down', 'reactions', 2),
    ('01900000-0000-7000-8000-000000000003', '😄', 'smile', 'reactions', 3),
    ('01900000-0000-7000-8000-000000000004', '❤️', 'heart', 'reactions', 4),
    ('01900000-0000-7000-8000-000000000005', '🎉', 'celebration', 'reactions', 5);
