/*
 * Ask for access to a machine whose ports a just-in-time policy keeps closed: an investigator's way
 * in.
 *
 *	1  read the machine (its region, its tags) and the policy that holds it
 *	2  ports, duration and source are what that policy allows, and nobody else has access there;
 *	   record what will be asked for and until when; committed before anything is asked
 *	3  look among the policy's requests for ours; it is not there: ask, and look again; done
 *
 * A request is no resource: the same again is another one.  So ours bears a mark, made from the
 * step's key, behind its justification, and always ends at the recorded time: should it be asked
 * for twice, the second is the same access and Azure ends the first.
 *
 * Undo: Azure has no call that takes access back, but a newer request for the same port ends an
 * older one (statusReason NewerRequestInitiated).  So the same is asked for once more, for one
 * minute.  What is over, or was ended by somebody's newer request, is left alone.
 *
 * What can go wrong: no policy holds the machine, it allows less, somebody has access already and
 * ours would end it, the time is over before it could be asked for, a permission is missing.
 *
 * The record: {"policy": resource id, "source", "ports": [22], "ends_ms", "mark": text}.
 */
#include "action/action.h"

#include <inttypes.h>

#include "azure/jit.h"
#include "base/clock.h"
#include "base/fault.h"
#include "core/cidr.h"
#include "tools.h"

#define MARK_CHARS 16
#define LAST_MINUTE_MS 60000
#define PORTS_SAID_MAX 200

struct access {
	struct action_env *env;
	struct step *step;
	struct resource_id id;
	struct json *params, *record;
	struct jit_policy policy;
};

static bool
begin(struct access *w, struct action_env *env, struct step *step, struct err *e)
{
	*w = (struct access){ .env = env, .step = step };
	return target_machine(step, &w->id, e) &&
	       stored_json(step->params, "parameters", env->arena, &w->params, e) &&
	       stored_json(step->before, "record", env->arena, &w->record, e);
}

/* ---- what the policy allows ---- */

static const struct json *
rule_of(const struct json *rules, int64_t number)
{
	int64_t n;

	for (const struct json *r = json_first(rules); r != NULL; r = json_next(r))
		if (json_int(json_get(r, "number"), &n) && n == number)
			return r;
	return NULL;
}

/* All of the source lies in that range; "*" and whatever Azure means by Internet hold all. */
static bool
lies_in(struct str source, struct str allowed)
{
	struct str address = STR_EMPTY, rest = source;
	struct cidr inner, outer;

	if (str_is(allowed, "*") || str_is_nocase(allowed, "Internet"))
		return true;
	str_next(&rest, '/', &address);
	return cidr_parse(source, &inner) && cidr_parse(allowed, &outer) &&
	       outer.bits <= inner.bits && cidr_holds(&outer, address) == ANSWER_YES;
}

static bool
fits_source(const struct json *rule, struct str source, struct arena *a, struct str *allowed)
{
	struct str single = json_text(json_get(rule, "allowedSourceAddressPrefix"));

	*allowed = single;
	if (single.n > 0 && lies_in(source, single))
		return true;
	for (const struct json *j = json_first(json_get(rule, "allowedSourceAddressPrefixes"));
	     j != NULL; j = json_next(j)) {
		if (lies_in(source, json_text(j)))
			return true;
		*allowed = arena_printf(a, "%.*s%s%.*s", STR_ARG(*allowed),
		    allowed->n > 0 ? ", " : "", STR_ARG(json_text(j)));
	}
	return false;
}

static struct str
numbers_of(const struct json *rules, struct arena *a)
{
	struct str out = STR_EMPTY;

	for (const struct json *r = json_first(rules); r != NULL && out.n < PORTS_SAID_MAX;
	     r = json_next(r))
		out = arena_printf(a, "%.*s%s%.*s", STR_ARG(out), out.n > 0 ? ", " : "",
		    STR_ARG(json_scalar(json_get(r, "number"), a)));
	return out;
}

