#include "azure_world.h"

#define RULES_DEFAULT "{\"allow\":[\"198.51.100.0/24\"],\"max_addresses\":2}"

/* As Defender writes them: the attacker, the machine itself, a private one, the office. */
#define ENTITIES                                                          \
	"[{\"$id\":\"1\",\"Type\":\"ip\",\"Address\":\"203.0.113.66\"},"  \
	"{\"$id\":\"2\",\"type\":\"ip\",\"address\":\"203.0.113.10\"},"   \
	"{\"$id\":\"3\",\"Type\":\"ip\",\"Address\":\"10.20.1.99\"},"     \
	"{\"$id\":\"4\",\"Type\":\"ip\",\"Address\":\"198.51.100.7\"},"   \
	"{\"$id\":\"5\",\"Type\":\"host\",\"Address\":\"203.0.113.99\"}," \
	"{\"$id\":\"6\",\"Type\":\"ip\",\"Address\":\"0.0.0.0/0\"}]"

static void
attacked(const char *entities, const char *extended)
{
	struct err e;

	fresh_world();
	world.alert.entities = json_parse(str_of(entities), world.arena, &e);
	world.alert.extended = json_parse(str_of(extended), world.arena, &e);
}

static void
attacked_as_usual(void)
{
	attacked(ENTITIES, "{\"Attacker source IP\":\"IP Address: 2a00:1450::5, 203.0.113.67\"}");
}

static struct json *
rules_of(const char *group)
{
	struct json *ours = json_array(world.arena);

	for (const struct json *r =
		 json_first(json_at(resource(group), "properties.securityRules"));
	     r != NULL; r = json_next(r))
		if (str_starts_nocase(json_text(json_get(r, "name")), STR("Gridwarden-Block-")))
			json_add(ours, json_copy(r, world.arena), world.arena);
	return ours;
}

static struct step
a_block(void)
{
	struct step step = a_step("block_source_address", VM("web-01"), RULES_DEFAULT);

	step.key = STR("key-1");
	return step;
}

static struct step
blocked(void)
{
	struct step step = a_block();

	drive_done(&step);
	return step;
}

static void
check_blocked_once(void)
{
	CHECK_INT(json_count(rules_of(NSG("nsg-web"))), 1);
	CHECK_INT(json_count(json_at(resource(NSG("nsg-web")), "properties.securityRules")), 3);
}

TEST(the_addresses_of_the_attack_are_denied_and_no_others)
{
	const struct json *rule, *list;
	struct json *result;
	struct step step;

	attacked_as_usual();
	step = blocked();
	check_blocked_once();
	rule = json_first(rules_of(NSG("nsg-web")));
	CHECK_STR(json_text(json_at(rule, "properties.access")), "Deny");
	CHECK_STR(json_text(json_at(rule, "properties.direction")), "Inbound");
	CHECK_INT(json_number(json_at(rule, "properties.priority")), 101);
	list = json_at(rule, "properties.sourceAddressPrefixes");
	CHECK_INT(json_count(list), 2);
	CHECK_STR(json_text(json_first(list)), "203.0.113.66");
	CHECK_STR(json_text(json_next(json_first(list))), "2a00:1450::5");
	result = result_of(&step);
	CHECK_INT(json_count(json_get(result, "blocked")), 2);
	CHECK_INT(json_count(json_get(result, "left_out")), 4);
	CHECK_STR(json_text(json_first(json_get(result, "without_group"))), NIC("web-01-nic-back"));
}

TEST(what_is_left_out_is_told_with_its_reason)
{
	static const char *const whys[] = { "the machine's own address", "not a public address",
		"allowed by the rule", "more than the rule takes" };
	const struct json *left;
	struct step step;

	attacked_as_usual();
	step = blocked();
	left = json_first(json_get(result_of(&step), "left_out"));
	for (size_t i = 0; i < 4; i++, left = json_next(left))
		CHECK_STR(json_text(json_get(left, "why")), whys[i]);
}

TEST(a_rule_of_people_that_comes_first_is_named)
{
	struct step step;

	attacked_as_usual();
	step = blocked();
	CHECK_STR(
	    json_text(json_first(json_get(result_of(&step), "still_allowed_by"))), "Allow-Https");
}

TEST(done_twice_is_done_once)
{
	struct step step, again;

	attacked_as_usual();
	step = blocked();
	again = a_block();
	drive_done(&again);
	check_blocked_once();
	CHECK(str_eq(step.before, again.before));
}

TEST(another_alert_gets_a_rule_of_its_own)
{
	struct step step;

	attacked_as_usual();
	blocked();
	step = a_block();
	step.key = STR("key-2");
	drive_done(&step);
	CHECK_INT(json_count(rules_of(NSG("nsg-web"))), 2);
}

TEST(death_after_any_return_blocks_once_there_and_back)
{
	struct step step, undo;
	struct err e;
	int n = 0;

	attacked_as_usual();
	step = a_block();
	CHECK_INT(drive(&step, 0, &n, &e), OUTCOME_DONE);
	CHECK(n > 2);
	for (int death = 1; death <= n; death++) {
		attacked_as_usual();
		step = a_block();
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		check_blocked_once();
		undo = its_undo(&step);
		CHECK_INT(drive(&undo, death, NULL, &e), OUTCOME_DONE);
		CHECK_INT(json_count(rules_of(NSG("nsg-web"))), 0);
	}
}

