#include "azure_world.h"

#include <unistd.h>

#define WORKSPACE                                                                        \
	"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-security" \
	"/providers/Microsoft.OperationalInsights/workspaces/soc"
#define TEMPLATE                                                           \
	"{\"what\":\"{ticket.event}\",\"key\":\"{ticket.key}\",\"title\":" \
	"\"{ticket.title}\",\"host\":\"{alert.host}\",\"none\":\"{alert.nothing}\"}"

static const char *const names[] = { "sentinel", "servicenow", "jira", "pagerduty", "receiver" };
#define SYSTEMS (sizeof(names) / sizeof(names[0]))

static char files[3][40];
static struct settings_ticket tickets[SYSTEMS];

static void
remove_files(void)
{
	for (size_t i = 0; i < 3; i++)
		unlink(files[i]);
}

static struct str
secret(size_t i, const char *text)
{
	FILE *f;

	if (files[i][0] == '\0') {
		strcpy(files[i], "/tmp/gridwarden-secret-XXXXXX");
		CHECK(mkstemp(files[i]) >= 0);
		if (i == 0)
			atexit(remove_files);
	}
	f = fopen(files[i], "w");
	CHECK(f != NULL && fprintf(f, "%s\n", text) > 0);
	fclose(f);
	return str_of(files[i]);
}

static const struct event no_event;

static void
ticket_world(void)
{
	struct err e;

	fresh_world();
	world.alert.event = &no_event;
	world.alert.fields = world.alert.data =
	    json_parse(STR("{\"host\":\"\\\"},{\\\"x\\\":1\"}"), world.arena, &e);
	tickets[0] = (struct settings_ticket){ .type = TICKET_SENTINEL };
	CHECK_OK(resource_id_parse(STR(WORKSPACE), &tickets[0].workspace, &e));
	tickets[1] = (struct settings_ticket){ .type = TICKET_SERVICENOW,
		.user = STR("gridwarden"),
		.password_file = secret(0, "snow-p:ss"),
		.close_state = STR("7"),
		.close_code = STR("Resolved by caller") };
	tickets[2] = (struct settings_ticket){ .type = TICKET_JIRA,
		.user = STR("gw@contoso.com"),
		.password_file = secret(1, "jira-token"),
		.project = STR("SEC"),
		.issue_type = STR("Task"),
		.close_transition = STR("31"),
		.priority = json_parse(STR("{\"high\":\"Highest\"}"), world.arena, &e) };
	tickets[3] = (struct settings_ticket){ .type = TICKET_PAGERDUTY,
		.routing_key_file = secret(2, "R0UT1NGKEY0123456789ABCDEF012345") };
	tickets[4] = (struct settings_ticket){ .type = TICKET_HTTP,
		.token_file = STR("/tmp/none"),
		.template = json_parse(STR(TEMPLATE), world.arena, &e) };
	for (size_t i = 0; i < SYSTEMS; i++) {
		tickets[i].name = str_of(names[i]);
		tickets[i].url = str_of(world.emulator.url);
	}
	tickets[4].url = arena_printf(world.arena, "%s/receiver", world.emulator.url);
	world.settings.tickets = tickets;
	world.settings.n_tickets = SYSTEMS;
}

/* Room is for three files: the receiver's token takes the place of PagerDuty's key. */
static void
use_system(size_t i)
{
	ticket_world();
	if (i == 4)
		tickets[4].token_file = secret(2, "receiver-token");
}

static const struct json *
made_in(size_t i)
{
	return json_get(control("GET", "tickets", NULL), names[i]);
}

static struct step
a_ticket(size_t i)
{
	struct step step = a_step("open_ticket", names[i], "{}");

	step.key = arena_printf(world.arena, "key-of-%s", names[i]);
	return step;
}

static struct step
an_isolation(enum step_state state)
{
	struct step step = a_step("isolate_vm", VM("web-01"), "{}");

	step.id = 7;
	step.disruptive = true;
	step.state = state;
	return step;
}

/* What the daemon plans when the isolation is settled. */
static struct step
more_about(size_t i, int64_t id)
{
	struct step step = a_ticket(i);

	step.id = id;
	step.key = arena_printf(world.arena, "more-%d-%s", (int)id, names[i]);
	step.reports = true;
	return step;
}

static void
store_steps(struct step first, struct step second)
{
	world.steps[0] = first;
	world.steps[1] = second;
	world.n_steps = 2;
}

static struct step
opened(size_t i)
{
	struct step step = a_ticket(i);

	world.steps[0] = an_isolation(STEP_WAITING);
	world.n_steps = 1;
	drive_done(&step);
	step.state = STEP_DONE;
	CHECK_INT(json_count(made_in(i)), 1);
	return step;
}

