#include "isolation_world.h"

#include <pthread.h>

static void
check_never(const char *target, const char *params, const char *words)
{
	struct step step = a_step("isolate_vm", target, params);
	struct err e;

	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, words);
}

TEST(all_interfaces_are_cut_off_and_nothing_else_changes)
{
	struct json *front, *back, *result;
	struct step step;

	fresh_world();
	front = all_but_group(NIC("web-01-nic"));
	back = all_but_group(NIC("web-01-nic-back"));
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);

	check_isolated();
	CHECK(json_equal(front, all_but_group(NIC("web-01-nic"))));
	CHECK(json_equal(back, all_but_group(NIC("web-01-nic-back"))));
	CHECK_STR(group_of(NIC("web-02-nic")), NSG("nsg-web"));

	result = result_of(&step);
	CHECK_INT(json_count(json_get(result, "interfaces")), 2);
	CHECK_STR(
	    json_text(json_get(json_first(json_get(result, "interfaces")), "was")), NSG("nsg-web"));
	CHECK_STR(
	    json_text(json_get(json_first(json_get(result, "interfaces")), "now")), QUARANTINE);
	CHECK_STR(json_text(json_get(result, "nsg")), QUARANTINE);
	CHECK_STR(json_text(json_get(result, "region")), "westeurope");
	CHECK(json_get(result, "expires_ms") == NULL);
	CHECK(json_get(result, "still_allowed_by") == NULL);
}

TEST(the_quarantine_group_denies_all_and_the_metadata_service)
{
	const struct json *rules;
	struct json *group;
	struct step step;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	group = resource(QUARANTINE);
	CHECK(json_true(json_at(group, "properties.flushConnection")));
	CHECK_STR(json_text(json_at(group, "tags.managed-by")), "gridwarden");
	rules = json_at(group, "properties.securityRules");
	CHECK_INT(json_count(rules), 3);
	for (const struct json *r = json_first(rules); r != NULL; r = json_next(r))
		CHECK_STR(json_text(json_at(r, "properties.access")), "Deny");
	CHECK_STR(json_text(json_at(json_first(rules), "properties.destinationAddressPrefix")),
	    "AzurePlatformIMDS");
	CHECK_INT(json_number(json_at(json_first(rules), "properties.priority")), 200);
}

TEST(forensic_sources_stand_above_the_denial_in_a_group_of_their_own)
{
	const struct json *allow;
	struct step step;
	struct json *group;
	struct str id;

	fresh_world();
	step = a_step(
	    "isolate_vm", VM("web-01"), "{\"forensic_sources\":[\"10.9.0.0/26\",\"10.9.1.4\"]}");
	drive_done(&step);
	id = group_of(NIC("web-01-nic"));
	CHECK(str_starts_nocase(id, STR(QUARANTINE "-")));
	group = resource(arena_cstr(world.arena, id));
	allow = json_first(json_at(group, "properties.securityRules"));
	CHECK_STR(json_text(json_at(allow, "properties.access")), "Allow");
	CHECK_STR(json_text(json_at(allow, "properties.direction")), "Inbound");
	CHECK_INT(json_number(json_at(allow, "properties.priority")), 100);
	CHECK_INT(json_count(json_at(allow, "properties.sourceAddressPrefixes")), 2);
}

TEST(the_sensor_of_defender_may_go_on_reporting_when_the_rule_says_so)
{
	const struct json *allow;
	struct json *group;
	struct step step;
	struct str id;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), "{\"defender_egress\":true}");
	drive_done(&step);
	id = group_of(NIC("web-01-nic"));
	CHECK(str_starts_nocase(id, STR(QUARANTINE "-")));
	group = resource(arena_cstr(world.arena, id));
	CHECK_INT(json_count(json_at(group, "properties.securityRules")), 4);
	allow = json_first(json_at(group, "properties.securityRules"));
	CHECK_STR(json_text(json_get(allow, "name")), "Allow-Defender-Out");
	CHECK_STR(json_text(json_at(allow, "properties.direction")), "Outbound");
	CHECK_STR(json_text(json_at(allow, "properties.destinationAddressPrefix")),
	    "MicrosoftDefenderForEndpoint");
	CHECK_STR(json_text(json_at(allow, "properties.destinationPortRange")), "443");
	CHECK_INT(json_number(json_at(allow, "properties.priority")), 110);
	CHECK_STR(json_text(json_at(result_of(&step), "proof.state")), "verified");
}

