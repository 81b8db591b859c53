#include "azure_world.h"

#include <pthread.h>

#define WANTED "{\"ports\":[22,3389],\"max_duration\":10800000,\"sources\":[\"203.0.113.0/24\"]}"
#define SHOP_POLICY POLICY("westeurope", "default")

static const struct json *
machine_in(const struct json *policy, const char *vm)
{
	for (const struct json *m = json_first(json_at(policy, "properties.virtualMachines"));
	     m != NULL; m = json_next(m))
		if (str_is_nocase(json_text(json_get(m, "id")), vm))
			return m;
	return NULL;
}

static const struct json *
port_in(const struct json *policy, const char *vm, int number)
{
	for (const struct json *p = json_first(json_get(machine_in(policy, vm), "ports"));
	     p != NULL; p = json_next(p))
		if ((int)json_number(json_get(p, "number")) == number)
			return p;
	return NULL;
}

static size_t
machines(const char *policy)
{
	return json_count(json_at(resource(policy), "properties.virtualMachines"));
}

static void
check_others_kept(const struct json *before, const struct json *after)
{
	static const char *const others[] = { VM("web-02"), VM("db-01"), VM("db-02") };

	for (size_t i = 0; i < 3; i++)
		CHECK(json_equal(machine_in(before, others[i]), machine_in(after, others[i])));
}

TEST(a_machine_is_armed_and_the_three_others_stay_as_they_are)
{
	struct json *before, *after, *result;
	const struct json *port;
	struct step step;

	fresh_world();
	before = resource(SHOP_POLICY);
	step = a_step("enable_jit", VM("web-01"), WANTED);
	drive_done(&step);
	after = resource(SHOP_POLICY);
	check_others_kept(before, after);
	CHECK_INT(machines(SHOP_POLICY), 4);
	port = port_in(after, VM("web-01"), 22);
	CHECK_STR(json_text(json_get(port, "maxRequestAccessDuration")), "PT3H");
	CHECK_STR(json_text(json_get(port, "allowedSourceAddressPrefix")), "203.0.113.0/24");
	CHECK(port_in(after, VM("web-01"), 3389) != NULL);
	result = result_of(&step);
	CHECK_STR(json_text(json_get(result, "policy")), SHOP_POLICY);
	CHECK_INT(json_count(json_get(result, "added")), 2);
	CHECK_INT(json_number(json_get(result, "kept")), 3);
}

TEST(the_policy_is_recorded_before_the_change)
{
	struct json *record;
	struct step step;
	struct err e;

	fresh_world();
	step = a_step("enable_jit", VM("web-01"), WANTED);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(e.retry_ms, 0);
	CHECK_INT(count_calls("PUT", ""), 0);
	record = json_parse(step.before, world.arena, &e);
	CHECK_STR(json_text(json_get(record, "policy")), SHOP_POLICY);
	CHECK_INT(json_count(json_at(record, "was.properties.virtualMachines")), 3);
}

TEST(ports_are_merged_into_those_of_the_machine)
{
	struct json *before, *after;
	struct step step, undo;

	fresh_world();
	before = resource(SHOP_POLICY);
	step = a_step("enable_jit", VM("db-01"), WANTED);
	drive_done(&step);
	after = resource(SHOP_POLICY);
	CHECK_INT(json_count(json_get(machine_in(after, VM("db-01")), "ports")), 3);
	CHECK(json_equal(port_in(before, VM("db-01"), 5432), port_in(after, VM("db-01"), 5432)));
	CHECK_STR(
	    json_text(json_get(port_in(after, VM("db-01"), 22), "allowedSourceAddressPrefix")),
	    "203.0.113.0/24");
	CHECK_INT(json_number(json_get(result_of(&step), "kept")), 2);

	undo = its_undo(&step);
	drive_done(&undo);
	after = resource(SHOP_POLICY);
	CHECK(json_equal(port_in(before, VM("db-01"), 22), port_in(after, VM("db-01"), 22)));
	CHECK_INT(json_count(json_get(machine_in(after, VM("db-01")), "ports")), 2);
	check_others_kept(before, after);
}

TEST(what_is_armed_already_is_not_written)
{
	struct step step, again;

	fresh_world();
	step = a_step("enable_jit", VM("web-01"), WANTED);
	drive_done(&step);
	again = a_step("enable_jit", VM("web-01"), WANTED);
	drive_done(&again);
	CHECK_INT(count_calls("PUT", ""), 1);
	CHECK_INT(json_count(json_get(result_of(&again), "added")), 0);
	again = its_undo(&again);
	drive_done(&again);
	CHECK_INT(machines(SHOP_POLICY), 4);
}

