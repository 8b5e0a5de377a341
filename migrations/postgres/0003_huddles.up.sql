-- What a huddle, those in it and their devices have come to be; and messages that no person wrote.

CREATE TYPE huddle_topology AS ENUM ('mesh', 'sfu');
ALTER TABLE huddles
    ADD COLUMN topology huddle_topology NOT NULL DEFAULT 'mesh',
    ADD COLUMN empty_since TIMESTAMP WITH TIME ZONE,
    ADD COLUMN recorded_by UUID;

ALTER TABLE huddle_participants
    ADD COLUMN muted BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN camera BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN sharing BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN hand_raised BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN removed_by UUID;

CREATE TABLE huddle_devices (
    huddle_id UUID NOT NULL REFERENCES huddles (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_id TEXT COLLATE "C" NOT NULL,
    beat BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (huddle_id, user_id, device_id)
);

ALTER TABLE messages ADD COLUMN kind TEXT;
