/*
 * What becomes of steps that are held: people approve or deny them, or nobody does in time.
 */
#include "store_world.h"

static void
claimed(struct store *s, int64_t now_ms, struct claimed *c)
{
	bool found = false;
	int64_t next;
	struct err e;

	CHECK_OK(store_claim_step(s, now_ms, LEASE_MS, WAIT_MS, arena, c, &found, &next, &e));
	CHECK(found);
}

/* Step 1 is held until 9000. */
static struct store *
store_with_one_held(void)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct step *step = add(s, "isolate_vm", 5000);

	step->state = STEP_APPROVAL;
	step->due_ms = 9000;
	step->reason = STR("budget used up");
	CHECK(put(st, s));
	return st;
}

/* About step 1; each name has a seat of its own. */
static struct approval
word(const char *name, bool approves, int64_t at_ms)
{
	return (struct approval){ .step_id = 1,
		.at_ms = at_ms,
		.approves = approves,
		.seat = arena_printf(arena, "user %s", name),
		.name = str_of(name),
		.way = STR("command line"),
		.address = STR_EMPTY,
		.agent = STR_EMPTY };
}

static struct approval_outcome
say(struct store *st, const char *name, bool approves, int64_t quorum, int64_t at_ms)
{
	struct approval w = word(name, approves, at_ms);
	struct approval_outcome out;
	struct err e;

	CHECK_OK(store_answer_approval(st, &w, quorum, NULL, 0, &out, &e));
	return out;
}

static void
say_in_vain(struct store *st, const struct approval *w, const char *why)
{
	struct approval_outcome out;
	struct err e;

	CHECK(!store_answer_approval(st, w, 2, NULL, 0, &out, &e));
	CHECK_INT(e.kind, ERR_CONFLICT);
	CHECK_HAS(e.text, why);
}

TEST(what_nobody_approves_in_time_is_shown_once_it_is_and_refused)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct step *step = add(s, "isolate_vm", 5000), reports[2];
	struct claimed c;
	bool found, refused;
	int64_t next;
	struct err e;

	step->state = STEP_APPROVAL;
	step->due_ms = 9000;
	add_report(s, 5000);
	CHECK(put(st, s));
	claimed(st, 5000, &c); /* the report does not wait for a person */
	CHECK_STR(c.step.action, "notify");
	c.step.state = STEP_DONE;
	CHECK_OK(store_settle_step(st, &c.step, 5001, NULL, 0, &e));
	CHECK_OK(store_claim_step(st, 8999, LEASE_MS, WAIT_MS, arena, &c, &found, &next, &e));
	CHECK(!found);
	CHECK_INT(next, 9000);

	claimed(st, 9000, &c);
	CHECK_INT(c.step.state, STEP_APPROVAL);
	CHECK_INT(c.n_steps, 2);
	CHECK_INT(step_of(st, 1).state, STEP_APPROVAL); /* shown, not taken */
	c.step.reason = STR("too late");
	reports[0] = s->steps[1];
	reports[0].key = STR("report of the end");
	reports[0].event_id = reports[0].alert_id = 1;
	reports[1] = reports[0];
	reports[1].key = STR("another one");
	CHECK_OK(store_refuse_held(st, &c.step, reports, 2, 9001, &refused, &e));
	CHECK(refused);
	CHECK_INT(step_of(st, 1).state, STEP_REFUSED);
	CHECK_STR(step_of(st, 1).reason, "too late");
	CHECK_OK(store_refuse_held(st, &c.step, reports, 2, 9002, &refused, &e));
	CHECK(!refused);
	claimed(st, 9002, &c);
	CHECK_STR(c.step.key, "report of the end");
	claimed(st, 9002, &c);
	CHECK_STR(c.step.key, "another one");
	store_close(st);
}

TEST(what_is_approved_in_time_is_done)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct step *step = add(s, "isolate_vm", 5000);
	struct claimed c;
	bool refused;
	struct err e;

	step->state = STEP_APPROVAL;
	step->due_ms = 9000;
	CHECK(put(st, s));
	claimed(st, 9000, &c);
	CHECK_INT(say(st, "Ann", true, 1, 9000).missing, 0);
	CHECK_OK(store_refuse_held(st, &c.step, NULL, 0, 9001, &refused, &e));
	CHECK(!refused);
	claimed(st, 9001, &c);
	CHECK_INT(c.step.state, STEP_RUNNING);
	store_close(st);
}

TEST(what_is_approved_is_claimed_and_counted_and_says_by_whom)
{
	struct store *st = store_with_one_held();
	struct claimed c;
	struct err e;

	CHECK_INT(say(st, "Ann", true, 1, 8000).approvals, 1);
	CHECK_STR(step_of(st, 1).reason, "approved by Ann (command line)");
	CHECK_OK(store_begin(st, &e));
	CHECK_INT(counted(st, "isolate_vm", "", "", "", 7000), 1);
	store_rollback(st);
	claimed(st, 8000, &c);
	CHECK_STR(c.step.action, "isolate_vm");
	CHECK_STR(c.step.approved_by, "Ann (command line)");
	store_close(st);
}

