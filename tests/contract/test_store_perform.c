/* What every store must do for those who perform: hand out each step once, when it is due. */
#include <pthread.h>

#include "store_world.h"

TEST(a_claimed_step_comes_with_all_that_running_it_needs)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct claimed c;
	int64_t next;

	add(s, "isolate_vm", 5000);
	add_report(s, 5000);
	CHECK(put(st, s));
	CHECK(claim(st, 5000, &c, &next));
	CHECK_STR(c.step.action, "isolate_vm");
	CHECK_INT(c.step.state, STEP_RUNNING);
	CHECK_INT(c.step.attempts, 1);
	CHECK_INT(c.step.alert_id, 1);
	CHECK_INT(c.step.event_id, 1);
	CHECK_STR(c.event_raw, "{\"event\":1}");
	CHECK_STR(c.event_headers, "{}");
	CHECK_STR(c.trace, "[\"trace\"]");
	CHECK_INT(c.n_steps, 2);
	CHECK_INT(c.steps[0].id, c.step.id);
	CHECK_INT(c.steps[0].state, STEP_RUNNING);
	CHECK_STR(c.steps[1].action, "notify");
	store_close(st);
}

TEST(steps_are_claimed_when_due_the_one_due_longest_first)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");

	add(s, "third", 5000)->due_ms = 7000;
	add(s, "first", 5000);
	add(s, "second", 5000)->due_ms = 6000;
	add(s, "held", 5000)->state = STEP_APPROVAL;
	add(s, "refused", 5000)->state = STEP_REFUSED;
	add(s, "shadow", 5000)->state = STEP_SHADOW;
	CHECK(put(st, s));
	CHECK_INT(next_look(st, 4999), 5000);
	CHECK_STR(claim_action(st, 6500), "first");
	CHECK_STR(claim_action(st, 6500), "second");
	CHECK_INT(next_look(st, 6500), 7000);
	CHECK_STR(claim_action(st, 7000), "third");
	CHECK_INT(next_look(st, 7000), 6500 + LEASE_MS);
	store_close(st);
}

TEST(an_empty_store_has_nothing_to_wait_for)
{
	struct store *st = new_store();

	CHECK_INT(next_look(st, 5000), INT64_MAX);
	store_close(st);
}

TEST(a_step_due_at_the_beginning_of_time_is_still_done)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");

	add(s, "isolate_vm", 0);
	CHECK(put(st, s));
	CHECK_STR(claim_action(st, 5000), "isolate_vm");
	store_close(st);
}

TEST(a_lease_that_ran_out_gives_the_step_to_the_next)
{
	struct store *st = store_with_one_step();
	struct claimed c;
	int64_t next;

	CHECK(claim(st, 5000, &c, &next));
	CHECK_INT(next_look(st, 5000), 5000 + LEASE_MS);
	CHECK_INT(next_look(st, 5000 + LEASE_MS - 1), 5000 + LEASE_MS);
	CHECK(claim(st, 5000 + LEASE_MS, &c, &next));
	CHECK_INT(c.step.attempts, 2);
	store_close(st);
}

TEST(leases_of_the_process_before_are_void)
{
	struct store *st = store_with_one_step();
	struct claimed c;
	int64_t next;

	CHECK(claim(st, 5000, &c, &next));
	store_close(st);
	st = open_store();
	CHECK(claim(st, 5001, &c, &next));
	CHECK_INT(c.step.attempts, 2);
	store_close(st);
}

TEST(steps_of_a_resting_destination_wait_and_others_do_not)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct err e;

	add(s, "one", 5000)->destination = STR("subscription a");
	add(s, "two", 5000)->destination = STR("subscription b");
	add(s, "three", 5000);
	CHECK(put(st, s));
	CHECK_OK(store_rest(st, STR("subscription a"), 9000, &e));
	CHECK_OK(store_rest(st, STR("subscription a"), 8000, &e));
	CHECK_OK(store_rest(st, STR_EMPTY, 9000, &e));
	CHECK_STR(claim_action(st, 5000), "two");
	CHECK_STR(claim_action(st, 5000), "three");
	CHECK_INT(next_look(st, 5000), 9000);
	CHECK_INT(next_look(st, 8999), 9000);
	CHECK_STR(claim_action(st, 9000), "one");
	CHECK_OK(store_rest(st, STR("subscription a"), 99000, &e));
	CHECK_STR(claim_action(st, 5000 + LEASE_MS), "two");
	CHECK_STR(claim_action(st, 5000 + LEASE_MS), "three");
	CHECK_INT(next_look(st, 9000 + LEASE_MS), 5000 + LEASE_MS + LEASE_MS);
	store_close(st);
}

