/*
 * What the decider writes: events, alerts, steps.  All of a group in one transaction.
 */
#include <inttypes.h>
#include <string.h>

#include "sqlite.h"

static const char *const state_names[] = {
	[EVENT_STATE_DECIDED] = "decided",
	[EVENT_STATE_UNREADABLE] = "unreadable",
	[EVENT_STATE_DAMAGED] = "damaged",
	[EVENT_STATE_NOTICE] = "notice",
	[EVENT_STATE_REFUSED] = "refused",
};

const char *
event_state_name(enum event_state s)
{
	return state_names[s];
}

bool
store_begin(struct store *s, struct err *e)
{
	return db_begin(s, e);
}

bool
store_commit(struct store *s, uint64_t decided_seq, struct err *e)
{
	struct arena *a = arena_new();
	struct str seq = arena_printf(a, "%" PRIu64, decided_seq);
	bool ok = db_run(&s->writer, e,
		      "INSERT INTO meta VALUES ('decided_seq', CAST(? AS BLOB))"
		      " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		      "s", seq) &&
		  db_run(&s->writer, e, "DELETE FROM hand_outs WHERE seq <= ?", "i",
		      (int64_t)decided_seq);

	ok = db_end(s, ok, e);
	arena_free(a);
	return ok;
}

void
store_rollback(struct store *s)
{
	struct err ignored;

	(void)db_end(s, false, &ignored);
}

/* ---- one decision ---- */

/* What an alert's row says; an event that is no alert is named after what it is. */
struct facts {
	struct str key, name, severity, status, type, resource, entity, form;
};

static struct facts
facts_of(const struct decision *d, struct arena *a)
{
	const struct alert *al = d->alert;
	char hex[2 * sizeof(d->hash.bytes) + 1];

	if (al != NULL)
		return (struct facts){ al->id, al->name, al->severity, al->status, al->type,
			al->resource_text, al->compromised_entity, str_of(al->form) };
	hex_encode(d->hash.bytes, sizeof(d->hash.bytes), hex);
	return (struct facts){
		.key = arena_printf(a, "event:%s", hex),
		.name = arena_printf(a, "(%s event)", state_names[d->state]),
		.severity = STR_EMPTY,
		.status = STR_EMPTY,
		.type = d->event->type,
		.resource = STR_EMPTY,
		.entity = STR_EMPTY,
		.form = STR_EMPTY,
	};
}

/* The alert's row, new or brought up to date. */
static bool
put_alert(
    struct db *db, const struct decision *d, const struct facts *f, int64_t *id, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st = db_bind(db, e,
	    "INSERT INTO alerts (key, name, severity, status, type, resource, entity, form,"
	    " first_ms, last_ms) VALUES (?,?,?,?,?,?,?,?,?,?)"
	    " ON CONFLICT (key) DO UPDATE SET name = excluded.name, severity = excluded.severity,"
	    " status = excluded.status, type = excluded.type, resource = excluded.resource,"
	    " entity = excluded.entity, form = excluded.form, last_ms = excluded.last_ms"
	    " RETURNING id",
	    "ssssssssii", f->key, f->name, f->severity, f->status, f->type, f->resource, f->entity,
	    f->form, d->received_ms, d->decided_ms);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	*id = db_int(st, 0);
	db_reset(st);
	return true;
}

static bool
known(struct db *db, const struct hash128 *hash, bool *out, struct err *e)
{
	sqlite3_stmt *st = db_bind(db, e, "SELECT 1 FROM events WHERE hash = ?", "b", hash);

	if (st == NULL || !db_step(db, st, out, e))
		return false;
	if (*out)
		db_reset(st);
	return true;
}

static bool
put_event(struct db *db, const struct decision *d, int64_t alert, int64_t *id, struct err *e)
{
	const struct event *ev = d->event;

	if (!db_run(db, e,
		"INSERT INTO events (hash, alert, event_id, source, type, received_ms, decided_ms,"
		" state, reason, headers, raw, trace, rules) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
		"bisssiissssss", &d->hash, alert, ev->id, ev->source, ev->type, d->received_ms,
		d->decided_ms, str_of(state_names[d->state]), d->reason, d->headers, ev->raw,
		d->trace, d->rules_hash))
		return false;
	*id = sqlite3_last_insert_rowid(db->handle);
	return true;
}

struct hash128
forgotten_key(struct str key)
{
	unsigned char digest[32];
	struct hash128 h;

	sha256_parts(&key, 1, digest);
	memcpy(h.bytes, digest, sizeof(h.bytes));
	return h;
}

/* Done for this alert long ago, and deleted since. */
static bool
was_forgotten(struct db *db, struct str key, bool *out, struct err *e)
{
	struct hash128 h = forgotten_key(key);
	sqlite3_stmt *st = db_bind(db, e, "SELECT 1 FROM forgotten WHERE key = ?", "b", &h);

	if (st == NULL || !db_step(db, st, out, e))
		return false;
	if (*out)
		db_reset(st);
	return true;
}

bool
store_put_decision(struct store *s, const struct decision *d, bool *fresh, struct err *e)
{
	struct db *db = &s->writer;
	struct facts facts;
	struct arena *a;
	int64_t alert, event;
	bool is_known, forgotten, ok;

	if (!known(db, &d->hash, &is_known, e))
		return false;
	*fresh = !is_known;
	if (is_known)
		return true;
	a = arena_new();
	facts = facts_of(d, a);
	ok = put_alert(db, d, &facts, &alert, e) && put_event(db, d, alert, &event, e) &&
	     put_cooldowns(db, d->plan, alert, facts.key, d->decided_ms, e);
	for (size_t i = 0; ok && d->plan != NULL && i < d->plan->n; i++) {
		struct step step = d->plan->steps[i];

		step.alert_id = alert;
		step.event_id = event;
		ok = was_forgotten(db, step.key, &forgotten, e) &&
		     (forgotten || insert_step(db, &step, e));
	}
	if (ok && d->counted != NULL && d->alert != NULL)
		ok = insert_counted(db, d->counted,
		    &(const struct counted_at){ d->alert->id, alert, event, d->received_ms }, e);
	arena_free(a);
	return ok;
}

/* ---- steps ---- */

/* A step that a guard refused, or that is only shadow, is settled when it is made. */
static bool
is_settled(enum step_state state)
{
	switch (state) {
	case STEP_WAITING:
	case STEP_RUNNING:
	case STEP_APPROVAL:
		return false;
	case STEP_DONE:
	case STEP_FAILED:
	case STEP_REFUSED:
	case STEP_SUPPRESSED:
	case STEP_SHADOW:
		break;
	}
	return true;
}

bool
insert_step(struct db *db, const struct step *step, struct err *e)
{
	char subscription[STEP_SUBSCRIPTION_MAX];

	if (!db_run(db, e,
		"INSERT INTO steps (key, alert, event, rule, action, target, params, disruptive,"
		" reports, undo_of, state, reason, attempts, troubles, created_ms, due_ms, look_ms,"
		" settled_ms, record, cursor, result, destination, subscription, silence)"
		" VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,0,0,?13,?14,"
		" CASE WHEN ?11 = 'waiting' OR (?11 = 'approval' AND ?14 > ?13) THEN ?14 "
		"END,?15,?16,'','',?17,?18,?19)"
		" ON CONFLICT (key) DO NOTHING",
		"siissssiiissiiisssi", step->key, step->alert_id, step->event_id, step->rule,
		step->action, step->target, step->params, (int64_t)step->disruptive,
		(int64_t)step->reports, step->undo_of, str_of(step_state_name(step->state)),
		step->reason, step->created_ms, step->due_ms,
		is_settled(step->state) ? step->created_ms : (int64_t)0, step->before,
		step->destination, step_subscription(step->target, subscription), step->silence))
		return false;
	return sqlite3_changes(db->handle) == 0 || silence_count(db, step, e);
}

int64_t
store_count_steps(struct store *s, const struct step_filter *which)
{
	struct err e;
	bool found = false;
	int64_t n = INT32_MAX; /* what cannot be counted is a budget used up */
	sqlite3_stmt *st;

	st = db_bind(&s->writer, &e,
	    "SELECT count(*) FROM steps WHERE disruptive AND undo_of = 0 AND action = ?"
	    " AND created_ms > ? AND state IN ('waiting', 'running', 'done', 'failed')"
	    " AND (?3 = '' OR subscription = lower(?3)) AND (?4 = '' OR lower(target) = lower(?4))"
	    " AND (?5 = '' OR rule = ?5)",
	    "sisss", which->action, which->since_ms, which->subscription, which->target,
	    which->rule);
	if (st != NULL && db_step(&s->writer, st, &found, &e) && found) {
		n = db_int(st, 0);
		db_reset(st);
	}
	return n;
}
