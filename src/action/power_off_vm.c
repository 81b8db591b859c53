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
 * The record is that of power.h.
 */
#include "action/action.h"

#include "azure/vm.h"
#include "power.h"
#include "tools.h"

static bool
begin(struct action_env *env, struct step *step, struct resource_id *id, struct power *out,
    struct err *e)
{
	struct json *params;

	*out = (struct power){ .env = env, .step = step, .id = id, .cursor = &step->cursor };
	if (!target_machine(step, id, e) ||
	    !stored_json(step->params, "parameters", env->arena, &params, e) ||
	    !stored_json(step->before, "record", env->arena, &out->record, e))
		return false;
	out->stay = json_true(json_get(params, "stay_allocated"));
	return true;
}

static enum outcome
conclude(const struct power *p, struct step *step, enum outcome outcome)
{
	if (p->record != NULL)
		step->before = json_print(p->record, p->env->arena);
	if (outcome == OUTCOME_DONE)
		step->result = json_print(power_result(p), p->env->arena);
	return outcome;
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct resource_id id;
	struct power p;
	struct vm vm;

	if (!begin(env, step, &id, &p, e))
		return OUTCOME_NEVER;
	if (p.record == NULL) {
		if (!machine_read(env, &id, &vm, e))
			return outcome_of(e);
		if (protected_now(env, &id, vm.tags, e))
			return OUTCOME_REFUSED;
	}
	return conclude(&p, step, power_off(&p, e));
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	struct resource_id id;
	struct power p;

	if (!begin(env, step, &id, &p, e))
		return OUTCOME_NEVER;
	return conclude(&p, step, power_on_again(&p, e));
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
