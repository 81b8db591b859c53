/*
 * Happy path: a connection that only reads finds where the time in question begins and ends, and
 * gives page after page of what lies between.
 * What can go wrong: the file is not there, not ours, of a newer version, or may not be read; a
 * daemon is started meanwhile (the page is read anew, beside it).
 */
#include "store/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sqlite.h"

struct history {
	struct db db;
	char *path;
	bool still; /* nobody had it open: read as it lies there, which leaves no files behind */
};

/* ---- open ---- */

static bool
may_read(const char *path, struct err *e)
{
	if (access(path, R_OK) == 0)
		return true;
	return fail_errno(e,
	    errno == ENOENT   ? ERR_NOT_FOUND
	    : errno == EACCES ? ERR_DENIED
			      : ERR_SYSTEM,
	    "cannot read the store");
}

static bool
is_readable(struct db *db, struct err *e)
{
	int64_t version;

	if (!db_exec(db, "PRAGMA query_only = ON; PRAGMA cache_size = -2048", e) ||
	    !db_ask(db, "PRAGMA user_version", &version, e))
		return false;
	if (version < 1)
		return fail(e, ERR_INPUT, "it is no store");
	return db_knows(version, e);
}

/* Whoever has it open has a log; it ends with the last one. */
static bool
has_log(const struct history *p)
{
	char *log = NULL;
	bool has;

	if (asprintf(&log, "%s-wal", p->path) < 0)
		abort();
	has = access(log, F_OK) == 0;
	free(log);
	return has;
}

static bool
open_db(struct history *p, struct err *e)
{
	p->still = !has_log(p);
	return (p->still ? db_open_still(&p->db, p->path, e)
			 : db_open(&p->db, p->path, SQLITE_OPEN_READONLY, e)) &&
	       is_readable(&p->db, e);
}

/* Somebody opened it meanwhile, and may change what lies there. */
static bool
follow_log(struct history *p, struct err *e)
{
	if (!p->still || !has_log(p))
		return true;
	db_close(&p->db);
	return open_db(p, e);
}

bool
history_open(struct str url, struct history **out, struct err *e)
{
	struct str scheme = STR("sqlite:");
	struct history *p;

	if (!str_starts_nocase(url, scheme) || url.n == scheme.n)
		return fail(e, ERR_INPUT, "store '%.*s' is not sqlite:/path", STR_ARG(url));
	p = xcalloc(1, sizeof(*p));
	p->path = xstrndup(str_slice(url, scheme.n, url.n));
	if (may_read(p->path, e) && open_db(p, e)) {
		*out = p;
		return true;
	}
	fail_in(e, "store %s", p->path);
	history_close(p);
	return false;
}

void
history_close(struct history *p)
{
	if (p == NULL)
		return;
	db_close(&p->db);
	free(p->path);
	free(p);
}

/* ---- find ---- */

/* The first event from this row on that was not received before; found false: there is none. */
static bool
event_from(struct db *db, int64_t row, int64_t since_ms, int64_t *id, int64_t *ms, bool *found,
    struct err *e)
{
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT id, received_ms FROM events WHERE id >= ? AND received_ms >= ? ORDER BY id "
	    "LIMIT 1",
	    "ii", row, since_ms);

	if (st == NULL || !db_step(db, st, found, e))
		return false;
	if (*found) {
		*id = db_int(st, 0);
		*ms = db_int(st, 1);
		db_reset(st);
	}
	return true;
}

/* The first row that was received then or later; one behind the last when there is none. */
static bool
row_at(struct db *db, int64_t ms, int64_t last, int64_t *row, struct err *e)
{
	int64_t low = 0, high = last + 1, id, at;
	bool found;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (!event_from(db, middle, INT64_MIN, &id, &at, &found, e))
			return false;
		if (!found || at >= ms)
			high = middle;
		else
			low = id + 1;
	}
	*row = low;
	return true;
}

bool
history_find(
    struct history *p, int64_t since_ms, int64_t until_ms, struct history_range *out, struct err *e)
{
	int64_t last, first, end, id;
	bool found;

