-- Which node carries the media of a huddle, and what was recorded.

CREATE TABLE huddle_pins (
    huddle_id TEXT PRIMARY KEY REFERENCES huddles (id) ON DELETE CASCADE,
    node TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX idx_huddle_pins_node ON huddle_pins (node);

CREATE TABLE recordings (
    id TEXT PRIMARY KEY,
    huddle_id TEXT NOT NULL REFERENCES huddles (id) ON DELETE CASCADE,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    started_by TEXT NOT NULL REFERENCES users (id),
    started_at INTEGER NOT NULL,
    stopped_at INTEGER,
    files TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(files)),
    problem TEXT
) WITHOUT ROWID;
CREATE INDEX idx_recordings_channel_id ON recordings (channel_id, id);
CREATE INDEX idx_recordings_huddle_id ON recordings (huddle_id);
