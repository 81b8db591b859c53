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
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "core/trace.h"
#include "daemon/digest.h"
#include "daemon/outcome.h"
#include "daemon/report.h"
#include "decide.h"
#include "join.h"

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
	p->links = approval_links_new();
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
	count_done(&p->counting);
	trouble_done(&p->performing);
	trouble_done(&p->deciding);
	trouble_done(&p->keeping);
	approval_links_free(p->links);
	silences_free(p->silences);
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
	struct step *reports;
	size_t n;
	int64_t id;

	if (step->state == STEP_WAITING)
		return true;
	if (!plan_expiry(p, step, alert_id, a, e))
		return false;
	n = report_afterwards(c, step, alert_id, settings, now_ms, a, &reports);
	for (size_t i = 0; i < n; i++)
		if (!store_add_step(p->store, &reports[i], &id, e))
			return false;
	return true;
}

/* *outcome: what becomes of a destructive step while panic is on, or nobody can tell. */
static bool
panic_stops(struct pipeline *p, const struct step *step, enum outcome *outcome, struct err *e)
{
	int64_t since_ms;

	if (!step->disruptive || step->undo_of != 0)
		return false;
	if (!store_panic_since(p->store, &since_ms, e)) {
		*outcome = OUTCOME_LATER;
		return true;
	}
	if (since_ms == 0)
		return false;
	fail(e, ERR_DENIED, "stopped by panic");
	*outcome = step->before.n > 0 ? OUTCOME_NEVER : OUTCOME_REFUSED;
	return true;
}

static enum outcome
run(struct pipeline *p, struct performer *performer, const struct settings *settings,
    const struct claimed *c, struct job *job, struct alert *al, int64_t now_ms, struct arena *a,
    struct err *e)
{
	enum outcome outcome;
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
	if (panic_stops(p, &c->step, &outcome, e))
		return outcome;
	if (!join_earlier(p->store, job, a, e))
		return OUTCOME_LATER;
	trace = json_parse(c->trace.n == 0 ? STR("{}") : c->trace, a, e);
	trace_reasons(trace, a, &reasons, &job->n_reasons);
	job->reasons = reasons;
	job->alert = al;
	job->correlation_id = arena_str(a, str_of(uuid_from(al->id, uuid)));
	job->steps = c->steps;
	job->n_steps = c->n_steps;
	job->halted = &p->halted;
	job->approvals = approval_links_get(p->links, a);
	if (!digest_prepare(p->store, job, a, e))
		return OUTCOME_LATER;
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

/* Default deny: a step that was held and that nobody approved in time. */
static bool
refuse_late(struct pipeline *p, const struct claimed *c, const struct settings *settings,
    int64_t now_ms, struct arena *a, struct err *e)
{
	struct alert al = { .id = STR_EMPTY };
	struct step step = c->step, *reports = NULL;
	struct err ignored;
	size_t n = 0;
	bool refused;

	step.state = STEP_REFUSED;
	step.reason = arena_printf(
	    a, "nobody approved it in time; it was held: %.*s", STR_ARG(c->step.reason));
	if (read_alert_for(c, a, &al, &ignored))
		n = report_afterwards(c, &step, al.id, settings, now_ms, a, &reports);
	if (!store_refuse_held(p->store, &step, reports, n, now_ms, &refused, e))
		return false;
	if (refused)
		outcome_log(&step);
	bell_ring(&p->due);
	return true;
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
	if (c.step.state == STEP_APPROVAL)
		return refuse_late(p, &c, settings, now_ms, a, e);
	job.step = c.step;
	outcome = run(p, performer, settings, &c, &job, &al, now_ms, a, &trouble);
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