TEST(a_report_waits_until_what_it_reports_is_settled)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct claimed c;
	int64_t next;

	add_report(s, 5000);
	add(s, "isolate_vm", 5000);
	CHECK(put(st, s));
	CHECK(claim(st, 5000, &c, &next));
	CHECK_STR(c.step.action, "isolate_vm");
	CHECK_INT(next_look(st, 5000), 5000 + LEASE_MS);
	c.step.due_ms = 20000;
	settle(st, &c.step, STEP_WAITING, 5100);
	CHECK_INT(next_look(st, 5100), 20000);
	CHECK(claim(st, 20000, &c, &next));
	CHECK_STR(c.step.action, "isolate_vm");
	settle(st, &c.step, STEP_DONE, 20100);
	CHECK_STR(claim_action(st, 20100), "notify");
	store_close(st);
}

TEST(a_report_waits_no_longer_than_it_is_told)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");

	add_report(s, 5000);
	add(s, "isolate_vm", 5000)->due_ms = 500000;
	CHECK(put(st, s));
	CHECK_INT(next_look(st, 5000), 5000 + WAIT_MS);
	CHECK_STR(claim_action(st, 5000 + WAIT_MS), "notify");
	store_close(st);
}

TEST(a_report_that_has_nothing_to_wait_for_goes_when_its_destination_has_rested)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct err e;

	add_report(s, 5000)->destination = STR("soc");
	CHECK(put(st, s));
	CHECK_OK(store_rest(st, STR("soc"), 9000, &e));
	CHECK_INT(next_look(st, 5000), 9000);
	CHECK_STR(claim_action(st, 9000), "notify");
	store_close(st);
}

TEST(a_report_does_not_wait_for_approval_for_other_reports_or_for_an_undo)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct step undo;
	int64_t id;
	struct err e;

	add(s, "isolate_vm", 5000)->state = STEP_APPROVAL;
	add_report(s, 5000);
	add_report(s, 5001);
	CHECK(put(st, s));
	undo = s->steps[0];
	undo.key = STR("undo");
	undo.undo_of = 1;
	undo.event_id = 1;
	undo.alert_id = 1;
	undo.state = STEP_WAITING;
	undo.due_ms = 100000;
	CHECK_OK(store_add_step(st, &undo, &id, &e));
	CHECK_INT(id, 4);
	CHECK_STR(claim_action(st, 5001), "notify");
	CHECK_STR(claim_action(st, 5001), "notify");
	store_close(st);
}

TEST(a_report_of_one_alert_does_not_wait_for_another_alert)
{
	struct store *st = new_store();
	struct sample *busy = sample(1, "alert-1"), *s = sample(2, "alert-2");

	add(busy, "isolate_vm", 5000)->due_ms = 50000;
	add_report(s, 5000);
	CHECK(put(st, busy));
	CHECK(put(st, s));
	CHECK_STR(claim_action(st, 5000), "notify");
	store_close(st);
}

