/*
 * What performers do: claim, settle, and add steps.  Each call is one transaction.
 */
#include <inttypes.h>

#include "base/fault.h"
#include "sqlite.h"

/* ---- rows ---- */

void
read_step(sqlite3_stmt *st, struct arena *a, struct step *out)
{
	*out = (struct step){
		.id = db_int(st, 0),
		.key = db_text(st, 1, a),
		.alert_id = db_int(st, 2),
		.event_id = db_int(st, 3),
		.rule = db_text(st, 4, a),
		.action = db_text(st, 5, a),
		.target = db_text(st, 6, a),
		.params = db_text(st, 7, a),
		.disruptive = db_int(st, 8) != 0,
		.reports = db_int(st, 9) != 0,
		.undo_of = db_int(st, 10),
		.reason = db_text(st, 12, a),
		.attempts = db_int(st, 13),
		.created_ms = db_int(st, 14),
		.due_ms = db_int(st, 15),
		.settled_ms = db_int(st, 16),
		.before = db_text(st, 17, a),
		.cursor = db_text(st, 18, a),
		.result = db_text(st, 19, a),
		.destination = db_text(st, 20, a),
		.troubles = db_int(st, 21),
		.silence = db_int(st, 22),
		.approved_by = db_text(st, 23, a),
	};
	(void)step_state_parse(db_text(st, 11, a), &out->state);
}

bool
read_alert_steps(
    struct db *db, int64_t alert, struct arena *a, struct step **out, size_t *n, struct err *e)
{
	bool found = false, ok;
	struct step *list;
	int64_t count;
	sqlite3_stmt *st = db_bind(db, e, "SELECT count(*) FROM steps WHERE alert = ?", "i", alert);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	count = db_int(st, 0);
	db_reset(st);
	list = arena_alloc(a, (size_t)count * sizeof(*list));
	*n = 0;
	st =
	    db_bind(db, e, "SELECT " STEP_COLUMNS " FROM steps WHERE alert = ? ORDER BY id LIMIT ?",
		"ii", alert, count);
	ok = st != NULL;
	while (ok && (ok = db_step(db, st, &found, e)) && found)
		read_step(st, a, &list[(*n)++]);
	*out = list;
	return ok;
}

/* ---- claim ---- */

/*
 * A step is looked at when it is due, or when the lease on it ends (look_ms).  It is ready when its
 * destination does not rest and, if it reports, when what else is to be done about its alert is
 * done, ways back that are due some day aside.  ?1 is now, ?2 how long a report waits at most.
 */
#define REST_END "coalesce((SELECT until_ms FROM rests r WHERE r.destination = s.destination), 0)"
#define REPORT_END                                                                       \
	"(CASE WHEN s.reports AND EXISTS (SELECT 1 FROM steps o WHERE o.alert = s.alert" \
	" AND NOT o.reports AND o.look_ms IS NOT NULL AND o.state <> 'approval'"         \
	" AND (o.undo_of = 0 OR o.due_ms <= ?1)) THEN s.created_ms + ?2 ELSE 0 END)"

/* In the order of the index, so that a backlog costs nothing: the first that is ready. */
#define CLAIM                                                                               \
	"SELECT " STEP_COLUMNS " FROM steps s WHERE s.look_ms <= ?1 AND " REST_END " <= ?1" \
	" AND " REPORT_END " <= ?1 ORDER BY s.look_ms, s.id LIMIT 1"

#define NEXT                                                             \
	"SELECT s.look_ms, max(s.look_ms, " REST_END ", " REPORT_END ")" \
	" FROM steps s WHERE s.look_ms IS NOT NULL ORDER BY s.look_ms, s.id"

/* When the first of those not ready will be; INT64_MAX when there is none. */
static bool
next_time(struct db *db, int64_t now_ms, int64_t wait_ms, int64_t *next_ms, struct err *e)
{
	int64_t next = INT64_MAX, look = 0, ready;
	bool found = true;
	sqlite3_stmt *st = db_bind(db, e, NEXT, "ii", now_ms, wait_ms);

	if (st == NULL)
		return false;
	/* Nothing is ready before it is looked at, so the rest of the rows cannot be earlier. */
	while (found && look < next) {
		if (!db_step(db, st, &found, e))
			return false;
		if (!found)
			break;
		look = db_int(st, 0);
		ready = db_int(st, 1);
		next = ready < next ? ready : next;
	}
	db_reset(st);
	*next_ms = next;
	return true;
}

static bool
take_lease(struct db *db, struct step *step, int64_t until_ms, struct err *e)
{
	step->state = STEP_RUNNING;
	step->attempts++;
	return db_run(db, e,
	    "UPDATE steps SET state = 'running', look_ms = ?, attempts = ? WHERE id = ?", "iii",
	    until_ms, step->attempts, step->id);
}

