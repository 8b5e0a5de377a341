ALTER TABLE messages DROP COLUMN kind;
DROP TABLE huddle_devices;
ALTER TABLE huddle_participants
    DROP COLUMN removed_by, DROP COLUMN hand_raised, DROP COLUMN sharing, DROP COLUMN camera, DROP COLUMN muted;
ALTER TABLE huddles DROP COLUMN recorded_by, DROP COLUMN empty_since, DROP COLUMN topology;
DROP TYPE huddle_topology;