TEST(settling_keeps_what_the_step_brought_back)
{
	struct store *st = store_with_one_step();
	const struct step_call calls[] = {
		{ 5001, STR("GET"), STR("/a"), 200, STR("id-1"), STR_EMPTY },
		{ 5002, STR("PUT"), STR("/b"), 409, STR("id-2"), STR("Conflict: busy") },
	};
	struct step_call *told;
	struct claimed c;
	struct step step;
	int64_t next;
	size_t n;
	struct err e;

	CHECK(claim(st, 5000, &c, &next));
	c.step.state = STEP_WAITING;
	c.step.due_ms = 9000;
	c.step.before = STR("{\"nsg\":null}");
	c.step.cursor = STR("{\"poll\":1}");
	c.step.reason = STR("409 Conflict");
	c.step.destination = STR("subscription a");
	CHECK_OK(store_settle_step(st, &c.step, 5100, calls, 2, &e));
	CHECK_INT(next_look(st, 5100), 9000);
	CHECK(claim(st, 9000, &c, &next));
	CHECK_STR(c.step.before, "{\"nsg\":null}");
	CHECK_STR(c.step.cursor, "{\"poll\":1}");
	CHECK_STR(c.step.destination, "subscription a");
	c.step.state = STEP_DONE;
	c.step.cursor = STR_EMPTY;
	c.step.reason = STR_EMPTY;
	c.step.result = STR("{\"verified\":true}");
	CHECK_OK(store_settle_step(st, &c.step, 9100, calls, 1, &e));
	CHECK_OK(store_show_step(st, 1, arena, &step, &told, &n, &e));
	CHECK_INT(step.state, STEP_DONE);
	CHECK_INT(step.attempts, 2);
	CHECK_INT(step.settled_ms, 9100);
	CHECK_STR(step.reason, "");
	CHECK_STR(step.result, "{\"verified\":true}");
	CHECK_INT(n, 3);
	CHECK_INT(told[0].at_ms, 5001);
	CHECK_STR(told[1].method, "PUT");
	CHECK_STR(told[1].path, "/b");
	CHECK_INT(told[1].status, 409);
	CHECK_STR(told[1].request_id, "id-2");
	CHECK_STR(told[1].error, "Conflict: busy");
	CHECK_STR(told[2].path, "/a");
	CHECK_INT(next_look(st, 99000), INT64_MAX);
	store_close(st);
}

TEST(a_record_can_be_kept_while_the_step_runs_on)
{
	struct store *st = store_with_one_step();
	struct claimed c;
	int64_t next;

	CHECK(claim(st, 5000, &c, &next));
	c.step.before = STR("{\"nsg\":\"old\"}");
	settle(st, &c.step, STEP_RUNNING, 5100);
	CHECK_STR(step_of(st, 1).before, "{\"nsg\":\"old\"}");
	CHECK_INT(step_of(st, 1).settled_ms, 0);
	CHECK_INT(next_look(st, 5100), 5000 + LEASE_MS);
	settle(st, &c.step, STEP_DONE, 5200);
	CHECK_INT(next_look(st, 5200), INT64_MAX);
	store_close(st);
}

TEST(a_late_settlement_does_not_overwrite_a_newer_claim)
{
	struct store *st = store_with_one_step();
	struct claimed slow, quick;
	int64_t next;
	struct err e;

	CHECK(claim(st, 5000, &slow, &next));
	CHECK(claim(st, 5000 + LEASE_MS, &quick, &next));
	slow.step.state = STEP_FAILED;
	CHECK(!store_settle_step(st, &slow.step, 40000, NULL, 0, &e));
	CHECK_INT(e.kind, ERR_CONFLICT);
	CHECK_HAS(e.text, "action 1 is running, and not by this claim");
	settle(st, &quick.step, STEP_DONE, 40001);
	CHECK_INT(step_of(st, 1).state, STEP_DONE);
	CHECK(!store_settle_step(st, &quick.step, 40002, NULL, 0, &e));
	CHECK_INT(e.kind, ERR_CONFLICT);
	CHECK_HAS(e.text, "action 1 is done");
	store_close(st);
}

