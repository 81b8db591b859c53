/*
 * Happy path: the group exists and our rules in it are as they should be: nothing is sent.
 * What can go wrong: it is missing, or somebody changed one of our rules.  Then the whole group is
 * written, because PUT replaces all rules, with the rules that are not ours carried over.
 */
#include "azure/nsg.h"

#include "base/hash.h"
#include "core/resource_id.h"

#define API_VERSION "2024-01-01"
#define DIGEST_MAX 8
#define SOURCES_MAX 64

enum when { ALWAYS, WITH_SOURCES, WITH_DEFENDER };

struct own_rule {
	const char *name;
	enum when when;
	const char *direction, *access, *protocol;
	const char *destination, *port;
	int priority;
	const char *description;
};

static const struct own_rule rules[] = {
	{ "Allow-Forensics-In", WITH_SOURCES, "Inbound", "Allow", "*", "*", "*", 100,
	    "Gridwarden: forensic access to an isolated machine" },
	{ "Allow-Defender-Out", WITH_DEFENDER, "Outbound", "Allow", "Tcp",
	    "MicrosoftDefenderForEndpoint", "443", 110,
	    "Gridwarden: the sensor of an isolated machine goes on reporting" },
	{ "Deny-IMDS-Out", ALWAYS, "Outbound", "Deny", "*", "AzurePlatformIMDS", "*", 200,
	    "Gridwarden: no tokens from the instance metadata service" },
	{ "Deny-All-In", ALWAYS, "Inbound", "Deny", "*", "*", "*", 4096, "Gridwarden: isolated" },
	{ "Deny-All-Out", ALWAYS, "Outbound", "Deny", "*", "*", "*", 4096, "Gridwarden: isolated" },
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

/* ---- names ---- */

static struct str
digest_of(const struct json *sources, bool defender, struct arena *a)
{
	struct str parts[SOURCES_MAX + 1];
	char hex[SHA256_HEX_MAX];
	size_t n = 0;

	for (const struct json *j = json_first(sources); j != NULL && n < SOURCES_MAX;
	     j = json_next(j))
		parts[n++] = json_text(j);
	if (defender)
		parts[n++] = STR("defender");
	sha256_parts_hex(parts, n, hex);
	return arena_str(a, str_slice(str_of(hex), 0, DIGEST_MAX));
}

struct str
quarantine_id(struct str subscription, struct str resource_group, struct str region,
    const struct json *sources, bool defender, struct arena *a)
{
	bool open = json_count(sources) > 0 || defender;

	return arena_printf(a,
	    "/subscriptions/%.*s/resourceGroups/%.*s/providers/Microsoft.Network/"
	    "networkSecurityGroups/" NSG_QUARANTINE_PREFIX "%.*s%s%.*s",
	    STR_ARG(subscription), STR_ARG(resource_group), STR_ARG(region), open ? "-" : "",
	    STR_ARG(open ? digest_of(sources, defender, a) : STR_EMPTY));
}

bool
quarantine_is(struct str nsg)
{
	struct resource_id id;
	struct err ignored;

	return resource_id_parse(nsg, &id, &ignored) &&
	       resource_id_is(&id, "Microsoft.Network", "networkSecurityGroups") &&
	       str_starts_nocase(id.name, STR(NSG_QUARANTINE_PREFIX));
}

/* ---- rules ---- */

static struct json *
wanted_rule(const struct own_rule *r, const struct json *sources, struct arena *a)
{
	struct json *j = json_object(a), *p = json_object(a);
	bool forensic = r->when == WITH_SOURCES;

	json_set_cstr(j, "name", r->name, a);
	json_set_cstr(p, "description", r->description, a);
	json_set_int(p, "priority", r->priority, a);
	json_set_cstr(p, "direction", r->direction, a);
	json_set_cstr(p, "access", r->access, a);
	json_set_cstr(p, "protocol", r->protocol, a);
	/* Azure takes one address or a list of them, never both fields. */
	if (forensic && json_count(sources) > 1)
		json_set(p, "sourceAddressPrefixes", json_copy(sources, a), a);
	else
		json_set_str(p, "sourceAddressPrefix",
		    forensic ? json_text(json_first(sources)) : STR("*"), a);
	json_set_cstr(p, "sourcePortRange", "*", a);
	json_set_cstr(p, "destinationAddressPrefix", r->destination, a);
	json_set_cstr(p, "destinationPortRange", r->port, a);
	json_set(j, "properties", p, a);
	return j;
}

static bool
is_wanted(const struct own_rule *r, const struct quarantine *q)
{
	switch (r->when) {
	case WITH_SOURCES:
		return json_count(q->sources) > 0;
	case WITH_DEFENDER:
		return q->defender;
	case ALWAYS:
		break;
	}
	return true;
}

static struct json *
wanted_rules(const struct quarantine *q, struct arena *a)
{
	struct json *list = json_array(a);

	for (size_t i = 0; i < RULES; i++)
		if (is_wanted(&rules[i], q))
			json_add(list, wanted_rule(&rules[i], q->sources, a), a);
	return list;
}

const struct json *
nsg_find_rule(const struct json *list, struct str name)
{
	for (const struct json *j = json_first(list); j != NULL; j = json_next(j))
		if (str_eq_nocase(json_text(json_get(j, "name")), name))
			return j;
	return NULL;
}

/* Azure keeps the case of what it was given, not its order. */
static bool
same_value(const struct json *want, const struct json *have)
{
	if (json_is(want, JSON_STRING))
		return str_eq_nocase(json_text(want), json_text(have));
	if (!json_is(want, JSON_ARRAY))
		return json_equal(want, have);
	for (const struct json *j = json_first(want); j != NULL; j = json_next(j))
		if (!json_has_text(have, json_text(j)))
			return false;
	return json_count(want) == json_count(have);
}

static bool
same_rule(const struct json *want, const struct json *have)
{
	const struct json *properties = json_get(have, "properties");

	for (const struct json *p = json_first(json_get(want, "properties")); p != NULL;
	     p = json_next(p))
		if (!str_is(json_name(p), "description") &&
		    !same_value(p, json_get_str(properties, json_name(p))))
			return false;
	return have != NULL;
}

/* Only one rule may stand at a priority of a direction. */
static bool
same_place(const struct json *x, const struct json *y)
{
	return str_eq_nocase(json_text(json_at(x, "properties.direction")),
		   json_text(json_at(y, "properties.direction"))) &&
	       json_equal(json_at(x, "properties.priority"), json_at(y, "properties.priority"));
}

static bool
is_in_the_way(const struct json *rule, const struct json *wanted)
{
	for (const struct json *w = json_first(wanted); w != NULL; w = json_next(w))
		if (same_place(rule, w))
			return true;
	return false;
}

bool
quarantine_has_rule(struct str name)
{
	for (size_t i = 0; i < RULES; i++)
		if (str_is_nocase(name, rules[i].name))
			return true;
	return false;
}

static bool
is_right(const struct json *existing, const struct json *wanted)
{
	const struct json *have = json_at(existing, "properties.securityRules");
	const struct json *flush = json_at(existing, "properties.flushConnection");

	for (const struct json *w = json_first(wanted); w != NULL; w = json_next(w))
		if (!same_rule(w, nsg_find_rule(have, json_text(json_get(w, "name")))))
			return false;
	for (const struct json *h = json_first(have); h != NULL; h = json_next(h)) {
		struct str name = json_text(json_get(h, "name"));

		/* Under a name of ours, and not wanted: the forensic allow of nobody. */
		if (quarantine_has_rule(name) && nsg_find_rule(wanted, name) == NULL)
			return false;
	}
	/* Not every region shows it: only a clear "false" is a mistake. */
	return flush == NULL || json_true(flush);
}

/* A rule of somebody else as it may be written again. */
static struct json *
writable_rule(const struct json *rule, struct arena *a)
{
	struct json *j = json_copy(rule, a);

	json_remove(j, "etag");
	json_remove(j, "id");
	json_remove(j, "type");
	json_remove(json_member(j, "properties"), "provisioningState");
	return j;
}

static struct json *
tags_with_ours(const struct json *existing, struct arena *a)
{
	const struct json *old = json_get(existing, "tags");
	struct json *tags = json_is(old, JSON_OBJECT) ? json_copy(old, a) : json_object(a);

	json_set_cstr(tags, "managed-by", "gridwarden", a);
	return tags;
}

struct json *
quarantine_mend(const struct quarantine *q, const struct json *existing, struct arena *a)
{
	struct json *wanted = wanted_rules(q, a);
	struct json *body = json_object(a), *properties = json_object(a);
	const struct json *have = json_at(existing, "properties.securityRules");

	if (existing != NULL && provisioning_of(existing) != PROVISIONING_FAILED &&
	    is_right(existing, wanted))
		return NULL;
	for (const struct json *h = json_first(have); h != NULL; h = json_next(h))
		if (!quarantine_has_rule(json_text(json_get(h, "name"))) &&
		    !is_in_the_way(h, wanted))
			json_add(wanted, writable_rule(h, a), a);
	json_set_str(body, "location", q->location, a);
	json_set(body, "tags", tags_with_ours(existing, a), a);
	json_set_bool(properties, "flushConnection", true, a);
	json_set(properties, "securityRules", wanted, a);
	json_set(body, "properties", properties, a);
	return body;
}

struct json *
quarantine_leaks(const struct json *existing, struct arena *a)
{
	struct json *names = json_array(a);

	for (const struct json *h = json_first(json_at(existing, "properties.securityRules"));
	     h != NULL; h = json_next(h)) {
		struct str name = json_text(json_get(h, "name"));

		if (!quarantine_has_rule(name) &&
		    str_is_nocase(json_text(json_at(h, "properties.access")), "Allow"))
			json_add(names, json_string(name, a), a);
	}
	return names;
}

/* ---- calls ---- */

bool
nsg_get(struct arm *arm, struct str id, struct arena *a, const struct json **body, struct str *etag,
    struct err *e)
{
	struct arm_call call = { .method = "GET", .path = id, .api_version = API_VERSION };
	struct arm_answer answer;

	*body = NULL;
	*etag = STR_EMPTY;
	if (!arm_send(arm, &call, a, &answer, e))
		return e->kind == ERR_NOT_FOUND;
	*body = answer.body;
	*etag = answer.etag;
	return true;
}

bool
nsg_put(struct arm *arm, struct str id, const struct json *body, struct str etag, struct arena *a,
    struct arm_answer *out, struct err *e)
{
	struct arm_call call = { .method = "PUT",
		.path = id,
		.api_version = API_VERSION,
		.body = body,
		.if_match = etag };

	return arm_send(arm, &call, a, out, e);
}
