-- What plugins and bots keep. `space` is the owner: `plugin:NAME` or `bot:USER_ID`. Keys compare by their bytes.
CREATE TABLE pairs (
    space TEXT NOT NULL CHECK (length(space) BETWEEN 1 AND 100),
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    value BLOB NOT NULL CHECK (length(value) <= 65536),
    PRIMARY KEY (space, key)
) WITHOUT ROWID;

-- The steps of the plugins' own tables, apart from those of the core.
CREATE TABLE plugin_migrations (
    plugin TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (plugin, version)
) WITHOUT ROWID;
