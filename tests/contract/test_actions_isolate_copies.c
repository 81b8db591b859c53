/*
 * Snapshots that isolate_vm begins before it cuts a machine off.
 */
#include "azure/nsg.h"
#include "isolation_world.h"

#define COPY "{\"snapshot\":{\"snapshot\":true}}"
#define KEPT "{\"snapshot\":{\"snapshot\":true,\"resource_group\":\"rg-security\"}}"

static struct step
a_copying(const char *params)
{
	struct step step = a_step("isolate_vm", VM("web-01"), params);

	step.key = STR("key-1");
	step.rule = STR("cut-off-and-copy");
	return step;
}

static const char *
said(const struct step *step)
{
	struct step s = *step;

	s.state = STEP_DONE;
	return arena_cstr(world.arena, step_sentence(&s, world.arena));
}

static const struct json *
copies(const struct step *step)
{
	return json_get(result_of(step), "copies");
}

/* The n-th call (from 0) of that method to a path with this in it; -1 = none. */
static int
place_of(const char *method, const char *part)
{
	int n = 0;

	for (const struct json *c = json_first(control("GET", "calls", NULL)); c != NULL;
	     c = json_next(c), n++)
		if (str_is(json_text(json_get(c, "method")), method) &&
		    str_has_nocase(json_text(json_get(c, "path")), str_of(part)))
			return n;
	return -1;
}

/* The interfaces are cut off before the step is done, however long the disks take. */
static void
until_cut_off(struct step *step)
{
	struct err e;

	while (!quarantine_is(group_of(NIC("web-01-nic"))))
		CHECK_INT(call_once(step, false, &e), OUTCOME_LATER);
}

TEST(snapshots_are_asked_for_before_the_first_interface_is_changed)
{
	struct step step;

	fresh_world();
	step = a_copying(COPY);
	drive_done(&step);
	check_isolated();
	CHECK_INT(json_count(snapshots()), 3);
	CHECK_INT(count_calls("PUT", ""), 3 + 1 + 2);
	CHECK(place_of("PUT", "/snapshots/web-01_data1") < place_of("PUT", "/networkInterfaces/"));
	CHECK(place_of("PUT", "/snapshots/web-01_data1") <
	      place_of("PUT", "/networkSecurityGroups/"));
	CHECK_INT(json_count(json_get(copies(&step), "snapshots")), 3);
	CHECK_INT(json_count(json_get(copies(&step), "failed")), 0);
	CHECK_HAS(said(&step), "3 disks copied");
}

TEST(the_chain_of_custody_is_that_of_snapshot_vm)
{
	const struct json *first, *tags;
	struct step step;

	fresh_world();
	step = a_copying(KEPT);
	drive_done(&step);
	first = json_first(json_get(copies(&step), "snapshots"));
	CHECK(json_text(json_get(first, "request_id")).n > 0);
	CHECK(json_text(json_get(first, "at")).n > 0);
	CHECK(json_text(json_get(first, "unique_id")).n > 0);
	CHECK_STR(json_text(json_get(copies(&step), "by")), "managed identity");
	CHECK(str_has_nocase(
	    json_text(json_get(first, "snapshot")), STR("/resourceGroups/rg-security/")));
	tags = json_get(
	    resource(arena_cstr(world.arena, json_text(json_get(first, "snapshot")))), "tags");
	CHECK_STR(json_text(json_get(tags, "gridwarden-alert")), "alert-1");
	CHECK_STR(json_text(json_get(tags, "gridwarden-rule")), "cut-off-and-copy");
	CHECK_STR(json_text(json_get(tags, "gridwarden-by")), "managed identity");
}

TEST(nothing_is_copied_when_the_rule_says_false)
{
	struct step step;

	fresh_world();
	step = a_copying("{\"snapshot\":{\"snapshot\":false}}");
	drive_done(&step);
	CHECK_INT(json_count(snapshots()), 0);
}

TEST(the_cut_waits_for_no_snapshot)
{
	static const char *const orders[] = {
		"{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"times\":-1,\"status\":503}",
		"{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"times\":-1,\"status\":429,"
		"\"headers\":{\"Retry-After\":\"300\"}}",
		"{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"times\":-1,\"cut\":\"after\"}",
		"{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"times\":-1,\"longop\":{\"polls\":"
		"100000}}",
		"{\"method\":\"GET\",\"path\":\"/snapshots/\",\"times\":-1,\"status\":500}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct step step;
		int64_t began;

		fresh_world();
		fault(orders[i]);
		step = a_copying(COPY);
		began = world.now_ms;
		until_cut_off(&step);
		CHECK(world.now_ms - began < 60000);
		CHECK_INT(world.rest_ms, 0);
	}
}

TEST(a_snapshot_that_hangs_holds_the_cut_up_for_seconds_only)
{
	int64_t began = clock_mono_ms();
	struct step step;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/snapshots/\",\"times\":1,\"hang_s\":60}");
	step = a_copying(COPY);
	until_cut_off(&step);
	CHECK(clock_mono_ms() - began < 15000);
	drive_done(&step);
	CHECK_INT(json_count(json_get(copies(&step), "snapshots")), 3);
}