TEST(a_ticket_says_what_happened_and_what_is_done_about_it)
{
	const struct json *j;

	use_system(0);
	opened(0);
	j = json_get(json_first(made_in(0)), "properties");
	CHECK_STR(json_text(json_get(j, "title")), "High: Suspicious process executed");
	CHECK_STR(json_text(json_get(j, "severity")), "High");
	CHECK_STR(json_text(json_get(j, "status")), "New");
	CHECK(str_has_nocase(
	    json_text(json_get(j, "description")), STR("isolate_vm web-01: waiting")));
	CHECK_STR(
	    json_text(json_get(json_first(json_get(j, "labels")), "labelName")), "gridwarden");
	use_system(1);
	opened(1);
	j = json_first(made_in(1));
	CHECK_STR(json_text(json_get(j, "short_description")), "High: Suspicious process executed");
	CHECK_STR(json_text(json_get(j, "urgency")), "1");
	use_system(2);
	opened(2);
	j = json_get(json_first(made_in(2)), "fields");
	CHECK_STR(json_text(json_get(j, "summary")), "High: Suspicious process executed");
	CHECK_STR(json_text(json_at(j, "priority.name")), "Highest");
	CHECK(str_starts_nocase(json_text(json_get(j, "description")), STR("{noformat}\nAlert: ")));
	use_system(3);
	opened(3);
	j = json_get(json_first(json_get(json_first(made_in(3)), "log")), "payload");
	CHECK_STR(json_text(json_get(j, "severity")), "critical");
	CHECK_STR(json_text(json_get(j, "source")), VM("web-01"));
	use_system(4);
	opened(4);
	j = json_get(json_first(made_in(4)), "body");
	CHECK_STR(json_text(json_get(j, "what")), "open");
	CHECK_STR(json_text(json_get(j, "host")), "\"},{\"x\":1");
	CHECK(json_get(j, "none") != NULL && json_is(json_get(j, "none"), JSON_NULL));
	CHECK_INT(json_count(j), 5);
}

TEST(the_same_alert_again_is_the_same_ticket)
{
	for (size_t i = 0; i < SYSTEMS; i++) {
		struct step again;

		use_system(i);
		opened(i);
		again = a_ticket(i);
		drive_done(&again);
		CHECK_INT(json_count(made_in(i)), 1);
	}
}

/* The process dies before it commits: after each of its returns. */
TEST(whoever_died_between_opening_and_the_commit_finds_the_ticket)
{
	for (size_t i = 0; i < SYSTEMS; i++) {
		for (int dies_at = 1; dies_at <= 3; dies_at++) {
			struct step step;
			struct err e;

			use_system(i);
			step = a_ticket(i);
			CHECK_INT(drive(&step, dies_at, NULL, &e), OUTCOME_DONE);
			CHECK_INT(json_count(made_in(i)), 1);
		}
	}
}

TEST(a_lost_answer_makes_no_second_ticket)
{
	for (size_t i = 0; i < SYSTEMS; i++) {
		struct step step;

		use_system(i);
		fault(arena_printf(world.arena,
		    "{\"service\":\"%s\",\"method\":\"%s\",\"path\":\"%s\",\"cut\":\"after\"}",
		    i == 0 ? "arm" : names[i], i == 0 ? "PUT" : "POST", i == 2 ? "/issue$" : "")
			  .p);
		step = a_ticket(i);
		drive_done(&step);
		CHECK_INT(json_count(made_in(i)), 1);
		CHECK_INT(json_count(control("GET", "faults", NULL)), 0);
	}
}

/* Jira's index follows later: what was opened is looked for, for a while, before another. */
TEST(a_search_that_does_not_see_the_issue_yet_makes_no_second_one)
{
	struct step step;
	struct err e;

	use_system(2);
	control("POST", "settings", "{\"jira_unseen\":5}");
	fault("{\"service\":\"jira\",\"path\":\"/issue$\",\"cut\":\"after\"}");
	step = a_ticket(2);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_DONE);
	CHECK_INT(json_count(made_in(2)), 1);
	CHECK(!json_true(json_get(result_of(&step), "made")));
}

TEST(what_was_never_opened_is_opened_after_the_doubt)
{
	struct step step;
	struct err e;
	int64_t from_ms;

	use_system(2);
	from_ms = world.now_ms;
	fault("{\"service\":\"jira\",\"path\":\"/issue$\",\"cut\":\"before\"}");
	step = a_ticket(2);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_DONE);
	CHECK(world.now_ms - from_ms >= 60000);
	CHECK_INT(json_count(made_in(2)), 1);
}

