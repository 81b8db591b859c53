/*
 * The alert is asked for at its source before anything is changed.
 */
#include "azure_world.h"

#define ALERT SHOP "/providers/Microsoft.Security/locations/westeurope/alerts/2518_one"
#define TAGS "{\"tags\":{\"under\":\"investigation\"}}"

static void
put_alert(const char *status)
{
	control("PUT", "resource",
	    arena_printf(world.arena,
		"{\"id\":\"" ALERT "\",\"name\":\"2518_one\",\"type\":\"Microsoft.Security/"
		"Locations/alerts\",\"properties\":{\"alertDisplayName\":\"Suspicious process "
		"executed\",\"severity\":\"High\",\"status\":\"%s\",\"resourceIdentifiers\":[{"
		"\"type\":\"AzureResource\",\"azureResourceId\":\"" VM("web-01") "\"}]}}",
		status)
		.p);
}

/* An event that says where its alert is, and settings that ask there. */
static struct step
fresh_step(void)
{
	struct json *fields;

	fresh_world();
	fields = json_object(world.arena);
	json_set_cstr(fields, "id", ALERT, world.arena);
	world.alert.fields = world.alert.data = fields;
	world.settings.confirm_at_source = true;
	control("POST", "settings", "{\"any_alert\":false}");
	put_alert("Active");
	return a_step("tag_resource", VM("web-01"), TAGS);
}

TEST(it_is_asked_until_something_was_recorded_and_then_no_more)
{
	struct step step = fresh_step();
	struct err e;

	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK(step.before.n > 0);
	put_alert("Dismissed");
	drive_done(&step);
	CHECK_INT(count_calls("GET", "/alerts/2518_one"), 1);
}

TEST(what_cannot_be_asked_waits_and_is_refused_in_the_end)
{
	struct step step = fresh_step();
	struct err e;

	fault("{\"method\":\"GET\",\"path\":\"/alerts/\",\"status\":503,\"times\":-1}");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_HAS(e.text, "waiting for Defender for Cloud to confirm the alert");
	world.now_ms = step.created_ms + 5 * 60000 - 1;
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	world.now_ms = step.created_ms + 5 * 60000;
	CHECK_INT(call_once(&step, false, &e), OUTCOME_REFUSED);
	CHECK_HAS(e.text,
	    "not confirmed at source: Defender for Cloud could not be asked for 5 minutes: ");
	CHECK_INT(count_calls("PATCH", ""), 0);
}

TEST(a_throttle_is_waited_for_as_long_as_azure_says)
{
	struct step step = fresh_step();
	struct err e;

	fault("{\"method\":\"GET\",\"path\":\"/alerts/\",\"status\":429,"
	      "\"headers\":{\"Retry-After\":\"19\"}}");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(e.retry_ms, 19000);
	CHECK_INT(world.rest_ms, 19000);
	drive_done(&step);
}

TEST(an_answer_that_is_no_alert_confirms_nothing)
{
	static const char *const answers[] = { "{}", "[]", "{\"properties\":null}",
		"{\"properties\":{\"severity\":\"High\",\"status\":\"Active\"}}" };

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct step step = fresh_step();
		struct err e;

		fault(arena_printf(world.arena,
		    "{\"method\":\"GET\",\"path\":\"/alerts/\",\"status\":200,\"body\":%s}",
		    answers[i])
			  .p);
		CHECK_INT(call_once(&step, false, &e), OUTCOME_REFUSED);
		CHECK_HAS(e.text, "not confirmed at source: ");
	}
}

/* Another step of the alert that sets its status, and stands so. */
static void
with_status_step(enum step_state state, const char *before)
{
	world.steps[0] = (struct step){
		.id = 9, .action = STR("set_alert_status"), .state = state, .before = str_of(before)
	};
	world.n_steps = 1;
}

TEST(an_alert_that_a_step_of_ours_closed_counts_as_it_was_before)
{
	struct step step = fresh_step();
	struct err e;

	put_alert("Resolved");
	with_status_step(STEP_RUNNING, "");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_HAS(e.text, "waiting for what sets the status of the alert");
	with_status_step(STEP_WAITING, "");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	with_status_step(STEP_DONE, "{\"alert\":\"x\",\"was\":\"Resolved\"}");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_REFUSED);
	with_status_step(STEP_DONE, "{\"alert\":\"x\",\"was\":\"Active\"}");
	drive_done(&step);
	step = fresh_step();
	put_alert("Resolved");
	with_status_step(STEP_REFUSED, "");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_REFUSED);
	CHECK_HAS(e.text, "Defender for Cloud says the alert's status is 'Resolved'");
}
