-- What version 2 adds to sqlite.sql: figures and retention cost the same however much is stored.
-- A file of version 1 is brought here in one transaction; a new one gets both.

-- Kept by triggers, so that nothing counts a million rows: 'events', 'alerts', 'steps done', ...
CREATE TABLE counts (
	name TEXT PRIMARY KEY,
	n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counts VALUES ('events', (SELECT count(*) FROM events)),
	('alerts', (SELECT count(*) FROM alerts));
INSERT INTO counts SELECT 'steps ' || state, count(*) FROM steps GROUP BY state;

CREATE TRIGGER event_in AFTER INSERT ON events BEGIN
	UPDATE counts SET n = n + 1 WHERE name = 'events';
END;
CREATE TRIGGER event_out AFTER DELETE ON events BEGIN
	UPDATE counts SET n = n - 1 WHERE name = 'events';
END;
CREATE TRIGGER alert_in AFTER INSERT ON alerts BEGIN
	UPDATE counts SET n = n + 1 WHERE name = 'alerts';
END;
CREATE TRIGGER alert_out AFTER DELETE ON alerts BEGIN
	UPDATE counts SET n = n - 1 WHERE name = 'alerts';
END;
CREATE TRIGGER step_in AFTER INSERT ON steps BEGIN
	INSERT INTO counts VALUES ('steps ' || NEW.state, 1)
		ON CONFLICT (name) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER step_out AFTER DELETE ON steps BEGIN
	UPDATE counts SET n = n - 1 WHERE name = 'steps ' || OLD.state;
END;
CREATE TRIGGER step_moves AFTER UPDATE OF state ON steps WHEN OLD.state <> NEW.state BEGIN
	UPDATE counts SET n = n - 1 WHERE name = 'steps ' || OLD.state;
	INSERT INTO counts VALUES ('steps ' || NEW.state, 1)
		ON CONFLICT (name) DO UPDATE SET n = n + 1;
END;

-- Retention: what to look at first, and the foreign keys of what is deleted.
CREATE INDEX alerts_by_news ON alerts (last_ms);
CREATE INDEX steps_by_event ON steps (event);

-- Keys of forward steps that were deleted, hashed: the same effect is not done a second time.
CREATE TABLE forgotten (
	id  INTEGER PRIMARY KEY,               -- the oldest go first
	key BLOB NOT NULL UNIQUE
) STRICT;
