/*
 * What becomes of steps that are held: people approve or deny them, or nobody does in time.
 *
 * An answer, what follows from it and the report of that are one transaction: a link that was used
 * stays used, whatever dies after it.
 */
#include <inttypes.h>

#include "base/fault.h"
#include "sqlite.h"

/* ---- nobody answers ---- */

static bool
put_reports(struct db *db, const struct step *reports, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (!insert_step(db, &reports[i], e))
			return false;
	return true;
}

static bool
refuse_held(struct db *db, const struct step *step, const struct step *reports, size_t n,
    int64_t now_ms, bool *refused, struct err *e)
{
	if (!db_run(db, e,
		"UPDATE steps SET state = 'refused', reason = ?, settled_ms = ?, look_ms = NULL"
		" WHERE id = ? AND state = 'approval'",
		"sii", step->reason, now_ms, step->id))
		return false;
	*refused = sqlite3_changes(db->handle) == 1;
	return !*refused || put_reports(db, reports, n, e);
}

bool
store_refuse_held(struct store *s, const struct step *step, const struct step *reports, size_t n,
    int64_t now_ms, bool *refused, struct err *e)
{
	if (!db_begin(s, e))
		return false;
	return db_end(s, refuse_held(&s->writer, step, reports, n, now_ms, refused, e), e);
}

/* ---- somebody does ---- */

static void
read_approval(sqlite3_stmt *st, int64_t step, struct arena *a, struct approval *out)
{
	*out = (struct approval){
		.step_id = step,
		.at_ms = db_int(st, 0),
		.approves = db_int(st, 1) != 0,
		.seat = db_text(st, 2, a),
		.name = db_text(st, 3, a),
		.way = db_text(st, 4, a),
		.address = db_text(st, 5, a),
		.agent = db_text(st, 6, a),
	};
}

/* A step is decided long before it has so many. */
#define ANSWERS_MAX 100

static bool
read_approvals(
    struct db *db, int64_t step, struct arena *a, struct approval **out, size_t *n, struct err *e)
{
	struct approval *list = arena_alloc(a, ANSWERS_MAX * sizeof(*list));
	bool found = true, ok;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT at_ms, approves, seat, name, way, address, agent FROM approvals"
	    " WHERE step = ? ORDER BY answer LIMIT ?",
	    "ii", step, (int64_t)ANSWERS_MAX);

	*n = 0;
	ok = st != NULL;
	while (ok && (ok = db_step(db, st, &found, e)) && found)
		read_approval(st, step, a, &list[(*n)++]);
	*out = list;
	return ok;
}

/* Is it held, and still for a while? */
static bool
is_held(struct db *db, const struct approval *word, struct arena *a, struct err *e)
{
	bool found = false;
	struct step step;
	sqlite3_stmt *st =
	    db_bind(db, e, "SELECT " STEP_COLUMNS " FROM steps WHERE id = ?", "i", word->step_id);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	if (!found)
		return fail(e, ERR_NOT_FOUND, "there is no action %" PRId64, word->step_id);
	read_step(st, a, &step);
	db_reset(st);
	if (step.state != STEP_APPROVAL)
		return fail(e, ERR_CONFLICT,
		    "action %" PRId64 " is %s, it is not held for approval", step.id,
		    step_state_name(step.state));
	return step_held_until_ms(&step) == 0 || word->at_ms <= step.due_ms ||
	       fail(e, ERR_CONFLICT, "it is too late: nobody approved action %" PRId64 " in time",
		   step.id);
}

/* Two approvals are of two people, as far as anybody can tell. */
static bool
is_another(const struct approval *word, const struct approval *before, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (before[i].approves != word->approves)
			continue;
		if (str_eq(before[i].seat, word->seat))
			return fail(e, ERR_CONFLICT,
			    "action %" PRId64 " was approved by %.*s (%.*s) already, and that "
			    "counts once",
			    word->step_id, STR_ARG(before[i].name), STR_ARG(before[i].way));
		if (str_eq_nocase(before[i].name, word->name))
			return fail(e, ERR_CONFLICT,
			    "action %" PRId64 " was approved by %.*s already: another approval "
			    "must be another person's",
			    word->step_id, STR_ARG(before[i].name));
	}
	return true;
}

