/*
 * Start reading here.
 *
 * Happy path
 *   receive   a listener thread queues the delivery; the committer appends all that has gathered to
 *             the inbox with one fdatasync, and only then each sender hears 200
 *   decide    the decider reads the inbox, parses the alert, asks every rule, builds the plan with
 *             the guards applied, and commits events, reasons and steps to the store
 *   perform   a performer claims a step that is due, runs its action, and commits what became of it
 *
 * What can go wrong
 *   disk      the sender hears 503 and comes again; a decision is tried again
 *   crash     the inbox is replayed, leases are void, an action finds its own earlier work
 *   poison    an event that kills the decider is set aside the third time
 *   Azure     the step is done again later, its destination rests, and after a day it has failed
 */
#include "daemon/pipeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "core/source_list.h"
#include "core/trace.h"
#include "daemon/outcome.h"
#include "daemon/report.h"
#include "daemon/told.h"

bool
pipeline_init(struct pipeline *p, struct inbox *inbox, struct store *store, struct current *current,
    int64_t connections, struct err *e)
{
	int64_t half = connections / 2;

	memset(p, 0, sizeof(*p));
	if (!store_decided_seq(store, &p->decided_seq, e))
		return false;
	p->inbox = inbox;
	p->store = store;
	p->current = current;
	queue_init(&p->queue, half < QUEUE_MAX ? (size_t)half : QUEUE_MAX);
	bell_init(&p->calm);
	bell_init(&p->room);
	bell_init(&p->decided);
	bell_init(&p->due);
	trouble_init(&p->keeping, "deliveries could not be kept, senders are told to come again",
	    "deliveries are kept again");
	trouble_init(&p->deciding, "decisions cannot be stored, what was received waits",
	    "decisions are stored again");
	trouble_init(
	    &p->performing, "actions cannot be stored, trying again", "actions are stored again");
	return true;
}

void
pipeline_done(struct pipeline *p)
{
	trouble_done(&p->performing);
	trouble_done(&p->deciding);
	trouble_done(&p->keeping);
	bell_done(&p->due);
	bell_done(&p->decided);
	bell_done(&p->room);
	bell_done(&p->calm);
	queue_done(&p->queue);
}

/* ==== receive ================================================================================ */

bool
pipeline_receive(void *ctx, struct received *r)
{
	struct pipeline *p = ctx;

	if (queue_put(&p->queue, r))
		return true;
	atomic_store(&p->refused_ms, clock_mono_ms());
	return false;
}

bool
pipeline_is_refusing(struct pipeline *p)
{
	int64_t last = atomic_load(&p->refused_ms);

	return last != 0 && clock_mono_ms() - last < PIPELINE_REFUSED_MS;
}

void
pipeline_close(struct pipeline *p)
{
	queue_close(&p->queue);
	bell_ring(&p->calm);
}

bool
pipeline_commit_group(struct pipeline *p)
{
	struct received *group[QUEUE_GROUP_MAX];
	struct delivery *deliveries[QUEUE_GROUP_MAX];
	size_t n = queue_take(&p->queue, group);
	bool kept, written = false;
	struct err e;

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		deliveries[i] = &group[i]->delivery;
	kept = inbox_append(p->inbox, deliveries, n, &e);
	for (size_t i = 0; i < n; i++)
		written = written || deliveries[i]->seq != 0;
	if (!kept) {
		atomic_fetch_add(&p->figures_failed_commits, 1);
		trouble_begin(&p->keeping, &e);
	} else if (written) { /* duplicates touch no disk, and say nothing about it */
		trouble_end(&p->keeping);
	}
	/* Everything from here on may be cut short: what is kept is replayed at the next start. */
	for (size_t i = 0; i < n; i++) {
		queue_leave(&p->queue);
		received_done(group[i], kept ? KEPT : KEPT_LATER);
	}
	if (kept)
		bell_ring(&p->decided);
	if (inbox_wants_room(p->inbox))
		bell_ring(&p->room);
	return true;
}

