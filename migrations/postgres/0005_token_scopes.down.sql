ALTER TABLE bot_tokens DROP COLUMN scopes;
