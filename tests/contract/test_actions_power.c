#include "azure_world.h"

#define OFF "{\"stay_allocated\":false}"
#define STAY "{\"stay_allocated\":true}"

static struct str
power(void)
{
	return json_text(json_at(resource(VM("web-01")), "_emulator.power"));
}

static struct step
off(const char *params)
{
	struct step step = a_step("power_off_vm", VM("web-01"), params);

	drive_done(&step);
	return step;
}

TEST(a_machine_is_deallocated_and_undo_starts_it)
{
	struct step step, undo;

	fresh_world();
	step = off(OFF);
	CHECK_STR(power(), "deallocated");
	CHECK_STR(json_text(json_get(result_of(&step), "power")), "deallocated");
	CHECK_STR(json_text(json_get(result_of(&step), "was")), "running");
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(power(), "running");
	CHECK_INT(count_calls("POST", "/deallocate"), 1);
	CHECK_INT(count_calls("POST", "/start"), 1);
}

TEST(a_machine_that_stays_allocated_is_only_stopped)
{
	fresh_world();
	off(STAY);
	CHECK_STR(power(), "stopped");
	CHECK_INT(count_calls("POST", "/deallocate"), 0);
	CHECK_INT(count_calls("POST", "/powerOff"), 1);
}

TEST(undo_does_not_start_what_was_off_before)
{
	struct step step, undo;

	fresh_world();
	off(OFF);
	step = off(OFF);
	CHECK_INT(count_calls("POST", "/deallocate"), 1);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(power(), "deallocated");
	CHECK_INT(count_calls("POST", "/start"), 0);
}

TEST(death_after_any_return_switches_once_there_and_back)
{
	int n = returns_of("power_off_vm", VM("web-01"), OFF);

	CHECK(n > 2);
	for (int death = 1; death <= n; death++) {
		struct step step, undo;
		struct err e;

		fresh_world();
		step = a_step("power_off_vm", VM("web-01"), OFF);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		CHECK_STR(power(), "deallocated");
		CHECK_INT(count_calls("POST", "/deallocate"), 1);
		undo = its_undo(&step);
		CHECK_INT(drive(&undo, death, NULL, &e), OUTCOME_DONE);
		CHECK_STR(power(), "running");
		CHECK_INT(count_calls("POST", "/start"), 1);
	}
}

TEST(trouble_that_passes_ends_well)
{
	static const char *const orders[] = {
		"{\"method\":\"GET\",\"path\":\"/virtualMachines/\",\"status\":503}",
		"{\"method\":\"GET\",\"path\":\"/instanceView\",\"status\":500}",
		"{\"method\":\"POST\",\"path\":\"/deallocate\",\"status\":500}",
		"{\"method\":\"POST\",\"path\":\"/deallocate\",\"cut\":\"before\"}",
		"{\"method\":\"POST\",\"path\":\"/deallocate\",\"cut\":\"after\"}",
		"{\"method\":\"POST\",\"path\":\"/deallocate\",\"longop\":{\"end\":\"Failed\"}}",
		"{\"method\":\"POST\",\"path\":\"/"
		"deallocate\",\"longop\":{\"pattern\":\"location\"}}",
		"{\"method\":\"POST\",\"path\":\"/deallocate\",\"longop\":{\"pattern\":\"body\"}}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		fresh_world();
		fault(orders[i]);
		off(OFF);
		CHECK_STR(power(), "deallocated");
	}
}

TEST(a_throttle_waits_as_long_as_azure_says)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"POST\",\"path\":\"/deallocate\",\"status\":429,"
	      "\"headers\":{\"Retry-After\":\"17\"}}");
	step = a_step("power_off_vm", VM("web-01"), OFF);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(world.rest_ms, 17000);
	CHECK_INT(e.retry_ms, 17000);
	drive_done(&step);
	CHECK_STR(power(), "deallocated");
}

TEST(what_is_refused_ends_in_words_and_changes_nothing)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"POST\",\"path\":\"/deallocate\",\"times\":-1,\"status\":403}");
	step = a_step("power_off_vm", VM("web-01"), OFF);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "403");
	CHECK_STR(power(), "running");
	step = a_step("power_off_vm", VM("web-99"), OFF);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "the machine is gone");
	step = a_step("power_off_vm", SHOP, OFF);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "power_off_vm needs a virtual machine");
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
	step = a_step("power_off_vm", VM("web-01"), OFF);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_REFUSED);
	CHECK_STR(power(), "running");
}
