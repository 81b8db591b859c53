/*
 * What correlations count: hits in the order of decisions, and when each fired last.
 *
 * Happy path: a hit is put with its decision, and asked for by an index.
 * What can go wrong: there are more in a group than are kept: the oldest are dropped, and it is
 * noted up to when.
 */
#include <string.h>

#include "base/fault.h"
#include "sqlite.h"

/* How often a group is looked at for being too large: in so many hits once. */
#define TRIM_EVERY 64

/* ---- putting them ---- */

enum known_hit { HIT_NEW, HIT_KNOWN, HIT_ANEW };

/* An alert counts once; once it is sure, or what is known is old, it counts from then. */
static bool
known(struct db *db, const struct hit *h, const struct hash128 *alert, int64_t received_ms,
    enum known_hit *out, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT sure, received_ms FROM hits WHERE feed = ? AND grp = ? AND alert = ? AND value "
	    "= ?",
	    "bbbb", &h->feed, &h->group, alert, &h->value);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	*out = HIT_NEW;
	if (found) {
		*out =
		    (h->sure && db_int(st, 0) == 0) || db_int(st, 1) <= received_ms - h->timespan_ms
			? HIT_ANEW
			: HIT_KNOWN;
		db_reset(st);
	}
	return true;
}

/* Of several hits with one value only the newest is asked for. */
static bool
make_room(
    struct db *db, const struct hit *h, const struct hash128 *alert, bool replaces, struct err *e)
{
	if (replaces &&
	    !db_run(db, e,
		"DELETE FROM hits WHERE feed = ? AND grp = ? AND alert = ? AND value = ?", "bbbb",
		&h->feed, &h->group, alert, &h->value))
		return false;
	return hash128_eq(&h->value, &hash_none) ||
	       db_run(db, e,
		   "UPDATE hits SET live = 0 WHERE feed = ? AND grp = ? AND sure = ? AND value = ?"
		   " AND live AND value <> zeroblob(16)",
		   "bbib", &h->feed, &h->group, (int64_t)h->sure, &h->value);
}

static bool
drop_oldest(struct db *db, const struct hit *h, int64_t over, struct err *e)
{
	return db_run(db, e,
		   "INSERT INTO lost_hits SELECT ?1, ?2, max(received_ms) FROM (SELECT received_ms"
		   " FROM hits WHERE feed = ?1 AND grp = ?2 ORDER BY id LIMIT ?3) WHERE true"
		   " ON CONFLICT (feed, grp) DO UPDATE SET"
		   " lost_ms = max(lost_ms, excluded.lost_ms)",
		   "bbi", &h->feed, &h->group, over) &&
	       db_run(db, e,
		   "DELETE FROM hits WHERE id IN (SELECT id FROM hits WHERE feed = ? AND grp = ?"
		   " ORDER BY id LIMIT ?)",
		   "bbi", &h->feed, &h->group, over);
}

static bool
trim(struct db *db, const struct hit *h, struct err *e)
{
	bool found = false;
	int64_t n;
	sqlite3_stmt *st;

	if (sqlite3_last_insert_rowid(db->handle) % TRIM_EVERY != 0)
		return true;
	st = db_bind(db, e, "SELECT count(*) FROM hits WHERE feed = ? AND grp = ?", "bb", &h->feed,
	    &h->group);
	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	n = found ? db_int(st, 0) : 0;
	if (found)
		db_reset(st);
	return n <= HITS_PER_GROUP_MAX || drop_oldest(db, h, n - HITS_PER_GROUP_MAX, e);
}

static bool
insert_hit(struct db *db, const struct hit *h, const struct hash128 *alert,
    const struct counted_at *at, struct err *e)
{
	enum known_hit is;

	if (!known(db, h, alert, at->received_ms, &is, e))
		return false;
	if (is == HIT_KNOWN)
		return true;
	return make_room(db, h, alert, is == HIT_ANEW, e) &&
	       db_run(db, e,
		   "INSERT INTO hits (feed, grp, alert, value, sure, live, received_ms, place,"
		   " number, group_text, value_text) VALUES (?,?,?,?,?,1,?,?,?,?,?)",
		   "bbbbiiiiss", &h->feed, &h->group, alert, &h->value, (int64_t)h->sure,
		   at->received_ms, at->place, at->number, h->group_text, h->value_text) &&
	       trim(db, h, e);
}

/* News of the alert it fired on do not make it quiet for longer. */
static bool
is_news(struct db *db, const struct completion *f, const struct hash128 *alert, int64_t at_ms,
    bool *out, struct err *e)
{
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT 1 FROM firings WHERE correlation = ? AND grp = ? AND sure = ? AND alert = ?"
	    " AND at_ms > ?",
	    "bbibi", &f->correlation, &f->group, (int64_t)f->sure, alert, at_ms - f->timespan_ms);

	if (st == NULL || !db_step(db, st, out, e))
		return false;
	if (*out)
		db_reset(st);
	return true;
}