static struct str
names(const struct approval *before, size_t n, const struct approval *last, struct arena *a)
{
	struct str out = STR_EMPTY;

	for (size_t i = 0; i < n; i++)
		if (before[i].approves)
			out = arena_printf(a, "%.*s%.*s (%.*s), ", STR_ARG(out),
			    STR_ARG(before[i].name), STR_ARG(before[i].way));
	return arena_printf(
	    a, "%.*s%.*s (%.*s)", STR_ARG(out), STR_ARG(last->name), STR_ARG(last->way));
}

static bool
put_approval(struct db *db, const struct approval *w, struct err *e)
{
	return db_run(db, e,
		   "INSERT INTO approvals (step, at_ms, approves, seat, name, way, address, agent)"
		   " VALUES (?,?,?,?,?,?,?,?)",
		   "iiisssss", w->step_id, w->at_ms, (int64_t)w->approves, w->seat, w->name, w->way,
		   w->address, w->agent) &&
	       db_run(db, e,
		   "INSERT INTO meta VALUES ('" META_ANSWERS "', CAST(1 AS BLOB))"
		   " ON CONFLICT (name) DO UPDATE SET"
		   " value = CAST(CAST(CAST(value AS TEXT) AS INTEGER) + 1 AS BLOB)",
		   "");
}

static bool
let_go_on(
    struct db *db, const struct approval *w, struct str names_of, struct arena *a, struct err *e)
{
	struct str reason = arena_printf(a, "approved by %.*s", STR_ARG(names_of));

	return db_run(db, e,
	    "UPDATE steps SET state = 'waiting', reason = ?1, created_ms = ?2, due_ms = ?2,"
	    " look_ms = ?2 WHERE id = ?3",
	    "sii", reason, w->at_ms, w->step_id);
}

static bool
deny(struct db *db, const struct approval *w, const struct step *reports, size_t n, struct arena *a,
    struct err *e)
{
	struct str reason =
	    arena_printf(a, "denied by %.*s (%.*s)", STR_ARG(w->name), STR_ARG(w->way));

	return db_run(db, e,
		   "UPDATE steps SET state = 'refused', reason = ?, settled_ms = ?,"
		   " look_ms = NULL WHERE id = ?",
		   "sii", reason, w->at_ms, w->step_id) &&
	       put_reports(db, reports, n, e);
}

static bool
answer(struct db *db, const struct approval *w, int64_t quorum, const struct step *reports,
    size_t n_reports, struct approval_outcome *out, struct arena *a, struct err *e)
{
	struct approval *before;
	size_t n;

	*out = (struct approval_outcome){ 0 };
	if (!is_held(db, w, a, e) || !read_approvals(db, w->step_id, a, &before, &n, e) ||
	    !is_another(w, before, n, e) || !put_approval(db, w, e) ||
	    !db_number(db, META_ANSWERS, &out->answers, e))
		return false;
	if (!w->approves)
		return deny(db, w, reports, n_reports, a, e);
	out->approvals = 1;
	for (size_t i = 0; i < n; i++)
		out->approvals += before[i].approves;
	out->missing = quorum > out->approvals ? quorum - out->approvals : 0;
	return out->missing > 0 || let_go_on(db, w, names(before, n, w, a), a, e);
}

bool
store_answer_approval(struct store *s, const struct approval *word, int64_t quorum,
    const struct step *reports, size_t n, struct approval_outcome *out, struct err *e)
{
	struct approval_outcome outcome;
	struct arena *a;
	bool ok;

	if (!db_begin(s, e))
		return false;
	a = arena_new();
	ok = answer(&s->writer, word, quorum, reports, n, &outcome, a, e);
	if (ok && FAULT("store.approve"))
		ok = fail(e, ERR_SYSTEM, "fault ordered at store.approve");
	ok = db_end(s, ok, e);
	arena_free(a);
	if (ok)
		*out = outcome;
	return ok;
}

/* ---- look ---- */

bool
store_list_approvals(struct store *s, int64_t step, struct arena *a, struct approval **rows,
    size_t *n, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&s->reader.lock);
	ok = read_approvals(&s->reader, step, a, rows, n, e);
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}

bool
store_count_answers(struct store *s, int64_t *n, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&s->reader.lock);
	ok = db_number(&s->reader, META_ANSWERS, n, e);
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}