TEST(a_disk_that_is_refused_fails_no_isolation_and_is_told)
{
	struct step step;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/snapshots/"
	      "web-01_data0\",\"times\":-1,\"status\":403}");
	step = a_copying(COPY);
	drive_done(&step);
	check_isolated();
	CHECK_INT(json_count(json_get(copies(&step), "snapshots")), 2);
	CHECK_HAS(said(&step), "2 disks copied, 1 disk not");
	CHECK_HAS(said(&step), "not all disks are copied: 2 of 3 disks are copied");
	CHECK_STR(json_text(json_at(result_of(&step), "proof.state")), "verified");

	fresh_world();
	step = a_copying("{\"snapshot\":{\"snapshot\":true,\"resource_group\":\"rg-none\"}}");
	drive_done(&step);
	check_isolated();
	CHECK_HAS(said(&step), "not all disks are copied: ");
	CHECK_HAS(said(&step), "rg-none");
}

TEST(a_machine_without_a_disk_that_can_be_copied_is_cut_off)
{
	struct step step;

	fresh_world();
	change_resource(VM("web-02"),
	    "{\"properties\":{\"storageProfile\":{\"osDisk\":{\"diffDiskSettings\":{"
	    "\"option\":\"Local\"}}}}}");
	step = a_step("isolate_vm", VM("web-02"), COPY);
	drive_done(&step);
	CHECK_STR(group_of(NIC("web-02-nic")), QUARANTINE);
	CHECK_HAS(said(&step), "no disk that can be copied");
}

TEST(what_is_not_copied_in_time_is_told_and_keeps_no_way_back_waiting)
{
	struct step step;
	int64_t began;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/snapshots/"
	      "web-01_data0\",\"times\":-1,\"status\":503}");
	step = a_copying(COPY);
	began = world.now_ms;
	drive_done(&step);
	CHECK(world.now_ms - began > 590000 && world.now_ms - began < 700000);
	CHECK_INT(json_count(json_get(copies(&step), "snapshots")), 2);
	CHECK_INT(json_count(json_get(copies(&step), "failed")), 1);
	CHECK_HAS(said(&step), "not done in time");

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/snapshots/"
	      "web-01_data0\",\"times\":-1,\"status\":503}");
	step = a_copying("{\"snapshot\":{\"snapshot\":true},\"expires_after\":60000}");
	began = world.now_ms;
	drive_done(&step);
	CHECK(world.now_ms - began < 90000);
}

TEST(death_after_any_return_copies_and_cuts_off_once)
{
	int n = returns_of("isolate_vm", VM("web-01"), COPY);

	CHECK(n > 3);
	for (int death = 1; death <= n; death++) {
		struct step step;
		struct err e;

		fresh_world();
		step = a_copying(COPY);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		check_isolated();
		CHECK_INT(json_count(snapshots()), 3);
		CHECK_INT(count_calls("PUT", ""), 3 + 1 + 2);
	}
}

/* The second of two isolations of one machine, which knows of the first. */
static void
drive_second(const struct step *first, struct step *second)
{
	struct job job;
	enum outcome outcome;
	struct err e;

	for (int n = 0; n < 200; n++) {
		job = (struct job){
			.step = *second, .alert = &world.alert, .earlier = first, .n_earlier = 1
		};
		e.retry_ms = 0;
		outcome = performer_run(world.performer, &job, world.now_ms, world.arena, &e);
		world.now_ms += 1000;
		*second = job.step;
		if (outcome != OUTCOME_LATER)
			break;
	}
	CHECK_INT(outcome, OUTCOME_DONE);
}

TEST(a_second_isolation_takes_the_snapshots_of_the_first_over)
{
	struct step first, second;
	const struct json *one, *two;

	fresh_world();
	first = a_copying(COPY);
	drive_done(&first);
	second = a_copying(KEPT);
	second.id = 7;
	second.key = STR("key-2");
	drive_second(&first, &second);
	CHECK_INT(json_count(snapshots()), 3);
	CHECK_INT(count_calls("PUT", ""), 3 + 1 + 2);
	one = json_first(json_get(copies(&first), "snapshots"));
	two = json_first(json_get(copies(&second), "snapshots"));
	CHECK(json_equal(json_get(one, "snapshot"), json_get(two, "snapshot")));
	CHECK(json_equal(json_get(one, "at"), json_get(two, "at")));
	CHECK_HAS(said(&second), "already cut off by action 1");
	CHECK_HAS(said(&second), "3 disks copied by action 1");
}

TEST(a_second_isolation_copies_what_the_first_could_not_or_did_not)
{
	struct step first, second;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/snapshots/"
	      "web-01_data0\",\"times\":-1,\"status\":403}");
	first = a_copying(COPY);
	drive_done(&first);
	control("DELETE", "faults", NULL);
	second = a_copying(COPY);
	second.key = STR("key-2");
	drive_second(&first, &second);
	CHECK_INT(json_count(snapshots()), 3);
	CHECK_INT(json_count(json_get(copies(&second), "failed")), 0);

	fresh_world();
	first = a_copying(NO_PARAMS);
	drive_done(&first);
	second = a_copying(COPY);
	second.key = STR("key-2");
	drive_second(&first, &second);
	CHECK_INT(json_count(snapshots()), 3);
}
