/*
 * isolate_machine: the sensor of Defender for Endpoint.
 */
#include "azure/defender_machine.h"
#include "azure_world.h"

#define FULL "{\"type\":\"full\"}"
#define WEB "0000000000000000000000000000000000000101"

static struct step
a_cut(const char *machine, const char *params)
{
	struct step step =
	    a_step("isolate_machine", arena_printf(world.arena, VM("%s"), machine).p, params);

	step.key = STR("key-1");
	step.rule = STR("cut-off");
	return step;
}

static const char *
said(const struct step *step)
{
	struct step s = *step;

	s.state = STEP_DONE;
	return arena_cstr(world.arena, step_sentence(&s, world.arena));
}

/* What Defender was asked for, oldest first: "Isolate Succeeded, Unisolate Pending". */
static struct str
asked(void)
{
	struct json *state = control("GET", "state", NULL);
	const char *all = "";

	for (const struct json *j = json_first(json_at(state, "defender.actions")); j != NULL;
	     j = json_next(j))
		all = arena_printf(world.arena, "%s%s%.*s %.*s", all, all[0] == '\0' ? "" : ", ",
		    STR_ARG(json_text(json_get(j, "type"))),
		    STR_ARG(json_text(json_get(j, "status"))))
			  .p;
	return str_of(all);
}

static void
somebody(const char *type, const char *status)
{
	control("POST", "defender",
	    arena_printf(world.arena,
		"{\"machineId\":\"" WEB "\",\"type\":\"%s\",\"status\":\"%s\"}", type, status)
		.p);
}

static struct step
isolated(const char *params)
{
	struct step step = a_cut("web-01", params);

	drive_done(&step);
	return step;
}

static void
check_never(struct step step, const char *words)
{
	struct err e;

	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, words);
}

/* entities: JSON of the list. */
static void
alert_names(const char *entities)
{
	struct err e;

	world.alert.entities = json_parse(str_of(entities), world.arena, &e);
	CHECK(world.alert.entities != NULL);
}

TEST(a_machine_is_isolated_by_its_sensor_and_undo_releases_it)
{
	const struct json *action;
	struct step step, undo;

	fresh_world();
	step = isolated("{\"type\":\"full\",\"expires_after\":3600000}");
	CHECK_STR(asked(), "Isolate Succeeded");
	action = json_first(json_at(control("GET", "state", NULL), "defender.actions"));
	CHECK_STR(json_text(json_get(action, "machineId")), WEB);
	CHECK_STR(json_text(json_get(action, "scope")), "Full");
	CHECK_HAS(arena_cstr(world.arena, json_text(json_get(action, "requestorComment"))),
	    "Gridwarden, rule cut-off, alert alert-1 [gridwarden-");
	CHECK_HAS(said(&step), "computer web-01.contoso.example, isolated by its sensor, until ");
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(asked(), "Isolate Succeeded, Unisolate Succeeded");
	CHECK_HAS(said(&undo), "computer web-01.contoso.example, free");
}

TEST(an_isolation_can_be_selective)
{
	const struct json *action;

	fresh_world();
	isolated("{\"type\":\"selective\"}");
	action = json_first(json_at(control("GET", "state", NULL), "defender.actions"));
	CHECK_STR(json_text(json_get(action, "scope")), "Selective");
}

TEST(the_machine_is_recorded_before_it_is_isolated)
{
	struct step step;
	struct json *record;
	struct err e;

	fresh_world();
	step = a_cut("web-01", FULL);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(e.retry_ms, 0);
	record = json_parse(step.before, world.arena, &e);
	CHECK_STR(json_text(json_get(record, "machine")), WEB);
	CHECK_STR(asked(), "");
}

/* ---- which machine ---- */

static struct str
chosen(const char *machine)
{
	struct step step = a_cut(machine, FULL);
	struct json *record;
	struct err e;

	if (call_once(&step, false, &e) != OUTCOME_LATER)
		return str_of(arena_cstr(world.arena, str_of(e.text)));
	record = json_parse(step.before, world.arena, &e);
	return json_text(json_get(record, "machine"));
}

TEST(a_machine_is_found_by_its_vm_id_else_by_its_name)
{
	fresh_world();
	/* Another one of that name says that it is another one. */
	CHECK_STR(chosen("web-01"), WEB);
	/* Set up twice: the one that is alive. */
	CHECK_STR(chosen("web-02"), "0000000000000000000000000000000000000202");
	/* It does not say which it is, and there is one of that name. */
	CHECK_STR(chosen("jump-01"), "0000000000000000000000000000000000000401");
}

TEST(what_cannot_be_told_apart_or_is_not_known_is_refused_in_words)
{
	fresh_world();
	check_never(a_cut("db-02", FULL), "knows 2 machines named db-02, 2 of them active");
	check_never(a_cut("db-01", FULL), "knows no machine that is db-01"); /* not onboarded */
	check_never(a_cut("web-north-01", FULL), "knows no machine that is web-north-01");
	check_never(a_cut("web-99", FULL), "the machine is gone");
	CHECK_STR(asked(), "");
}

