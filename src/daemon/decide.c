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
#include "core/decide.h"
#include "core/trace.h"
#include "daemon/count.h"
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

static bool
fired(void *ctx, struct str rule, struct str key, struct arena *a, struct rule_fired *out)
{
	return store_cooldown(ctx, rule, key, a, out);
}

static struct str
waiting_digest(void *ctx, struct str channel, struct str params, struct arena *a)
{
	return store_waiting_digest(ctx, channel, params, a);
}

/* Rules whose tests fail are in force only since a start: there was nothing better. */
static struct str
doubt(const struct config *c, struct arena *a)
{
	if (c->tests_failed == 0)
		return STR_EMPTY;
	return arena_printf(a, "%zu of the tests of the rules fail", c->tests_failed);
}

/* The pure part, and what tells people of it. */
static void
decide_readable(struct deciding *d, const struct event *ev, struct decision *decision)
{
	const struct settings *s = d->config->settings;
	const struct guard_facts facts = { .now_ms = d->now_ms,
		.count = count_steps,
		.count_ctx = d->p->store,
		.panic_ms = d->panic_ms,
		.fired = fired,
		.waiting_digest = waiting_digest,
		.doubt = doubt(d->config, d->scratch),
		.silences = d->p->silences };
	const struct past past = store_past(d->p->store, d->delivery->received_ms);
	const struct decide_by by = {
		.settings = s, .rules = d->config->rules, .facts = &facts, .past = &past
	};
	struct decided *out = arena_alloc(d->scratch, sizeof(*out));

	decide_event(&by, ev, d->scratch, out);
	decision->state = out->state;
	decision->reason = out->reason;
	if (out->state != EVENT_STATE_DECIDED)
		return;
	report_plan(&out->plan, out->alert, s, &facts, d->scratch);
	decision->alert = out->alert;
	decision->trace = json_print(trace_of(out, d->config->rules, d->scratch), d->scratch);
	decision->plan = &out->plan;
	decision->counted = &out->counted;
}

/* What people said about silences since: it holds from this group on. */
static bool
follow_silences(struct pipeline *p, struct arena *a, struct err *e)
{
	int64_t version = p->silences_version;
	struct silence *list;
	bool changed;
	size_t n;

	if (!store_silences_changed(p->store, &version, &changed, e))
		return false;
	if (!changed)
		return true;
	if (!store_silences_to_come(p->store, clock_now_ms(), a, &list, &n, e))
		return false;
	silences_free(p->silences);
	p->silences = n == 0 ? NULL : silences_new(list, n);
	p->silences_version = version;
	return true;
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
		atomic_fetch_add(&p->figures_silenced, told->silenced);
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
		decide_readable(d, ev, &decision);
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

/* The text of what decides is in the store with the first that it decides. */
static bool
keep_rules(struct pipeline *p, const struct config *c, struct err *e)
{
	return p->rules_kept == c->rules_number || store_put_rules(p->store, rules_hash(c->rules),
						       str_of(c->rules_text), clock_now_ms(), e);
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
	bool begun = count_follow(&p->counting, p->store, config, e) && store_begin(p->store, e);
	bool ok = begun && store_panic_holds(p->store, &d.panic_ms, e) &&
		  follow_silences(p, a, e) && keep_rules(p, config, e);

	d.told = &told;
	for (size_t i = 0; ok && i < n; i++) {
		d.delivery = &group[i];
		d.now_ms = clock_now_ms();
		ok = decide_delivery(&d, e);
	}
	if (begun && !ok)
		store_rollback(p->store);
	/* What the store makes of it is no event's fault. */
	store_take_back(p->store);
	ok = ok && store_commit(p->store, group[n - 1].seq, e);
	if (ok) {
		p->rules_kept = config->rules_number;
		tell(p, told);
	}
	arena_free(d.scratch);
	arena_free(d.parsed);
	config_unref(config);
	return ok;
}
