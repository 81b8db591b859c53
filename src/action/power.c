/*
 * Happy path: the state is read and recorded, the machine is switched, the long operation is waited
 * for, and the state is read again.
 * What can go wrong: it is gone, somebody starts or stops it at the same time (wait and look
 * again), a permission is missing.
 */
#include "power.h"

#include "azure/vm.h"
#include "base/fault.h"
#include "operations.h"
#include "tools.h"

/* What both ways begin with: nothing under way, and the state as it is now. */
static enum outcome
look(struct power *p, struct err *e)
{
	enum outcome outcome = operations_poll(p->env, p->cursor, e);

	if (outcome != OUTCOME_DONE)
		return outcome;
	if (!vm_power(p->env->arm, p->id, p->env->arena, &p->now, e)) {
		if (e->kind == ERR_NOT_FOUND)
			fail_in(e, "the machine is gone");
		return outcome_of(e);
	}
	/* "starting", "stopping", "deallocating": somebody is at work, or Azure does not know. */
	if (p->now.n == 0 || str_ends_nocase(p->now, STR("ing")))
		if (!str_is_nocase(p->now, "running"))
			return later(e, BUSY_MS, "waiting for the machine, which is %.*s",
			    STR_ARG(p->now.n > 0 ? p->now : STR("in no known state")));
	return OUTCOME_DONE;
}

static enum outcome
change(struct power *p, const char *verb, struct err *e)
{
	struct arm_answer answer;

	if (is_halted(p->env, p->step, e))
		return OUTCOME_NEVER;
	if (FAULT("action.power.post"))
		return later(e, 0, "fault ordered at action.power.post");
	if (!vm_set_power(p->env->arm, p->id, verb, p->env->arena, &answer, e))
		return outcome_of(e);
	if (FAULT("action.power.post.done"))
		return later(e, 0, "fault ordered at action.power.post.done");
	operations_add(p->env, p->cursor, p->step->target, &answer);
	return later(e, answer.operation.n > 0 ? answer.poll_ms : SOON_MS,
	    "waiting for Azure to %s %.*s", verb, STR_ARG(p->id->name));
}

static enum outcome
record(struct power *p, struct err *e)
{
	p->record = json_object(p->env->arena);
	json_set_str(p->record, "power", p->now, p->env->arena);
	return later(e, 0, "power state recorded, not changed yet");
}

static bool
is_off(const struct power *p)
{
	return str_is_nocase(p->now, "deallocated") ||
	       (p->stay && str_is_nocase(p->now, "stopped"));
}

enum outcome
power_off(struct power *p, struct err *e)
{
	enum outcome outcome = look(p, e);

	if (outcome == OUTCOME_DONE && p->record == NULL)
		return record(p, e);
	if (outcome == OUTCOME_DONE && !is_off(p))
		outcome = change(p, p->stay ? "powerOff" : "deallocate", e);
	if (outcome == OUTCOME_NEVER && p->record != NULL)
		json_set_bool(p->record, "refused", true, p->env->arena);
	return outcome;
}

enum outcome
power_on_again(struct power *p, struct err *e)
{
	enum outcome outcome = look(p, e);

	if (outcome != OUTCOME_DONE || str_is_nocase(p->now, "running") ||
	    !str_is_nocase(json_text(json_get(p->record, "power")), "running") ||
	    json_true(json_get(p->record, "refused")))
		return outcome;
	return change(p, "start", e);
}

struct json *
power_result(const struct power *p)
{
	struct arena *a = p->env->arena;
	struct json *j = json_object(a);

	json_set_str(j, "power", p->now, a);
	json_set(j, "was", json_copy(json_get(p->record, "power"), a), a);
	return j;
}