TEST(an_id_in_the_alert_decides_only_when_it_is_that_machine)
{
	fresh_world();
	alert_names("[{\"Type\":\"host\",\"MdatpDeviceId\":"
		    "\"0000000000000000000000000000000000000302\"}]");
	CHECK_STR(chosen("db-02"), "0000000000000000000000000000000000000302");
	/* An alert about several machines, or one that somebody forged. */
	CHECK_STR(chosen("web-01"), WEB);
	alert_names("[{\"Type\":\"host\",\"MdatpDeviceId\":\"../machineactions\"},"
		    "{\"Type\":\"host\",\"AadDeviceId\":\"x' or id ne '\"}]");
	CHECK_STR(chosen("web-01"), WEB);
}

TEST(a_device_of_entra_in_the_alert_is_found)
{
	struct json *state;
	const struct json *machine = NULL;

	fresh_world();
	state = control("GET", "state", NULL);
	for (const struct json *j = json_first(json_at(state, "defender.machines")); j != NULL;
	     j = json_next(j))
		if (str_ends_nocase(json_text(json_get(j, "id")), STR("301")))
			machine = j;
	CHECK(machine != NULL);
	alert_names(arena_printf(world.arena, "[{\"Type\":\"host\",\"AadDeviceId\":\"%.*s\"}]",
	    STR_ARG(json_text(json_get(machine, "aadDeviceId"))))
			.p);
	CHECK_STR(chosen("db-02"), "0000000000000000000000000000000000000301");
}

/* ---- others ---- */

TEST(isolated_by_somebody_else_is_noted_and_not_undone)
{
	struct step step, undo;

	fresh_world();
	somebody("Isolate", "Succeeded");
	step = isolated("{\"type\":\"full\",\"expires_after\":3600000}");
	CHECK_STR(asked(), "Isolate Succeeded");
	CHECK_HAS(said(&step), "isolated already by analyst@contoso.example");
	CHECK(json_get(result_of(&step), "expires_ms") == NULL);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(asked(), "Isolate Succeeded");
	CHECK_HAS(said(&undo), "left isolated by analyst@contoso.example");
}

TEST(what_somebody_released_is_isolated)
{
	fresh_world();
	somebody("Isolate", "Succeeded");
	somebody("Unisolate", "Succeeded");
	isolated(FULL);
	CHECK_STR(asked(), "Isolate Succeeded, Unisolate Succeeded, Isolate Succeeded");
}

TEST(an_action_of_somebody_under_way_is_waited_for)
{
	struct step step;

	fresh_world();
	somebody("Unisolate", "Pending");
	isolated(FULL);
	CHECK_STR(asked(), "Unisolate Succeeded, Isolate Succeeded");
	fresh_world();
	somebody("Isolate", "InProgress");
	step = isolated(FULL);
	CHECK_STR(asked(), "Isolate Succeeded");
	CHECK_STR(json_text(json_get(result_of(&step), "isolation")), "already");
}

TEST(one_that_begins_between_looking_and_asking_is_waited_for)
{
	fresh_world();
	fault("{\"method\":\"POST\",\"path\":\"/isolate$\",\"status\":400,\"body\":{\"error\":{"
	      "\"code\":\"ActiveRequestAlreadyExists\",\"message\":\"Action is already in "
	      "progress\"}}}");
	isolated(FULL);
	CHECK_STR(asked(), "Isolate Succeeded");
}

