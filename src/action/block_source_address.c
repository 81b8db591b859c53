/*
 * Deny the addresses that an attack came from, in the network security groups of the machine's
 * interfaces.
 *
 *	1  read the machine, its interfaces and its own addresses; record what shall be denied and
 *	   where; committed
 *	2  one rule in each group, in a place of ours that is free; wait for the long operations
 *	3  each group has it on a fresh reading: done
 *
 * Undo removes these rules, unless somebody changed them.
 * What can go wrong: the alert names no such address, no interface has a group (making one would
 * cut off what nobody asked for), no place is free, somebody changes the group at the same time.
 *
 * The record: {"rule", "addresses": [...], "left_out": [...], "groups": [resource ids],
 * "without_group": [resource ids of interfaces]}.
 */
#include "action/action.h"

#include "attackers.h"
#include "azure/nsg.h"
#include "azure/nsg_rule.h"
#include "base/fault.h"
#include "base/hash.h"
#include "operations.h"
#include "several.h"
#include "tools.h"

#define DAY_MS 86400000
#define ALLOW_MAX 50
#define MOST_MAX 50
#define DIGEST_MAX 16

struct blocking {
	struct action_env *env;
	struct step *step;
	struct resource_id id;
	struct json *params, *record;
	struct str rule;
	const struct json *addresses;
	struct several all;
	struct json *before_ours, *unblocked, *drifted; /* for the result */
};

static bool
begin(struct blocking *w, struct action_env *env, struct step *step, struct err *e)
{
	*w = (struct blocking){ .env = env,
		.step = step,
		.before_ours = json_array(env->arena),
		.unblocked = json_array(env->arena),
		.drifted = json_array(env->arena) };
	several_init(&w->all);
	if (!target_machine(step, &w->id, e) ||
	    !stored_json(step->params, "parameters", env->arena, &w->params, e) ||
	    !stored_json(step->before, "record", env->arena, &w->record, e))
		return false;
	w->rule = json_text(json_get(w->record, "rule"));
	w->addresses = json_get(w->record, "addresses");
	return true;
}

/* ---- the record ---- */

/* The same step finds its rule again; another one has another. */
static struct str
rule_name(const struct blocking *w)
{
	struct str parts[] = { w->step->key, w->step->target };
	char hex[SHA256_HEX_MAX];

	sha256_parts_hex(parts, 2, hex);
	return arena_printf(w->env->arena, "Gridwarden-Block-%.*s", DIGEST_MAX, hex);
}

/* The group of an interface, rebuilt from parts; "" = none that a rule could be added to. */
static struct str
group_of(const struct nic *n, struct arena *a)
{
	struct resource_id id;
	struct err ignored;

	/* A quarantine group lets nothing in anyway. */
	if (quarantine_is(n->nsg) || !resource_id_parse(n->nsg, &id, &ignored) ||
	    !resource_id_is(&id, "Microsoft.Network", "networkSecurityGroups"))
		return STR_EMPTY;
	return resource_id_owner_path(&id, a);
}

/* Groups of the interfaces, each once. */
static void
record_groups(struct blocking *w, const struct vm *vm, const struct nic *nics, struct json *r)
{
	struct arena *a = w->env->arena;
	struct json *groups = json_array(a), *without = json_array(a);

	for (size_t i = 0; i < vm->n_interfaces; i++) {
		struct str id = group_of(&nics[i], a);

		if (id.n == 0)
			json_add(without, json_string(nics[i].id, a), a);
		else if (!json_has_text(groups, id))
			json_add(groups, json_string(id, a), a);
	}
	json_set(r, "groups", groups, a);
	json_set(r, "without_group", without, a);
}