TEST(what_was_there_is_recorded_before_the_first_change)
{
	const struct json *first;
	struct json *record;
	struct step step;
	struct err e;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(e.retry_ms, 0);
	CHECK_HAS(e.text, "2 network interfaces recorded");
	CHECK_INT(count_calls("PUT", ""), 0);

	record = json_parse(step.before, world.arena, &e);
	CHECK_STR(json_text(json_get(record, "location")), "westeurope");
	CHECK_STR(json_text(json_at(record, "tags.env")), "prod");
	first = json_first(json_get(record, "interfaces"));
	CHECK_STR(json_text(json_get(first, "id")), NIC("web-01-nic"));
	CHECK_STR(json_text(json_get(first, "nsg")), NSG("nsg-web"));
	CHECK(json_text(json_get(first, "etag")).n > 0);
	CHECK(json_equal(json_get(first, "nic"), resource(NIC("web-01-nic"))));
	CHECK(json_is(json_get(json_next(first), "nsg"), JSON_NULL));
}

TEST(done_twice_is_done_once)
{
	struct step step, again;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	again = step;
	drive_done(&again);
	CHECK_INT(count_calls("PUT", "/web-01-nic"), 1);
	CHECK_INT(count_calls("PUT", "/web-01-nic-back"), 1);
	CHECK_INT(count_calls("PUT", "/gridwarden-quarantine-westeurope"), 1);
	CHECK(str_eq(step.before, again.before));
}

TEST(a_second_machine_finds_the_group_of_the_region)
{
	struct step step;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	step = a_step("isolate_vm", VM("web-02"), NO_PARAMS);
	drive_done(&step);
	CHECK_STR(group_of(NIC("web-02-nic")), QUARANTINE);
	CHECK_INT(count_calls("PUT", "/gridwarden-quarantine-westeurope"), 1);
}

TEST(death_after_any_return_changes_each_interface_once_and_keeps_the_first_record)
{
	int n = returns_of("isolate_vm", VM("web-01"), NO_PARAMS);

	CHECK(n > 2);
	for (int death = 1; death <= n; death++) {
		const struct json *first;
		struct json *record;
		struct step step;
		struct err e;

		fresh_world();
		step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		check_isolated();
		CHECK_INT(count_calls("PUT", "/web-01-nic"), 1);
		CHECK_INT(count_calls("PUT", "/web-01-nic-back"), 1);
		record = json_parse(step.before, world.arena, &e);
		first = json_first(json_get(record, "interfaces"));
		CHECK_STR(json_text(json_get(first, "nsg")), NSG("nsg-web"));
		CHECK(json_is(json_get(json_next(first), "nsg"), JSON_NULL));
	}
}

TEST(an_interface_attached_meanwhile_is_recorded_and_cut_off_too)
{
	struct step step;
	struct json *record;
	struct err e;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	change_resource(VM("web-01"),
	    "{\"properties\":{\"networkProfile\":{\"networkInterfaces\":["
	    "{\"id\":\"" NIC("web-01-nic") "\"},{\"id\":\"" NIC(
		"web-01-nic-back") "\"},"
				   "{\"id\":\"" NIC("jump-01-nic") "\"}]}}}");
	drive_done(&step);
	check_isolated();
	CHECK_STR(group_of(NIC("jump-01-nic")), QUARANTINE);
	record = json_parse(step.before, world.arena, &e);
	CHECK_INT(json_count(json_get(record, "interfaces")), 3);
	CHECK_INT(json_count(json_get(result_of(&step), "interfaces")), 3);
}

TEST(expires_after_asks_for_the_way_back)
{
	struct step step;
	int64_t at;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), "{\"expires_after\":28800000}");
	drive_done(&step);
	CHECK(json_int(json_get(result_of(&step), "expires_ms"), &at));
	CHECK(at > world.now_ms + 28000000 && at <= world.now_ms + 28800000);
}

TEST(a_changed_quarantine_group_is_mended_and_foreign_rules_are_named)
{
	struct step step;
	const struct json *leaks;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	change_resource(QUARANTINE,
	    "{\"properties\":{\"securityRules\":[{\"name\":\"Allow-Bastion\",\"properties\":{"
	    "\"priority\":150,\"direction\":\"Inbound\",\"access\":\"Allow\",\"protocol\":\"Tcp\","
	    "\"sourceAddressPrefix\":\"10.1.0.0/24\",\"sourcePortRange\":\"*\","
	    "\"destinationAddressPrefix\":\"*\",\"destinationPortRange\":\"22\"}}]}}");
	step = a_step("isolate_vm", VM("web-02"), NO_PARAMS);
	drive_done(&step);
	CHECK_INT(json_count(json_at(resource(QUARANTINE), "properties.securityRules")), 4);
	leaks = json_get(result_of(&step), "still_allowed_by");
	CHECK_STR(json_text(json_first(leaks)), "Allow-Bastion");
}