TEST(the_way_back_stops_where_somebody_isolated_it_again)
{
	struct step step, undo;
	struct err e;

	fresh_world();
	step = isolated(FULL);
	somebody("Unisolate", "Succeeded");
	undo = its_undo(&step);
	drive_done(&undo); /* free already */
	CHECK_INT(count_calls("POST", "/unisolate"), 0);

	somebody("Isolate", "Succeeded");
	undo = its_undo(&step);
	CHECK_INT(drive(&undo, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "analyst@contoso.example isolated the machine again since");
	CHECK_HAS(e.text, "gridwarden release 1 --force");
	undo = its_undo(&step);
	step_undo_anyway(&undo, STR("alert-1"), "merge", world.arena);
	drive_done(&undo);
	CHECK_INT(count_calls("POST", "/unisolate"), 0);
	undo = its_undo(&step);
	step_undo_anyway(&undo, STR("alert-1"), "force", world.arena);
	drive_done(&undo);
	CHECK_INT(count_calls("POST", "/unisolate"), 1);
}

TEST(one_that_has_not_begun_is_cancelled_by_its_way_back)
{
	struct step step, undo;
	struct err e;

	fresh_world();
	control("POST", "settings", "{\"defender_polls\":1000}");
	step = a_cut("web-01", FULL);
	while (count_calls("POST", "/isolate") == 0)
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_HAS(e.text, "waiting for the sensor of web-01.contoso.example");
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(asked(), "Isolate Cancelled");
	check_never(step, "Isolate has ended as Cancelled by gridwarden");
}

/* ---- trouble ---- */

TEST(an_isolation_that_ends_badly_has_failed)
{
	static const char *const ends[] = { "Failed", "TimeOut", "Cancelled" };

	for (size_t i = 0; i < 3; i++) {
		fresh_world();
		control("POST", "settings",
		    arena_printf(world.arena, "{\"defender_end\":\"%s\"}", ends[i]).p);
		check_never(a_cut("web-01", FULL),
		    arena_printf(world.arena, "Isolate has ended as %s", ends[i]).p);
		CHECK_INT(count_calls("POST", "/isolate"), 1);
	}
}

TEST(a_way_back_that_ends_badly_has_failed_and_is_tried_again_when_asked_for)
{
	struct step step, undo;
	struct err e;

	fresh_world();
	step = isolated(FULL);
	control("POST", "settings", "{\"defender_end\":\"Failed\"}");
	undo = its_undo(&step);
	CHECK_INT(drive(&undo, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "Unisolate has ended as Failed");
	control("POST", "settings", "{\"defender_end\":\"Succeeded\"}");
	undo.cursor = STR_EMPTY; /* as the store does when a person asks again */
	drive_done(&undo);
	CHECK_INT(count_calls("POST", "/unisolate"), 2);
}

TEST(a_missing_permission_is_named)
{
	fresh_world();
	control("POST", "settings", "{\"defender_roles\":[\"Machine.Read.All\"]}");
	check_never(a_cut("web-01", FULL), "application permission Machine.Isolate");
	control("POST", "settings", "{\"defender_roles\":[\"Machine.Isolate\"]}");
	check_never(a_cut("web-01", FULL), "application permission Machine.Read.All");
}

TEST(a_cloud_without_it_is_told)
{
	fresh_world();
	world.settings.azure.defender = STR_EMPTY;
	new_performer();
	check_never(a_cut("web-01", FULL), "azure.cloud.defender");
}

TEST(a_throttle_rests_what_is_called_and_no_subscription)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"POST\",\"path\":\"/isolate$\",\"status\":429,"
	      "\"headers\":{\"Retry-After\":\"17\"}}");
	step = a_cut("web-01", FULL);
	CHECK_STR(action_destination(&step, world.arena), "defender-for-endpoint");
	while (count_calls("POST", "/isolate") == 0)
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(world.rest_ms, 17000);
	CHECK_INT(e.retry_ms, 17000);
	drive_done(&step);
	CHECK_STR(asked(), "Isolate Succeeded");
}

TEST(trouble_that_passes_isolates_once)
{
	static const char *const orders[] = {
		"{\"method\":\"GET\",\"path\":\"/api/machines$\",\"status\":503}",
		"{\"method\":\"GET\",\"path\":\"/api/machineactions\",\"status\":500}",
		"{\"method\":\"POST\",\"path\":\"/isolate$\",\"status\":500}",
		"{\"method\":\"POST\",\"path\":\"/isolate$\",\"cut\":\"before\"}",
		"{\"method\":\"POST\",\"path\":\"/isolate$\",\"cut\":\"after\"}",
		"{\"method\":\"POST\",\"path\":\"/isolate$\",\"status\":502,\"when\":\"after\"}",
		"{\"method\":\"POST\",\"path\":\"/isolate$\",\"status\":401}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		fresh_world();
		fault(orders[i]);
		isolated(FULL);
		CHECK_STR(asked(), "Isolate Succeeded");
	}
}

TEST(death_after_any_return_isolates_and_releases_once)
{
	int n = returns_of("isolate_machine", VM("web-01"), FULL);

	CHECK(n > 2);
	for (int death = 1; death <= n; death++) {
		struct step step, undo;
		struct err e;

		fresh_world();
		step = a_cut("web-01", FULL);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		CHECK_STR(asked(), "Isolate Succeeded");
		undo = its_undo(&step);
		CHECK_INT(drive(&undo, death, NULL, &e), OUTCOME_DONE);
		CHECK_STR(asked(), "Isolate Succeeded, Unisolate Succeeded");
	}
}

TEST(what_is_no_machine_or_is_protected_is_refused)
{
	struct step step;
	struct err e;

	fresh_world();
	check_never(
	    a_step("isolate_machine", SHOP, FULL), "isolate_machine needs a virtual machine");
	world.protects[0] = (struct settings_protected){
		.tag_name = STR("env"), .tag_value = STR("prod"), .text = STR("tag env=prod")
	};
	world.settings.n_protects = 1;
	step = a_cut("web-01", FULL);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_REFUSED);
	CHECK_STR(asked(), "");
}

TEST(panic_before_it_is_asked_for_stops_it)
{
	struct step step;
	struct err e;

	fresh_world();
	step = a_cut("web-01", FULL);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	atomic_store(&world.halted, true);
	check_never(step, "stopped by panic");
	CHECK_STR(asked(), "");
}