static bool
insert_firing(struct db *db, const struct completion *f, const struct hash128 *alert,
    const struct counted_at *at, struct err *e)
{
	bool news;

	if (!is_news(db, f, alert, at->received_ms, &news, e))
		return false;
	return news ||
	       db_run(db, e,
		   "INSERT OR REPLACE INTO firings (correlation, grp, sure, at_ms, alert, number,"
		   " rule, group_text) VALUES (?,?,?,?,?,?,?,?)",
		   "bbiibiss", &f->correlation, &f->group, (int64_t)f->sure, at->received_ms, alert,
		   at->number, f->rule, f->group_text);
}

bool
insert_counted(struct db *db, const struct counted *c, const struct counted_at *at, struct err *e)
{
	struct hash128 alert;
	bool ok = true;

	if (c->n_hits == 0 && c->n_firings == 0)
		return true;
	if (FAULT("store.count"))
		return fail(e, ERR_SYSTEM, "fault ordered at store.count");
	hit_alert(at->alert, &alert);
	for (size_t i = 0; ok && i < c->n_hits; i++)
		ok = insert_hit(db, &c->hits[i], &alert, at, e);
	for (size_t i = 0; ok && i < c->n_firings; i++)
		ok = insert_firing(db, &c->firings[i], &alert, at, e);
	return ok;
}

/* ---- asking for them ---- */

static struct hash128
hash_of(sqlite3_stmt *st, int column)
{
	struct hash128 h = { { 0 } };
	const void *p = sqlite3_column_blob(st, column);

	if (sqlite3_column_bytes(st, column) == sizeof(h.bytes))
		memcpy(h.bytes, p, sizeof(h.bytes));
	return h;
}

static bool
ask_lost(struct db *db, const struct past_question *q, bool *lost, struct err *e)
{
	sqlite3_stmt *st =
	    db_bind(db, e, "SELECT 1 FROM lost_hits WHERE feed = ? AND grp = ? AND lost_ms > ?",
		"bbi", &q->feed, &q->group, q->after_ms);

	if (st == NULL || !db_step(db, st, lost, e))
		return false;
	if (*lost)
		db_reset(st);
	return true;
}

static bool
ask_hits(void *ctx, const struct past_question *q, struct arena *a, struct past_hit **out,
    size_t *n, bool *lost)
{
	struct store *s = ctx;
	struct db *db = &s->writer;
	bool found = true, ok;
	size_t cap = 0;
	struct err e;
	sqlite3_stmt *st;

	*n = 0;
	*out = NULL;
	if (!ask_lost(db, q, lost, &e))
		return false;
	st = db_bind(db, &e,
	    "SELECT alert, value, received_ms, place, number, value_text FROM hits"
	    " WHERE live AND feed = ? AND grp = ? AND sure = ? AND received_ms > ?"
	    " AND received_ms <= ? AND place < ? AND alert <> ?"
	    " ORDER BY received_ms DESC, place DESC LIMIT ?",
	    "bbiiiibi", &q->feed, &q->group, (int64_t)q->sure, q->after_ms, q->until_ms,
	    q->before_place, &q->not_alert, (int64_t)q->max);
	ok = st != NULL;
	while (ok && (ok = db_step(db, st, &found, &e)) && found) {
		*out = arena_grow(a, *out, *n, &cap, sizeof(**out));
		(*out)[(*n)++] = (struct past_hit){ hash_of(st, 0), hash_of(st, 1), db_int(st, 2),
			db_int(st, 3), db_int(st, 4), db_text(st, 5, a) };
	}
	return ok;
}

static bool
ask_fired(void *ctx, const struct completion *what, int64_t after_ms,
    const struct hash128 *not_alert, struct past_firing *out, bool *found)
{
	struct store *s = ctx;
	struct err e;
	sqlite3_stmt *st = db_bind(&s->writer, &e,
	    "SELECT at_ms, number FROM firings WHERE correlation = ? AND grp = ? AND sure = ?"
	    " AND at_ms > ? AND alert <> ?",
	    "bbiib", &what->correlation, &what->group, (int64_t)what->sure, after_ms, not_alert);

	*found = false;
	if (st == NULL || !db_step(&s->writer, st, found, &e))
		return false;
	if (*found) {
		*out = (struct past_firing){ db_int(st, 0), db_int(st, 1) };
		db_reset(st);
	}
	return true;
}

struct past
store_past(struct store *s, int64_t received_ms)
{
	return (struct past){ received_ms, s, ask_hits, ask_fired };
}