static bool
check_port(const struct access *w, int64_t port, struct err *e)
{
	struct arena *a = w->env->arena;
	const struct json *rules = jit_ports(w->policy.body, w->step->target);
	const struct json *rule = rule_of(rules, port);
	struct str source = json_text(json_get(w->params, "source")), allowed;
	struct str longest = json_text(json_get(rule, "maxRequestAccessDuration"));
	struct str name = str_leaf(w->policy.path);
	int64_t longest_ms, wanted_ms = 0;

	json_int(json_get(w->params, "duration"), &wanted_ms);
	if (rule == NULL)
		return fail(e, ERR_INPUT,
		    "port %" PRId64 " is not in just-in-time policy %.*s, which has ports %.*s of "
		    "this machine",
		    port, STR_ARG(name), STR_ARG(numbers_of(rules, a)));
	if (!jit_duration_ms(longest, &longest_ms) || wanted_ms > longest_ms)
		return fail(e, ERR_INPUT,
		    "port %" PRId64 ": duration is %" PRId64 "m, and just-in-time policy %.*s "
		    "allows %.*s at most",
		    port, wanted_ms / 60000, STR_ARG(name), STR_ARG(longest));
	if (!fits_source(rule, source, a, &allowed))
		return fail(e, ERR_INPUT,
		    "port %" PRId64 ": source is %.*s, and just-in-time policy %.*s allows %.*s",
		    port, STR_ARG(source), STR_ARG(name), STR_ARG(allowed));
	return true;
}

/* ---- requests that there are ---- */

static bool
bears(const struct json *request, struct str mark)
{
	return str_has_nocase(json_text(json_get(request, "justification")), mark);
}

/* The machine's part of that port in a request; NULL when it is not in it. */
static const struct json *
port_of(const struct access *w, const struct json *request, int64_t port)
{
	for (const struct json *m = json_first(json_get(request, "virtualMachines")); m != NULL;
	     m = json_next(m))
		if (str_eq_nocase(json_text(json_get(m, "id")), w->step->target))
			return rule_of(json_get(m, "ports"), port);
	return NULL;
}

static bool
is_open(const struct access *w, const struct json *port)
{
	int64_t ends_ms;

	return port != NULL && !str_is_nocase(json_text(json_get(port, "status")), "Revoked") &&
	       clock_parse(json_text(json_get(port, "endTimeUtc")), &ends_ms) &&
	       ends_ms > w->env->now_ms;
}

static const struct json *
requests_of(const struct access *w)
{
	return json_at(w->policy.body, "properties.requests");
}

/* The request that bears the mark; NULL when there is none (yet). */
static const struct json *
find_request(const struct access *w, struct str mark)
{
	const struct json *found = NULL;

	for (const struct json *r = json_first(requests_of(w)); r != NULL; r = json_next(r))
		if (bears(r, mark))
			found = r;
	return found;
}

/* Ours would end it: somebody may be at work there. */
static bool
check_nobody(const struct access *w, int64_t port, struct err *e)
{
	for (const struct json *r = json_first(requests_of(w)); r != NULL; r = json_next(r)) {
		const struct json *p = port_of(w, r, port);

		if (is_open(w, p))
			return fail(e, ERR_CONFLICT,
			    "port %" PRId64 " is open for %.*s until %.*s, as %.*s asked for; a "
			    "newer request would end that",
			    port, STR_ARG(json_text(json_get(p, "allowedSourceAddressPrefix"))),
			    STR_ARG(json_text(json_get(p, "endTimeUtc"))),
			    STR_ARG(json_text(json_get(r, "requestor"))));
	}
	return true;
}

static bool
check_ports(const struct access *w, struct err *e)
{
	int64_t port = 0;

	for (const struct json *j = json_first(json_get(w->params, "ports")); j != NULL;
	     j = json_next(j)) {
		json_int(j, &port);
		if (!check_port(w, port, e) || !check_nobody(w, port, e))
			return false;
	}
	return true;
}

/* ---- asking ---- */

static struct str
justification(const struct access *w, struct str mark)
{
	struct str said = json_text(json_get(w->params, "justification"));

	if (said.n == 0)
		said = w->env->alert->name;
	return arena_printf(w->env->arena, "%.*s (%.*s)", STR_ARG(said), STR_ARG(mark));
}