/* ---- refusals ---- */

TEST(other_resources_and_missing_machines_are_refused_in_words)
{
	fresh_world();
	check_never(SHOP "/providers/Microsoft.Storage/storageAccounts/logs", NO_PARAMS,
	    "isolate_vm needs a virtual machine, the alert is about "
	    "Microsoft.Storage/storageAccounts");
	check_never("", NO_PARAMS, "the alert names no Azure resource");
	check_never(SHOP, NO_PARAMS, "the alert is about a whole resource group");
	CHECK_INT(count_calls("GET", ""), 0);
	check_never(VM("web-99"), NO_PARAMS, "the machine is gone");
	check_never(VM("web-01"), "{\"resource_group\":\"rg-none\"}", "rg-none");
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
}

TEST(a_protecting_tag_is_seen_before_anything_is_touched)
{
	struct step step;
	struct err e;

	fresh_world();
	world.protects[0] = (struct settings_protected){ .tag_name = STR("gridwarden"),
		.tag_value = STR("protected"),
		.text = STR("tag gridwarden=protected") };
	world.settings.n_protects = 1;
	step = a_step("isolate_vm",
	    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-identity/"
	    "providers/Microsoft.Compute/virtualMachines/dc-01",
	    NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_REFUSED);
	CHECK_CSTR(e.text, "protected by tag gridwarden=protected");
	CHECK_INT(count_calls("PUT", ""), 0);
	CHECK_INT(step.before.n, 0);
}

TEST(panic_stops_it_before_the_first_interface_and_never_its_way_back)
{
	struct step step, undo;
	struct err e;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	do
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	while (count_calls("PUT", "") == 0); /* the group */
	atomic_store(&world.halted, true);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "stopped by panic");
	CHECK_INT(count_calls("PUT", "/web-01-nic") + count_calls("PUT", "/web-01-nic-back"), 0);

	atomic_store(&world.halted, false);
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	atomic_store(&world.halted, true);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
}

TEST(a_missing_permission_ends_it_by_name_and_says_what_is_cut_off)
{
	const struct json *first;
	struct step step;
	struct err e;

	fresh_world();
	fault(
	    "{\"method\":\"PUT\",\"path\":\"/web-01-nic-back$\",\"times\":-1,\"status\":403,"
	    "\"body\":{\"error\":{\"code\":\"LinkedAuthorizationFailed\",\"message\":\"The client "
	    "has permission to perform action 'Microsoft.Network/networkInterfaces/write' on "
	    "scope 'x'; however, it does not have permission to perform action(s) "
	    "'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) "
	    "'y'.\"}}}");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "Microsoft.Network/virtualNetworks/subnets/join/action");
	CHECK_HAS(e.text, "1 of 2 network interfaces are cut off");
	CHECK_STR(group_of(NIC("web-01-nic")), QUARANTINE);
	first = json_first(json_get(result_of(&step), "interfaces"));
	CHECK_STR(json_text(json_get(first, "now")), QUARANTINE);
	CHECK(json_is(json_get(json_next(first), "now"), JSON_NULL));
}

TEST(an_unreadable_machine_is_never_touched)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"GET\",\"path\":\"/virtualMachines/web-01$\",\"status\":403}");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_INT(count_calls("PUT", ""), 0);
}

/* ---- trouble that passes ---- */

TEST(a_throttle_waits_as_long_as_azure_says_and_rests_the_subscription)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"status\":429,"
	      "\"headers\":{\"Retry-After\":\"17\"}}");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	do
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	while (world.rest_ms == 0 && count_calls("PUT", "/web-01-nic") == 0);
	CHECK_INT(world.rest_ms, 17000);
	CHECK_INT(e.retry_ms, 17000);
	CHECK_HAS(e.text, "429");
	drive_done(&step);
	check_isolated();
}

