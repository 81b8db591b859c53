/*
 * Arm just-in-time access for a virtual machine: its management ports are closed until somebody
 * asks for them.
 *
 *	1  read the machine (its region, its tags) and the policy that holds it
 *	2  record the policy; committed before anything is changed
 *	3  read again, merge the ports of this machine, write the whole policy, read again
 *	4  all other machines are still there and ours has its ports: done
 *
 * What can go wrong: it is not a machine, it is protected, a permission is missing, the machine is
 * not covered by Defender for Servers Plan 2 (Azure says so), somebody wrote the policy at the same
 * time (there is no ETag; what is read afterwards decides, and the step is done again).
 *
 * The record: {"policy": resource id, "was": the policy as it may be written, or null}.
 */
#include "action/action.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "azure/jit.h"
#include "azure/vm.h"
#include "base/fault.h"
#include "tools.h"

#define SOURCES_MAX 50
#define TURN_MS 500
#define REDO_MS 2000

/*
 * Between reading a policy and writing it nobody else of ours may write it.  Azure offers no ETag
 * here; a step that does not get its turn holds no thread and comes again.
 */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

struct arming {
	struct action_env *env;
	struct step *step;
	struct resource_id id;
	struct json *params, *record;
	struct json *wanted; /* ports as the policy shall hold them */
	struct jit_policy policy;
};

static bool
begin(struct arming *w, struct action_env *env, struct step *step, struct err *e)
{
	const struct json *sources;
	int64_t longest = 0, number = 0;

	*w = (struct arming){ .env = env, .step = step, .wanted = json_array(env->arena) };
	if (!target_machine(step, &w->id, e) ||
	    !stored_json(step->params, "parameters", env->arena, &w->params, e) ||
	    !stored_json(step->before, "record", env->arena, &w->record, e))
		return false;
	sources = json_get(w->params, "sources");
	json_int(json_get(w->params, "max_duration"), &longest);
	for (const struct json *j = json_first(json_get(w->params, "ports")); j != NULL;
	     j = json_next(j))
		if (json_int(j, &number))
			json_add(
			    w->wanted, jit_port(number, longest, sources, env->arena), env->arena);
	return true;
}

static bool
is_armed(const struct arming *w, const struct jit_policy *policy)
{
	return jit_merge(policy->body, w->step->target, w->wanted, w->env->arena) == NULL;
}

/* Numbers that the machine did not have in this form when it was recorded. */
static struct json *
added(const struct arming *w)
{
	const struct json *old = jit_ports(json_get(w->record, "was"), w->step->target);
	struct json *list = json_array(w->env->arena);

	for (const struct json *p = json_first(w->wanted); w->record != NULL && p != NULL;
	     p = json_next(p))
		if (!jit_holds(old, p))
			json_add(
			    list, json_copy(json_get(p, "number"), w->env->arena), w->env->arena);
	return list;
}

static enum outcome
armed(struct arming *w, const struct jit_policy *policy)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);
	size_t all = json_count(json_at(policy->body, "properties.virtualMachines"));

	json_set_str(j, "policy", policy->path, a);
	json_set(j, "added", added(w), a);
	json_set_int(j, "kept", (int64_t)all - 1, a);
	w->step->result = json_print(j, a);
	return OUTCOME_DONE;
}

static enum outcome
record(struct arming *w, struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);

	json_set_str(j, "policy", w->policy.path, a);
	json_set(
	    j, "was", w->policy.body == NULL ? json_null(a) : jit_writable(w->policy.body, a), a);
	w->step->before = json_print(j, a);
	return later(e, 0, "just-in-time policy recorded, not changed yet");
}

static enum outcome
write_policy(struct arming *w, const struct json *body, struct err *e)
{
	if (is_halted(w->env, w->step, e))
		return OUTCOME_NEVER;
	if (FAULT("action.jit.put"))
		return later(e, 0, "fault ordered at action.jit.put");
	if (!jit_put(w->env->arm, w->policy.path, body, w->env->arena, e))
		return outcome_of(e);
	if (FAULT("action.jit.put.done"))
		return later(e, 0, "fault ordered at action.jit.put.done");
	return OUTCOME_DONE;
}

/* Read, merge, write, read again: in one go, while it is our turn. */
static enum outcome
arm(struct arming *w, struct str region, struct err *e)
{
	struct arena *a = w->env->arena;
	struct jit_policy after;
	struct json *body;
	enum outcome outcome;

	if (!jit_find(w->env->arm, &w->id, region, a, &w->policy, e))
		return outcome_of(e);
	body = jit_merge(w->policy.body, w->step->target, w->wanted, a);
	if (body == NULL)
		return armed(w, &w->policy);
	outcome = write_policy(w, body, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (!jit_get(w->env->arm, w->policy.path, a, &after, e))
		return outcome_of(e);
	if (!is_armed(w, &after) || !jit_keeps_others(w->policy.body, after.body, w->step->target))
		return later(e, REDO_MS, "somebody else wrote the just-in-time policy, once more");
	return armed(w, &after);
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct arming w;
	struct vm vm;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	if (!vm_get(env->arm, &w.id, env->arena, &vm, e)) {
		if (e->kind == ERR_NOT_FOUND)
			fail_in(e, "the machine is gone");
		return outcome_of(e);
	}
	if (protected_now(env, &w.id, vm.tags, e))
		return OUTCOME_REFUSED;
	if (w.record == NULL) {
		if (!jit_find(env->arm, &w.id, vm.region, env->arena, &w.policy, e))
			return outcome_of(e);
		return is_armed(&w, &w.policy) ? armed(&w, &w.policy) : record(&w, e);
	}
	if (pthread_mutex_trylock(&turn) != 0)
		return later(e, TURN_MS, "another just-in-time policy is being written");
	outcome = arm(&w, vm.region, e);
	pthread_mutex_unlock(&turn);
	return outcome;
}

/* ---- undo ---- */

static enum outcome
disarmed(struct arming *w, const struct jit_return *back)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);

	json_set_str(j, "policy", w->policy.path, a);
	json_set(j, "removed", back->removed, a);
	json_set(j, "drifted", back->drifted, a);
	w->step->result = json_print(j, a);
	return OUTCOME_DONE;
}