static enum outcome
ask(struct access *w, const struct json *ports, int64_t ends_ms, struct str mark, struct err *e)
{
	struct arena *a = w->env->arena;
	char ends[CLOCK_TEXT_MAX];

	if (is_halted(w->env, w->step, e))
		return OUTCOME_NEVER;
	if (FAULT("action.jit.initiate"))
		return later(e, 0, "fault ordered at action.jit.initiate");
	if (!jit_initiate(w->env->arm, w->policy.path, w->step->target, ports,
		json_text(json_get(w->record, "source")), str_of(clock_format(ends_ms, ends)),
		justification(w, mark), a, e))
		return outcome_of(e);
	if (FAULT("action.jit.initiate.done"))
		return later(e, 0, "fault ordered at action.jit.initiate.done");
	return later(e, SOON_MS, "access asked for, reading the policy again");
}

static enum outcome
record(struct access *w, struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);
	int64_t duration = 0;

	if (!check_ports(w, e))
		return OUTCOME_NEVER;
	json_int(json_get(w->params, "duration"), &duration);
	json_set_str(j, "policy", w->policy.path, a);
	json_set_str(j, "source", json_text(json_get(w->params, "source")), a);
	json_set(j, "ports", json_copy(json_get(w->params, "ports"), a), a);
	/* Whole seconds, as it is written. */
	json_set_int(j, "ends_ms", (w->env->now_ms + duration) / 1000 * 1000, a);
	json_set_str(j, "mark",
	    arena_printf(a, "gridwarden %.*s", STR_ARG(str_slice(w->step->key, 0, MARK_CHARS))), a);
	w->step->before = json_print(j, a);
	return later(e, 0, "request for access recorded, not asked yet");
}

static enum outcome
opened(struct access *w)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);
	int64_t ends_ms = 0;

	json_int(json_get(w->record, "ends_ms"), &ends_ms);
	json_set_str(j, "policy", w->policy.path, a);
	json_set(j, "opened", json_copy(json_get(w->record, "ports"), a), a);
	json_set_str(j, "source", json_text(json_get(w->record, "source")), a);
	json_set_int(j, "ends_ms", ends_ms, a);
	w->step->result = json_print(j, a);
	return OUTCOME_DONE;
}

static enum outcome
go_on(struct access *w, struct err *e)
{
	struct str mark = json_text(json_get(w->record, "mark"));
	int64_t ends_ms = 0;

	if (find_request(w, mark) != NULL)
		return opened(w);
	json_int(json_get(w->record, "ends_ms"), &ends_ms);
	if (ends_ms <= w->env->now_ms) {
		fail(e, ERR_INPUT, "the time is over for which access was to be asked for");
		return OUTCOME_NEVER;
	}
	if (!check_ports(w, e)) /* somebody changed the policy since, or has access now */
		return OUTCOME_NEVER;
	return ask(w, json_get(w->record, "ports"), ends_ms, mark, e);
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct access w;
	struct vm vm;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	if (!machine_read(env, &w.id, &vm, e))
		return outcome_of(e);
	if (protected_now(env, &w.id, vm.tags, e))
		return OUTCOME_REFUSED;
	if (!jit_find(env->arm, &w.id, vm.region, env->arena, &w.policy, e))
		return outcome_of(e);
	if (jit_ports(w.policy.body, step->target) == NULL) {
		fail(e, ERR_INPUT,
		    "no just-in-time policy holds the machine, so there is nothing to ask access "
		    "of (enable_jit makes one)");
		return OUTCOME_NEVER;
	}
	return w.record == NULL ? record(&w, e) : go_on(&w, e);
}

/* ---- undo ---- */

static bool
is_open_for_others(const struct access *w, int64_t port, struct str last)
{
	for (const struct json *r = json_first(requests_of(w)); r != NULL; r = json_next(r))
		if (!bears(r, last) && is_open(w, port_of(w, r, port)))
			return true;
	return false;
}

