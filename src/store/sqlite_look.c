/*
 * Listings, on a connection that only reads.
 */
#include <inttypes.h>
#include <string.h>

#include "sqlite.h"

#define ALERT_COLUMNS                                                                           \
	"a.id, a.key, a.name, a.severity, a.status, a.type, a.resource, a.entity, a.form,"      \
	" a.first_ms, v.state, v.reason, (SELECT count(*) FROM events x WHERE x.alert = a.id)," \
	" (SELECT count(*) FROM steps x WHERE x.alert = a.id),"                                 \
	" (SELECT group_concat(CASE WHEN x.undo_of THEN 'undo of ' ELSE '' END || x.action ||"  \
	"  ' ' || x.state, ', ') FROM steps x WHERE x.alert = a.id)"
/* Its newest event. */
#define ALERT_FROM                                                                              \
	" FROM alerts a JOIN events v ON v.id = (SELECT max(id) FROM events x WHERE x.alert = " \
	"a.id)"

/*
 * An event that is no alert has its hash for a key.  The hash is of use only as long as nobody
 * outside knows it (base/hash.h), so people are shown another name made from it.
 */
static struct str
shown_id(struct str key, struct str form, struct arena *a)
{
	char hex[SHA256_HEX_MAX];

	if (form.n > 0)
		return key;
	sha256_parts_hex(&key, 1, hex);
	return arena_printf(a, "event:%.32s", hex);
}

static void
read_alert(sqlite3_stmt *st, struct arena *a, struct alert_row *r)
{
	*r = (struct alert_row){
		.id = db_int(st, 0),
		.alert = shown_id(db_text(st, 1, a), db_text(st, 8, a), a),
		.name = db_text(st, 2, a),
		.severity = db_text(st, 3, a),
		.status = db_text(st, 4, a),
		.type = db_text(st, 5, a),
		.resource = db_text(st, 6, a),
		.entity = db_text(st, 7, a),
		.form = db_text(st, 8, a),
		.received_ms = db_int(st, 9),
		.state = db_text(st, 10, a),
		.reason = db_text(st, 11, a),
		.events = db_int(st, 12),
		.steps = db_int(st, 13),
		.summary = db_text(st, 14, a),
	};
}

bool
store_list_alerts(struct store *s, const struct list_filter *f, struct arena *a,
    struct alert_row **rows, size_t *n, struct err *e)
{
	struct alert_row *list = arena_alloc(a, f->limit * sizeof(*list));
	bool found = true, ok;
	sqlite3_stmt *st;

	*n = 0;
	pthread_mutex_lock(&s->reader.lock);
	st = db_bind(&s->reader, e,
	    "SELECT " ALERT_COLUMNS ALERT_FROM
	    " WHERE a.first_ms >= ? AND (? = '' OR v.state = ?) ORDER BY a.id DESC LIMIT ?",
	    "issi", f->since_ms, f->state, f->state, (int64_t)f->limit);
	ok = st != NULL;
	while (ok && (ok = db_step(&s->reader, st, &found, e)) && found)
		read_alert(st, a, &list[(*n)++]);
	pthread_mutex_unlock(&s->reader.lock);
	*rows = list;
	return ok;
}

bool
store_list_steps(struct store *s, const struct list_filter *f, struct arena *a, struct step **rows,
    size_t *n, struct err *e)
{
	struct step *list = arena_alloc(a, f->limit * sizeof(*list));
	bool found = true, ok;
	sqlite3_stmt *st;

	*n = 0;
	pthread_mutex_lock(&s->reader.lock);
	st = db_bind(&s->reader, e,
	    "SELECT " STEP_COLUMNS
	    " FROM steps WHERE created_ms >= ? AND (? = '' OR state = ?) AND (? = '' OR action = ?)"
	    " AND (? = 0 OR alert = ?) ORDER BY id DESC LIMIT ?",
	    "issssiii", f->since_ms, f->state, f->state, f->action, f->action, f->alert_id,
	    f->alert_id, (int64_t)f->limit);
	ok = st != NULL;
	while (ok && (ok = db_step(&s->reader, st, &found, e)) && found)
		read_step(st, a, &list[(*n)++]);
	pthread_mutex_unlock(&s->reader.lock);
	*rows = list;
	return ok;
}