/* After a failure: is it still there? */
static bool
is_failing(struct pipeline *p)
{
	char text[ERR_TEXT_MAX];
	struct err e;

	if (!trouble_now(&p->keeping, text))
		return false;
	if (!inbox_probe(p->inbox, &e)) {
		trouble_begin(&p->keeping, &e);
		return true;
	}
	trouble_end(&p->keeping);
	return false;
}

bool
pipeline_wait_received(struct pipeline *p)
{
	return queue_wait(&p->queue, is_failing(p) ? PIPELINE_PROBE_MS : INT64_MAX);
}

/* ==== decide ================================================================================= */

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
	struct told **told; /* the end of a list */
};

static int64_t
count_steps(void *ctx, struct str action, struct str subscription, int64_t since_ms)
{
	return store_count_steps(ctx, action, subscription, since_ms);
}

/* The pure part: from an alert to what is to be done about it. */
static void
judge(struct deciding *d, const struct alert *al, struct decision *decision)
{
	struct guard_facts facts = { d->now_ms, count_steps, d->p->store };
	struct plan *plan = arena_alloc(d->scratch, sizeof(*plan));
	struct verdict *verdicts;
	size_t n;

	rules_judge(d->config->rules, al, d->scratch, &verdicts, &n);
	plan_build(d->config->settings, verdicts, n, al, &facts, d->scratch, plan);
	report_complete(plan, al, d->config->settings, d->now_ms, d->scratch);
	for (size_t i = 0; i < plan->n; i++)
		plan->steps[i].destination = action_destination(&plan->steps[i], d->scratch);
	decision->trace = json_print(trace_json(verdicts, n, d->scratch), d->scratch);
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

/* All of them in one commit. */
static bool
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

/* A record that was read and does not hold: true when it was tried often enough to go on. */
static bool
give_up_record(struct pipeline *p, uint64_t seq, const struct err *e)
{
	/* What the disk cannot read may hold: it is waited for, however long. */
	if (e->kind != ERR_NOT_FOUND || ++p->failed_reads < PIPELINE_READS_MAX)
		return false;
	log_error("record %" PRIu64 " is left out: %s", seq, e->text);
	atomic_fetch_add(&p->figures_damaged, 1);
	p->failed_reads = 0;
	return true;
}

/* Read ahead as much as may share a commit. */
static bool
read_group(struct pipeline *p, struct delivery *group, size_t *n, struct arena *a, struct err *e)
{
	uint64_t after = p->decided_seq;
	size_t bytes = 0;
	bool found = true;

	*n = 0;
	while (*n < PIPELINE_DECIDE_MAX && bytes < PIPELINE_DECIDE_BYTES) {
		if (!inbox_read(p->inbox, after, a, &group[*n], &found, e)) {
			if (*n > 0) /* decide what could be read first */
				return true;
			if (!give_up_record(p, after + 1, e))
				return false;
			p->decided_seq = ++after;
			continue;
		}
		if (!found)
			break;
		p->failed_reads = 0;
		after = group[*n].seq;
		bytes += group[*n].body.n;
		(*n)++;
	}
	return true;
}

/* Once in a process, before anything is decided. */
static bool
count_death(struct pipeline *p, struct err *e)
{
	if (!p->death_counted)
		p->death_counted = store_count_death(p->store, &p->deadly_seq, e);
	return p->death_counted;
}

bool
pipeline_decide(struct pipeline *p, struct arena *a, bool *found, struct err *e)
{
	struct delivery *group = arena_alloc(a, PIPELINE_DECIDE_MAX * sizeof(*group));
	size_t n;

	*found = false;
	if (!count_death(p, e) || !read_group(p, group, &n, a, e))
		return false;
	*found = n > 0;
	if (!*found)
		return store_mend(p->store, e);
	/* Up to where a process died each has a commit of its own: what is done stays done. */
	if (group[0].seq <= p->deadly_seq)
		n = 1;
	if (!decide_group(p, group, n, a, e))
		return false;
	p->decided_seq = group[n - 1].seq;
	inbox_release(p->inbox, p->decided_seq);
	bell_ring(&p->due);
	return true;
}

/* Senders come first, as long as less than half of the journal is full: then they wait for us. */
static bool
gives_way(struct pipeline *p, const struct inbox_figures *f)
{
	return f->bytes_in_use < f->bytes_max / 2 && queue_is_pressed(&p->queue);
}

bool
pipeline_gives_way(struct pipeline *p)
{
	struct inbox_figures f;

	inbox_figures(p->inbox, &f);
	return gives_way(p, &f);
}

/* How long the decider leaves the machine to others after a group. */
static int64_t
pause_after(struct pipeline *p, int64_t worked_ms)
{
	struct inbox_figures f;
	int64_t ms = 0, half, room;

	inbox_figures(p->inbox, &f);
	half = f.bytes_max / 2;
	room = half - f.bytes_in_use;
	/* The fuller the journal, the less. */
	if (gives_way(p, &f))
		ms = PIPELINE_YIELD * (worked_ms < 1 ? 1 : worked_ms) * room / half;
	/* What comes meanwhile shares a commit. */
	if (f.waiting < PIPELINE_DECIDE_MAX && ms < PIPELINE_PACE_MS)
		ms = PIPELINE_PACE_MS;
	return ms < PIPELINE_YIELD_MAX_MS ? ms : PIPELINE_YIELD_MAX_MS;
}

void
pipeline_pause(struct pipeline *p, int64_t ms)
{
	uint64_t rings = bell_rings(&p->calm);

	if (ms > 0 && !queue_is_closed(&p->queue))
		bell_wait(&p->calm, rings, ms);
}

void
pipeline_give_way(struct pipeline *p, int64_t worked_ms)
{
	pipeline_pause(p, pause_after(p, worked_ms));
}

/* ==== perform ================================================================================ */

/* The alert of a claimed step, read again from what was received. */
static bool
read_alert(const struct claimed *c, struct arena *a, struct alert *al, struct err *e)
{
	struct event_headers headers;
	struct event_batch batch;
	struct event *ev;

	event_headers_read(c->event_headers, a, &headers);
	event_batch_parse(c->event_raw, &headers, a, &batch);
	ev = &batch.events[0];
	if (batch.n != 1 || ev->kind != EVENT_NOTIFICATION)
		return fail(e, ERR_INPUT, "the stored event cannot be read any more");
	return alert_parse(ev, a, al, e);
}

/*
 * A way back is told by what was stored before the change: it is gone even when the event can no
 * longer be read, because a later version reads more strictly.
 */
static bool
read_alert_for(const struct claimed *c, struct arena *a, struct alert *al, struct err *e)
{
	if (read_alert(c, a, al, e))
		return true;
	if (c->step.undo_of != 0)
		al->id = arena_printf(a, "%" PRId64, c->step.alert_id);
	return c->step.undo_of != 0;
}

/* The way back at the time that the action asked for: "expires_ms" in its result. */
static bool
plan_expiry(struct pipeline *p, const struct step *step, struct str alert_id, struct arena *a,
    struct err *e)
{
	struct json *result;
	struct err ignored;
	struct step undo;
	int64_t at, id;

	if (step->state != STEP_DONE || step->undo_of != 0 || step->result.n == 0)
		return true;
	result = json_parse(step->result, a, &ignored);
	if (!json_int(json_get(result, "expires_ms"), &at))
		return true;
	step_undo(step, alert_id, at, a, &undo);
	return store_add_step(p->store, &undo, &id, e);
}

/* What follows from a step that is settled. */
static bool
follow_up(struct pipeline *p, const struct claimed *c, const struct step *step,
    const struct settings *settings, struct str alert_id, int64_t now_ms, struct arena *a,
    struct err *e)
{
	struct step report;
	int64_t id;

	if (step->state == STEP_WAITING)
		return true;
	if (!plan_expiry(p, step, alert_id, a, e))
		return false;
	if (report_afterwards(c, step, alert_id, settings, now_ms, a, &report))
		return store_add_step(p->store, &report, &id, e);
	return true;
}

static enum outcome
run(struct performer *performer, const struct settings *settings, const struct claimed *c,
    struct job *job, struct alert *al, int64_t now_ms, struct arena *a, struct err *e)
{
	struct json *trace;
	struct verdict_text *reasons;
	char uuid[UUID_MAX];

	if (!read_alert_for(c, a, al, e))
		return OUTCOME_NEVER;
	/* Planned before somebody said shadow, and nothing was changed yet: it stays undone. */
	if (settings->mode == GUARD_SHADOW && c->step.disruptive && c->step.undo_of == 0 &&
	    c->step.before.n == 0) {
		fail(e, ERR_DENIED, "guards.mode is shadow now");
		return OUTCOME_REFUSED;
	}
	trace = json_parse(c->trace.n == 0 ? STR("{}") : c->trace, a, e);
	trace_reasons(trace, a, &reasons, &job->n_reasons);
	job->reasons = reasons;
	job->alert = al;
	job->correlation_id = arena_str(a, str_of(uuid_from(al->id, uuid)));
	job->steps = c->steps;
	job->n_steps = c->n_steps;
	return performer_run(performer, job, now_ms, a, e);
}

/* Commit what became of the step and what follows from it; may be done again after a failure. */
static bool
settle(struct pipeline *p, const struct claimed *c, const struct job *job,
    const struct settings *settings, int64_t now_ms, struct arena *a, struct err *e)
{
	if (FAULT("perform.ran"))
		return fail(e, ERR_SYSTEM, "fault ordered at perform.ran");
	if (job->rest_ms > 0 &&
	    !store_rest(p->store, job->step.destination, now_ms + job->rest_ms, e))
		return false;
	return follow_up(p, c, &job->step, settings, job->alert->id, now_ms, a, e) &&
	       store_settle_step(p->store, &job->step, now_ms, job->calls, job->n_calls, e);
}

bool
pipeline_perform_one(struct pipeline *p, struct performer *performer,
    const struct settings *settings, struct arena *a, bool *found, int64_t *next_ms, struct err *e)
{
	struct claimed c;
	struct alert al = { .id = STR_EMPTY };
	struct job job = { .alert = &al };
	struct err trouble = { .kind = ERR_SYSTEM };
	enum outcome outcome;
	int64_t now_ms = clock_now_ms();

	if (!store_claim_step(p->store, now_ms, PIPELINE_LEASE_MS, settings->report_wait_ms, a, &c,
		found, next_ms, e))
		return false;
	if (!*found)
		return true;
	job.step = c.step;
	outcome = run(performer, settings, &c, &job, &al, now_ms, a, &trouble);
	now_ms = clock_now_ms();
	outcome_conclude(&job.step, &c.step, outcome, now_ms, a, &trouble);
	/* What was done is not forgotten because the disk is full just now. */
	while (!settle(p, &c, &job, settings, now_ms, a, e)) {
		if (queue_is_closed(
			&p->queue)) /* the next start finds the lease void and the work done */
			return false;
		/* Settled by a commit that was told to have failed, or claimed by another. */
		if (e->kind == ERR_CONFLICT || e->kind == ERR_NOT_FOUND)
			break;
		trouble_begin(&p->performing, e);
		bell_wait(&p->due, bell_rings(&p->due), PIPELINE_SETTLE_PAUSE_MS);
	}
	outcome_log(&job.step);
	/* Others may have waited for this one: reports, and what rests no more. */
	bell_ring(&p->due);
	return true;
}