/* Nobody's list of requests says so any more, and it has not ended by itself. */
static bool
may_be_open(const struct access *w, const struct json *ours, int64_t port)
{
	int64_t ends_ms = 0;

	json_int(json_get(w->record, "ends_ms"), &ends_ms);
	return ours == NULL && ends_ms > w->env->now_ms &&
	       rule_of(jit_ports(w->policy.body, w->step->target), port) != NULL;
}

/* Ports that are open by our request and no other; those of others into *drifted. */
static struct json *
open_ports(const struct access *w, const struct json *ours, struct str last, struct json *drifted)
{
	struct arena *a = w->env->arena;
	struct json *list = json_array(a);
	int64_t port = 0;

	for (const struct json *j = json_first(json_get(w->record, "ports")); j != NULL;
	     j = json_next(j)) {
		json_int(j, &port);
		if (is_open(w, port_of(w, ours, port)))
			json_add(list, json_copy(j, a), a);
		else if (is_open_for_others(w, port, last))
			json_add(drifted, json_copy(j, a), a);
		else if (may_be_open(w, ours, port))
			json_add(list, json_copy(j, a), a);
	}
	return list;
}

static enum outcome
ended(struct access *w, const struct json *last, struct json *drifted)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a), *list = json_array(a);
	int64_t port = 0;

	for (const struct json *p = json_first(json_get(w->record, "ports")); p != NULL;
	     p = json_next(p))
		if (json_int(p, &port) && port_of(w, last, port) != NULL)
			json_add(list, json_copy(p, a), a);
	json_set_str(j, "policy", w->policy.path, a);
	json_set(j, "ended", list, a);
	json_set(j, "drifted", drifted, a);
	w->step->result = json_print(j, a);
	return OUTCOME_DONE;
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	struct access w;
	struct str mark, last;
	struct json *ports, *drifted = json_array(env->arena);
	const struct json *ours;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	if (w.record == NULL) {
		step->result = STR("{\"ended\":[],\"drifted\":[]}");
		return OUTCOME_DONE; /* nothing was asked for */
	}
	if (!jit_get(env->arm, json_text(json_get(w.record, "policy")), env->arena, &w.policy, e))
		return outcome_of(e);
	mark = json_text(json_get(w.record, "mark"));
	last = arena_printf(env->arena, "%.*s ends", STR_ARG(mark));
	ours = find_request(&w, arena_printf(env->arena, "%.*s)", STR_ARG(mark)));
	ports = open_ports(&w, ours, last, drifted);
	if (json_count(ports) == 0 || find_request(&w, last) != NULL)
		return ended(&w, find_request(&w, last), drifted);
	return ask(&w, ports, env->now_ms + LAST_MINUTE_MS, last, e);
}

/* ---- what rules may write ---- */

static bool
check(const struct json *params, struct err *e)
{
	return check_port_list(json_get(params, "ports"), e);
}

static const struct param params[] = {
	{ .name = "ports",
	    .type = PARAM_PORT,
	    .list = true,
	    .required = true,
	    .help = "ports to be opened; the policy that holds the machine must have them" },
	{ .name = "source",
	    .type = PARAM_CIDR,
	    .required = true,
	    .help = "address or range that gets access; must lie in what the policy allows" },
	{ .name = "duration",
	    .type = PARAM_DURATION,
	    .fallback = "1h",
	    .min = 5 * 60000,
	    .max = 24 * 3600000,
	    .help = "how long; no longer than the policy allows" },
	{ .name = "justification",
	    .type = PARAM_TEXT,
	    .help = "why, as Defender for Cloud keeps it; default: the alert's name" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.Compute/virtualMachines/read",
	"Microsoft.Network/networkInterfaces/read",
	"Microsoft.Network/publicIPAddresses/read",
	"Microsoft.Security/locations/jitNetworkAccessPolicies/read",
	"Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action",
	NULL,
};

extern const struct action action_request_jit;
const struct action action_request_jit = {
	.name = "request_jit",
	.help = "ask for just-in-time access to a virtual machine: an investigator's way in",
	.params = params,
	.check = check,
	.permissions = permissions,
	.disruptive = true,
	.run = run,
	.undo = undo,
};
