#include "azure_world.h"

#define SUB "/subscriptions/11111111-2222-3333-4444-555555555555"
#define ALERT SHOP "/providers/Microsoft.Security/locations/westeurope/alerts/2518_one"
#define DISMISS "{\"status\":\"dismiss\"}"

static void
say(const char *field, const char *value)
{
	struct json *fields = json_object(world.arena);

	json_set_cstr(fields, field, value, world.arena);
	world.alert.fields = world.alert.data = fields;
}

static struct str
status_of(const char *alert)
{
	char *key = xstrdup(alert);
	struct str status;

	for (char *c = key; *c != '\0'; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	status = json_text(json_get(json_get(control("GET", "state", NULL), "alerts"), key));
	free(key);
	return status;
}

static struct step
dismissed(void)
{
	struct step step = a_step("set_alert_status", VM("web-01"), DISMISS);

	drive_done(&step);
	return step;
}

static void
world_with_alert(void)
{
	fresh_world();
	say("id", ALERT);
}

TEST(an_alert_is_dismissed_and_undo_gives_it_its_status_back)
{
	struct step step, undo;

	world_with_alert();
	step = dismissed();
	CHECK_STR(status_of(ALERT), "Dismissed");
	CHECK_STR(json_text(json_get(result_of(&step), "was")), "Active");
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(status_of(ALERT), "Active");
	CHECK_INT(count_calls("POST", "/dismiss"), 1);
	CHECK_INT(count_calls("POST", "/activate"), 1);
}

TEST(every_status_is_set_and_found_again)
{
	static const char *const rows[][2] = { { "dismiss", "Dismissed" },
		{ "resolve", "Resolved" }, { "activate", "Active" },
		{ "inProgress", "InProgress" } };

	for (size_t i = 0; i < 4; i++) {
		struct step step;

		world_with_alert();
		step = a_step("set_alert_status", VM("web-01"),
		    arena_printf(world.arena, "{\"status\":\"%s\"}", rows[i][0]).p);
		drive_done(&step);
		CHECK_STR(json_text(json_get(result_of(&step), "status")), rows[i][1]);
	}
}

TEST(the_alert_is_found_by_its_id_or_by_its_link)
{
	static const char link[] =
	    "https://portal.azure.com/#blade/Microsoft_Azure_Security_AzureDefenderForData/"
	    "AlertBlade/alertId/2518_two/subscriptionId/11111111-2222-3333-4444-555555555555/"
	    "referencedFrom/alertDeepLink/location/westeurope";

	fresh_world();
	say("resourceId", SUB "/providers/Microsoft.Security/locations/westeurope/alerts/2518_act");
	dismissed();
	CHECK_STR(
	    status_of(SUB "/providers/Microsoft.Security/locations/westeurope/alerts/2518_act"),
	    "Dismissed");
	fresh_world();
	world.alert.uri = str_of(link);
	dismissed();
	CHECK_STR(
	    status_of(SUB "/providers/Microsoft.Security/locations/westeurope/alerts/2518_two"),
	    "Dismissed");
}

TEST(an_event_that_does_not_say_where_the_alert_is_ends_in_words)
{
	static const char *const ids[] = { "2518_one", VM("web-01"), ALERT "/../x",
		SHOP "/providers/Microsoft.Security/locations/westeurope/tasks/x" };
	struct step step;
	struct err e;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		fresh_world();
		say("id", ids[i]);
		step = a_step("set_alert_status", VM("web-01"), DISMISS);
		CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
		CHECK_HAS(e.text, "does not say where Defender for Cloud keeps the alert");
		CHECK_INT(count_calls("POST", ""), 0);
	}
}

TEST(done_twice_is_done_once)
{
	struct step step;

	world_with_alert();
	step = dismissed();
	drive_done(&step);
	CHECK_INT(count_calls("POST", "/dismiss"), 1);
}

TEST(death_after_any_return_sets_once_there_and_back)
{
	int n = 3;

	for (int death = 1; death <= n; death++) {
		struct step step, undo;
		struct err e;

		world_with_alert();
		step = a_step("set_alert_status", VM("web-01"), DISMISS);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		CHECK_INT(count_calls("POST", "/dismiss"), 1);
		undo = its_undo(&step);
		CHECK_INT(drive(&undo, death, NULL, &e), OUTCOME_DONE);
		CHECK_STR(status_of(ALERT), "Active");
		CHECK_INT(count_calls("POST", "/activate"), 1);
	}
}

TEST(undo_leaves_a_status_that_somebody_set_since)
{
	struct step step, other, undo;

	world_with_alert();
	step = dismissed();
	other = a_step("set_alert_status", VM("web-01"), "{\"status\":\"inProgress\"}");
	drive_done(&other);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(status_of(ALERT), "InProgress");
	CHECK_INT(json_count(json_get(result_of(&undo), "drifted")), 1);
}

TEST(trouble_that_passes_ends_well)
{
	static const char *const orders[] = {
		"{\"method\":\"GET\",\"path\":\"/alerts/\",\"status\":503}",
		"{\"method\":\"POST\",\"path\":\"/dismiss\",\"status\":500}",
		"{\"method\":\"POST\",\"path\":\"/dismiss\",\"cut\":\"before\"}",
		"{\"method\":\"POST\",\"path\":\"/dismiss\",\"cut\":\"after\"}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		world_with_alert();
		fault(orders[i]);
		dismissed();
		CHECK_STR(status_of(ALERT), "Dismissed");
	}
}

TEST(a_throttle_waits_as_long_as_azure_says)
{
	struct step step;
	struct err e;

	world_with_alert();
	fault("{\"method\":\"POST\",\"path\":\"/dismiss\",\"status\":429,"
	      "\"headers\":{\"Retry-After\":\"17\"}}");
	step = a_step("set_alert_status", VM("web-01"), DISMISS);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(world.rest_ms, 17000);
	CHECK_INT(e.retry_ms, 17000);
	drive_done(&step);
	CHECK_STR(status_of(ALERT), "Dismissed");
}

TEST(what_is_refused_ends_in_words)
{
	struct step step;
	struct err e;

	world_with_alert();
	fault("{\"method\":\"POST\",\"path\":\"/dismiss\",\"times\":-1,\"status\":403}");
	step = a_step("set_alert_status", VM("web-01"), DISMISS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "403");
	world_with_alert();
	fault("{\"method\":\"GET\",\"path\":\"/alerts/\",\"times\":-1,\"status\":404}");
	step = a_step("set_alert_status", VM("web-01"), DISMISS);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "does not have the alert");
}
