/*
 * A running emulator of Azure (tests/emulator) and a performer that is driven as the daemon drives
 * it: what a call returns is committed before the next one, and time passes without sleeping.
 */
#ifndef TESTS_AZURE_WORLD_H
#define TESTS_AZURE_WORLD_H

#include <stdlib.h>

#include "action/action.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "emulator.h"
#include "net/http.h"
#include "test.h"

#define SHOP "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-shop"
#define VM(name) SHOP "/providers/Microsoft.Compute/virtualMachines/" name
#define NIC(name) SHOP "/providers/Microsoft.Network/networkInterfaces/" name
#define NSG(name) SHOP "/providers/Microsoft.Network/networkSecurityGroups/" name
#define POLICY(region, name) \
	SHOP "/providers/Microsoft.Security/locations/" region "/jitNetworkAccessPolicies/" name
#define QUARANTINE NSG("gridwarden-quarantine-westeurope")

/* A step that is not settled after so long never will be. */
#define DRIVE_LIMIT_MS 30000
/* An operation that nobody polls ends by itself, as in Azure. */
#define LONGOP_LIMIT "{\"longop_limit_s\":0.1}"

static struct {
	struct emulator emulator;
	struct arena *arena;
	struct settings settings;
	struct settings_channel channels[2];
	struct settings_protected protects[1];
	struct action_shared *shared;
	struct performer *performer;
	int64_t now_ms;
	struct alert alert;
	struct event event;   /* that it came in */
	int64_t rest_ms;      /* of the last call */
	atomic_bool halted;   /* somebody said panic */
	struct step steps[8]; /* all of the alert, as the store has them */
	size_t n_steps;
} world;

/* ---- the emulator ---- */

static inline void
end_world(void)
{
	performer_free(world.performer);
	action_shared_free(world.shared);
	arena_free(world.arena);
	emulator_stop(&world.emulator);
}

static inline struct json *
control(const char *method, const char *what, const char *body)
{
	return emulator_control(&world.emulator, method, what, body);
}

static inline struct json *
resource(const char *id)
{
	struct str escaped = http_escape(str_of(id), world.arena);

	return control(
	    "GET", arena_printf(world.arena, "resource?id=%.*s", STR_ARG(escaped)).p, NULL);
}

static inline void
change_resource(const char *id, const char *patch)
{
	struct str escaped = http_escape(str_of(id), world.arena);

	control("PATCH", arena_printf(world.arena, "resource?id=%.*s", STR_ARG(escaped)).p, patch);
}

static inline void
fault(const char *order)
{
	emulator_fault(&world.emulator, order);
}

/* How many calls of that method to a path that ends so. */
static inline int
count_calls(const char *method, const char *path_end)
{
	struct json *calls = control("GET", "calls", NULL);
	int n = 0;

	for (const struct json *c = json_first(calls); c != NULL; c = json_next(c))
		n += str_is(json_text(json_get(c, "method")), method) &&
		     str_ends_nocase(json_text(json_get(c, "path")), str_of(path_end));
	return n;
}

/* ---- the performer ---- */

static inline void
new_performer(void)
{
	performer_free(world.performer);
	action_shared_free(world.shared);
	world.shared = action_shared_new(&world.settings);
	world.performer = performer_new(world.shared, NULL);
}

/* Everything as at the start of the day. */
static inline void
fresh_world(void)
{
	struct err e;

	if (world.arena == NULL) {
		CHECK_OK(action_global_init(&e));
		emulator_start(&world.emulator, NULL, NULL);
		world.arena = arena_new();
		atexit(end_world);
	}
	world.settings = (struct settings){
		.azure = { .resource_manager = str_of(world.emulator.url),
		    .audience = STR("https://management.azure.com/"),
		    .login = str_of(world.emulator.url),
		    .imds = str_of(world.emulator.url),
		    .defender = str_of(world.emulator.url),
		    .defender_audience = STR("https://api.securitycenter.microsoft.com"),
		    .operation_timeout_ms = 1800000 },
		.channels = world.channels,
		.protects = world.protects,
	};
	world.alert = (struct alert){ .form = "flat",
		.id = STR("alert-1"),
		.name = STR("Suspicious process executed"),
		.severity = STR("High"),
		.level = SEVERITY_HIGH,
		.status = STR("Active"),
		.start_time = STR("2026-11-23T03:12:45Z"),
		.resource_text = STR(VM("web-01")),
		.event = &world.event };
	world.alert.fields = world.alert.data = json_object(world.arena);
	atomic_store(&world.halted, false);
	world.n_steps = 0;
	world.now_ms = clock_now_ms();
	control("POST", "reset", "");
	control("DELETE", "faults", NULL);
	control("POST", "settings", LONGOP_LIMIT);
	new_performer();
}

