/*
 * What a person's word does to steps: panic settles what waits, a way back is asked for again.
 */
#include "store_world.h"

static struct step
seen(struct store *s, int64_t id)
{
	struct step_call *calls;
	struct step step;
	struct err e;
	size_t n;

	CHECK_OK(store_show_step(s, id, arena, &step, &calls, &n, &e));
	return step;
}

static int64_t
since(struct store *s)
{
	int64_t ms = -1;
	struct err e;

	CHECK_OK(store_panic_since(s, &ms, &e));
	return ms;
}

static void
claimed(struct store *s, int64_t now_ms, struct claimed *c)
{
	bool found = false;
	int64_t next;
	struct err e;

	CHECK_OK(store_claim_step(s, now_ms, LEASE_MS, WAIT_MS, arena, c, &found, &next, &e));
	CHECK(found);
}

TEST(what_waits_and_what_is_held_is_refused_and_reports_go_on)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	int64_t stopped, running;
	struct claimed c;
	struct err e;

	add(s, "isolate_vm", 5000)->disruptive = true;
	add(s, "isolate_vm", 5000)->disruptive = true;
	s->steps[1].state = STEP_APPROVAL;
	add(s, "notify", 5000)->reports = true;
	s->steps[2].disruptive = false;
	CHECK(put(st, s));
	CHECK_INT(since(st), 0);
	CHECK_OK(store_panic(st, 6000, &stopped, &running, &e));
	CHECK_INT(stopped, 2);
	CHECK_INT(running, 0);
	CHECK_INT(since(st), 6000);
	for (int64_t id = 1; id <= 2; id++) {
		CHECK_INT(seen(st, id).state, STEP_REFUSED);
		CHECK_STR(seen(st, id).reason, "stopped by panic");
		CHECK_INT(seen(st, id).settled_ms, 6000);
	}
	claimed(st, 6000, &c);
	CHECK_STR(c.step.action, "notify");
	store_close(st);
}

TEST(what_changed_something_has_failed_and_is_listed_to_be_taken_back)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	int64_t stopped, running, id;
	struct step *rows, undo;
	struct claimed c;
	struct err e;
	size_t n;

	add(s, "isolate_vm", 5000)->disruptive = true;
	CHECK(put(st, s));
	claimed(st, 5000, &c);
	CHECK_OK(store_panic(st, 5001, &stopped, &running, &e));
	CHECK_INT(stopped, 0);
	CHECK_INT(running, 1);
	c.step.state = STEP_WAITING;
	c.step.due_ms = 5002;
	c.step.before = STR("{}");
	CHECK_OK(store_settle_step(st, &c.step, 5001, NULL, 0, &e));
	CHECK_OK(store_panic(st, 5002, &stopped, &running, &e));
	CHECK_INT(stopped, 1);
	CHECK_INT(running, 0);
	CHECK_INT(since(st), 5001); /* the first word stays */
	CHECK_INT(seen(st, 1).state, STEP_FAILED);

	CHECK_OK(store_list_contained(st, 10, arena, &rows, &n, &e));
	CHECK_INT(n, 1);
	CHECK_INT(rows[0].id, 1);
	step_undo(&rows[0], STR("alert-1"), 5003, arena, &undo);
	CHECK_OK(store_ask_back(st, &undo, &id, &e));
	claimed(st, 5003, &c); /* a way back is not held up */
	CHECK_INT(c.step.undo_of, 1);
	c.step.state = STEP_DONE;
	CHECK_OK(store_settle_step(st, &c.step, 5004, NULL, 0, &e));
	CHECK_OK(store_list_contained(st, 10, arena, &rows, &n, &e));
	CHECK_INT(n, 0);
	store_close(st);
}

TEST(a_new_process_knows_and_an_end_is_an_end)
{
	struct store *st = new_store();
	int64_t stopped, running, ms = 0;
	struct err e;

	CHECK_OK(store_panic(st, 6000, &stopped, &running, &e));
	store_close(st);
	st = open_store();
	CHECK_INT(since(st), 6000);
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_panic_holds(st, &ms, &e));
	CHECK_INT(ms, 6000);
	store_rollback(st);
	CHECK_OK(store_panic_end(st, &e));
	CHECK_INT(since(st), 0);
	CHECK_OK(store_panic_end(st, &e));
	store_close(st);
}

TEST(a_way_back_that_failed_is_tried_again_and_one_that_waits_is_moved)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct step undo, *undos;
	struct claimed c;
	int64_t id;
	struct err e;
	size_t n;

	add(s, "isolate_vm", 5000)->disruptive = true;
	CHECK(put(st, s));
	claimed(st, 5000, &c);
	c.step.state = STEP_DONE;
	c.step.before = STR("{}");
	CHECK_OK(store_settle_step(st, &c.step, 5000, NULL, 0, &e));

	step_undo(&c.step, STR("alert-1"), 9000, arena, &undo);
	CHECK_OK(store_ask_back(st, &undo, &id, &e));
	undo.due_ms = 20000;
	CHECK_OK(store_ask_back(st, &undo, &id, &e));
	CHECK_INT(seen(st, id).due_ms, 20000);
	undo.due_ms = 7000;
	CHECK_OK(store_ask_back(st, &undo, &id, &e));
	CHECK_INT(seen(st, id).due_ms, 7000);

	claimed(st, 7000, &c);
	c.step.state = STEP_FAILED;
	c.step.reason = STR("no permission");
	CHECK_OK(store_settle_step(st, &c.step, 7001, NULL, 0, &e));
	undo.due_ms = 8000;
	CHECK_OK(store_ask_back(st, &undo, &id, &e));
	CHECK_INT(seen(st, id).state, STEP_WAITING);
	claimed(st, 8000, &c);
	c.step.state = STEP_DONE;
	CHECK_OK(store_settle_step(st, &c.step, 8001, NULL, 0, &e));
	CHECK_OK(store_ask_back(st, &undo, &id, &e)); /* done is done */
	CHECK_INT(seen(st, id).state, STEP_DONE);

	CHECK_OK(store_list_undos(st, 1, arena, &undos, &n, &e));
	CHECK_INT(n, 1);
	CHECK_INT(undos[0].id, id);
	store_close(st);
}