TEST(what_is_denied_is_refused_and_stays_so_and_is_reported)
{
	struct store *st = store_with_one_held();
	struct approval w = word("Ann", false, 8000);
	struct step report = { .event_id = 1,
		.alert_id = 1,
		.key = STR("report of the end"),
		.rule = STR("r"),
		.action = STR("notify"),
		.target = STR("soc"),
		.params = STR("{}"),
		.reports = true,
		.state = STEP_WAITING,
		.created_ms = 8000,
		.due_ms = 8000 };
	struct approval_outcome out;
	struct claimed c;
	struct err e;

	CHECK_OK(store_answer_approval(st, &w, 2, &report, 1, &out, &e));
	CHECK_INT(out.approvals, 0);
	CHECK_INT(out.missing, 0);
	CHECK_INT(step_of(st, 1).state, STEP_REFUSED);
	CHECK_STR(step_of(st, 1).reason, "denied by Ann (command line)");
	CHECK_INT(step_of(st, 1).settled_ms, 8000);
	CHECK_STR(step_of(st, 1).approved_by, "");
	w = word("Ben", true, 8001);
	say_in_vain(st, &w, "action 1 is refused, it is not held for approval");
	claimed(st, 8001, &c);
	CHECK_STR(c.step.key, "report of the end");
	w.step_id = 7;
	CHECK(!store_answer_approval(st, &w, 1, NULL, 0, &out, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_STR(str_of(e.text), "there is no action 7");
	store_close(st);
}

TEST(a_quorum_of_two_takes_two_people)
{
	struct store *st = store_with_one_held();
	struct approval w = word("Ann", true, 6002);
	struct approval_outcome out;

	out = say(st, "Ann", true, 2, 6000);
	CHECK_INT(out.approvals, 1);
	CHECK_INT(out.missing, 1);
	CHECK_INT(step_of(st, 1).state, STEP_APPROVAL);
	CHECK_STR(step_of(st, 1).reason, "budget used up");
	CHECK_STR(step_of(st, 1).approved_by, "Ann (command line)");
	say_in_vain(st, &w, "was approved by Ann (command line) already, and that counts once");
	w.seat = STR("channel soc"); /* the same name by another way */
	w.name = STR("ann");
	say_in_vain(st, &w, "approved by Ann already: another approval must be another person's");
	w.seat = STR("user Ann"); /* another name by the same way */
	w.name = STR("Ben");
	say_in_vain(st, &w, "counts once");

	out = say(st, "Ben", true, 2, 6003);
	CHECK_INT(out.approvals, 2);
	CHECK_INT(out.missing, 0);
	CHECK_STR(step_of(st, 1).reason, "approved by Ann (command line), Ben (command line)");
	CHECK_STR(step_of(st, 1).approved_by, "Ann (command line), Ben (command line)");
	CHECK_INT(step_of(st, 1).state, STEP_WAITING);
	store_close(st);
}

TEST(they_are_told_in_their_order)
{
	struct store *st = store_with_one_held();

	CHECK_INT(say(st, "Zoe", true, 2, 6000).missing, 1);
	CHECK_INT(say(st, "Ann", true, 2, 6001).missing, 0);
	CHECK_STR(step_of(st, 1).approved_by, "Zoe (command line), Ann (command line)");
	store_close(st);
}

TEST(who_has_approved_may_still_deny)
{
	struct store *st = store_with_one_held();

	CHECK_INT(say(st, "Ann", true, 2, 6000).missing, 1);
	CHECK_INT(say(st, "Ann", false, 2, 6001).approvals, 0);
	CHECK_STR(step_of(st, 1).reason, "denied by Ann (command line)");
	store_close(st);
}

TEST(an_approval_after_the_end_is_too_late_also_when_nobody_has_noticed_yet)
{
	struct store *st = store_with_one_held();
	struct approval w = word("Ann", true, 9001);

	CHECK_INT(step_of(st, 1).state, STEP_APPROVAL);
	say_in_vain(st, &w, "too late");
	CHECK_INT(step_of(st, 1).state, STEP_APPROVAL);
	store_close(st);
}

TEST(answers_are_listed_and_counted_and_survive_a_restart)
{
	struct store *st = store_with_one_held();
	struct approval w = word("Ann", true, 6000), *rows;
	struct approval_outcome out;
	int64_t answers = -1;
	struct err e;
	size_t n;

	CHECK_OK(store_count_answers(st, &answers, &e));
	CHECK_INT(answers, 0);
	w.address = STR("192.0.2.1");
	w.agent = STR("Browser/1");
	CHECK_OK(store_answer_approval(st, &w, 2, NULL, 0, &out, &e));
	CHECK_INT(out.answers, 1);
	CHECK_INT(say(st, "Ben", false, 2, 6001).answers, 2);
	store_close(st);
	st = open_store();
	CHECK_OK(store_count_answers(st, &answers, &e));
	CHECK_INT(answers, 2);
	CHECK_OK(store_list_approvals(st, 1, arena, &rows, &n, &e));
	CHECK_INT(n, 2);
	CHECK_STR(rows[0].name, "Ann");
	CHECK(rows[0].approves && !rows[1].approves);
	CHECK_STR(rows[0].address, "192.0.2.1");
	CHECK_STR(rows[0].agent, "Browser/1");
	CHECK_INT(rows[1].at_ms, 6001);
	w.at_ms = 6002;
	say_in_vain(st, &w, "is refused");
	store_close(st);
}

TEST(what_is_forgotten_takes_its_answers_along_and_they_still_count)
{
	struct store *st = store_with_one_held();
	struct sample *newest = sample(2, "alert-2");
	struct store_round round = { 0, 0 };
	struct approval *rows;
	int64_t answers = 0;
	bool more = true;
	struct err e;
	size_t n;

	CHECK_INT(say(st, "Ann", false, 1, 6000).answers, 1);
	add_report(newest, 7000);
	CHECK(put(st, newest)); /* it stays */
	while (more)
		CHECK_OK(store_forget(st, 1000000, &round, &more, &e));
	CHECK_OK(store_list_approvals(st, 1, arena, &rows, &n, &e));
	CHECK_INT(n, 0);
	CHECK_OK(store_count_answers(st, &answers, &e));
	CHECK_INT(answers, 1);
	store_close(st);
}
