-- What version 4 adds.

-- ---- cooldown of rules (core/cooldown.h) ----

CREATE TABLE cooldowns (
	rule     TEXT NOT NULL,
	key      TEXT NOT NULL,                -- what its cooldown_by tells apart
	since_ms INTEGER NOT NULL,             -- it fired then,
	until_ms INTEGER NOT NULL,             -- and needs no longer be remembered
	alert    INTEGER NOT NULL,             -- because of this one, which may be deleted before it
	alert_key TEXT NOT NULL,
	PRIMARY KEY (rule, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX cooldowns_by_end ON cooldowns (until_ms);
