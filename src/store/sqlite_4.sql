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

-- ---- silences (core/silence.h) ----

CREATE TABLE silences (
	id         INTEGER PRIMARY KEY AUTOINCREMENT, -- what people type; a number is used once
	matchers   TEXT NOT NULL,              -- JSON: a list of texts, in the rules' words
	owner      TEXT NOT NULL,
	reason     TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	starts_ms  INTEGER NOT NULL,
	ends_ms    INTEGER NOT NULL,           -- moved when it is extended or ended early
	held_back  INTEGER NOT NULL,           -- notifications
	last_ms    INTEGER NOT NULL            -- the newest of them; 0 = none
) STRICT;
CREATE INDEX silences_by_end ON silences (ends_ms);

-- Who did what to a silence, in this order.
CREATE TABLE silence_words (
	word    INTEGER PRIMARY KEY,
	silence INTEGER NOT NULL REFERENCES silences,
	at_ms   INTEGER NOT NULL,
	what    TEXT NOT NULL,                 -- added, extended, expired
	seat    TEXT NOT NULL,                 -- as in approvals
	name    TEXT NOT NULL,
	ends_ms INTEGER NOT NULL               -- its end from then on
) STRICT;
CREATE INDEX silence_words_by_silence ON silence_words (silence);

ALTER TABLE steps ADD COLUMN silence INTEGER NOT NULL DEFAULT 0; -- that suppressed it; 0 = none
