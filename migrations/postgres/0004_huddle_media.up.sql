-- Which node carries the media of a huddle, and what was recorded.

CREATE TABLE huddle_pins (
    huddle_id UUID PRIMARY KEY REFERENCES huddles (id) ON DELETE CASCADE,
    node TEXT COLLATE "C" NOT NULL
);
CREATE INDEX idx_huddle_pins_node ON huddle_pins (node);

CREATE TABLE recordings (
    id UUID PRIMARY KEY,
    huddle_id UUID NOT NULL REFERENCES huddles (id) ON DELETE CASCADE,
    channel_id UUID NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    started_by UUID NOT NULL REFERENCES users (id),
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    stopped_at TIMESTAMP WITH TIME ZONE,
    files JSONB NOT NULL DEFAULT '{}',
    problem TEXT
);
CREATE INDEX idx_recordings_channel_id ON recordings (channel_id, id);
CREATE INDEX idx_recordings_huddle_id ON recordings (huddle_id);
