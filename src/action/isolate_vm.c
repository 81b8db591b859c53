/*
 * Isolate a virtual machine: every network interface gets a network security group that lets
 * nothing in or out.  run() is called again and again; each call looks at everything first.
 *
 *	1  read the machine, its tags and all its interfaces
 *	2  record them as they are; committed before anything is changed; then ask for snapshots of
 *	   the disks when the rule wants some (isolate_copies.c)
 *	3  make sure of the quarantine group of the region; wait until Azure has it
 *	4  give it to each interface that lacks it, all together; wait for the long operations
 *	5  nothing left to do in 3 and 4, on a fresh reading of all: what the rule asks for besides,
 *	   and ask Azure what is in force on each interface (isolate_more.c); the step is done and
 *	   its reason says all that
 *
 * What can go wrong: it is not a machine, it is gone or protected, somebody changes an interface
 * meanwhile (If-Match: read again), another operation is under way, a permission is missing (the
 * other interfaces are cut off all the same), an interface was attached meanwhile (recorded and
 * treated too).
 */
#include "action/action.h"

#include "base/fault.h"
#include "isolation.h"
#include "operations.h"
#include "swap.h"
#include "tagging.h"
#include "tools.h"

#define DAY_MS 86400000
#define SOURCES_MAX 50

/* ---- the record ---- */

static const struct json *
recorded(const struct json *record, struct str nic)
{
	for (const struct json *j = json_first(json_get(record, "interfaces")); j != NULL;
	     j = json_next(j))
		if (str_eq_nocase(json_text(json_get(j, "id")), nic))
			return j;
	return NULL;
}

struct json *
isolation_id_or_null(struct str id, struct arena *a)
{
	return id.n == 0 ? json_null(a) : json_string(id, a);
}

static struct json *
nic_record(const struct nic *n, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_str(j, "id", n->id, a);
	json_set_str(j, "etag", n->etag, a);
	json_set(j, "nsg", isolation_id_or_null(n->nsg, a), a);
	json_set(j, "nic", json_copy(n->body, a), a);
	return j;
}

static struct json *
new_record(struct isolation *w)
{
	struct arena *a = w->env->arena;
	struct json *record = json_object(a);

	json_set_str(record, "machine", w->step->target, a);
	json_set_str(record, "location", w->vm.location, a);
	json_set(record, "tags", json_copy(w->vm.tags, a), a);
	json_set(record, "interfaces", json_array(a), a);
	if (json_true(json_at(w->params, "snapshot.snapshot")))
		json_set(record, "copies", isolation_record_copies(w), a);
	return record;
}

/* What is recorded stays as it is; interfaces that are not yet in it are added. */
static enum outcome
record(struct isolation *w, struct err *e)
{
	struct json *r = w->record == NULL ? new_record(w) : w->record;
	struct arena *a = w->env->arena;
	size_t added = 0;

	for (size_t i = 0; i < w->vm.n_interfaces; i++) {
		if (recorded(r, w->nics[i].id) != NULL)
			continue;
		json_add(json_member(r, "interfaces"), nic_record(&w->nics[i], a), a);
		added++;
	}
	if (added == 0)
		return OUTCOME_DONE;
	w->step->before = json_print(r, a);
	return later(e, 0, "%zu network interfaces recorded, none changed yet", added);
}

/* ---- reading ---- */

static bool
begin(struct isolation *w, struct action_env *env, struct step *step, struct err *e)
{
	*w = (struct isolation){ .env = env, .step = step };
	return target_machine(step, &w->id, e) &&
	       stored_json(step->params, "parameters", env->arena, &w->params, e) &&
	       stored_json(step->before, "record", env->arena, &w->record, e);
}

static bool
read_machine(struct isolation *w, struct err *e)
{
	struct str group = json_text(json_get(w->params, "resource_group"));
	const struct json *sources = json_get(w->params, "forensic_sources");
	bool defender = json_true(json_get(w->params, "defender_egress"));

	if (!machine_read(w->env, &w->id, &w->vm, e))
		return false;
	if (w->vm.n_interfaces == 0)
		return fail(e, ERR_INPUT, "the machine has no network interface");
	w->group = (struct quarantine){ .id = quarantine_id(w->id.subscription,
					    group.n > 0 ? group : w->id.resource_group,
					    w->vm.region, sources, defender, w->env->arena),
		.location = w->vm.location,
		.sources = sources,
		.defender = defender };
	return machine_nics(w->env, &w->vm, &w->nics, e);
}

/* Once the first interface is cut off there is no half way. */
static bool
is_under_way(const struct isolation *w)
{
	for (size_t i = 0; i < w->vm.n_interfaces; i++)
		if (str_eq_nocase(w->nics[i].nsg, w->group.id))
			return w->record != NULL;
	return false;
}