static bool
read_event(struct db *db, int64_t id, struct arena *a, struct claimed *out, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st =
	    db_bind(db, e, "SELECT raw, headers, trace FROM events WHERE id = ?", "i", id);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	if (!found)
		return fail(e, ERR_SYSTEM, "the event of a step is not in the store");
	out->event_raw = db_text(st, 0, a);
	out->event_headers = db_text(st, 1, a);
	out->trace = db_text(st, 2, a);
	db_reset(st);
	return true;
}

static bool
find_due(struct db *db, int64_t now_ms, int64_t wait_ms, struct arena *a, struct step *out,
    bool *found, struct err *e)
{
	sqlite3_stmt *st = db_bind(db, e, CLAIM, "ii", now_ms, wait_ms);

	if (st == NULL || !db_step(db, st, found, e))
		return false;
	if (*found) {
		read_step(st, a, out);
		db_reset(st);
	}
	return true;
}

/* Rests that are over: nothing else removes them. */
static bool
forget_rests(struct db *db, int64_t now_ms, struct err *e)
{
	return db_run(db, e, "DELETE FROM rests WHERE until_ms <= ?", "i", now_ms);
}

static bool
claim(struct db *db, int64_t now_ms, int64_t lease_ms, struct arena *a, struct claimed *c,
    struct err *e)
{
	if ((c->step.state != STEP_APPROVAL && (!take_lease(db, &c->step, now_ms + lease_ms, e) ||
						   !forget_rests(db, now_ms, e))) ||
	    !read_event(db, c->step.event_id, a, c, e) ||
	    !read_alert_steps(db, c->step.alert_id, a, &c->steps, &c->n_steps, e))
		return false;
	return !FAULT("store.claim") || fail(e, ERR_SYSTEM, "fault ordered at store.claim");
}

/*
 * A claim that was committed although that failed is nobody's, and shall not wait for its lease.
 * The disk that failed it would fail a second commit just now: the next claim gives it up.
 */
static void
remember_lost(struct store *s, const struct lost_claim *lost, size_t n)
{
	pthread_mutex_lock(&s->writer.lock);
	for (size_t i = 0; i < n && s->n_lost < LOST_CLAIMS_MAX; i++)
		s->lost[s->n_lost++] = lost[i];
	pthread_mutex_unlock(&s->writer.lock);
}

/* In a transaction.  lost: those that are to be remembered again if it fails. */
static bool
give_up_lost(struct store *s, int64_t now_ms, struct lost_claim lost[LOST_CLAIMS_MAX], size_t *n,
    struct err *e)
{
	bool ok = true;

	*n = s->n_lost;
	s->n_lost = 0;
	for (size_t i = 0; i < *n; i++) {
		lost[i] = s->lost[i];
		ok = ok && db_run(&s->writer, e,
			       "UPDATE steps SET look_ms = ? WHERE id = ? AND attempts = ?"
			       " AND state = 'running'",
			       "iii", now_ms, lost[i].step, lost[i].attempt);
	}
	return ok;
}

static bool
claim_or_next(struct db *db, int64_t now_ms, int64_t lease_ms, int64_t wait_ms, struct arena *a,
    struct claimed *c, bool *is_due, int64_t *next_ms, struct err *e)
{
	if (!find_due(db, now_ms, wait_ms, a, &c->step, is_due, e))
		return false;
	return *is_due ? claim(db, now_ms, lease_ms, a, c, e)
		       : next_time(db, now_ms, wait_ms, next_ms, e);
}

bool
store_claim_step(struct store *s, int64_t now_ms, int64_t lease_ms, int64_t report_wait_ms,
    struct arena *a, struct claimed *out, bool *found, int64_t *next_ms, struct err *e)
{
	struct lost_claim lost[LOST_CLAIMS_MAX + 1];
	struct claimed c = { 0 };
	int64_t next = INT64_MAX;
	size_t n;
	bool is_due = false, ok;

	if (!db_begin(s, e))
		return false;
	ok = give_up_lost(s, now_ms, lost, &n, e) &&
	     claim_or_next(&s->writer, now_ms, lease_ms, report_wait_ms, a, &c, &is_due, &next, e);
	if (ok && !is_due && n == 0)
		(void)db_end(s, false, e); /* nothing was written: nothing to sync */
	else
		ok = db_end(s, ok, e);
	if (!ok) {
		if (c.step.state == STEP_RUNNING)
			lost[n++] = (struct lost_claim){ c.step.id, c.step.attempts };
		remember_lost(s, lost, n);
		return false;
	}
	*found = is_due;
	if (is_due)
		*out = c;
	else
		*next_ms = next;
	return true;
}