TEST(undo_removes_its_rule_and_no_other)
{
	struct step step, other, undo;

	attacked_as_usual();
	step = blocked();
	other = a_block();
	other.key = STR("key-2");
	drive_done(&other);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_INT(json_count(rules_of(NSG("nsg-web"))), 1);
	CHECK_INT(json_count(json_at(resource(NSG("nsg-web")), "properties.securityRules")), 3);
	CHECK_STR(json_text(json_first(json_get(result_of(&undo), "unblocked"))), NSG("nsg-web"));
}

TEST(undo_leaves_a_rule_that_somebody_changed)
{
	struct json *rules, *r;
	struct step step, undo;

	attacked_as_usual();
	step = blocked();
	rules =
	    json_copy(json_at(resource(NSG("nsg-web")), "properties.securityRules"), world.arena);
	for (r = json_child(rules); r != NULL; r = json_sibling(r))
		if (str_starts_nocase(json_text(json_get(r, "name")), STR("Gridwarden-Block-")))
			json_set_cstr(json_member(r, "properties"), "access", "Allow", world.arena);
	change_resource(
	    NSG("nsg-web"), arena_printf(world.arena, "{\"properties\":{\"securityRules\":%.*s}}",
				STR_ARG(json_print(rules, world.arena)))
				.p);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(json_text(json_first(json_get(result_of(&undo), "drifted"))), NSG("nsg-web"));
	CHECK_INT(json_count(rules_of(NSG("nsg-web"))), 1);
}

TEST(expires_after_asks_for_the_way_back)
{
	struct step step;
	int64_t at;

	attacked_as_usual();
	step = a_step("block_source_address", VM("web-01"),
	    "{\"max_addresses\":10,\"expires_after\":28800000}");
	drive_done(&step);
	CHECK(json_int(json_get(result_of(&step), "expires_ms"), &at));
	CHECK(at > world.now_ms + 28000000 && at <= world.now_ms + 28800000);
}

TEST(trouble_that_passes_ends_well)
{
	static const char *const orders[] = {
		"{\"method\":\"GET\",\"path\":\"/virtualMachines/\",\"status\":503}",
		"{\"method\":\"GET\",\"path\":\"/publicIPAddresses/\",\"status\":500}",
		"{\"method\":\"GET\",\"path\":\"/networkSecurityGroups/\",\"status\":500}",
		"{\"method\":\"PUT\",\"path\":\"/securityRules/\",\"status\":500}",
		"{\"method\":\"PUT\",\"path\":\"/securityRules/\",\"cut\":\"before\"}",
		"{\"method\":\"PUT\",\"path\":\"/securityRules/\",\"cut\":\"after\"}",
		"{\"method\":\"PUT\",\"path\":\"/securityRules/\",\"longop\":{\"end\":\"Failed\"}}",
		"{\"method\":\"PUT\",\"path\":\"/securityRules/"
		"\",\"status\":400,\"body\":{\"error\":"
		"{\"code\":\"SecurityRuleConflict\",\"message\":\"Same priority.\"}}}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		attacked_as_usual();
		fault(orders[i]);
		blocked();
		check_blocked_once();
	}
}

TEST(a_throttle_waits_as_long_as_azure_says)
{
	struct step step;
	struct err e;

	attacked_as_usual();
	fault("{\"method\":\"PUT\",\"path\":\"/securityRules/\",\"status\":429,"
	      "\"headers\":{\"Retry-After\":\"17\"}}");
	step = a_block();
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(world.rest_ms, 17000);
	CHECK_INT(e.retry_ms, 17000);
	drive_done(&step);
	check_blocked_once();
}

static void
check_never(const char *machine, const char *words)
{
	struct step step = a_step("block_source_address", machine, RULES_DEFAULT);
	struct err e;

	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, words);
	CHECK_INT(count_calls("POST", ""), 0);
}

TEST(what_cannot_be_blocked_ends_in_words_and_changes_nothing)
{
	attacked("[]", "{}");
	check_never(VM("web-01"), "names no address that may be blocked");
	attacked("[{\"Type\":\"ip\",\"Address\":\"10.0.0.1\"}]", "{}");
	check_never(VM("web-01"), "(1 left out)");
	attacked_as_usual();
	check_never(
	    VM("db-01"), "no network interface of the machine has a network security group");
	check_never(VM("web-99"), "the machine is gone");
	fault("{\"method\":\"GET\",\"path\":\"/publicIPAddresses/\",\"times\":-1,\"status\":403}");
	check_never(VM("web-01"), "403");
	control("DELETE", "faults", NULL);
	fault("{\"method\":\"PUT\",\"path\":\"/securityRules/\",\"times\":-1,\"status\":403}");
	check_never(VM("web-01"), "403");
	CHECK_INT(json_count(rules_of(NSG("nsg-web"))), 0);
}