static inline struct step
a_step(const char *action, const char *target, const char *params)
{
	return (struct step){ .id = 1,
		.event_id = 1,
		.alert_id = 1,
		.action = str_of(action),
		.target = str_of(target),
		.params = str_of(params),
		.state = STEP_RUNNING,
		.created_ms = world.now_ms,
		.before = STR_EMPTY,
		.cursor = STR_EMPTY,
		.result = STR_EMPTY };
}

static inline struct step
its_undo(const struct step *done)
{
	struct step undo;

	step_undo(done, STR("alert-1"), world.now_ms, world.arena, &undo);
	undo.id = 2;
	undo.cursor = undo.result = STR_EMPTY;
	return undo;
}

/* One call.  Its effect on the step is committed unless the process dies before. */
static inline enum outcome
call_once(struct step *step, bool dies, struct err *e)
{
	struct job job = { .alert = &world.alert,
		.correlation_id = STR("5d1c8a77-2f0e-4a63-9a53-0b6ad3a1e001"),
		.steps = world.steps,
		.n_steps = world.n_steps,
		.halted = &world.halted };
	enum outcome outcome;

	e->retry_ms = 0;
	e->text[0] = '\0';
	step->attempts++; /* committed with the claim */
	job.step = *step;
	outcome = performer_run(world.performer, &job, world.now_ms, world.arena, e);
	world.rest_ms = job.rest_ms;
	if (outcome == OUTCOME_LATER)
		world.now_ms += e->retry_ms > 0 ? e->retry_ms : 1000;
	if (dies)
		new_performer();
	else
		*step = job.step;
	return outcome;
}

/*
 * Call until the step is settled.  dies_at: the return (1 = the first) after which the process dies
 * before anything is committed; 0 = never.  calls: how many returns there were, or NULL.
 */
static inline enum outcome
drive(struct step *step, int dies_at, int *calls, struct err *e)
{
	int64_t until_ms = clock_mono_ms() + DRIVE_LIMIT_MS;

	for (int n = 1; clock_mono_ms() < until_ms; n++) {
		enum outcome outcome = call_once(step, n == dies_at, e);

		if (outcome == OUTCOME_LATER || n == dies_at)
			continue;
		if (calls != NULL)
			*calls = n;
		return outcome;
	}
	print_error("not settled after %d ms: %s\n", DRIVE_LIMIT_MS, e->text);
	return OUTCOME_LATER;
}

static inline void
drive_done(struct step *step)
{
	struct err e;
	enum outcome outcome = drive(step, 0, NULL, &e);

	if (outcome != OUTCOME_DONE)
		print_error("outcome %d: %s\n", (int)outcome, e.text);
	CHECK_INT(outcome, OUTCOME_DONE);
}

static inline struct json *
result_of(const struct step *step)
{
	struct err e;
	struct json *j = json_parse(step->result, world.arena, &e);

	CHECK(j != NULL);
	return j;
}

/* How often run() returns until it is done, when nothing goes wrong. */
static inline int
returns_of(const char *action, const char *target, const char *params)
{
	struct step step;
	struct err e;
	int calls = 0;

	fresh_world();
	step = a_step(action, target, params);
	CHECK_INT(drive(&step, 0, &calls, &e), OUTCOME_DONE);
	return calls;
}

/* The snapshots that there are, as Azure shows them. */
static inline const struct json *
snapshots(void)
{
	const struct json *state = control("GET", "state", NULL);
	struct json *list = json_array(world.arena);

	for (const struct json *j = json_first(json_get(state, "resources")); j != NULL;
	     j = json_next(j))
		if (str_is(json_text(json_get(j, "type")), "Microsoft.Compute/snapshots"))
			json_add(list, json_copy(j, world.arena), world.arena);
	return list;
}

#endif