static enum outcome
record(struct blocking *w, const struct vm *vm, const struct nic *nics, const struct json *own,
    struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *r = json_object(a);
	struct attackers found;
	int64_t most = 0;

	json_int(json_get(w->params, "max_addresses"), &most);
	attackers_of(w->env->alert, own, json_get(w->params, "allow"), most, a, &found);
	record_groups(w, vm, nics, r);
	if (json_count(found.addresses) == 0) {
		fail(e, ERR_INPUT, "the alert names no address that may be blocked (%zu left out)",
		    json_count(found.left_out));
		return OUTCOME_NEVER;
	}
	if (json_count(json_get(r, "groups")) == 0) {
		fail(e, ERR_INPUT,
		    "no network interface of the machine has a network security group that a rule "
		    "could be added to");
		return OUTCOME_NEVER;
	}
	json_set_str(r, "rule", rule_name(w), a);
	json_set(r, "addresses", found.addresses, a);
	json_set(r, "left_out", found.left_out, a);
	w->step->before = json_print(r, a);
	return later(e, 0, "%zu addresses recorded, none blocked yet", json_count(found.addresses));
}

static enum outcome
look_at_machine(struct blocking *w, struct err *e)
{
	struct json *own = json_array(w->env->arena);
	struct nic *nics;
	struct vm vm;

	if (!machine_read(w->env, &w->id, &vm, e))
		return outcome_of(e);
	if (protected_now(w->env, &w->id, vm.tags, e))
		return OUTCOME_REFUSED;
	if (!machine_nics(w->env, &vm, &nics, e))
		return outcome_of(e);
	for (size_t i = 0; i < vm.n_interfaces; i++)
		if (!nic_public_addresses(w->env->arm, &nics[i], w->env->arena, own, e))
			return outcome_of(e);
	return record(w, &vm, nics, own, e);
}

/* ---- there ---- */

static bool
put(struct blocking *w, struct str group, const struct json *body, struct err *e)
{
	int64_t priority = nsg_free_priority(body);
	struct arm_answer answer;

	if (priority == 0)
		return fail(e, ERR_INPUT, "%.*s has no free priority from %d to %d",
		    STR_ARG(str_leaf(group)), NSG_BLOCK_FIRST, NSG_BLOCK_LAST);
	if (is_halted(w->env, w->step, e))
		return false;
	if (FAULT("action.block.put"))
		return fail_again(e, 0, "fault ordered at action.block.put");
	if (!nsg_block(
		w->env->arm, group, w->rule, priority, w->addresses, w->env->arena, &answer, e)) {
		/* Somebody took the place since it was read. */
		if (str_has_nocase(str_of(e->text), STR("SecurityRuleConflict")))
			e->kind = ERR_CONFLICT;
		return false;
	}
	if (FAULT("action.block.put.done"))
		return fail_again(e, 0, "fault ordered at action.block.put.done");
	operations_add(w->env, &w->step->cursor, group, &answer);
	several_wait(&w->all, group, answer.operation.n > 0 ? answer.poll_ms : SOON_MS);
	return true;
}

static void
see_to(struct blocking *w, struct str group)
{
	const struct json *body, *rule;
	struct json *names;
	int64_t priority = 0;
	struct str etag;
	struct err e;

	if (!nsg_get(w->env->arm, group, w->env->arena, &body, &etag, &e)) {
		several_trouble(&w->all, &e);
		return;
	}
	if (body == NULL) /* deleted since: nobody comes in through it */
		return;
	rule = nsg_find_rule(json_at(body, "properties.securityRules"), w->rule);
	if (provisioning_of(body) == PROVISIONING_RUNNING) {
		several_wait(&w->all, group, BUSY_MS);
	} else if (rule == NULL || provisioning_of(body) == PROVISIONING_FAILED) {
		if (!put(w, group, body, &e))
			several_trouble(&w->all, &e);
	} else {
		json_int(json_at(rule, "properties.priority"), &priority);
		names = nsg_allowed_before(body, priority, w->env->arena);
		for (const struct json *n = json_first(names); n != NULL; n = json_next(n))
			json_add(w->before_ours, json_copy(n, w->env->arena), w->env->arena);
		w->all.right++;
	}
}