/* ---- settle ---- */

static bool
put_calls(struct db *db, int64_t step, const struct step_call *calls, size_t n, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++)
		ok = db_run(db, e,
		    "INSERT INTO calls (step, at_ms, method, path, status, request_id, error)"
		    " VALUES (?,?,?,?,?,?,?)",
		    "iississ", step, calls[i].at_ms, calls[i].method, calls[i].path,
		    (int64_t)calls[i].status, calls[i].request_id, calls[i].error);
	return ok;
}

/* Why no row was written. */
static bool
not_settled(struct db *db, int64_t id, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st = db_bind(db, e, "SELECT state FROM steps WHERE id = ?", "i", id);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	if (!found)
		return fail(e, ERR_NOT_FOUND, "there is no action %" PRId64, id);
	fail(e, ERR_CONFLICT, "action %" PRId64 " is %s, and not by this claim", id,
	    (const char *)sqlite3_column_text(st, 0));
	db_reset(st);
	return false;
}

/* The attempt is the claim: a step that was claimed again since is somebody else's. */
static bool
update_step(struct db *db, const struct step *step, int64_t now_ms, struct err *e)
{
	bool done = step->state != STEP_WAITING && step->state != STEP_RUNNING;

	return db_run(db, e,
		   "UPDATE steps SET state = ?1, reason = ?2, due_ms = ?3, settled_ms = ?4,"
		   " record = ?5, cursor = ?6, result = ?7, destination = ?8, troubles = ?11,"
		   " look_ms = CASE ?1 WHEN 'waiting' THEN ?3 WHEN 'running' THEN look_ms END"
		   " WHERE id = ?9 AND attempts = ?10 AND state = 'running'",
		   "ssiissssiii", str_of(step_state_name(step->state)), step->reason, step->due_ms,
		   done ? now_ms : (int64_t)0, step->before, step->cursor, step->result,
		   step->destination, step->id, step->attempts, step->troubles) &&
	       (sqlite3_changes(db->handle) == 1 || not_settled(db, step->id, e));
}

bool
store_settle_step(struct store *s, const struct step *step, int64_t now_ms,
    const struct step_call *calls, size_t n_calls, struct err *e)
{
	bool ok;

	if (!db_begin(s, e))
		return false;
	ok = update_step(&s->writer, step, now_ms, e) &&
	     put_calls(&s->writer, step->id, calls, n_calls, e);
	if (ok && FAULT("store.settle"))
		ok = fail(e, ERR_SYSTEM, "fault ordered at store.settle");
	return db_end(s, ok, e);
}

/* ---- steps from elsewhere ---- */

static bool
id_of_key(struct db *db, struct str key, int64_t *id, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st = db_bind(db, e, "SELECT id FROM steps WHERE key = ?", "s", key);

	if (st == NULL || !db_step(db, st, &found, e) || !found)
		return false;
	*id = db_int(st, 0);
	db_reset(st);
	return true;
}

/* asked: by a person, who also puts off what has not begun, and tries again what failed. */
static bool
add_step(struct db *db, const struct step *step, bool asked, int64_t *id, struct err *e)
{
	return insert_step(db, step, e) &&
	       db_run(db, e,
		   "UPDATE steps SET due_ms = ?1, look_ms = ?1 WHERE key = ?2"
		   " AND state = 'waiting' AND (due_ms > ?1 OR (?3 AND attempts = 0))",
		   "isi", step->due_ms, step->key, (int64_t)asked) &&
	       db_run(db, e,
		   "UPDATE steps SET state = 'waiting', reason = 'asked for again',"
		   " due_ms = ?1, look_ms = ?1, settled_ms = 0, troubles = 0, cursor = ''"
		   " WHERE key = ?2 AND state = 'failed' AND ?3",
		   "isi", step->due_ms, step->key, (int64_t)asked) &&
	       id_of_key(db, step->key, id, e);
}

bool
store_add_step(struct store *s, const struct step *step, int64_t *id, struct err *e)
{
	return db_begin(s, e) && db_end(s, add_step(&s->writer, step, false, id, e), e);
}

bool
store_ask_back(struct store *s, const struct step *step, int64_t *id, struct err *e)
{
	return db_begin(s, e) && db_end(s, add_step(&s->writer, step, true, id, e), e);
}

bool
store_rest(struct store *s, struct str destination, int64_t until_ms, struct err *e)
{
	/* Steps that name no destination have none in common. */
	if (destination.n == 0)
		return true;
	if (!db_begin(s, e))
		return false;
	return db_end(s,
	    db_run(&s->writer, e,
		"INSERT INTO rests VALUES (?, ?)"
		" ON CONFLICT DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)",
		"si", destination, until_ms),
	    e);
}
