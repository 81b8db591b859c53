#include "azure_world.h"

#define NO_PARAMS "{}"
#define DISK(name) SHOP "/providers/Microsoft.Compute/disks/" name

static struct step
a_copy(const char *params)
{
	struct step step = a_step("snapshot_vm", VM("web-01"), params);

	step.key = STR("key-1");
	step.rule = STR("copy-before-it-changes");
	return step;
}

static void
check_copied_once(void)
{
	CHECK_INT(json_count(snapshots()), 3);
	CHECK_INT(count_calls("DELETE", ""), 0);
}

TEST(each_disk_gets_an_incremental_snapshot_that_nobody_can_export)
{
	const struct json *s;
	struct json *result;
	struct step step;

	fresh_world();
	step = a_copy(NO_PARAMS);
	drive_done(&step);
	check_copied_once();
	for (s = json_first(snapshots()); s != NULL; s = json_next(s)) {
		CHECK(json_true(json_at(s, "properties.incremental")));
		CHECK_STR(json_text(json_at(s, "properties.networkAccessPolicy")), "DenyAll");
		CHECK_STR(json_text(json_at(s, "properties.publicNetworkAccess")), "Disabled");
		CHECK_STR(json_text(json_at(s, "properties.provisioningState")), "Succeeded");
		CHECK(json_text(json_get(s, "name")).n <= 80);
	}
	result = result_of(&step);
	CHECK_INT(json_count(json_get(result, "snapshots")), 3);
	CHECK_INT(json_count(json_get(result, "failed")), 0);
	CHECK_INT(json_count(json_get(result, "left_out")), 0);
}

TEST(a_snapshot_and_the_result_say_who_when_of_what_and_why)
{
	const struct json *first, *tags;
	struct step step;
	struct json *result;

	fresh_world();
	step = a_copy(NO_PARAMS);
	drive_done(&step);
	result = result_of(&step);
	first = json_first(json_get(result, "snapshots"));
	CHECK_STR(json_text(json_get(first, "disk")), DISK("web-01_OsDisk"));
	CHECK(json_text(json_get(first, "request_id")).n > 0);
	CHECK(json_text(json_get(first, "at")).n > 0);
	CHECK(json_text(json_get(first, "unique_id")).n > 0);
	CHECK(json_text(json_get(first, "source_unique_id")).n > 0);
	CHECK_STR(json_text(json_get(result, "by")), "managed identity");
	tags = json_get(
	    resource(arena_cstr(world.arena, json_text(json_get(first, "snapshot")))), "tags");
	CHECK_STR(json_text(json_get(tags, "gridwarden-alert")), "alert-1");
	CHECK_STR(json_text(json_get(tags, "gridwarden-rule")), "copy-before-it-changes");
	CHECK_STR(json_text(json_get(tags, "gridwarden-disk")), DISK("web-01_OsDisk"));
	CHECK_STR(json_text(json_get(tags, "gridwarden-by")), "managed identity");
	CHECK(str_eq(json_text(json_get(tags, "gridwarden-at")), json_text(json_get(first, "at"))));
}

/* Of the credential that the machine's subscription has. */
TEST(what_an_application_copies_is_told_as_its_own)
{
	static struct str shop[] = { { "11111111-2222-3333-4444-555555555555", 36 } };
	static char file[] = "/tmp/gridwarden-secret-XXXXXX";
	struct settings_credential own = { .type = CREDENTIAL_CLIENT_SECRET,
		.tenant = STR("7f1c2a64-30d8-4b8e-9a55-6c0f4f2b9d17"),
		.client_id = STR("0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11"),
		.client_secret_file = str_of(file),
		.subscriptions = shop,
		.n_subscriptions = 1 };
	int fd = mkstemp(file);
	struct step step;

	CHECK(fd >= 0 && write(fd, "p4ss+word/&=~ %", 15) == 15 && close(fd) == 0);
	fresh_world();
	world.settings.azure.credentials = &own;
	world.settings.azure.n_credentials = 1;
	new_performer();
	step = a_copy(NO_PARAMS);
	drive_done(&step);
	unlink(file);
	CHECK_STR(json_text(json_get(result_of(&step), "by")),
	    "application 0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11");
}

TEST(the_snapshots_can_be_kept_in_a_group_of_their_own)
{
	struct step step;

	fresh_world();
	step = a_copy("{\"resource_group\":\"rg-security\"}");
	drive_done(&step);
	check_copied_once();
	for (const struct json *s = json_first(snapshots()); s != NULL; s = json_next(s))
		CHECK(str_has_nocase(
		    json_text(json_get(s, "id")), STR("/resourceGroups/rg-security/")));
}

TEST(done_twice_is_done_once)
{
	struct step step, again;

	fresh_world();
	step = a_copy(NO_PARAMS);
	drive_done(&step);
	again = a_copy(NO_PARAMS);
	drive_done(&again);
	check_copied_once();
	CHECK_INT(count_calls("PUT", ""), 3);
}

TEST(another_alert_copies_the_disks_again)
{
	struct step step;

	fresh_world();
	step = a_copy(NO_PARAMS);
	drive_done(&step);
	step = a_copy(NO_PARAMS);
	step.key = STR("key-2");
	drive_done(&step);
	CHECK_INT(json_count(snapshots()), 6);
}

TEST(death_after_any_return_copies_each_disk_once)
{
	struct step step;
	struct err e;
	int n = returns_of("snapshot_vm", VM("web-01"), NO_PARAMS);

	CHECK(n > 2);
	for (int death = 1; death <= n; death++) {
		fresh_world();
		step = a_copy(NO_PARAMS);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		check_copied_once();
		CHECK_INT(count_calls("PUT", ""), 3);
	}
}