TEST(passing_trouble_at_each_place_ends_well)
{
	static const char *const orders[] = {
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"status\":412}",
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"status\":500}",
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"cut\":\"before\"}",
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"cut\":\"after\"}",
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"status\":500,\"when\":\"after\"}",
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"status\":409,\"body\":{\"error\":{"
		"\"code\":\"AnotherOperationInProgress\",\"message\":\"Another operation\"}}}",
		"{\"method\":\"PUT\",\"path\":\"/networkSecurityGroups/\",\"status\":500}",
		"{\"method\":\"PUT\",\"path\":\"/networkSecurityGroups/\",\"cut\":\"after\"}",
		"{\"method\":\"GET\",\"path\":\"/virtualMachines/\",\"status\":503}",
		"{\"method\":\"GET\",\"path\":\"/web-01-nic-back$\",\"cut\":\"middle\",\"skip\":1}",
		"{\"method\":\"GET\",\"path\":\"/operations/\",\"status\":500}",
		"{\"method\":\"GET\",\"path\":\"/operations/\",\"status\":404,\"times\":-1}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct step step;

		fresh_world();
		fault(orders[i]);
		step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
		drive_done(&step);
		check_isolated();
	}
}

/* Waits until our reading of the group is held up, and changes an interface in that moment. */
static void *
colleague(void *arg)
{
	struct arena *a = arena_new();
	struct http *h = http_new(NULL);
	struct str nic = http_escape(STR(NIC("web-01-nic")), a);
	struct http_request held = { .method = "GET",
		.url = arena_printf(a,
		    "%s/_emulator/wait?method=GET&path=networkSecurityGroups&count=2&arrived=1",
		    world.emulator.url) };
	struct http_request change = { .method = "PATCH",
		.url = arena_printf(
		    a, "%s/_emulator/resource?id=%.*s", world.emulator.url, STR_ARG(nic)),
		.body = STR("{\"tags\":{\"owner\":\"night shift\"}}"),
		.has_body = true };
	struct http_response rs;
	struct err e;
	bool *well = arg;

	*well = http_call(h, &held, a, &rs, &e) && rs.status == 200 &&
		http_call(h, &change, a, &rs, &e) && rs.status == 200;
	http_free(h);
	arena_free(a);
	return NULL;
}

TEST(a_change_by_somebody_else_between_reading_and_writing_is_kept)
{
	bool well = false;
	pthread_t thread;
	struct step step;

	fresh_world();
	fault(
	    "{\"method\":\"GET\",\"path\":\"/networkSecurityGroups/\",\"skip\":1,\"delay_s\":0.5}");
	CHECK(pthread_create(&thread, NULL, colleague, &well) == 0);
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	pthread_join(thread, NULL);
	CHECK(well);
	check_isolated();
	CHECK_INT(count_calls("PUT", "/web-01-nic"), 2);
	CHECK_STR(json_text(json_at(resource(NIC("web-01-nic")), "tags.owner")), "night shift");
}

TEST(long_operations_of_every_kind_are_waited_for)
{
	static const char *const patterns[] = { "async", "location", "both", "body" };
	static const char *const what[] = { "/web-01-nic$", "/networkSecurityGroups/" };

	for (size_t i = 0; i < 8; i++) {
		struct step step;

		fresh_world();
		fault(arena_printf(world.arena,
		    "{\"method\":\"PUT\",\"path\":\"%s\",\"longop\":{\"pattern\":\"%s\","
		    "\"polls\":3,\"retry_after\":7}}",
		    what[i / 4], patterns[i % 4])
			  .p);
		step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
		drive_done(&step);
		check_isolated();
		CHECK_STR(
		    json_text(json_at(resource(NIC("web-01-nic")), "properties.provisioningState")),
		    "Succeeded");
		CHECK_INT(count_calls("PUT", "/web-01-nic"), 1);
	}
}

TEST(an_operation_that_fails_is_started_again)
{
	static const char *const what[] = { "/web-01-nic$", "/networkSecurityGroups/" };

	for (size_t i = 0; i < 2; i++) {
		struct step step;

		fresh_world();
		fault(arena_printf(world.arena,
		    "{\"method\":\"PUT\",\"path\":\"%s\",\"longop\":{\"end\":\"Failed\"}}", what[i])
			  .p);
		step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
		drive_done(&step);
		check_isolated();
	}
}

TEST(an_operation_that_keeps_failing_ends_with_its_reason)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"times\":-1,\"longop\":{\"end\":"
	      "\"Failed\",\"error\":{\"code\":\"NicQuota\",\"message\":\"No more.\"}}}");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "NicQuota: No more.");
	CHECK_HAS(e.text, "gave up after 3 attempts");
	CHECK_INT(count_calls("PUT", "/web-01-nic"), 3);
}

TEST(an_operation_that_another_one_pre_empted_is_started_again_without_counting)
{
	struct step step;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"times\":5,\"longop\":{\"end\":"
	      "\"Failed\",\"error\":{\"code\":\"OperationPreempted\",\"message\":\"Later.\"}}}");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	check_isolated();
	CHECK_INT(count_calls("PUT", "/web-01-nic"), 6);
}