/* A policy that we made and that holds nobody any more goes away. */
static enum outcome
give_back(struct arming *w, const struct jit_return *back, struct err *e)
{
	bool ours = json_type(json_get(w->record, "was")) == JSON_NULL;

	if (json_count(json_at(back->body, "properties.virtualMachines")) > 0 || !ours)
		return write_policy(w, back->body, e);
	if (FAULT("action.jit.delete"))
		return later(e, 0, "fault ordered at action.jit.delete");
	return jit_delete(w->env->arm, w->policy.path, w->env->arena, e) ? OUTCOME_DONE
									 : outcome_of(e);
}

static enum outcome
disarm(struct arming *w, struct err *e)
{
	struct str path = json_text(json_get(w->record, "policy"));
	const struct json *was = json_get(w->record, "was");
	struct jit_return back;
	enum outcome outcome;

	if (!jit_get(w->env->arm, path, w->env->arena, &w->policy, e))
		return outcome_of(e);
	jit_take_back(w->policy.body, w->step->target, w->wanted, was, w->env->arena, &back);
	if (back.body == NULL)
		return disarmed(w, &back);
	outcome = give_back(w, &back, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	return later(e, SOON_MS, "just-in-time policy written, reading it again");
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	struct arming w;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	if (w.record == NULL) {
		step->result = STR("{\"removed\":[],\"drifted\":[]}");
		return OUTCOME_DONE; /* it was armed before us: nothing is ours */
	}
	if (pthread_mutex_trylock(&turn) != 0)
		return later(e, TURN_MS, "another just-in-time policy is being written");
	outcome = disarm(&w, e);
	pthread_mutex_unlock(&turn);
	return outcome;
}

/* ---- what rules may write ---- */

/* "203.0.113.0/24" or an address; what Azure takes for a source of requests. */
static bool
is_range(struct str text, struct arena *a)
{
	struct str rest = text, address = STR_EMPTY;
	unsigned char bytes[16];
	bool v6, ok;
	int64_t length;

	str_next(&rest, '/', &address);
	v6 = inet_pton(AF_INET6, arena_cstr(a, address), bytes) == 1;
	ok = v6 || inet_pton(AF_INET, arena_cstr(a, address), bytes) == 1;
	return ok && (rest.p == NULL || str_to_int(rest, 0, v6 ? 128 : 32, &length));
}

static bool
check_sources(const struct json *sources, struct err *e)
{
	struct arena *a = arena_new();
	bool everybody = false, ok = true;

	for (const struct json *j = json_first(sources); ok && j != NULL; j = json_next(j)) {
		bool star = str_is(json_text(j), "*");

		everybody = everybody || star;
		ok = star || is_range(json_text(j), a);
		if (!ok)
			fail(e, ERR_INPUT,
			    "sources has '%.*s', which is neither an address, a range such as "
			    "203.0.113.0/24, nor \"*\"",
			    STR_ARG(json_text(j)));
	}
	arena_free(a);
	if (ok && everybody && json_count(sources) > 1)
		return fail(e, ERR_INPUT, "sources has \"*\", which is everybody, and others");
	return ok;
}

static bool
check(const struct json *params, struct err *e)
{
	const struct json *ports = json_get(params, "ports"),
			  *sources = json_get(params, "sources");

	if (json_count(sources) == 0)
		return fail(e, ERR_INPUT,
		    "enable_jit needs sources: the addresses that may ask for access, or \"*\" for "
		    "the whole internet");
	if (json_count(sources) > SOURCES_MAX)
		return fail(e, ERR_INPUT, "more than %d sources", SOURCES_MAX);
	return check_port_list(ports, e) && check_sources(sources, e);
}

static const struct param params[] = {
	{ .name = "ports",
	    .type = PARAM_PORT,
	    .list = true,
	    .required = true,
	    .help = "ports that are closed until somebody asks for them" },
	{ .name = "max_duration",
	    .type = PARAM_DURATION,
	    .fallback = "3h",
	    .min = 5 * 60000,
	    .max = 24 * 3600000,
	    .help = "longest access that may be asked for" },
	/* Asked for in check(), whose words say what a missing one would mean. */
	{ .name = "sources",
	    .type = PARAM_TEXT,
	    .list = true,
	    .help = "addresses that may ask for access; must be given; \"*\" is everybody" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.Compute/virtualMachines/read",
	"Microsoft.Compute/virtualMachines/write",
	"Microsoft.Security/locations/jitNetworkAccessPolicies/read",
	"Microsoft.Security/locations/jitNetworkAccessPolicies/write",
	"Microsoft.Security/locations/jitNetworkAccessPolicies/delete",
	NULL,
};

extern const struct action action_enable_jit;
const struct action action_enable_jit = {
	.name = "enable_jit",
	.help = "close management ports of a virtual machine until somebody asks for them",
	.params = params,
	.check = check,
	.permissions = permissions,
	.disruptive = true,
	.run = run,
	.undo = undo,
};