TEST(an_unknown_step_cannot_be_settled)
{
	struct store *st = store_with_one_step();
	struct step step = { .id = 77, .state = STEP_DONE };
	struct err e;

	CHECK(!store_settle_step(st, &step, 5000, NULL, 0, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_HAS(e.text, "there is no action 77");
	store_close(st);
}

TEST(a_step_born_later_is_added_once_and_can_be_hurried)
{
	struct store *st = store_with_one_step();
	struct step undo = { .event_id = 1,
		.alert_id = 1,
		.key = STR("undo-1"),
		.rule = STR("rule"),
		.action = STR("isolate_vm"),
		.target = STR(VM(SUB_A, "web-01")),
		.params = STR("{}"),
		.undo_of = 1,
		.state = STEP_WAITING,
		.created_ms = 90000,
		.due_ms = 90000,
		.before = STR("{\"nsg\":null}") };
	struct alert_detail d;
	struct claimed c;
	int64_t id, next;
	struct err e;

	CHECK_STR(claim_action(st, 6000), "isolate_vm");
	CHECK_OK(store_add_step(st, &undo, &id, &e));
	CHECK_INT(id, 2);
	undo.due_ms = 99000;
	CHECK_OK(store_add_step(st, &undo, &id, &e));
	CHECK_INT(id, 2);
	CHECK_INT(step_of(st, 2).due_ms, 90000);
	undo.due_ms = 7000;
	CHECK_OK(store_add_step(st, &undo, &id, &e));
	CHECK_INT(id, 2);
	CHECK(claim(st, 7000, &c, &next));
	CHECK_INT(c.step.id, 2);
	CHECK_INT(c.step.undo_of, 1);
	CHECK_STR(c.step.before, "{\"nsg\":null}");
	CHECK_STR(c.event_raw, "{\"event\":1}");
	CHECK_OK(store_show_alert(st, 1, arena, &d, &e));
	CHECK_STR(d.row.summary, "isolate_vm running, undo of isolate_vm running");
	store_close(st);
}

TEST(a_step_of_no_alert_is_not_added)
{
	struct store *st = store_with_one_step();
	struct step step = step_of(st, 1);
	int64_t id;
	struct err e;

	step.key = STR("another");
	step.alert_id = 99;
	CHECK(!store_add_step(st, &step, &id, &e));
	CHECK_HAS(e.text, "FOREIGN KEY");
	CHECK_INT(figures(st).steps[STEP_WAITING], 1);
	store_close(st);
}

/* ---- many threads ---- */

enum { CLAIMERS = 4, CROWD = 200 };

static void *
claim_all(void *arg)
{
	struct store *st = arg;
	struct arena *a = arena_new();
	struct claimed c;
	bool found = true;
	int64_t next;
	struct err e;

	while (found) {
		arena_reset(a);
		if (!store_claim_step(st, 5000, LEASE_MS, WAIT_MS, a, &c, &found, &next, &e))
			break;
		if (!found)
			continue;
		c.step.state = STEP_DONE;
		if (c.step.attempts != 1 || !store_settle_step(st, &c.step, 5001, NULL, 0, &e))
			break;
	}
	arena_free(a);
	return found ? arg : NULL;
}

TEST(four_threads_claim_each_step_once)
{
	struct store *st = new_store();
	pthread_t threads[CLAIMERS];
	const struct list_filter all = { .limit = 1000 };
	struct step *rows;
	void *failed;
	size_t n;
	struct err e;

	for (int i = 0; i < CROWD; i++) {
		struct sample *s = sample(i, arena_printf(arena, "alert-%d", i).p);

		add(s, "isolate_vm", 5000);
		CHECK(put(st, s));
	}
	for (int i = 0; i < CLAIMERS; i++)
		CHECK(pthread_create(&threads[i], NULL, claim_all, st) == 0);
	/* Meanwhile the decider goes on and somebody looks. */
	for (int i = CROWD; i < CROWD + 20; i++) {
		CHECK(put(st, sample(i, "alert-x")));
		CHECK_OK(store_list_steps(st, &all, arena, &rows, &n, &e));
	}
	for (int i = 0; i < CLAIMERS; i++) {
		pthread_join(threads[i], &failed);
		CHECK(failed == NULL);
	}
	CHECK_OK(store_list_steps(st, &all, arena, &rows, &n, &e));
	CHECK_INT(n, CROWD);
	for (size_t i = 0; i < n; i++)
		CHECK(rows[i].state == STEP_DONE && rows[i].attempts == 1);
	store_close(st);
}