TEST(without_a_policy_default_is_made_and_undo_removes_it)
{
	struct json *gone = NULL;
	struct step step, undo;
	struct str id;

	fresh_world();
	id = http_escape(STR(SHOP_POLICY), world.arena);
	control("DELETE", arena_printf(world.arena, "resource?id=%.*s", STR_ARG(id)).p, NULL);
	step = a_step("enable_jit", VM("web-01"), WANTED);
	drive_done(&step);
	CHECK_INT(machines(SHOP_POLICY), 1);
	CHECK_INT(json_number(json_get(result_of(&step), "kept")), 0);
	undo = its_undo(&step);
	drive_done(&undo);
	gone = control("GET", "state", NULL);
	CHECK(json_get(json_get(gone, "resources"), SHOP_POLICY) == NULL);
	CHECK_INT(json_count(json_get(result_of(&undo), "removed")), 2);
}

TEST(a_machine_in_a_policy_of_another_name_stays_there)
{
	struct step step;

	fresh_world();
	control("PUT", "resource",
	    "{\"id\":\"" POLICY("westeurope",
		"web-tier") "\",\"name\":\"web-tier\",\"kind\":"
			    "\"Basic\",\"type\":\"Microsoft.Security/locations/"
			    "jitNetworkAccessPolicies\","
			    "\"location\":\"westeurope\",\"properties\":{\"provisioningState\":"
			    "\"Succeeded\","
			    "\"requests\":[],\"virtualMachines\":[{\"id\":\"" VM(
				"web-01") "\",\"ports\":[{"
					  "\"number\":443,\"protocol\":\"TCP\","
					  "\"allowedSourceAddressPrefix\":\"*\","
					  "\"maxRequestAccessDuration\":\"PT1H\"}]}]}}");
	step = a_step("enable_jit", VM("web-01"), WANTED);
	drive_done(&step);
	CHECK_INT(machines(SHOP_POLICY), 3);
	CHECK_INT(
	    json_count(json_get(
		machine_in(resource(POLICY("westeurope", "web-tier")), VM("web-01")), "ports")),
	    3);
}

TEST(the_region_of_the_machine_decides_which_policy)
{
	struct step step;

	fresh_world();
	step = a_step("enable_jit", VM("web-north-01"), WANTED);
	drive_done(&step);
	CHECK_STR(
	    json_text(json_get(result_of(&step), "policy")), POLICY("northeurope", "default"));
	CHECK_INT(machines(SHOP_POLICY), 3);
}

TEST(jit_undo_removes_only_what_it_added)
{
	struct json *before, *after;
	struct step step, undo;

	fresh_world();
	before = resource(SHOP_POLICY);
	step = a_step("enable_jit", VM("web-01"), WANTED);
	drive_done(&step);
	undo = its_undo(&step);
	drive_done(&undo);
	after = resource(SHOP_POLICY);
	CHECK_INT(machines(SHOP_POLICY), 3);
	check_others_kept(before, after);
	CHECK_INT(json_count(json_get(result_of(&undo), "removed")), 2);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_INT(count_calls("PUT", ""), 2);
}

TEST(jit_undo_leaves_what_somebody_changed_since)
{
	struct step step, undo;

	fresh_world();
	step = a_step("enable_jit", VM("web-01"),
	    "{\"ports\":[22],\"max_duration\":3600000,\"sources\":[\"203.0.113.7\"]}");
	drive_done(&step);
	change_resource(SHOP_POLICY,
	    "{\"properties\":{\"virtualMachines\":[{\"id\":\"" VM(
		"web-01") "\",\"ports\":[{"
			  "\"number\":22,\"protocol\":\"*\",\"allowedSourceAddressPrefix\":\"198."
			  "51.100.9\","
			  "\"maxRequestAccessDuration\":\"PT1H\"}]}]}}");
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_INT(machines(SHOP_POLICY), 1);
	CHECK_INT(json_number(json_first(json_get(result_of(&undo), "drifted"))), 22);
}

TEST(death_after_any_return_arms_the_machine_once)
{
	int n = returns_of("enable_jit", VM("web-01"), WANTED);

	CHECK(n > 1);
	for (int death = 1; death <= n; death++) {
		struct json *before;
		struct step step;
		struct err e;

		fresh_world();
		before = resource(SHOP_POLICY);
		step = a_step("enable_jit", VM("web-01"), WANTED);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		check_others_kept(before, resource(SHOP_POLICY));
		CHECK_INT(machines(SHOP_POLICY), 4);
		CHECK_INT(count_calls("PUT", "/default"), 1);
		CHECK_INT(json_count(json_get(result_of(&step), "added")), 2);
		CHECK_INT(json_count(json_at(json_parse(step.before, world.arena, &e),
			      "was.properties.virtualMachines")),
		    3);
	}
}

TEST(somebody_elses_policy_written_over_ours_is_noticed_and_mended)
{
	struct step step;
	struct err e;

	fresh_world();
	/* The answer says yes and the write is lost: as when another one came right behind it. */
	fault("{\"method\":\"PUT\",\"path\":\"/jitNetworkAccessPolicies/\",\"status\":200,"
	      "\"body\":{\"properties\":{\"provisioningState\":\"Succeeded\"}}}");
	step = a_step("enable_jit", VM("web-01"), WANTED);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_HAS(e.text, "somebody else wrote");
	drive_done(&step);
	CHECK_INT(machines(SHOP_POLICY), 4);
}