static struct str
result(const struct blocking *w)
{
	static const char *const rows[] = { "rule", "groups", "without_group", "left_out" };
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);
	int64_t expires_after;

	json_set(j, "blocked", json_copy(w->addresses, a), a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_set(j, rows[i], json_copy(json_get(w->record, rows[i]), a), a);
	if (json_count(w->before_ours) > 0)
		json_set(j, "still_allowed_by", w->before_ours, a);
	if (json_int(json_get(w->params, "expires_after"), &expires_after))
		json_set_int(j, "expires_ms", w->env->now_ms + expires_after, a);
	return json_print(j, a);
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct blocking w;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	outcome = operations_poll(env, &step->cursor, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (w.record == NULL)
		return look_at_machine(&w, e);
	for (const struct json *g = json_first(json_get(w.record, "groups")); g != NULL;
	     g = json_next(g))
		see_to(&w, json_text(g));
	outcome = several_outcome(&w.all, e);
	if (outcome == OUTCOME_DONE)
		step->result = result(&w);
	return outcome;
}

/* ---- and back ---- */

static bool
remove_rule(struct blocking *w, struct str group, struct err *e)
{
	struct arm_answer answer;

	if (FAULT("action.block.delete"))
		return fail_again(e, 0, "fault ordered at action.block.delete");
	if (!nsg_unblock(w->env->arm, group, w->rule, w->env->arena, &answer, e))
		return false;
	operations_add(w->env, &w->step->cursor, group, &answer);
	several_wait(&w->all, group, answer.operation.n > 0 ? answer.poll_ms : SOON_MS);
	return true;
}

static void
free_group(struct blocking *w, struct str group)
{
	struct arena *a = w->env->arena;
	const struct json *body, *rule;
	struct str etag;
	struct err e;

	if (!nsg_get(w->env->arm, group, a, &body, &etag, &e)) {
		several_trouble(&w->all, &e);
		return;
	}
	rule = nsg_find_rule(json_at(body, "properties.securityRules"), w->rule);
	if (body != NULL && provisioning_of(body) == PROVISIONING_RUNNING)
		several_wait(&w->all, group, BUSY_MS);
	else if (rule == NULL)
		json_add(w->unblocked, json_string(group, a), a);
	else if (!nsg_blocks(rule, w->addresses))
		json_add(w->drifted, json_string(group, a), a);
	else if (!remove_rule(w, group, &e))
		several_trouble(&w->all, &e);
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	struct blocking w;
	enum outcome outcome;
	struct json *j;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	outcome = operations_poll(env, &step->cursor, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	for (const struct json *g = json_first(json_get(w.record, "groups")); g != NULL;
	     g = json_next(g))
		free_group(&w, json_text(g));
	outcome = several_outcome(&w.all, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	j = json_object(env->arena);
	json_set(j, "unblocked", w.unblocked, env->arena);
	json_set(j, "drifted", w.drifted, env->arena);
	step->result = json_print(j, env->arena);
	return OUTCOME_DONE;
}

/* ---- what rules may write ---- */

static bool
check(const struct json *params, struct err *e)
{
	if (json_count(json_get(params, "allow")) > ALLOW_MAX)
		return fail(e, ERR_INPUT, "allow has more than %d entries", ALLOW_MAX);
	return true;
}

static const struct param params[] = {
	{ .name = "allow",
	    .type = PARAM_CIDR,
	    .list = true,
	    .help = "addresses that are never blocked" },
	{ .name = "expires_after",
	    .type = PARAM_DURATION,
	    .min = 60000,
	    .max = 90 * (int64_t)DAY_MS,
	    .help = "undo it by itself after this time" },
	{ .name = "max_addresses",
	    .type = PARAM_INTEGER,
	    .fallback = "10",
	    .min = 1,
	    .max = MOST_MAX,
	    .help = "of one alert; what it names beyond them is left out and told" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.Compute/virtualMachines/read",
	"Microsoft.Network/networkInterfaces/read",
	"Microsoft.Network/publicIPAddresses/read",
	"Microsoft.Network/networkSecurityGroups/read",
	"Microsoft.Network/networkSecurityGroups/securityRules/write",
	"Microsoft.Network/networkSecurityGroups/securityRules/delete",
	NULL,
};

extern const struct action action_block_source_address;
const struct action action_block_source_address = {
	.name = "block_source_address",
	.help = "deny the addresses of an attack in the machine's network security groups",
	.params = params,
	.check = check,
	.permissions = permissions,
	.disruptive = true,
	.run = run,
	.undo = undo,
};
