/*
 * Happy path: each event of each delivery is handed out, its source asked for, its alert read and
 * judged, and what came of it is put into one commit; only then it is told.
 * What can go wrong: an event that nobody can read, or that is not ours, is kept with its reason;
 * one that ended the program too often is kept and not looked into; the store fails, and the whole
 * group is decided again.
 */
#include "decide.h"

#include "base/clock.h"
#include "base/fault.h"
#include "core/source_list.h"
#include "core/trace.h"
#include "daemon/digest.h"
#include "daemon/report.h"
#include "daemon/told.h"

/* What deciding one delivery needs. */
struct deciding {
	struct pipeline *p;
	const struct config *config;
	const struct delivery *delivery;
	struct event_headers headers;
	struct arena *arena;   /* of the group */
	struct arena *parsed;  /* of one delivery: its events, up to 200 times as large */
	struct arena *scratch; /* of one event: its trees are many times as large as itself */
	int64_t now_ms;
	int64_t panic_ms;   /* as in guard_facts */
	struct told **told; /* the end of a list */
};

static int64_t
count_steps(void *ctx, const struct step_filter *which)
{
	return store_count_steps(ctx, which);
}

/* The pure part: from an alert to what is to be done about it. */
static void
judge(struct deciding *d, const struct alert *al, struct decision *decision)
{
	struct guard_facts facts = { d->now_ms, count_steps, d->p->store, d->panic_ms };
	struct plan *plan = arena_alloc(d->scratch, sizeof(*plan));
	struct verdict *verdicts;
	size_t n, not_asked;

	not_asked = rules_judge(d->config->rules, al, d->now_ms, d->scratch, &verdicts, &n);
	plan_build(d->config->settings, verdicts, n, al, &facts, d->scratch, plan);
	report_complete(plan, al, d->config->settings, d->now_ms, d->scratch);
	digest_join(plan, al->id, d->config->settings, d->p->store, d->now_ms, d->scratch);
	for (size_t i = 0; i < plan->n; i++)
		plan->steps[i].destination = action_destination(&plan->steps[i], d->scratch);
	decision->trace = json_print(trace_json(verdicts, n, not_asked, d->scratch), d->scratch);
	decision->plan = plan;
}

static void
decide_event(struct deciding *d, const struct event *ev, struct decision *decision)
{
	struct alert *al = arena_alloc(d->scratch, sizeof(*al));
	struct err e;

	if (ev->kind == EVENT_UNREADABLE) {
		decision->state = EVENT_STATE_UNREADABLE;
		decision->reason = ev->reason;
	} else if (!source_list_allows(
		       &d->config->settings->auth, ev, d->scratch, &decision->reason)) {
		decision->state = EVENT_STATE_REFUSED;
	} else if (ev->kind != EVENT_NOTIFICATION) {
		decision->state = EVENT_STATE_NOTICE;
	} else if (!alert_parse(ev, d->scratch, al, &e)) {
		decision->state = EVENT_STATE_UNREADABLE;
		decision->reason = arena_str(d->scratch, str_of(e.text));
	} else {
		decision->state = EVENT_STATE_DECIDED;
		decision->alert = al;
		judge(d, al, decision);
	}
}

/* Only what is committed: a rollback decides again, and people look at the store at once. */
static void
tell(struct pipeline *p, const struct told *told)
{
	for (; told != NULL; told = told->next) {
		if (told->state == EVENT_STATE_REFUSED)
			atomic_fetch_add(&p->figures_refused, 1);
		if (told->state == EVENT_STATE_DAMAGED)
			atomic_fetch_add(&p->figures_damaged, 1);
		told_log(told);
	}
}

static struct decision
decision_of(struct deciding *d, const struct event *ev, const struct hash128 *hash)
{
	return (struct decision){ .event = ev,
		.hash = *hash,
		.received_ms = d->delivery->received_ms,
		.decided_ms = d->now_ms,
		.rules_hash = rules_hash(d->config->rules),
		.headers = d->delivery->headers };
}