/* One for each answer to drift, and the one without. */
#define UNDOS_MAX 8

bool
store_list_undos(
    struct store *s, int64_t of, struct arena *a, struct step **undos, size_t *n, struct err *e)
{
	struct step *list = arena_alloc(a, UNDOS_MAX * sizeof(*list));
	bool found = true, ok;
	sqlite3_stmt *st;

	*n = 0;
	pthread_mutex_lock(&s->reader.lock);
	/* By the alert, which has an index. */
	st = db_bind(&s->reader, e,
	    "SELECT " STEP_COLUMNS " FROM steps"
	    " WHERE alert = (SELECT alert FROM steps WHERE id = ?1) AND undo_of = ?1 ORDER BY id"
	    " LIMIT ?2",
	    "ii", of, (int64_t)UNDOS_MAX);
	ok = st != NULL;
	while (ok && (ok = db_step(&s->reader, st, &found, e)) && found)
		read_step(st, a, &list[(*n)++]);
	pthread_mutex_unlock(&s->reader.lock);
	*undos = list;
	return ok;
}

/* Steps of one action are few in an hour, and have an index by time. */
#define SAME                                                                   \
	" FROM steps s WHERE s.action = ?1 AND s.disruptive AND s.undo_of = 0" \
	" AND s.created_ms >= ?2 AND s.target = ?3 COLLATE NOCASE AND s.id <> ?4"
#define UNDO_IS "EXISTS (SELECT 1 FROM steps u WHERE u.alert = s.alert AND u.undo_of = s.id AND "

static bool
find_busy(struct db *db, const struct step *step, int64_t since_ms, int64_t *busy, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT s.id" SAME " AND ((s.id < ?4 AND s.state IN ('waiting', 'running'))"
	    " OR " UNDO_IS "(u.state = 'running' OR (u.state = 'waiting' AND u.attempts > 0))))"
	    " ORDER BY s.id LIMIT 1",
	    "sisi", step->action, since_ms, step->target, step->id);

	*busy = 0;
	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	if (found) {
		*busy = db_int(st, 0);
		db_reset(st);
	}
	return true;
}

bool
store_list_earlier(struct store *s, const struct step *step, int64_t since_ms, struct arena *a,
    struct step **earlier, size_t *n, int64_t *busy, struct err *e)
{
	struct step *list = arena_alloc(a, STORE_EARLIER_MAX * sizeof(*list));
	bool found = true, ok;
	sqlite3_stmt *st;

	*n = 0;
	*earlier = list;
	pthread_mutex_lock(&s->reader.lock);
	ok = find_busy(&s->reader, step, since_ms, busy, e);
	st = !ok ? NULL
		 : db_bind(&s->reader, e,
		       "SELECT " STEP_COLUMNS SAME
		       " AND (s.state = 'done' OR (s.state = 'failed' AND s.record <> ''))"
		       " AND NOT " UNDO_IS "u.state = 'done') ORDER BY s.id LIMIT ?5",
		       "sisii", step->action, since_ms, step->target, step->id,
		       (int64_t)STORE_EARLIER_MAX);
	ok = st != NULL;
	while (ok && (ok = db_step(&s->reader, st, &found, e)) && found)
		read_step(st, a, &list[(*n)++]);
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}

static bool
show_alert(struct db *db, int64_t id, struct arena *a, struct alert_detail *out, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT " ALERT_COLUMNS ", v.raw, v.headers, v.trace, v.rules, v.decided_ms" ALERT_FROM
	    " WHERE a.id = ?",
	    "i", id);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	if (!found)
		return fail(e, ERR_NOT_FOUND, "there is no alert %" PRId64, id);
	read_alert(st, a, &out->row);
	out->event_raw = db_text(st, 15, a);
	out->event_headers = db_text(st, 16, a);
	out->trace = db_text(st, 17, a);
	out->rules_hash = db_text(st, 18, a);
	out->decided_ms = db_int(st, 19);
	db_reset(st);
	return read_alert_steps(db, id, a, &out->steps, &out->n_steps, e);
}