	*out = (struct history_range){ .first = 1, .last = 0 };
	if (!db_ask(&p->db, "SELECT coalesce(max(id), 0) FROM events", &last, e) ||
	    !row_at(&p->db, since_ms - HISTORY_DISORDER_MS, last, &first, e) ||
	    !row_at(&p->db, until_ms + HISTORY_DISORDER_MS, last, &end, e) ||
	    !event_from(&p->db, first, since_ms, &id, &out->oldest_ms, &found, e))
		return false;
	if (found && id < end) {
		out->first = id;
		out->last = end - 1;
	}
	return true;
}

/* ---- read ---- */

static bool
read_steps(struct db *db, struct history_event *ev, struct arena *a, struct err *e)
{
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT key, rule, action, target, state, created_ms, settled_ms, reason FROM steps"
	    " WHERE event = ? AND disruptive AND undo_of = 0 ORDER BY id",
	    "i", ev->id);
	bool found = true, ok = st != NULL;
	size_t room = 0;

	while (ok && (ok = db_step(db, st, &found, e)) && found) {
		ev->steps = arena_grow(a, ev->steps, ev->n_steps, &room, sizeof(*ev->steps));
		ev->steps[ev->n_steps] = (struct step){ .key = db_text(st, 0, a),
			.rule = db_text(st, 1, a),
			.action = db_text(st, 2, a),
			.target = db_text(st, 3, a),
			.disruptive = true,
			.created_ms = db_int(st, 5),
			.settled_ms = db_int(st, 6),
			.reason = db_text(st, 7, a) };
		if (!step_state_parse(db_text(st, 4, a), &ev->steps[ev->n_steps++].state)) {
			db_reset(st);
			ok = fail(e, ERR_SYSTEM, "an action has no state");
		}
	}
	return ok;
}

static void
read_event(sqlite3_stmt *st, struct arena *a, struct history_event *ev)
{
	*ev = (struct history_event){ .id = db_int(st, 0),
		.alert = db_int(st, 1),
		.received_ms = db_int(st, 2),
		.state = db_text(st, 3, a),
		.raw = db_text(st, 4, a),
		.headers = db_text(st, 5, a),
		.rules_hash = db_text(st, 6, a),
		.is_first = db_int(st, 7) == db_int(st, 0),
		.is_last = db_int(st, 8) == db_int(st, 0) };
}

static bool
read_events(struct db *db, const struct history_range *range, int64_t from, struct arena *a,
    struct history_event *list, size_t *n, struct err *e)
{
	bool found = true, ok;
	size_t bytes = 0;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT id, alert, received_ms, state, raw, headers, rules,"
	    " (SELECT min(id) FROM events x WHERE x.alert = v.alert AND x.id >= ?1),"
	    " (SELECT max(id) FROM events x WHERE x.alert = v.alert)"
	    " FROM events v WHERE id >= ?2 AND id <= ?3 ORDER BY id",
	    "iii", range->first, from, range->last);

	ok = st != NULL;
	while (ok && *n < HISTORY_EVENTS_MAX && bytes < HISTORY_BYTES_MAX &&
	       (ok = db_step(db, st, &found, e)) && found) {
		read_event(st, a, &list[*n]);
		bytes += list[(*n)++].raw.n;
	}
	if (ok && found)
		db_reset(st); /* a page is full; the read ends here */
	return ok;
}

static bool
read_page(struct history *p, const struct history_range *range, int64_t from, struct arena *a,
    struct history_event *list, size_t *n, struct err *e)
{
	*n = 0;
	if (!read_events(&p->db, range, from, a, list, n, e))
		return false;
	for (size_t i = 0; i < *n; i++)
		if (!read_steps(&p->db, &list[i], a, e))
			return false;
	return true;
}

bool
history_read(struct history *p, const struct history_range *range, int64_t from, struct arena *a,
    struct history_event **out, size_t *n, struct err *e)
{
	struct history_event *list = arena_alloc(a, HISTORY_EVENTS_MAX * sizeof(*list));
	bool ok;

	if (!follow_log(p, e))
		return false;
	ok = read_page(p, range, from, a, list, n, e);
	if (p->still && has_log(p))
		ok = follow_log(p, e) && read_page(p, range, from, a, list, n, e);
	*out = list;
	return ok || fail_in(e, "store %s", p->path);
}
