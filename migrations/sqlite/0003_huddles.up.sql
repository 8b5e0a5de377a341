-- What a huddle, those in it and their devices have come to be; and messages that no person wrote.

ALTER TABLE huddles ADD COLUMN topology TEXT NOT NULL DEFAULT 'mesh' CHECK (topology IN ('mesh', 'sfu'));
ALTER TABLE huddles ADD COLUMN empty_since INTEGER;
ALTER TABLE huddles ADD COLUMN recorded_by TEXT;

ALTER TABLE huddle_participants ADD COLUMN muted INTEGER NOT NULL DEFAULT 0 CHECK (muted IN (0, 1));
ALTER TABLE huddle_participants ADD COLUMN camera INTEGER NOT NULL DEFAULT 0 CHECK (camera IN (0, 1));
ALTER TABLE huddle_participants ADD COLUMN sharing INTEGER NOT NULL DEFAULT 0 CHECK (sharing IN (0, 1));
ALTER TABLE huddle_participants ADD COLUMN hand_raised INTEGER NOT NULL DEFAULT 0 CHECK (hand_raised IN (0, 1));
ALTER TABLE huddle_participants ADD COLUMN removed_by TEXT;

CREATE TABLE huddle_devices (
    huddle_id TEXT NOT NULL REFERENCES huddles (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_id TEXT NOT NULL,
    beat INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (huddle_id, user_id, device_id)
) WITHOUT ROWID;

ALTER TABLE messages ADD COLUMN kind TEXT;
