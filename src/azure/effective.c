/*
 * Happy path: the interface's own group is the quarantine, and in both directions nothing but the
 * quarantine's own rules stands before its denial of everything.
 * What can go wrong: the group is not in force, a rule stands before the denial, or a network
 * manager allows what the groups are not asked about.
 */
#include "azure/effective.h"

#include "azure/nsg.h"

#define API_VERSION "2024-01-01"

struct direction {
	const char *azure, *words;
};

static const struct direction directions[] = { { "Inbound", "inbound" },
	{ "Outbound", "outbound" } };

bool
effective_ask(
    struct arm *arm, struct str nic, struct arena *a, struct arm_answer *out, struct err *e)
{
	struct arm_call call = { .method = "POST",
		.path = arena_printf(a, "%.*s/effectiveNetworkSecurityGroups", STR_ARG(nic)),
		.api_version = API_VERSION };

	return arm_send(arm, &call, a, out, e);
}

/* ---- one rule ---- */

static bool
is_everything(struct str text)
{
	return str_is(text, "*") || str_is(text, "0.0.0.0/0") || str_is(text, "0-65535");
}

/* Azure shows one value, a list, or both. */
static bool
everything(const struct json *rule, const char *one, const char *many)
{
	for (const struct json *j = json_first(json_get(rule, many)); j != NULL; j = json_next(j))
		if (is_everything(json_text(j)))
			return true;
	return is_everything(json_text(json_get(rule, one)));
}

static bool
denies_all(const struct json *rule)
{
	struct str protocol = json_text(json_get(rule, "protocol"));

	return str_is_nocase(json_text(json_get(rule, "access")), "Deny") &&
	       (str_is_nocase(protocol, "All") || str_is(protocol, "*")) &&
	       everything(rule, "sourceAddressPrefix", "sourceAddressPrefixes") &&
	       everything(rule, "destinationAddressPrefix", "destinationAddressPrefixes") &&
	       everything(rule, "sourcePortRange", "sourcePortRanges") &&
	       everything(rule, "destinationPortRange", "destinationPortRanges");
}

/* "Allow"; a network manager has "AlwaysAllow" too. */
static bool
allows(const struct json *rule)
{
	struct str access = json_text(json_get(rule, "access"));

	return str_is_nocase(access, "Allow") || str_is_nocase(access, "AlwaysAllow");
}

static bool
is_of(const struct json *rule, const struct direction *d)
{
	return str_is_nocase(json_text(json_get(rule, "direction")), d->azure);
}

/* ---- one group ---- */

/* Where the first denial of everything stands; behind all places when there is none. */
static double
denial_at(const struct json *rules, const struct direction *d)
{
	double first = INT32_MAX;

	for (const struct json *r = json_first(rules); r != NULL; r = json_next(r)) {
		double priority = json_number(json_get(r, "priority"));

		if (is_of(r, d) && denies_all(r) && priority < first)
			first = priority;
	}
	return first;
}

static void
add_leak(struct json *leaks, const struct direction *d, struct str by, struct arena *a)
{
	json_add(leaks, json_string(arena_printf(a, "%s %.*s", d->words, STR_ARG(by)), a), a);
}

static void
look_at_own_group(const struct json *group, struct str id, struct json *leaks, struct arena *a)
{
	const struct json *rules = json_get(group, "effectiveSecurityRules");

	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++) {
		const struct direction *d = &directions[i];
		double denial = denial_at(rules, d);

		if (denial == INT32_MAX)
			add_leak(leaks, d, STR("as no rule denies everything"), a);
		for (const struct json *r = json_first(rules); r != NULL; r = json_next(r)) {
			struct str name = str_leaf(json_text(json_get(r, "name")));

			if (is_of(r, d) && allows(r) && !quarantine_has_rule(name) &&
			    json_number(json_get(r, "priority")) < denial)
				add_leak(leaks, d,
				    arena_printf(a, "by rule %.*s of %.*s", STR_ARG(name),
					STR_ARG(str_leaf(id))),
				    a);
		}
	}
}

static void
look_at_manager(const struct json *group, struct str manager, struct json *leaks, struct arena *a)
{
	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++)
		for (const struct json *r = json_first(json_get(group, "effectiveSecurityRules"));
		     r != NULL; r = json_next(r))
			if (is_of(r, &directions[i]) && allows(r))
				add_leak(leaks, &directions[i],
				    arena_printf(a,
					"by security admin rule %.*s of network manager %.*s",
					STR_ARG(str_leaf(json_text(json_get(r, "name")))),
					STR_ARG(str_leaf(manager))),
				    a);
}

struct json *
effective_leaks(const struct json *groups, struct str quarantine, struct arena *a)
{
	struct json *leaks = json_array(a);
	bool in_force = false;

	for (const struct json *g = json_first(json_get(groups, "value")); g != NULL;
	     g = json_next(g)) {
		struct str id = json_text(json_at(g, "networkSecurityGroup.id"));
		struct str manager = json_text(json_at(g, "association.networkManager.id"));
		struct str nic = json_text(json_at(g, "association.networkInterface.id"));

		if (manager.n > 0) {
			look_at_manager(g, manager, leaks, a);
		} else if (nic.n > 0 && str_eq_nocase(id, quarantine)) {
			look_at_own_group(g, id, leaks, a);
			in_force = true;
		}
	}
	if (!in_force)
		json_add(leaks,
		    json_string(arena_printf(a, "as %.*s is not in force on the interface",
				    STR_ARG(str_leaf(quarantine))),
			a),
		    a);
	return leaks;
}
