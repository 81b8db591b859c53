/*
 * Of which rules hits are kept, and since when; stored events that tell of a time before.
 */
#include "base/fault.h"
#include "sqlite.h"

/* Hits looked at, and deleted, in one go. */
#define FORGET_MAX 500

/* ---- feeds in force ---- */

static bool
follow(struct db *db, struct store_feed *f, int64_t now_ms, struct err *e)
{
	bool found = false;
	int64_t tries;
	sqlite3_stmt *st;

	if (!db_run(db, e,
		"INSERT INTO feeds VALUES (?, ?, ?, 0, 1)"
		" ON CONFLICT (feed) DO UPDATE SET followed = 1",
		"bsi", &f->id, f->rule, now_ms))
		return false;
	st = db_bind(db, e, "SELECT since_ms, tries FROM feeds WHERE feed = ?", "b", &f->id);
	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	f->since_ms = db_int(st, 0);
	tries = db_int(st, 1);
	db_reset(st);
	f->look_back = f->since_ms > now_ms - f->timespan_ms && tries < STORE_LOOK_BACK_MAX;
	return !f->look_back ||
	       db_run(db, e, "UPDATE feeds SET tries = tries + 1 WHERE feed = ?", "b", &f->id);
}

bool
store_follow_feeds(
    struct store *s, struct store_feed *feeds, size_t n, int64_t now_ms, struct err *e)
{
	struct db *db = &s->writer;
	bool ok;

	if (!db_begin(s, e))
		return false;
	ok = db_run(db, e, "UPDATE feeds SET followed = 0", "");
	for (size_t i = 0; ok && i < n; i++)
		ok = follow(db, &feeds[i], now_ms, e);
	ok = ok && db_run(db, e, "DELETE FROM feeds WHERE NOT followed", "");
	if (ok && FAULT("store.feeds"))
		ok = fail(e, ERR_SYSTEM, "fault ordered at store.feeds");
	return db_end(s, ok, e);
}

/* ---- what was stored before ---- */

bool
store_look_back(struct store *s, int64_t since_ms, int64_t *after, int64_t *reach_ms, struct err *e)
{
	struct db *db = &s->writer;
	int64_t bytes = 0, last = 0;
	size_t n = 0;
	bool found = true, ok, all = false;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT id, decided_ms, length(CAST(raw AS BLOB)) FROM events ORDER BY id DESC", "");

	ok = st != NULL;
	*reach_ms = since_ms;
	while (ok && !all && (ok = db_step(db, st, &found, e)) && found) {
		bytes += db_int(st, 2);
		all = db_int(st, 1) <= since_ms;
		if (!all && (n++ == STORE_LOOK_BACK_EVENTS || bytes > STORE_LOOK_BACK_BYTES)) {
			*reach_ms = db_int(st, 1);
			all = true;
		}
		last = db_int(st, 0);
	}
	if (all)
		db_reset(st);
	*after = all ? last : 0;
	return ok;
}

bool
store_next_events(struct store *s, int64_t after, size_t max, struct arena *a,
    struct stored_event **out, size_t *n, struct err *e)
{
	struct db *db = &s->writer;
	bool found = true, ok;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT id, alert, raw, headers, received_ms, decided_ms FROM events"
	    " WHERE id > ? AND state = 'decided' ORDER BY id LIMIT ?",
	    "ii", after, (int64_t)max);

	*n = 0;
	*out = arena_alloc(a, max * sizeof(**out));
	ok = st != NULL;
	while (ok && (ok = db_step(db, st, &found, e)) && found)
		(*out)[(*n)++] = (struct stored_event){ db_int(st, 0), db_int(st, 1),
			db_text(st, 2, a), db_text(st, 3, a), db_int(st, 4), db_int(st, 5) };
	return ok;
}

bool
store_recount(struct store *s, const struct store_feed *feed, int64_t since_ms, struct err *e)
{
	struct db *db = &s->writer;

	return db_run(db, e, "DELETE FROM hits WHERE feed = ?", "b", &feed->id) &&
	       db_run(db, e, "DELETE FROM lost_hits WHERE feed = ?", "b", &feed->id) &&
	       db_run(db, e, "UPDATE feeds SET since_ms = ? WHERE feed = ?", "ib", since_ms,
		   &feed->id);
}

bool
store_count_again(struct store *s, const struct stored_event *ev, struct str alert,
    const struct counted *c, struct err *e)
{
	return insert_counted(&s->writer, c,
	    &(const struct counted_at){ alert, ev->number, ev->id, ev->received_ms }, e);
}

bool
store_commit_counted(struct store *s, struct err *e)
{
	return db_end(s, true, e);
}

/* ---- forgetting ---- */

static bool
forget_some(struct db *db, int64_t before_ms, bool *more, struct err *e)
{
	if (!db_run(db, e,
		"DELETE FROM hits WHERE id IN (SELECT id FROM hits ORDER BY id LIMIT ?)"
		" AND received_ms <= ?",
		"ii", (int64_t)FORGET_MAX, before_ms))
		return false;
	*more = sqlite3_changes(db->handle) > 0;
	if (!db_run(db, e,
		"DELETE FROM firings WHERE id IN (SELECT id FROM firings ORDER BY id LIMIT ?)"
		" AND at_ms <= ?",
		"ii", (int64_t)FORGET_MAX, before_ms))
		return false;
	*more |= sqlite3_changes(db->handle) > 0;
	return db_run(db, e, "DELETE FROM lost_hits WHERE lost_ms <= ?", "i", before_ms) &&
	       db_run(db, e, "UPDATE feeds SET since_ms = max(since_ms, ?)", "i", before_ms);
}

/* What waits to be decided was received after that: its window begins no earlier. */
static bool
newest_decided(struct db *db, int64_t *ms, struct err *e)
{
	return db_ask(db,
	    "SELECT coalesce((SELECT received_ms FROM events ORDER BY id DESC LIMIT 1), 0)", ms, e);
}

bool
store_forget_counted(struct store *s, int64_t now_ms, int64_t longest_ms, bool *more, struct err *e)
{
	int64_t newest_ms = 0;
	bool ok;

	*more = false;
	if (!db_begin(s, e))
		return false;
	ok = newest_decided(&s->writer, &newest_ms, e);
	if (newest_ms > now_ms)
		newest_ms = now_ms;
	ok = ok && forget_some(&s->writer, newest_ms - longest_ms - CORRELATION_SKEW_MS, more, e);
	return db_end(s, ok, e);
}
