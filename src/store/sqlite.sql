-- Everything decided.  Times are milliseconds since 1970 UTC; JSON is text.
-- This is version 1 and stays as it is; what came later is in sqlite_2.sql to sqlite_4.sql.
-- Another change needs a file of its own and a new user_version in sqlite_open.c.

-- Small facts: decided_seq, secrets.
CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row an alert; an event that is no alert (unreadable, a notice) has a row of its own too.
CREATE TABLE alerts (
	id       INTEGER PRIMARY KEY,          -- what people type
	key      TEXT NOT NULL UNIQUE,         -- Defender's id, or made from the event
	name     TEXT NOT NULL,
	severity TEXT NOT NULL,
	status   TEXT NOT NULL,
	type     TEXT NOT NULL,
	resource TEXT NOT NULL,                -- as received
	entity   TEXT NOT NULL,
	form     TEXT NOT NULL,                -- core/alert.h; '' when it is none
	first_ms INTEGER NOT NULL,             -- its first event was received
	last_ms  INTEGER NOT NULL              -- its newest event was decided
) STRICT;
CREATE INDEX alerts_by_time ON alerts (first_ms);

CREATE TABLE events (
	id          INTEGER PRIMARY KEY,
	hash        BLOB NOT NULL UNIQUE,      -- keyed: source, type, id and body
	alert       INTEGER NOT NULL REFERENCES alerts,
	event_id    TEXT NOT NULL,
	source      TEXT NOT NULL,
	type        TEXT NOT NULL,
	received_ms INTEGER NOT NULL,
	decided_ms  INTEGER NOT NULL,
	state       TEXT NOT NULL,             -- decided, unreadable, damaged, notice, refused
	reason      TEXT NOT NULL,
	headers     TEXT NOT NULL,             -- what raw needs to be understood again
	raw         TEXT NOT NULL,             -- as received
	trace       TEXT NOT NULL,             -- the verdicts, core/trace.h
	rules       TEXT NOT NULL              -- which version of the rules decided
) STRICT;
CREATE INDEX events_by_alert ON events (alert);

-- The outbox: one row an effect.
CREATE TABLE steps (
	id           INTEGER PRIMARY KEY,      -- what people type
	key          TEXT NOT NULL UNIQUE,     -- same key = same effect
	alert        INTEGER NOT NULL REFERENCES alerts,
	event        INTEGER NOT NULL REFERENCES events,
	rule         TEXT NOT NULL,
	action       TEXT NOT NULL,
	target       TEXT NOT NULL,            -- resource id, or a channel's name
	params       TEXT NOT NULL,
	disruptive   INTEGER NOT NULL,
	reports      INTEGER NOT NULL,
	undo_of      INTEGER NOT NULL,         -- step that it takes back; 0 = forward
	state        TEXT NOT NULL,            -- core/plan.h
	reason       TEXT NOT NULL,
	attempts     INTEGER NOT NULL,
	troubles     INTEGER NOT NULL,         -- in a row; how long to wait for the next try
	created_ms   INTEGER NOT NULL,
	due_ms       INTEGER NOT NULL,
	look_ms      INTEGER,                  -- waiting: due_ms; running: its lease ends; else NULL
	settled_ms   INTEGER NOT NULL,
	record       TEXT NOT NULL,            -- what was there before the first change
	cursor       TEXT NOT NULL,            -- where a long operation stands
	result       TEXT NOT NULL,
	destination  TEXT NOT NULL,            -- rests together when throttled
	subscription TEXT NOT NULL             -- of the target, lower case; for budgets
) STRICT;
CREATE INDEX steps_to_do ON steps (look_ms, id) WHERE look_ms IS NOT NULL;
CREATE INDEX steps_by_state ON steps (state, due_ms);
CREATE INDEX steps_by_alert ON steps (alert);
CREATE INDEX steps_by_budget ON steps (action, created_ms) WHERE disruptive AND undo_of = 0;

-- The timeline of a step: its calls to Azure.
CREATE TABLE calls (
	id         INTEGER PRIMARY KEY,
	step       INTEGER NOT NULL REFERENCES steps,
	at_ms      INTEGER NOT NULL,
	method     TEXT NOT NULL,
	path       TEXT NOT NULL,
	status     INTEGER NOT NULL,           -- 0 = no answer
	request_id TEXT NOT NULL,
	error      TEXT NOT NULL
) STRICT;
CREATE INDEX calls_by_step ON calls (step);

-- Destinations that asked for a rest (429).
CREATE TABLE rests (
	destination TEXT PRIMARY KEY,
	until_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Records and events that were given to the decider and have not come back.
CREATE TABLE hand_outs (
	seq   INTEGER NOT NULL,
	event INTEGER NOT NULL,                -- its place in the record; -1 = the record
	count INTEGER NOT NULL,
	PRIMARY KEY (seq, event)
) STRICT, WITHOUT ROWID;