/* ---- changing ---- */

static enum outcome
ensure_group(struct isolation *w, struct err *e)
{
	struct arena *a = w->env->arena;
	struct arm_answer answer;
	struct json *body;
	struct str etag;

	if (!nsg_get(w->env->arm, w->group.id, a, &w->group_body, &etag, e))
		return outcome_of(e);
	if (w->group_body != NULL && provisioning_of(w->group_body) == PROVISIONING_RUNNING)
		return later(
		    e, BUSY_MS, "waiting for Azure to change %.*s", STR_ARG(str_leaf(w->group.id)));
	body = quarantine_mend(&w->group, w->group_body, a);
	if (body == NULL)
		return OUTCOME_DONE;
	if (FAULT("action.isolate.group"))
		return later(e, 0, "fault ordered at action.isolate.group");
	if (!nsg_put(w->env->arm, w->group.id, body, etag, a, &answer, e))
		return outcome_of(e);
	if (FAULT("action.isolate.group.done"))
		return later(e, 0, "fault ordered at action.isolate.group.done");
	operations_add(w->env, &w->step->cursor, w->group.id, &answer);
	return later(e, answer.operation.n > 0 ? answer.poll_ms : SOON_MS,
	    "waiting for Azure to make %.*s", STR_ARG(str_leaf(w->group.id)));
}

/* The group that shall be on an interface: ours, or the one another isolation put there first. */
static struct str
group_for(const struct isolation *w, const struct nic *n)
{
	struct str was = json_text(json_get(recorded(w->record, n->id), "nsg"));

	return quarantine_is(was) && str_eq_nocase(was, n->nsg) ? was : w->group.id;
}

static struct json *
nic_result(const struct isolation *w, const struct nic *n)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);

	json_set_str(j, "id", n->id, a);
	json_set(j, "was",
	    isolation_id_or_null(json_text(json_get(recorded(w->record, n->id), "nsg")), a), a);
	json_set(j, "now", isolation_id_or_null(n->nsg, a), a);
	return j;
}

/* Counted from when the last interface was cut off. */
static int64_t
expiry(const struct isolation *w, const struct json *earlier, int64_t expires_after)
{
	int64_t expires_ms;

	if (json_int(json_get(earlier, "expires_ms"), &expires_ms))
		return expires_ms;
	return w->env->now_ms + expires_after;
}

/* By another isolation that is known, on all interfaces, when this one began. */
static bool
was_cut_off(const struct isolation *w)
{
	for (size_t i = 0; i < w->vm.n_interfaces; i++)
		if (!quarantine_is(json_text(json_get(recorded(w->record, w->nics[i].id), "nsg"))))
			return false;
	return w->env->n_earlier > 0;
}

/*
 * Also when it failed half-way: people must see what is cut off and what is not.  earlier: the
 * result of a complete isolation so far, NULL when it is not.
 */
static struct json *
result(const struct isolation *w, const struct json *earlier, bool complete)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a), *list = json_array(a);
	struct json *leaks = quarantine_leaks(w->group_body, a);
	int64_t expires_after;

	for (size_t i = 0; i < w->vm.n_interfaces; i++)
		json_add(list, nic_result(w, &w->nics[i]), a);
	json_set(j, "interfaces", list, a);
	json_set_str(j, "nsg", w->group.id, a);
	json_set_str(j, "region", w->vm.region, a);
	if (was_cut_off(w))
		json_set_int(j, "joined", w->env->earlier[0].id, a);
	if (json_count(leaks) > 0)
		json_set(j, "still_allowed_by", leaks, a);
	if (complete && json_int(json_get(w->params, "expires_after"), &expires_after))
		json_set_int(j, "expires_ms", expiry(w, earlier, expires_after), a);
	return j;
}

static enum outcome
cut_off(struct isolation *w, struct err *e)
{
	enum outcome outcome;
	struct swap s;

	swap_init(&s, w->env, w->step);
	for (size_t i = 0; i < w->vm.n_interfaces; i++)
		swap_nic(&s, &w->nics[i], group_for(w, &w->nics[i]), NULL);
	outcome = several_outcome(&s.nics, e);
	if (outcome == OUTCOME_NEVER && s.nics.right + s.nics.sent > 0)
		fail_in(e, "%zu of %zu network interfaces are cut off, the others not",
		    s.nics.right + s.nics.sent, w->vm.n_interfaces);
	return outcome;
}

