-- What a bot's token may be used for: a JSON list; NULL is everything that its bot may do.

ALTER TABLE bot_tokens ADD COLUMN scopes TEXT;