TEST(passing_trouble_at_each_place_ends_well)
{
	static const char *const orders[] = {
		"{\"method\":\"GET\",\"path\":\"/virtualMachines/\",\"status\":503}",
		"{\"method\":\"GET\",\"path\":\"/snapshots/\",\"status\":500}",
		"{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"status\":500}",
		"{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"cut\":\"before\"}",
		"{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"cut\":\"after\"}",
		"{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"status\":500,\"when\":\"after\"}",
		"{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"longop\":{\"end\":\"Failed\"}}",
		"{\"method\":\"GET\",\"path\":\"/operations/\",\"status\":404,\"times\":-1}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct step step;

		fresh_world();
		fault(orders[i]);
		step = a_copy(NO_PARAMS);
		drive_done(&step);
		check_copied_once();
	}
}

TEST(a_throttle_waits_as_long_as_azure_says)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"status\":429,"
	      "\"headers\":{\"Retry-After\":\"17\"}}");
	step = a_copy(NO_PARAMS);
	do
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	while (world.rest_ms == 0 && count_calls("PUT", "") == 0);
	CHECK_INT(world.rest_ms, 17000);
	CHECK_INT(e.retry_ms, 17000);
	drive_done(&step);
	check_copied_once();
}

TEST(a_disk_that_is_refused_does_not_hide_those_that_were_copied)
{
	const struct json *failed;
	struct step step;
	struct err e;

	fresh_world();
	fault(
	    "{\"method\":\"PUT\",\"path\":\"/snapshots/web-01_data0\",\"times\":-1,\"status\":403,"
	    "\"body\":{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"The client does "
	    "not have authorization to perform action 'Microsoft.Compute/snapshots/write' over "
	    "scope 'x'.\"}}}");
	step = a_copy(NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "2 of 3 disks are copied");
	CHECK_HAS(e.text, "Microsoft.Compute/snapshots/write");
	CHECK_INT(json_count(json_get(result_of(&step), "snapshots")), 2);
	failed = json_first(json_get(result_of(&step), "failed"));
	CHECK_STR(json_text(json_get(failed, "disk")), DISK("web-01_data0"));
	CHECK_INT(json_count(snapshots()), 2);
	CHECK_INT(count_calls("PUT", ""), 3);
}

TEST(a_snapshot_that_azure_gives_up_again_and_again_does_not_hide_the_others)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/snapshots/web-01_data0\",\"times\":-1,\"longop\":{"
	      "\"end\":\"Failed\",\"error\":{\"code\":\"Quota\",\"message\":\"No more.\"}}}");
	step = a_copy(NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "Quota: No more.");
	CHECK_INT(json_count(json_get(result_of(&step), "snapshots")), 2);
	CHECK_INT(json_count(json_get(result_of(&step), "failed")), 1);
}

TEST(a_disk_that_cannot_be_copied_is_told)
{
	const struct json *left;
	struct step step;
	struct err e;

	fresh_world();
	change_resource(VM("web-02"),
	    "{\"properties\":{\"storageProfile\":{\"dataDisks\":[{\"lun\":0,\"name\":\"old\","
	    "\"vhd\":{\"uri\":\"https://store.blob.core.windows.net/vhds/old.vhd\"}}]}}}");
	step = a_step("snapshot_vm", VM("web-02"), NO_PARAMS);
	drive_done(&step);
	left = json_first(json_get(result_of(&step), "left_out"));
	CHECK_STR(json_text(json_get(left, "disk")), "old");
	CHECK_STR(json_text(json_get(left, "why")), "not a managed disk");
	change_resource(VM("web-02"),
	    "{\"properties\":{\"storageProfile\":{\"osDisk\":{\"diffDiskSettings\":{"
	    "\"option\":\"Local\"}}}}}");
	step = a_step("snapshot_vm", VM("web-02"), NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "no disk that can be copied");
}

TEST(a_snapshot_that_is_still_being_filled_is_waited_for)
{
	struct step step;
	struct err e;

	fresh_world();
	change_resource(
	    DISK("web-01_data1"), "{\"sku\":{\"name\":\"PremiumV2_LRS\",\"tier\":\"Premium\"}}");
	step = a_copy(NO_PARAMS);
	while (count_calls("PUT", "") == 0)
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	drive_done(&step);
	for (const struct json *s = json_first(snapshots()); s != NULL; s = json_next(s))
		CHECK_INT(json_number(json_at(s, "properties.completionPercent")), 100);
}

TEST(what_cannot_be_copied_at_all_is_refused_in_words)
{
	struct step step;
	struct err e;

	fresh_world();
	step = a_step(
	    "snapshot_vm", SHOP "/providers/Microsoft.Storage/storageAccounts/logs", NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "snapshot_vm needs a virtual machine");
	step = a_step("snapshot_vm", VM("web-99"), NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "the machine is gone");
	step = a_copy("{\"resource_group\":\"rg-none\"}");
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "rg-none");
	step = a_copy(NO_PARAMS);
	step.undo_of = 1;
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "snapshot_vm cannot be taken back");
	CHECK_INT(json_count(snapshots()), 0);
}

TEST(a_protecting_tag_is_seen_before_anything_is_touched)
{
	struct step step;
	struct err e;

	fresh_world();
	world.protects[0] = (struct settings_protected){
		.tag_name = STR("env"), .tag_value = STR("prod"), .text = STR("tag env=prod")
	};
	world.settings.n_protects = 1;
	step = a_copy(NO_PARAMS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_REFUSED);
	CHECK_INT(count_calls("PUT", ""), 0);
}