/* All are cut off: what remains to be done. */
static enum outcome
finish(struct isolation *w, struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *earlier, *j;
	enum outcome outcome;

	if (!stored_json(w->step->result, "result", a, &earlier, e))
		earlier = NULL; /* it is made anew */
	j = result(w, earlier, true);
	outcome = isolation_more(w, earlier, j, e);
	w->step->before = json_print(w->record, a);
	w->step->result = json_print(j, a);
	return outcome;
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct isolation w;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	outcome = operations_poll(env, &step->cursor, e);
	if (outcome != OUTCOME_DONE && !(outcome == OUTCOME_NEVER && isolation_was_more(&w, e)))
		return outcome;
	if (!read_machine(&w, e))
		return outcome_of(e);
	if (!is_under_way(&w) && protected_now(env, &w.id, w.vm.tags, e))
		return OUTCOME_REFUSED;
	outcome = record(&w, e);
	if (outcome == OUTCOME_DONE) {
		isolation_start_copies(&w);
		outcome = ensure_group(&w, e);
	}
	if (outcome != OUTCOME_DONE)
		return outcome;
	outcome = cut_off(&w, e);
	if (outcome == OUTCOME_DONE)
		return finish(&w, e);
	if (outcome != OUTCOME_LATER)
		step->result = json_print(result(&w, NULL, false), env->arena);
	return outcome;
}

/* ---- what rules may write ---- */

static bool
check(const struct json *params, struct err *e)
{
	if (json_count(json_get(params, "forensic_sources")) > SOURCES_MAX)
		return fail(e, ERR_INPUT, "forensic_sources has more than %d entries", SOURCES_MAX);
	if (json_get(params, "tag") != NULL && !tagging_check(json_get(params, "tag"), "tag", e))
		return false;
	return check_resource_group(json_text(json_get(params, "resource_group")), e) &&
	       check_resource_group(json_text(json_at(params, "snapshot.resource_group")), e);
}

/* "snapshot: true" is short for {snapshot: true}. */
static const struct param snapshot_params[] = {
	{ .name = "snapshot", .type = PARAM_BOOL, .fallback = "true", .help = "copy the disks" },
	{ .name = "resource_group",
	    .type = PARAM_TEXT,
	    .help = "where the snapshots are kept; default: the machine's resource group" },
	{ .name = NULL },
};

static const struct param params[] = {
	{ .name = "expires_after",
	    .type = PARAM_DURATION,
	    .min = 1000,
	    .max = 90 * (int64_t)DAY_MS,
	    .help = "undo the isolation by itself after this time" },
	{ .name = "defender_egress",
	    .type = PARAM_BOOL,
	    .help = "the sensor of Defender for Endpoint may go on reporting" },
	{ .name = "detach_public_ip",
	    .type = PARAM_BOOL,
	    .help = "take its public addresses off; the way back gives them again" },
	{ .name = "forensic_sources",
	    .type = PARAM_CIDR,
	    .list = true,
	    .help = "addresses that may still reach the machine, for an investigation" },
	{ .name = "resource_group",
	    .type = PARAM_TEXT,
	    .help = "where the quarantine network security group is kept; "
		    "default: the machine's resource group" },
	{ .name = "power_off",
	    .type = PARAM_BOOL,
	    .help = "switch the machine off when it is cut off and that is proven" },
	{ .name = "snapshot",
	    .type = PARAM_GROUP,
	    .group = snapshot_params,
	    .shorthand = "snapshot",
	    .absent = true,
	    .help = "copy the disks: begun before the interfaces are changed, not waited for" },
	{ .name = "tag",
	    .type = PARAM_STRING_MAP,
	    .help = "tags for the machine, beside those that it has" },
	{ .name = NULL },
};

/* Join is asked for everything that an interface refers to already. */
static const char *const permissions[] = {
	"Microsoft.Compute/virtualMachines/read",
	"Microsoft.Network/networkInterfaces/read",
	"Microsoft.Network/networkInterfaces/write",
	"Microsoft.Network/networkInterfaces/effectiveNetworkSecurityGroups/action",
	"Microsoft.Network/networkSecurityGroups/read",
	"Microsoft.Network/networkSecurityGroups/write",
	"Microsoft.Network/networkSecurityGroups/join/action",
	"Microsoft.Network/virtualNetworks/subnets/join/action",
	"Microsoft.Network/publicIPAddresses/read",
	"Microsoft.Network/publicIPAddresses/join/action",
	"Microsoft.Network/loadBalancers/backendAddressPools/join/action",
	"Microsoft.Network/loadBalancers/inboundNatRules/join/action",
	"Microsoft.Network/applicationGateways/backendAddressPools/join/action",
	"Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action",
	NULL,
};

extern const struct action action_isolate_vm;
const struct action action_isolate_vm = {
	.name = "isolate_vm",
	.help = "cut a virtual machine off: all network interfaces, nothing in or out",
	.params = params,
	.check = check,
	.permissions = permissions,
	.disruptive = true,
	.contains = true,
	.run = run,
	.undo = isolation_back,
};
