-- What version 3 adds: what people said about steps that were held for approval.

CREATE TABLE approvals (
	answer      INTEGER PRIMARY KEY,       -- in this order
	step        INTEGER NOT NULL REFERENCES steps,
	at_ms       INTEGER NOT NULL,
	approves    INTEGER NOT NULL,          -- 0 = denies
	seat        TEXT NOT NULL,             -- what counts once, whoever uses it
	name        TEXT NOT NULL,
	way         TEXT NOT NULL,             -- in words
	address     TEXT NOT NULL,
	agent       TEXT NOT NULL,
	UNIQUE (step, seat, approves)          -- a link is used once
) STRICT;