TEST(jira_data_center_is_searched_its_own_way)
{
	struct step step, again;

	use_system(2);
	tickets[2].data_center = true;
	tickets[2].user = tickets[2].password_file = STR_EMPTY;
	tickets[2].token_file = secret(1, "jira-token");
	step = opened(2);
	CHECK_STR(json_text(json_at(result_of(&step), "ticket.number")), "SEC-101");
	again = a_ticket(2);
	drive_done(&again);
	CHECK_INT(json_count(made_in(2)), 1);
}

static size_t
comments(size_t i)
{
	static const char *const where[] = { "comments", "notes", "comments", "log", NULL };

	return where[i] == NULL ? json_count(made_in(i)) - 1
	       : i == 3		? json_count(json_get(json_first(made_in(i)), where[i])) - 1
				: json_count(json_get(json_first(made_in(i)), where[i]));
}

TEST(a_ticket_hears_once_what_became_of_the_isolation)
{
	for (size_t i = 0; i < SYSTEMS; i++) {
		struct step open_step, more, again;
		struct err e;

		use_system(i);
		open_step = opened(i);
		store_steps(open_step, an_isolation(STEP_DONE));
		more = more_about(i, 8);
		drive_done(&more);
		CHECK(json_true(json_get(result_of(&more), "commented")));
		CHECK_INT(comments(i), 1);
		CHECK(str_has_nocase(json_print(control("GET", "tickets", NULL), world.arena),
			  STR("isolate_vm web-01: done")) ||
		      i == 4);
		more.state = STEP_DONE;
		more.settled_ms = 2;
		world.steps[world.n_steps++] = more;
		again = more_about(i, 9);
		CHECK_INT(call_once(&again, false, &e), OUTCOME_DONE);
		CHECK(!json_true(json_get(result_of(&again), "commented")));
		CHECK_INT(comments(i), 1);
	}
}

TEST(news_wait_for_the_ticket_and_are_none_without_one)
{
	struct step open_step, more;
	struct err e;

	use_system(0);
	open_step = a_ticket(0);
	open_step.state = STEP_WAITING;
	store_steps(open_step, an_isolation(STEP_DONE));
	more = more_about(0, 8);
	CHECK_INT(call_once(&more, false, &e), OUTCOME_LATER);
	CHECK_HAS(e.text, "another action is at the ticket");
	world.steps[0].state = STEP_FAILED;
	CHECK_INT(call_once(&more, false, &e), OUTCOME_DONE);
	CHECK_INT(json_count(made_in(0)), 0);
}

TEST(a_ticket_that_is_taken_back_is_closed)
{
	for (size_t i = 0; i < SYSTEMS; i++) {
		struct step open_step, undo;
		const struct json *t;

		use_system(i);
		open_step = opened(i);
		store_steps(open_step, an_isolation(STEP_DONE));
		undo = its_undo(&open_step);
		drive_done(&undo);
		CHECK_STR(json_text(json_get(result_of(&undo), "became")), "closed");
		t = json_first(made_in(i));
		if (i == 0)
			CHECK_STR(json_text(json_at(t, "properties.status")), "Closed");
		else if (i == 1)
			CHECK_STR(json_text(json_get(t, "state")), "7");
		else if (i < 4)
			CHECK_STR(json_text(json_get(t, "status")), i == 2 ? "Done" : "resolved");
		else
			CHECK_STR(json_text(json_at(json_next(t), "body.what")), "close");
	}
}

TEST(a_ticket_that_somebody_deleted_is_gone)
{
	struct step open_step, undo;

	use_system(0);
	open_step = opened(0);
	store_steps(open_step, an_isolation(STEP_DONE));
	fault("{\"method\":\"PUT\",\"path\":\"/comments/\",\"status\":404}");
	undo = its_undo(&open_step);
	drive_done(&undo);
	CHECK_STR(json_text(json_get(result_of(&undo), "became")), "gone");
}

/* Two isolations of one alert are done at the same time, and two performers tell it. */
TEST(two_that_tell_at_once_tell_it_once)
{
	for (size_t i = 0; i < SYSTEMS; i++) {
		struct step first, second;
		struct err e;

		use_system(i);
		store_steps(opened(i), an_isolation(STEP_DONE));
		first = more_about(i, 8);
		world.steps[world.n_steps++] = first; /* running */
		second = more_about(i, 9);
		CHECK_INT(call_once(&second, false, &e), OUTCOME_LATER);
		drive_done(&first);
		world.steps[2] = first;
		world.steps[2].state = STEP_DONE;
		drive_done(&second);
		CHECK_INT(comments(i), 1);
	}
}

