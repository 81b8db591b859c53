#include "azure_world.h"

#define TAGS "{\"tags\":{\"quarantine\":\"alert-1\",\"OWNER\":\"soc\"}}"

static struct str
tag_of(const char *name)
{
	return json_text(json_get(json_get(resource(VM("web-01")), "tags"), name));
}

static void
check_tagged(void)
{
	CHECK_STR(tag_of("quarantine"), "alert-1");
	CHECK_STR(tag_of("owner"), "soc");
	CHECK_STR(tag_of("env"), "prod");
}

static void
check_untagged(void)
{
	CHECK_INT(json_count(json_get(resource(VM("web-01")), "tags")), 2);
	CHECK_STR(tag_of("owner"), "web team");
	CHECK_STR(tag_of("env"), "prod");
}

static struct step
tagged(void)
{
	struct step step = a_step("tag_resource", VM("web-01"), TAGS);

	drive_done(&step);
	return step;
}

TEST(tags_are_merged_with_those_that_are_there)
{
	fresh_world();
	tagged();
	check_tagged();
	CHECK_INT(count_calls("PUT", ""), 0);
	CHECK_INT(count_calls("PATCH", "/tags/default"), 1);
}

TEST(done_twice_is_done_once)
{
	struct step step, again;

	fresh_world();
	step = tagged();
	again = a_step("tag_resource", VM("web-01"), TAGS);
	again.before = step.before;
	drive_done(&again);
	CHECK_INT(count_calls("PATCH", "/tags/default"), 1);
}

TEST(death_after_any_return_tags_once_and_keeps_the_first_record)
{
	int n = returns_of("tag_resource", VM("web-01"), TAGS);

	CHECK(n > 2);
	for (int death = 1; death <= n; death++) {
		struct step step, undo;
		struct err e;

		fresh_world();
		step = a_step("tag_resource", VM("web-01"), TAGS);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		check_tagged();
		CHECK_INT(count_calls("PATCH", "/tags/default"), 1);
		undo = its_undo(&step);
		CHECK_INT(drive(&undo, death, NULL, &e), OUTCOME_DONE);
		check_untagged();
	}
}

TEST(undo_restores_what_was_there_and_removes_what_was_not)
{
	struct step step, undo;

	fresh_world();
	step = tagged();
	undo = its_undo(&step);
	drive_done(&undo);
	check_untagged();
	CHECK_INT(json_count(json_get(result_of(&undo), "untagged")), 2);
	CHECK_INT(json_count(json_get(result_of(&undo), "drifted")), 0);
}

TEST(undo_leaves_a_value_that_somebody_changed_since)
{
	struct step step, undo;

	fresh_world();
	step = tagged();
	change_resource(VM("web-01"), "{\"tags\":{\"owner\":\"night shift\"}}");
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(tag_of("owner"), "night shift");
	CHECK_STR(tag_of("quarantine"), "");
	CHECK_STR(json_text(json_first(json_get(result_of(&undo), "drifted"))), "OWNER");
}

TEST(trouble_that_passes_ends_well)
{
	static const char *const orders[] = {
		"{\"method\":\"GET\",\"path\":\"/tags/\",\"status\":503}",
		"{\"method\":\"PATCH\",\"path\":\"/tags/\",\"status\":500}",
		"{\"method\":\"PATCH\",\"path\":\"/tags/\",\"cut\":\"before\"}",
		"{\"method\":\"PATCH\",\"path\":\"/tags/\",\"cut\":\"after\"}",
		"{\"method\":\"PATCH\",\"path\":\"/tags/\",\"status\":500,\"when\":\"after\"}",
		"{\"method\":\"PATCH\",\"path\":\"/tags/\",\"longop\":{\"pattern\":\"location\"}}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		fresh_world();
		fault(orders[i]);
		tagged();
		check_tagged();
	}
}

TEST(a_throttle_waits_as_long_as_azure_says)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"PATCH\",\"path\":\"/tags/\",\"status\":429,"
	      "\"headers\":{\"Retry-After\":\"17\"}}");
	step = a_step("tag_resource", VM("web-01"), TAGS);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(world.rest_ms, 17000);
	CHECK_INT(e.retry_ms, 17000);
	drive_done(&step);
	check_tagged();
}

TEST(what_is_refused_ends_in_words_and_changes_nothing)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"PATCH\",\"path\":\"/tags/\",\"times\":-1,\"status\":403}");
	step = a_step("tag_resource", VM("web-01"), TAGS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "403");
	step = a_step("tag_resource", "", TAGS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "the alert names no Azure resource");
	step = a_step("tag_resource", VM("web-99"), TAGS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "the resource is gone");
	check_untagged();
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
	step = a_step("tag_resource", VM("web-01"), TAGS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_REFUSED);
	check_untagged();
}
