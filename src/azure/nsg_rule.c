#include "azure/nsg_rule.h"

#define API_VERSION "2024-01-01"

static bool
is_inbound(const struct json *rule)
{
	return str_is_nocase(json_text(json_at(rule, "properties.direction")), "Inbound");
}

static int64_t
priority_of(const struct json *rule)
{
	int64_t priority = 0;

	json_int(json_at(rule, "properties.priority"), &priority);
	return priority;
}

int64_t
nsg_free_priority(const struct json *group)
{
	const struct json *rules = json_at(group, "properties.securityRules"), *r;

	for (int64_t p = NSG_BLOCK_FIRST; p <= NSG_BLOCK_LAST; p++) {
		for (r = json_first(rules); r != NULL; r = json_next(r))
			if (is_inbound(r) && priority_of(r) == p)
				break;
		if (r == NULL)
			return p;
	}
	return 0;
}

struct json *
nsg_allowed_before(const struct json *group, int64_t priority, struct arena *a)
{
	struct json *names = json_array(a);

	for (const struct json *r = json_first(json_at(group, "properties.securityRules"));
	     r != NULL; r = json_next(r))
		if (is_inbound(r) && priority_of(r) < priority &&
		    str_is_nocase(json_text(json_at(r, "properties.access")), "Allow"))
			json_add(names, json_copy(json_get(r, "name"), a), a);
	return names;
}

bool
nsg_blocks(const struct json *rule, const struct json *sources)
{
	const struct json *have = json_at(rule, "properties.sourceAddressPrefixes");

	for (const struct json *s = json_first(sources); s != NULL; s = json_next(s))
		if (!json_has_text(have, json_text(s)))
			return false;
	return is_inbound(rule) && json_count(have) == json_count(sources) &&
	       str_is_nocase(json_text(json_at(rule, "properties.access")), "Deny");
}

static struct str
path_of(struct str group, struct str rule, struct arena *a)
{
	return arena_printf(a, "%.*s/securityRules/%.*s", STR_ARG(group), STR_ARG(rule));
}

bool
nsg_block(struct arm *arm, struct str group, struct str rule, int64_t priority,
    const struct json *sources, struct arena *a, struct arm_answer *out, struct err *e)
{
	static const char *const rows[][2] = {
		{ "description", "Gridwarden: sources of an attack" }, { "direction", "Inbound" },
		{ "access", "Deny" }, { "protocol", "*" }, { "sourcePortRange", "*" },
		{ "destinationAddressPrefix", "*" }, { "destinationPortRange", "*" }
	};
	struct json *body = json_object(a), *properties = json_object(a);
	struct arm_call call = { .method = "PUT",
		.path = path_of(group, rule, a),
		.api_version = API_VERSION,
		.body = body };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_set_cstr(properties, rows[i][0], rows[i][1], a);
	json_set_int(properties, "priority", priority, a);
	json_set(properties, "sourceAddressPrefixes", json_copy(sources, a), a);
	json_set(body, "properties", properties, a);
	return arm_send(arm, &call, a, out, e);
}

bool
nsg_unblock(struct arm *arm, struct str group, struct str rule, struct arena *a,
    struct arm_answer *out, struct err *e)
{
	struct arm_call call = {
		.method = "DELETE", .path = path_of(group, rule, a), .api_version = API_VERSION
	};

	return arm_send(arm, &call, a, out, e);
}