bool
store_show_alert(
    struct store *s, int64_t id, struct arena *a, struct alert_detail *out, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&s->reader.lock);
	ok = show_alert(&s->reader, id, a, out, e);
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}

/* The newest calls of a step that was tried very often. */
#define CALLS_MAX 1000

static bool
read_calls(
    struct db *db, int64_t step, struct arena *a, struct step_call **out, size_t *n, struct err *e)
{
	struct step_call *list = arena_alloc(a, CALLS_MAX * sizeof(*list));
	bool found = true, ok;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT * FROM (SELECT id, at_ms, method, path, status, request_id, error FROM calls"
	    " WHERE step = ? ORDER BY id DESC LIMIT ?) ORDER BY id",
	    "ii", step, (int64_t)CALLS_MAX);

	*n = 0;
	ok = st != NULL;
	while (ok && (ok = db_step(db, st, &found, e)) && found)
		list[(*n)++] =
		    (struct step_call){ db_int(st, 1), db_text(st, 2, a), db_text(st, 3, a),
			    (int)db_int(st, 4), db_text(st, 5, a), db_text(st, 6, a) };
	*out = list;
	return ok;
}

static bool
show_step(struct db *db, int64_t id, struct arena *a, struct step *out, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st =
	    db_bind(db, e, "SELECT " STEP_COLUMNS " FROM steps WHERE id = ?", "i", id);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	if (!found)
		return fail(e, ERR_NOT_FOUND, "there is no action %" PRId64, id);
	read_step(st, a, out);
	db_reset(st);
	return true;
}

bool
store_show_step(struct store *s, int64_t id, struct arena *a, struct step *out,
    struct step_call **calls, size_t *n_calls, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&s->reader.lock);
	ok = show_step(&s->reader, id, a, out, e) &&
	     read_calls(&s->reader, id, a, calls, n_calls, e);
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}

static void
take_count(struct str name, int64_t n, struct store_figures *out)
{
	enum step_state state;

	if (str_is(name, "events"))
		out->events = n;
	else if (str_is(name, "alerts"))
		out->alerts = n;
	else if (str_starts_nocase(name, STR("steps ")) &&
		 step_state_parse(str_slice(name, strlen("steps "), name.n), &state))
		out->steps[state] = n;
}

/* None of these counts rows: a page of metrics costs the same however much is stored. */
static bool
figures(struct db *db, struct store_figures *out, struct err *e)
{
	struct arena *a = arena_new();
	bool found = true, ok;
	int64_t pages = 0, size = 0;
	sqlite3_stmt *st;

	ok = db_ask(db, "SELECT coalesce(min(due_ms), 0) FROM steps WHERE state = 'waiting'",
		 &out->oldest_due_ms, e) &&
	     db_ask(db, "SELECT coalesce((SELECT received_ms FROM events ORDER BY id LIMIT 1), 0)",
		 &out->oldest_event_ms, e) &&
	     db_number(db, META_PANIC, &out->panic_ms, e) &&
	     db_ask(db, "PRAGMA page_count", &pages, e) && db_ask(db, "PRAGMA page_size", &size, e);
	st = ok ? db_bind(db, e, "SELECT name, n FROM counts", "") : NULL;
	ok = st != NULL;
	while (ok && (ok = db_step(db, st, &found, e)) && found)
		take_count(db_text(st, 0, a), db_int(st, 1), out);
	out->bytes = pages * size;
	arena_free(a);
	return ok;
}

bool
store_figures(struct store *s, struct store_figures *out, struct err *e)
{
	bool ok;

	*out = (struct store_figures){ 0 };
	pthread_mutex_lock(&s->reader.lock);
	ok = figures(&s->reader, out, e);
	pthread_mutex_unlock(&s->reader.lock);
	out->deleted_events = atomic_load(&s->deleted_events);
	return ok;
}
