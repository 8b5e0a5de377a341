-- What plugins and bots keep. `space` is the owner: `plugin:NAME` or `bot:USER_ID`. Keys compare by their bytes.
CREATE TABLE pairs (
    space TEXT COLLATE "C" NOT NULL CHECK (char_length(space) BETWEEN 1 AND 100),
    key TEXT COLLATE "C" NOT NULL CHECK (char_length(key) BETWEEN 1 AND 200),
    value BYTEA NOT NULL CHECK (octet_length(value) <= 65536),
    PRIMARY KEY (space, key)
);

-- The steps of the plugins' own tables, apart from those of the core.
CREATE TABLE plugin_migrations (
    plugin TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    PRIMARY KEY (plugin, version)
);
