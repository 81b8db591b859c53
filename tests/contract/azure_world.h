/*
 * A running emulator of Azure (tests/emulator) and a performer that is driven as the daemon drives
 * it: what a call returns is committed before the next one, and time passes without sleeping.
 */
#ifndef TESTS_AZURE_WORLD_H
#define TESTS_AZURE_WORLD_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "action/action.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "net/http.h"
#include "test.h"

#define HELPER __attribute__((unused)) static

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
	pid_t pid;
	char url[64];
	struct http *http;
	struct arena *arena;
	struct settings settings;
	struct settings_channel channels[2];
	struct settings_protected protects[1];
	struct action_shared *shared;
	struct performer *performer;
	int64_t now_ms;
	struct alert alert;
	int64_t rest_ms; /* of the last call */
} world;

/* ---- the emulator ---- */

HELPER void
stop_emulator(void)
{
	performer_free(world.performer);
	action_shared_free(world.shared);
	http_free(world.http);
	arena_free(world.arena);
	kill(world.pid, SIGTERM);
	waitpid(world.pid, NULL, 0);
}

HELPER void
start_emulator(void)
{
	char *const args[] = { (char[]){ "/usr/bin/python3" },
		(char[]){ "tests/emulator/azure.py" }, NULL };
	char line[256] = "";
	int ends[2];
	FILE *out;
	long port;

	CHECK(pipe(ends) == 0);
	world.pid = fork();
	CHECK(world.pid >= 0);
	if (world.pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execv(args[0], args);
		_exit(127);
	}
	close(ends[1]);
	out = fdopen(ends[0], "r");
	CHECK(out != NULL && fgets(line, sizeof(line), out) != NULL);
	fclose(out);
	port = strtol(strstr(line, "\"port\": ") + 8, NULL, 10);
	snprintf(world.url, sizeof(world.url), "http://127.0.0.1:%ld", port);
	atexit(stop_emulator);
}

/* Ask the emulator's control interface; text of the answer, which must be below 300. */
HELPER struct json *
control(const char *method, const char *what, const char *body)
{
	struct http_request rq = { .method = method,
		.url = arena_printf(world.arena, "%s/_emulator/%s", world.url, what),
		.body = str_of(body),
		.has_body = body != NULL };
	struct http_response rs;
	struct err e;

	CHECK_OK(http_call(world.http, &rq, world.arena, &rs, &e));
	if (rs.status >= 300)
		print_error("%s %s: %d %.*s\n", method, what, rs.status, STR_ARG(rs.body));
	CHECK(rs.status < 300);
	return rs.body.n == 0 ? NULL : json_parse(rs.body, world.arena, &e);
}

HELPER struct json *
resource(const char *id)
{
	struct str escaped = http_escape(str_of(id), world.arena);

	return control(
	    "GET", arena_printf(world.arena, "resource?id=%.*s", STR_ARG(escaped)).p, NULL);
}

HELPER void
change_resource(const char *id, const char *patch)
{
	struct str escaped = http_escape(str_of(id), world.arena);

	control("PATCH", arena_printf(world.arena, "resource?id=%.*s", STR_ARG(escaped)).p, patch);
}

HELPER void
fault(const char *order)
{
	control("POST", "faults", order);
}

/* How many calls of that method to a path that ends so. */
HELPER int
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

HELPER void
new_performer(void)
{
	performer_free(world.performer);
	action_shared_free(world.shared);
	world.shared = action_shared_new(&world.settings);
	world.performer = performer_new(world.shared);
}

/* Everything as at the start of the day. */
HELPER void
fresh_world(void)
{
	struct err e;

	if (world.pid == 0) {
		CHECK_OK(action_global_init(&e));
		world.arena = arena_new();
		world.http = http_new(NULL);
		start_emulator();
	}
	world.settings = (struct settings){
		.azure = { .resource_manager = str_of(world.url),
		    .audience = STR("https://management.azure.com/"),
		    .login = str_of(world.url),
		    .imds = str_of(world.url),
		    .credential = CREDENTIAL_MANAGED_IDENTITY,
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
		.resource_text = STR(VM("web-01")) };
	world.now_ms = clock_now_ms();
	control("POST", "reset", "");
	control("DELETE", "faults", NULL);
	control("POST", "settings", LONGOP_LIMIT);
	new_performer();
}

HELPER struct step
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

HELPER struct step
its_undo(const struct step *done)
{
	struct step undo;

	step_undo(done, STR("alert-1"), world.now_ms, world.arena, &undo);
	undo.id = 2;
	undo.cursor = undo.result = STR_EMPTY;
	return undo;
}

/* One call.  Its effect on the step is committed unless the process dies before. */
HELPER enum outcome
call_once(struct step *step, bool dies, struct err *e)
{
	struct job job = { .step = *step,
		.alert = &world.alert,
		.correlation_id = STR("5d1c8a77-2f0e-4a63-9a53-0b6ad3a1e001") };
	enum outcome outcome;

	e->retry_ms = 0;
	e->text[0] = '\0';
	job.step.attempts++;
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
HELPER enum outcome
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

HELPER void
drive_done(struct step *step)
{
	struct err e;
	enum outcome outcome = drive(step, 0, NULL, &e);

	if (outcome != OUTCOME_DONE)
		print_error("outcome %d: %s\n", (int)outcome, e.text);
	CHECK_INT(outcome, OUTCOME_DONE);
}

HELPER struct json *
result_of(const struct step *step)
{
	struct err e;
	struct json *j = json_parse(step->result, world.arena, &e);

	CHECK(j != NULL);
	return j;
}

/* How often run() returns until it is done, when nothing goes wrong. */
HELPER int
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

#endif
