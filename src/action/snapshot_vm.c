/*
 * Copy the disks of a virtual machine before their content changes: a snapshot of each.
 *
 *	1  read the machine and its disks, record which snapshot each will get; committed
 *	2  make each snapshot that is not there, all together; wait for the long operations
 *	3  all there and whole: done
 *
 * What can go wrong: a disk cannot be copied (not managed, ephemeral: told, not a failure unless
 * all are so), a disk is refused (the others are copied all the same, then it has failed), a
 * permission is missing.  There is no undo: evidence is deleted by people.
 *
 * The record is that of copies.h, and the "machine".
 */
#include "action/action.h"

#include "azure/vm.h"
#include "copies.h"
#include "tools.h"

static enum outcome
record(struct copies *c, struct step *step, struct err *e)
{
	struct arena *a = c->env->arena;
	struct vm vm;

	if (!machine_read(c->env, c->id, &vm, e))
		return outcome_of(e);
	if (protected_now(c->env, c->id, vm.tags, e))
		return OUTCOME_REFUSED;
	if (!copies_record(c, &vm, e))
		return OUTCOME_NEVER;
	json_set_str(c->record, "machine", step->target, a);
	step->before = json_print(c->record, a);
	return later(
	    e, 0, "%zu disks recorded, none copied yet", json_count(json_get(c->record, "disks")));
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct copies c = { .env = env, .step = step, .cursor = &step->cursor };
	struct json *params, *result = NULL;
	struct resource_id id;
	enum outcome outcome;

	c.id = &id;
	if (!target_machine(step, &id, e) ||
	    !stored_json(step->params, "parameters", env->arena, &params, e) ||
	    !stored_json(step->before, "record", env->arena, &c.record, e))
		return OUTCOME_NEVER;
	c.resource_group = json_text(json_get(params, "resource_group"));
	if (c.record == NULL)
		return record(&c, step, e);
	outcome = copies_go_on(&c, &result, e);
	step->before = json_print(c.record, env->arena);
	if (result != NULL)
		step->result = json_print(result, env->arena);
	return outcome;
}

static bool
check(const struct json *params, struct err *e)
{
	return check_resource_group(json_text(json_get(params, "resource_group")), e);
}

static const struct param params[] = {
	{ .name = "resource_group",
	    .type = PARAM_TEXT,
	    .help = "where the snapshots are kept; default: the machine's resource group" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.Compute/virtualMachines/read",
	"Microsoft.Compute/disks/read",
	"Microsoft.Compute/snapshots/read",
	"Microsoft.Compute/snapshots/write",
	NULL,
};

extern const struct action action_snapshot_vm;
const struct action action_snapshot_vm = {
	.name = "snapshot_vm",
	.help = "copy the disks of a virtual machine: an incremental snapshot of each",
	.params = params,
	.check = check,
	.permissions = permissions,
	.disruptive = true,
	.run = run,
};
