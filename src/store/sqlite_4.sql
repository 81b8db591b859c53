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

-- ---- counting, for rules with `correlation` (core/correlation.h) ----

-- What is counted of a rule, by what it says: an edited rule is another feed.
CREATE TABLE feeds (
	feed     BLOB PRIMARY KEY,
	rule     TEXT NOT NULL,
	since_ms INTEGER NOT NULL,             -- its hits are complete from there
	tries    INTEGER NOT NULL,             -- to count what was stored before it was there
	followed INTEGER NOT NULL              -- while the rules in force are gone through
) STRICT, WITHOUT ROWID;

CREATE TABLE hits (
	id          INTEGER PRIMARY KEY,
	feed        BLOB NOT NULL,
	grp         BLOB NOT NULL,
	alert       BLOB NOT NULL,             -- its key, hashed: an alert counts once
	value       BLOB NOT NULL,             -- of value_count; else zeros
	sure        INTEGER NOT NULL,          -- 0: the rule was unsure
	live        INTEGER NOT NULL,          -- 0: a newer one tells of the same value
	received_ms INTEGER NOT NULL,
	place       INTEGER NOT NULL,          -- its event: the order of decisions
	number      INTEGER NOT NULL,          -- its alert, which may be deleted before it
	group_text  TEXT NOT NULL,             -- for people
	value_text  TEXT NOT NULL,
	UNIQUE (feed, grp, alert, value)
) STRICT;
CREATE INDEX hits_live ON hits (feed, grp, sure, received_ms, place) WHERE live;
CREATE UNIQUE INDEX hits_by_value ON hits (feed, grp, sure, value)
	WHERE live AND value <> zeroblob(16);

-- Groups of which hits were dropped (HITS_PER_GROUP_MAX).
CREATE TABLE lost_hits (
	feed    BLOB NOT NULL,
	grp     BLOB NOT NULL,
	lost_ms INTEGER NOT NULL,              -- the newest of them was received
	PRIMARY KEY (feed, grp)
) STRICT, WITHOUT ROWID;

-- When a correlation fired last for a group; in this order.
CREATE TABLE firings (
	id          INTEGER PRIMARY KEY,
	correlation BLOB NOT NULL,
	grp         BLOB NOT NULL,
	sure        INTEGER NOT NULL,
	at_ms       INTEGER NOT NULL,
	alert       BLOB NOT NULL,
	number      INTEGER NOT NULL,
	rule        TEXT NOT NULL,             -- for people
	group_text  TEXT NOT NULL,
	UNIQUE (correlation, grp, sure)
) STRICT;

-- ---- versions of rules that decided something ----

CREATE TABLE rule_versions (
	hash     TEXT PRIMARY KEY,             -- as in events.rules
	first_ms INTEGER NOT NULL,             -- it first decided then,
	last_ms  INTEGER NOT NULL,             -- and last came into use then
	files    TEXT NOT NULL                 -- JSON: [{"name","text"}]; '' = too much
) STRICT;
CREATE INDEX rule_versions_by_use ON rule_versions (last_ms);