TEST(an_incident_that_somebody_works_on_is_told_and_not_closed)
{
	struct step open_step, undo;
	const struct json *t;

	use_system(0);
	open_step = opened(0);
	change_resource(arena_cstr(world.arena, json_text(json_get(json_first(made_in(0)), "id"))),
	    "{\"properties\":{\"owner\":{\"objectId\":\"2046feea-040d-4a46-9e2b-91c2941bfa70\"}}}");
	store_steps(open_step, an_isolation(STEP_DONE));
	undo = its_undo(&open_step);
	drive_done(&undo);
	t = json_first(made_in(0));
	CHECK_STR(json_text(json_at(t, "properties.status")), "New");
	CHECK_INT(json_count(json_get(t, "comments")), 1);
	CHECK_STR(json_text(json_get(result_of(&undo), "became")), "commented");
}

TEST(a_change_meanwhile_is_read_again_and_not_overwritten)
{
	struct step open_step, undo;

	use_system(0);
	open_step = opened(0);
	store_steps(open_step, an_isolation(STEP_DONE));
	fault("{\"method\":\"PUT\",\"path\":\"incidents/[^/]+$\",\"status\":412}");
	undo = its_undo(&open_step);
	drive_done(&undo);
	CHECK_INT(count_calls("PUT", json_text(json_get(json_first(made_in(0)), "name")).p), 3);
	CHECK_STR(json_text(json_at(json_first(made_in(0)), "properties.status")), "Closed");
}

TEST(a_missing_right_is_named_and_ends_the_step)
{
	static const char *const rights[] = { "Microsoft.SecurityInsights/incidents/write",
		"read and write on the table incident", "the permission", "a valid integration key",
		"leave to post" };

	for (size_t i = 0; i < SYSTEMS; i++) {
		struct step step;
		struct err e;

		use_system(i);
		if (i == 0)
			fault("{\"method\":\"PUT\",\"status\":403,\"body\":{\"error\":{\"code\":"
			      "\"AuthorizationFailed\",\"message\":\"The client does not have "
			      "authorization to perform action 'Microsoft.SecurityInsights/"
			      "incidents/write' over scope '/x/y'\"}}}");
		else
			fault(arena_printf(world.arena,
			    "{\"service\":\"%s\",\"status\":403,\"times\":-1,\"body\":\"no\"}",
			    names[i])
				  .p);
		step = a_ticket(i);
		CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
		CHECK_HAS(e.text, rights[i]);
		CHECK_HAS(e.text, names[i]);
	}
}

TEST(a_throttle_lets_the_system_rest_and_trouble_is_tried_again)
{
	for (size_t i = 0; i < SYSTEMS; i++) {
		const char *service = i == 0 ? "arm" : names[i];
		struct step step;
		struct err e;

		use_system(i);
		fault(arena_printf(world.arena,
		    "{\"service\":\"%s\",\"status\":429,\"headers\":{\"Retry-After\":\"9\"}}",
		    service)
			  .p);
		step = a_ticket(i);
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
		CHECK_INT(e.retry_ms, 9000);
		CHECK_INT(world.rest_ms, 9000);
		fault(arena_printf(world.arena, "{\"service\":\"%s\",\"status\":503}", service).p);
		drive_done(&step);
		CHECK_INT(json_count(made_in(i)), 1);
	}
}

TEST(no_secret_is_in_an_error_and_a_redirect_is_not_followed)
{
	static const char *const secrets[] = { "snow-p", "jira-token", "R0UT1NG",
		"receiver-token" };

	for (size_t i = 1; i < SYSTEMS; i++) {
		struct step step;
		struct err e;

		use_system(i);
		fault(arena_printf(world.arena,
		    "{\"service\":\"%s\",\"status\":302,\"headers\":{\"Location\":\"%s/"
		    "receiver\"}}",
		    names[i], world.emulator.url)
			  .p);
		step = a_ticket(i);
		CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
		CHECK_HAS(e.text, "302");
		CHECK_INT(json_count(made_in(4)), 0);
		for (size_t k = 0; k < 4; k++)
			CHECK(strstr(e.text, secrets[k]) == NULL);
	}
}

TEST(a_secret_that_cannot_be_read_is_waited_for_and_a_system_that_is_gone_ends_the_step)
{
	struct step step;
	struct err e;

	use_system(1);
	tickets[1].password_file = STR("/tmp/gridwarden-there-is-no-such-file");
	step = a_ticket(1);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_HAS(e.text, "password_file");
	CHECK(e.retry_ms > 0);
	world.settings.n_tickets = 0;
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_CSTR(e.text, "ticket system 'servicenow' is not in the settings any more");
}
