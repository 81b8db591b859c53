#include "tools.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "core/guard.h"

#define WHY_MAX 300

enum outcome
outcome_of(const struct err *e)
{
	switch (e->kind) {
	case ERR_AGAIN:
	case ERR_CONFLICT:
	case ERR_SYSTEM:
		return OUTCOME_LATER;
	case ERR_INPUT:
	case ERR_NOT_FOUND:
	case ERR_DENIED:
		break;
	}
	return OUTCOME_NEVER;
}

enum outcome
later(struct err *e, int64_t retry_ms, const char *fmt, ...)
{
	va_list ap;

	e->kind = ERR_AGAIN;
	e->retry_ms = retry_ms;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return OUTCOME_LATER;
}

bool
is_halted(const struct action_env *env, const struct step *step, struct err *e)
{
	if (step->undo_of != 0 || env->halted == NULL || !atomic_load(env->halted))
		return false;
	fail(e, ERR_DENIED, "stopped by panic");
	return true;
}

bool
target_machine(const struct step *step, struct resource_id *id, struct err *e)
{
	const int n = (int)step->action.n;

	if (step->target.n == 0)
		return fail(e, ERR_INPUT,
		    "%.*s needs a virtual machine, the alert names no Azure resource", n,
		    step->action.p);
	if (!resource_id_parse(step->target, id, e))
		return false;
	if (id->provider.n == 0)
		return fail(e, ERR_INPUT,
		    "%.*s needs a virtual machine, the alert is about a whole %s", n,
		    step->action.p, id->resource_group.n > 0 ? "resource group" : "subscription");
	if (!resource_id_is(id, "Microsoft.Compute", "virtualMachines") ||
	    id->resource_group.n == 0)
		return fail(e, ERR_INPUT,
		    "%.*s needs a virtual machine, the alert is about %.*s/%.*s", n, step->action.p,
		    STR_ARG(id->provider), STR_ARG(id->type));
	return true;
}

bool
protected_now(const struct action_env *env, const struct resource_id *id, const struct json *tags,
    struct err *e)
{
	struct buf why;
	bool found;

	if (!guard_in_scope(env->settings, id)) {
		fail(e, ERR_DENIED, "outside of guards.scope");
		return true;
	}
	buf_init(&why, WHY_MAX);
	found = guard_protects(env->settings, id, &why) ||
		(guard_needs_tags(env->settings) && guard_protects_tags(env->settings, tags, &why));
	if (found)
		fail(e, ERR_DENIED, "protected by %s", buf_cstr(&why));
	buf_done(&why);
	return found;
}

bool
stored_json(struct str text, const char *what, struct arena *a, struct json **out, struct err *e)
{
	*out = NULL;
	if (text.n == 0)
		return true;
	*out = json_parse(text, a, e);
	return *out != NULL || fail_in(e, "the stored %s", what);
}

bool
machine_read(struct action_env *env, const struct resource_id *id, struct vm *out, struct err *e)
{
	if (vm_get(env->arm, id, env->arena, out, e))
		return true;
	return e->kind == ERR_NOT_FOUND ? fail_in(e, "the machine is gone") : false;
}

bool
machine_nics(struct action_env *env, const struct vm *vm, struct nic **out, struct err *e)
{
	struct nic *nics = arena_alloc(env->arena, vm->n_interfaces * sizeof(*nics));

	for (size_t i = 0; i < vm->n_interfaces; i++) {
		if (nic_get(env->arm, vm->interfaces[i], env->arena, &nics[i], e))
			continue;
		if (e->kind == ERR_NOT_FOUND) /* detached since the machine was read */
			e->kind = ERR_AGAIN;
		return false;
	}
	*out = nics;
	return true;
}

struct str
last_request_id(const struct arm *arm)
{
	return arm->n_calls == 0 ? STR_EMPTY : arm->calls[arm->n_calls - 1].request_id;
}

bool
check_resource_group(struct str group, struct err *e)
{
	struct resource_id id;
	struct buf b;
	bool ok;

	buf_init(&b, RESOURCE_ID_MAX);
	buf_printf(&b, "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/%.*s",
	    STR_ARG(group.n > 0 ? group : STR("any")));
	ok = resource_id_parse(buf_str(&b), &id, e) && id.provider.n == 0;
	buf_done(&b);
	return ok || fail(e, ERR_INPUT, "resource_group '%.*s' is not the name of a resource group",
			 STR_ARG(group));
}

bool
check_port_list(const struct json *ports, struct err *e)
{
	if (json_count(ports) > PORTS_MAX)
		return fail(e, ERR_INPUT, "more than %d ports", PORTS_MAX);
	for (const struct json *x = json_first(ports); x != NULL; x = json_next(x))
		for (const struct json *y = json_next(x); y != NULL; y = json_next(y))
			if (json_equal(x, y))
				return fail(e, ERR_INPUT, "ports has %.0f twice", json_number(x));
	return true;
}

static bool
undoable(struct str name)
{
	const struct action *action = action_find(name);

	return action != NULL && action->undo != NULL;
}

struct card
card_of(const struct action_env *env)
{
	struct card card = card_about(env->alert);

	card.shadow = env->settings->mode == GUARD_SHADOW;
	card.reasons = env->reasons;
	card.n_reasons = env->n_reasons;
	card.steps = env->steps;
	card.n_steps = env->n_steps;
	card.undoable = undoable;
	return card;
}
