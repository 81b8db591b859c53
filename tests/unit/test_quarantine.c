#include "azure/nsg.h"
#include "test.h"

#define SUB "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/"
#define PREFIX SUB "Microsoft.Network/networkSecurityGroups/gridwarden-quarantine-"

static struct arena *a;

__attribute__((constructor)) static void
make_arena(void)
{
	a = arena_new();
}

static struct json *
parse(const char *text)
{
	struct err e;

	return json_parse(str_of(text), a, &e);
}

static struct quarantine
plain(void)
{
	return (struct quarantine){ .location = STR("westeurope"), .sources = NULL };
}

static const struct json *
rule_of(const struct json *group, const char *name)
{
	for (const struct json *r = json_first(json_at(group, "properties.securityRules"));
	     r != NULL; r = json_next(r))
		if (str_is(json_text(json_get(r, "name")), name))
			return r;
	return NULL;
}

/* What Azure would show of a group that was just written. */
static struct json *
right_group(const struct quarantine *q)
{
	return quarantine_mend(q, NULL, a);
}

TEST(the_name_follows_region_and_sources)
{
	struct str sub = STR("11111111-2222-3333-4444-555555555555"), rg = STR("rg");
	struct json *one = parse("[\"10.9.0.0/26\"]"), *other = parse("[\"10.9.0.0/27\"]");
	struct str region = STR("westeurope");
	struct str with = quarantine_id(sub, rg, region, one, false, a);

	CHECK_STR(quarantine_id(sub, rg, region, NULL, false, a), PREFIX "westeurope");
	CHECK_STR(quarantine_id(sub, rg, region, parse("[]"), false, a), PREFIX "westeurope");
	CHECK(str_starts_nocase(with, STR(PREFIX "westeurope-")));
	CHECK(str_eq(with, quarantine_id(sub, rg, region, one, false, a)));
	CHECK(!str_eq(with, quarantine_id(sub, rg, region, other, false, a)));
	CHECK(!str_eq(with, quarantine_id(sub, rg, region, one, true, a)));
	CHECK(str_starts_nocase(
	    quarantine_id(sub, rg, region, NULL, true, a), STR(PREFIX "westeurope-")));
}

TEST(our_groups_are_known_by_name_without_case)
{
	CHECK(quarantine_is(STR(PREFIX "westeurope")));
	CHECK(quarantine_is(STR(SUB "microsoft.network/NETWORKSECURITYGROUPS/"
				    "Gridwarden-Quarantine-northeurope-12345678")));
	CHECK(!quarantine_is(STR(SUB "Microsoft.Network/networkSecurityGroups/nsg-web")));
	CHECK(!quarantine_is(STR_EMPTY));
}

TEST(a_right_group_is_left_alone)
{
	struct quarantine q = plain();
	struct json *group;

	group = right_group(&q);
	CHECK(quarantine_mend(&q, group, a) == NULL);
	/* Azure may not show it, and other rules may stand beside ours. */
	json_remove(json_member(group, "properties"), "flushConnection");
	json_add(json_path(group, "properties.securityRules"),
	    parse("{\"name\":\"Mine\",\"properties\":{\"priority\":300,\"direction\":\"Inbound\","
		  "\"access\":\"Deny\"}}"),
	    a);
	CHECK(quarantine_mend(&q, group, a) == NULL);
	CHECK_INT(json_count(quarantine_leaks(group, a)), 0);
}

TEST(a_changed_rule_a_missing_one_and_a_failed_group_are_mended)
{
	struct quarantine q = plain();
	struct json *group, *rule;

	group = right_group(&q);
	rule = json_child(json_path(group, "properties.securityRules"));
	json_set_cstr(json_member(rule, "properties"), "access", "Allow", a);
	CHECK(quarantine_mend(&q, group, a) != NULL);

	group = right_group(&q);
	json_set_cstr(json_child(json_path(group, "properties.securityRules")), "name", "Other", a);
	CHECK(quarantine_mend(&q, group, a) != NULL);

	group = right_group(&q);
	json_set_bool(json_member(group, "properties"), "flushConnection", false, a);
	CHECK(quarantine_mend(&q, group, a) != NULL);

	group = right_group(&q);
	json_set_cstr(json_member(group, "properties"), "provisioningState", "Failed", a);
	CHECK(quarantine_mend(&q, group, a) != NULL);
}

TEST(rules_of_others_are_carried_over_unless_they_stand_in_our_place)
{
	struct quarantine q = plain();
	struct json *existing = parse(
	    "{\"tags\":{\"owner\":\"soc\"},\"properties\":{\"securityRules\":["
	    "{\"name\":\"Allow-Bastion\",\"id\":\"/"
	    "r\",\"etag\":\"e\",\"type\":\"t\",\"properties\":"
	    "{\"provisioningState\":\"Succeeded\",\"priority\":150,\"direction\":\"Inbound\","
	    "\"access\":\"Allow\",\"protocol\":\"Tcp\"}},"
	    "{\"name\":\"Allow-Out\",\"properties\":{\"priority\":200,\"direction\":\"Outbound\","
	    "\"access\":\"Allow\"}},"
	    "{\"name\":\"Allow-Forensics-In\",\"properties\":{\"priority\":100,\"direction\":"
	    "\"Inbound\",\"access\":\"Allow\"}}]}}");
	struct json *mended = quarantine_mend(&q, existing, a);

	CHECK_INT(json_count(json_at(mended, "properties.securityRules")), 4);
	CHECK_STR(json_print(rule_of(mended, "Allow-Bastion"), a),
	    "{\"name\":\"Allow-Bastion\",\"properties\":{\"priority\":150,\"direction\":"
	    "\"Inbound\","
	    "\"access\":\"Allow\",\"protocol\":\"Tcp\"}}");
	CHECK(rule_of(mended, "Allow-Out") == NULL);
	CHECK(rule_of(mended, "Allow-Forensics-In") == NULL);
	CHECK_STR(json_text(json_at(mended, "tags.owner")), "soc");
	CHECK_STR(json_text(json_at(mended, "tags.managed-by")), "gridwarden");
	CHECK_STR(json_print(quarantine_leaks(mended, a), a), "[\"Allow-Bastion\"]");
}

TEST(the_allow_for_forensics_is_numbered_below_the_denials)
{
	struct json *sources = parse("[\"10.9.0.0/26\"]");
	struct quarantine q = { .location = STR("westeurope"), .sources = sources };
	struct json *group = right_group(&q);
	const struct json *allow = rule_of(group, "Allow-Forensics-In");
	const struct json *deny = rule_of(group, "Deny-All-In");

	CHECK_STR(json_text(json_at(allow, "properties.sourceAddressPrefix")), "10.9.0.0/26");
	CHECK(json_number(json_at(allow, "properties.priority")) <
	      json_number(json_at(deny, "properties.priority")));
	CHECK(quarantine_mend(&q, group, a) == NULL);
}