TEST(trouble_that_passes_ends_with_an_armed_machine)
{
	static const char *const orders[] = {
		"{\"method\":\"PUT\",\"status\":500}",
		"{\"method\":\"PUT\",\"status\":500,\"when\":\"after\"}",
		"{\"method\":\"PUT\",\"cut\":\"before\"}",
		"{\"method\":\"PUT\",\"cut\":\"after\"}",
		"{\"method\":\"PUT\",\"status\":409}",
		"{\"method\":\"GET\",\"path\":\"/jitNetworkAccessPolicies\",\"status\":503}",
		"{\"method\":\"GET\",\"path\":\"/virtualMachines/\",\"cut\":\"middle\"}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct json *before;
		struct step step;

		fresh_world();
		before = resource(SHOP_POLICY);
		fault(orders[i]);
		step = a_step("enable_jit", VM("web-01"), WANTED);
		drive_done(&step);
		check_others_kept(before, resource(SHOP_POLICY));
		CHECK_INT(machines(SHOP_POLICY), 4);
	}
}

TEST(a_throttled_policy_rests_the_subscription)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"PUT\",\"status\":429,\"headers\":{\"Retry-After\":\"21\"}}");
	step = a_step("enable_jit", VM("web-01"), WANTED);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(world.rest_ms, 21000);
	CHECK_INT(e.retry_ms, 21000);
	drive_done(&step);
}

static void
check_never(const char *target, const char *words)
{
	struct step step = a_step("enable_jit", target, WANTED);
	struct err e;

	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, words);
}

TEST(what_cannot_be_armed_is_refused_in_words)
{
	fresh_world();
	check_never(SHOP "/providers/Microsoft.KeyVault/vaults/keys",
	    "enable_jit needs a virtual machine, the alert is about Microsoft.KeyVault/vaults");
	check_never(VM("web-99"), "the machine is gone");
	fault("{\"method\":\"PUT\",\"status\":403,\"body\":{\"error\":{\"code\":"
	      "\"AuthorizationFailed\",\"message\":\"The client 'x' does not have authorization to "
	      "perform action 'Microsoft.Security/locations/jitNetworkAccessPolicies/write' over "
	      "scope 'y'.\"}}}");
	check_never(VM("web-01"), "Microsoft.Security/locations/jitNetworkAccessPolicies/write");
	fault("{\"method\":\"PUT\",\"status\":400,\"body\":{\"error\":{\"code\":\"NoPlan\","
	      "\"message\":\"Needs Defender for Servers Plan 2.\"}}}");
	check_never(VM("web-01"), "Needs Defender for Servers Plan 2.");
}

TEST(a_protected_machine_is_not_armed)
{
	struct step step;
	struct err e;

	fresh_world();
	world.protects[0] =
	    (struct settings_protected){ .tag_name = STR("env"), .text = STR("tag env") };
	world.settings.n_protects = 1;
	step = a_step("enable_jit", VM("web-01"), WANTED);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_REFUSED);
	CHECK_CSTR(e.text, "protected by tag env");
	CHECK_INT(count_calls("PUT", ""), 0);
}

/* ---- several performers at once ---- */

struct worker {
	const char *vm;
	enum outcome outcome;
};

static void *
arm_one(void *arg)
{
	struct worker *w = arg;
	struct arena *a = arena_new();
	struct performer *p = performer_new(world.shared, NULL);
	struct job job = { .step = a_step("enable_jit", w->vm, WANTED), .alert = &world.alert };
	int64_t until_ms = clock_mono_ms() + DRIVE_LIMIT_MS;
	struct err e;

	do
		w->outcome = performer_run(p, &job, world.now_ms, a, &e);
	while (w->outcome == OUTCOME_LATER && clock_mono_ms() < until_ms);
	performer_free(p);
	arena_free(a);
	return NULL;
}

/* There is no ETag: without turns each would write the policy without the others. */
TEST(machines_armed_at_the_same_time_do_not_push_each_other_out)
{
	struct worker workers[] = { { VM("web-01"), OUTCOME_LATER },
		{ VM("jump-01"), OUTCOME_LATER }, { VM("api-flex_1a2b3c4d"), OUTCOME_LATER } };
	pthread_t threads[3];
	struct json *before;

	fresh_world();
	before = resource(SHOP_POLICY);
	fault("{\"method\":\"PUT\",\"path\":\"/jitNetworkAccessPolicies/\",\"times\":-1,"
	      "\"delay_s\":0.05}");
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, arm_one, &workers[i]) == 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		CHECK_INT(workers[i].outcome, OUTCOME_DONE);
	}
	CHECK_INT(machines(SHOP_POLICY), 6);
	check_others_kept(before, resource(SHOP_POLICY));
	CHECK_INT(count_calls("PUT", "/default"), 3);
}
