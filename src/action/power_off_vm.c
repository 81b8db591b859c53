/*
 * Switch a virtual machine off, and give its host back unless the rule says stay_allocated.
 *
 *	1  read the machine and its power state; record it; committed
 *	2  deallocate (or power off), wait until Azure has done it; off on a fresh reading: done
 *
 * Undo starts it when it ran before.
 * What can go wrong: it is not a machine, it is gone or protected, somebody starts or stops it at
 * the same time (wait and look again), a permission is missing.
 *
 * The record: {"power": "running"}.
 */
#include "action/action.h"

#include "azure/vm.h"
#include "base/fault.h"
#include "operations.h"
#include "tools.h"

struct switching {
	struct action_env *env;
	struct step *step;
	struct resource_id id;
	struct json *params, *record;
	struct str power; /* now */
};

static bool
begin(struct switching *w, struct action_env *env, struct step *step, struct err *e)
{
	*w = (struct switching){ .env = env, .step = step };
	return target_machine(step, &w->id, e) &&
	       stored_json(step->params, "parameters", env->arena, &w->params, e) &&
	       stored_json(step->before, "record", env->arena, &w->record, e);
}

/* What both ways begin with: nothing under way, and the state as it is now. */
static enum outcome
look(struct switching *w, struct err *e)
{
	enum outcome outcome = operations_poll(w->env, w->step, e);

	if (outcome != OUTCOME_DONE)
		return outcome;
	if (!vm_power(w->env->arm, &w->id, w->env->arena, &w->power, e)) {
		if (e->kind == ERR_NOT_FOUND)
			fail_in(e, "the machine is gone");
		return outcome_of(e);
	}
	/* "starting", "stopping", "deallocating": somebody is at work, or Azure does not know. */
	if (w->power.n == 0 || str_ends_nocase(w->power, STR("ing")))
		if (!str_is_nocase(w->power, "running"))
			return later(e, BUSY_MS, "waiting for the machine, which is %.*s",
			    STR_ARG(w->power.n > 0 ? w->power : STR("in no known state")));
	return OUTCOME_DONE;
}

static enum outcome
done(struct switching *w)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);

	json_set_str(j, "power", w->power, a);
	json_set(j, "was", json_copy(json_get(w->record, "power"), a), a);
	w->step->result = json_print(j, a);
	return OUTCOME_DONE;
}

static enum outcome
change(struct switching *w, const char *verb, struct err *e)
{
	struct arm_answer answer;

	if (is_halted(w->env, w->step, e))
		return OUTCOME_NEVER;
	if (FAULT("action.power.post"))
		return later(e, 0, "fault ordered at action.power.post");
	if (!vm_set_power(w->env->arm, &w->id, verb, w->env->arena, &answer, e))
		return outcome_of(e);
	if (FAULT("action.power.post.done"))
		return later(e, 0, "fault ordered at action.power.post.done");
	operations_add(w->env, w->step, w->step->target, &answer);
	return later(e, answer.operation.n > 0 ? answer.poll_ms : SOON_MS,
	    "waiting for Azure to %s %.*s", verb, STR_ARG(w->id.name));
}

static enum outcome
record(struct switching *w, struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *r = json_object(a);

	json_set_str(r, "power", w->power, a);
	w->step->before = json_print(r, a);
	return later(e, 0, "power state recorded, not changed yet");
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct switching w;
	enum outcome outcome;
	bool stay;
	struct vm vm;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	if (w.record == NULL) {
		if (!machine_read(env, &w.id, &vm, e))
			return outcome_of(e);
		if (protected_now(env, &w.id, vm.tags, e))
			return OUTCOME_REFUSED;
	}
	outcome = look(&w, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (w.record == NULL)
		return record(&w, e);
	stay = json_true(json_get(w.params, "stay_allocated"));
	if (str_is_nocase(w.power, "deallocated") || (stay && str_is_nocase(w.power, "stopped")))
		return done(&w);
	return change(&w, stay ? "powerOff" : "deallocate", e);
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	struct switching w;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	outcome = look(&w, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (str_is_nocase(w.power, "running") ||
	    !str_is_nocase(json_text(json_get(w.record, "power")), "running"))
		return done(&w);
	return change(&w, "start", e);
}

static const struct param params[] = {
	{ .name = "stay_allocated",
	    .type = PARAM_BOOL,
	    .fallback = "false",
	    .help = "keep the host and the addresses, which go on costing" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.Compute/virtualMachines/read",
	"Microsoft.Compute/virtualMachines/instanceView/read",
	"Microsoft.Compute/virtualMachines/deallocate/action",
	"Microsoft.Compute/virtualMachines/powerOff/action",
	"Microsoft.Compute/virtualMachines/start/action",
	NULL,
};

extern const struct action action_power_off_vm;
const struct action action_power_off_vm = {
	.name = "power_off_vm",
	.help = "switch a virtual machine off",
	.params = params,
	.permissions = permissions,
	.disruptive = true,
	.run = run,
	.undo = undo,
};