static bool
put(struct deciding *d, const struct decision *decision, struct err *e)
{
	bool fresh;

	if (!store_put_decision(d->p->store, decision, &fresh, e))
		return false;
	if (fresh) {
		*d->told = told_of(decision, d->arena);
		d->told = &(*d->told)->next;
	}
	return true;
}

/*
 * Say what comes next, so that the next process knows of what this one died.  *poison: too many
 * have died of it already.
 */
static bool
hand_out(struct deciding *d, int64_t event, bool *poison, struct err *e)
{
	int64_t deaths;

	if (!store_hand_out(d->p->store, d->delivery->seq, event, &deaths, e))
		return false;
	*poison = deaths >= PIPELINE_DEATHS_MAX;
	return true;
}

static bool
decide_one(struct deciding *d, size_t i, const struct event *ev, struct err *e)
{
	struct decision decision = decision_of(d, ev, &d->delivery->hashes[i]);
	bool poison;

	arena_reset(d->scratch);
	if (!hand_out(d, (int64_t)i, &poison, e))
		return false;
	if (!poison && FAULT("decide.event"))
		return fail(e, ERR_SYSTEM, "fault ordered at decide.event");
	if (poison) {
		decision.state = EVENT_STATE_DAMAGED;
		decision.reason = STR("deciding it ended the program several times");
	} else {
		decide_event(d, ev, &decision);
	}
	return put(d, &decision, e);
}

/* All of the body as one event that nobody looks into: nothing is lost, and somebody is told. */
static bool
keep_whole(struct deciding *d, struct str reason, struct err *e)
{
	struct event whole = { .kind = EVENT_UNREADABLE, .raw = d->delivery->body };
	struct hash128 hash;
	struct decision decision;

	hash128_all(d->delivery->hashes, d->delivery->n, &hash);
	decision = decision_of(d, &whole, &hash);
	decision.state = EVENT_STATE_DAMAGED;
	decision.reason = reason;
	return put(d, &decision, e);
}

static bool
decide_delivery(struct deciding *d, struct err *e)
{
	const struct delivery *dl = d->delivery;
	struct event_batch batch;
	bool poison;

	if (!hand_out(d, -1, &poison, e))
		return false;
	if (poison)
		return keep_whole(d, STR("reading it ended the program several times"), e);
	if (FAULT("decide.record"))
		return fail(e, ERR_SYSTEM, "fault ordered at decide.record");
	arena_reset(d->parsed);
	event_headers_read(dl->headers, d->parsed, &d->headers);
	event_batch_parse(dl->body, &d->headers, d->parsed, &batch);
	if (batch.n != dl->n) /* another version received it */
		return keep_whole(d,
		    arena_printf(d->arena, "it was received as %zu and is read as %zu events now",
			dl->n, batch.n),
		    e);
	for (size_t i = 0; i < batch.n; i++)
		if (dl->fresh[i] && !decide_one(d, i, &batch.events[i], e))
			return false;
	atomic_fetch_add(&d->p->figures_decided, (int64_t)batch.n);
	return true;
}

bool
decide_group(
    struct pipeline *p, const struct delivery *group, size_t n, struct arena *a, struct err *e)
{
	struct config *config = current_get(p->current);
	struct deciding d = {
		.p = p, .config = config, .arena = a, .parsed = arena_new(), .scratch = arena_new()
	};
	struct told *told = NULL;
	bool ok = store_begin(p->store, e);

	d.told = &told;
	if (ok && !store_panic_holds(p->store, &d.panic_ms, e)) {
		store_rollback(p->store);
		ok = false;
	}
	for (size_t i = 0; ok && i < n; i++) {
		d.delivery = &group[i];
		d.now_ms = clock_now_ms();
		ok = decide_delivery(&d, e);
		if (!ok)
			store_rollback(p->store);
	}
	/* What the store makes of it is no event's fault. */
	store_take_back(p->store);
	ok = ok && store_commit(p->store, group[n - 1].seq, e);
	if (ok)
		tell(p, told);
	arena_free(d.scratch);
	arena_free(d.parsed);
	config_unref(config);
	return ok;
}
