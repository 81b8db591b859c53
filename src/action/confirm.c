/*
 * Happy path: the alert is read from Defender for Cloud by its own id, with the reader that reads
 * events; it is of the same type and severity, about the step's target, and active or in progress.
 * What can go wrong: it is not there, it says something else, it is closed: refused.  Nobody
 * answers: asked again, and refused after a while; a missing permission does not pass: refused.
 *
 * An alert that a step of ours closes (set_alert_status) is not closed for the other steps: then
 * counts what it was before, which that step recorded.
 */
#include "confirm.h"

#include "azure/defender_alert.h"
#include "core/alert_source.h"
#include "tools.h"

static enum outcome
refused(struct err *e)
{
	fail_in(e, "not confirmed at source");
	return OUTCOME_REFUSED;
}

/* Tell what cannot be asked now from what cannot be asked at all. */
static enum outcome
unanswered(const struct action_env *env, const struct step *step, struct err *e)
{
	if (outcome_of(e) == OUTCOME_NEVER)
		return refused(e);
	if (env->now_ms - step->created_ms < CONFIRM_WAIT_MS) {
		fail_in(e, "waiting for Defender for Cloud to confirm the alert");
		return OUTCOME_LATER;
	}
	fail_in(e, "Defender for Cloud could not be asked for %d minutes", CONFIRM_WAIT_MS / 60000);
	return refused(e);
}

/* As an event that brings it. */
static bool
read_answer(const struct json *body, struct arena *a, struct alert *out, struct err *e)
{
	struct event *ev = arena_alloc(a, sizeof(*ev));

	*ev = (struct event){ .kind = EVENT_NOTIFICATION,
		.schema = SCHEMA_CUSTOM,
		.id = STR("alert"),
		.source = STR_EMPTY,
		.type = STR_EMPTY,
		.subject = STR_EMPTY,
		.time = STR_EMPTY,
		.data = json_print(body, a) };
	return alert_parse(ev, a, out, e);
}

static bool
same_severity(const struct alert *x, const struct alert *y)
{
	return x->level == SEVERITY_UNKNOWN ? str_eq_nocase(x->severity, y->severity)
					    : x->level == y->level;
}

static bool
differs(struct err *e, const char *what, struct str at_source, struct str event)
{
	return fail(e, ERR_DENIED,
	    "Defender for Cloud says the alert's %s is '%.*s', the event says '%.*s'", what,
	    STR_ARG(at_source), STR_ARG(event));
}

/* What the event does not say cannot differ; the target is what will be touched. */
static bool
same_alert(
    const struct alert *source, const struct alert *al, const struct step *step, struct err *e)
{
	struct buf b;
	bool same;

	if (al->type.n > 0 && !str_eq_nocase(source->type, al->type))
		return differs(e, "type", source->type, al->type);
	if (al->type.n == 0 && !str_eq_nocase(source->name, al->name))
		return differs(e, "name", source->name, al->name);
	if (!same_severity(source, al))
		return differs(e, "severity", source->severity, al->severity);
	buf_init(&b, RESOURCE_ID_MAX);
	if (source->has_resource)
		resource_id_format_owner(&source->resource, &b);
	same = source->has_resource && str_eq_nocase(buf_str(&b), step->target);
	buf_done(&b);
	return same || differs(e, "resource", source->resource_text, step->target);
}

static bool
is_open(struct str status)
{
	return str_is_nocase(status, "Active") || str_is_nocase(status, "InProgress");
}

/*
 * It is closed.  By us?  DONE: yes, and it was open before.  LATER: a step of ours is about to set
 * its status, and has not said yet what it was.
 */
static enum outcome
closed_by_us(struct action_env *env, const struct step *step, struct err *e)
{
	bool under_way = false;

	for (size_t i = 0; i < env->n_steps; i++) {
		const struct step *s = &env->steps[i];
		struct json *record;
		struct err ignored;

		if (!str_is(s->action, "set_alert_status") || s->undo_of != 0 || s->id == step->id)
			continue;
		if (stored_json(s->before, "record", env->arena, &record, &ignored) &&
		    is_open(json_text(json_get(record, "was"))))
			return OUTCOME_DONE;
		/* Waiting when this step was claimed: it may have begun since. */
		under_way =
		    under_way ||
		    (s->before.n == 0 && (s->state == STEP_RUNNING || s->state == STEP_WAITING));
	}
	return under_way ? later(e, BUSY_MS, "waiting for what sets the status of the alert")
			 : OUTCOME_NEVER;
}

static enum outcome
still_open(
    struct action_env *env, const struct alert *source, const struct step *step, struct err *e)
{
	enum outcome by_us;

	if (is_open(source->status))
		return OUTCOME_DONE;
	by_us = closed_by_us(env, step, e);
	if (by_us == OUTCOME_DONE)
		return OUTCOME_DONE;
	if (by_us == OUTCOME_LATER)
		return unanswered(env, step, e);
	fail(e, ERR_DENIED, "Defender for Cloud says the alert's status is '%.*s'",
	    STR_ARG(source->status));
	return refused(e);
}

enum outcome
confirm_at_source(struct action_env *env, const struct step *step, struct err *e)
{
	const struct json *body;
	struct alert source;
	struct str id;

	if (!env->settings->confirm_at_source || step->before.n > 0)
		return OUTCOME_DONE;
	if (!alert_source_id(env->alert, env->arena, &id, e))
		return refused(e);
	if (!defender_alert_get(env->arm, id, env->arena, &body, e))
		return unanswered(env, step, e);
	if (!read_answer(body, env->arena, &source, e) || !same_alert(&source, env->alert, step, e))
		return refused(e);
	return still_open(env, &source, step, e);
}
