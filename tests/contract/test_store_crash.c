/* What every store must do when the disk refuses or its process is killed. */

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_world.h"

TEST(a_failed_commit_leaves_nothing_and_gives_the_connection_back)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	bool fresh;
	struct err e;

	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	order_fault("store.commit:fail:1+");
	CHECK(!store_commit(st, 9, &e));
	CHECK_HAS(e.text, "store.commit");
	order_fault(NULL);
	CHECK_INT(figures(st).events, 0);
	CHECK(put(st, s));
	store_close(st);
}

TEST(a_failed_claim_leaves_the_step_to_others)
{
	struct store *st = store_with_one_step();
	struct claimed c;
	bool found;
	int64_t next;
	struct err e;

	order_fault("store.claim:fail:1+");
	CHECK(!store_claim_step(st, 5000, LEASE_MS, WAIT_MS, arena, &c, &found, &next, &e));
	order_fault(NULL);
	CHECK(claim(st, 5000, &c, &next));
	CHECK_INT(c.step.attempts, 1);
	order_fault("store.settle:fail:1+");
	c.step.state = STEP_DONE;
	CHECK(!store_settle_step(st, &c.step, 5100, NULL, 0, &e));
	order_fault(NULL);
	CHECK_INT(step_of(st, 1).state, STEP_RUNNING);
	settle(st, &c.step, STEP_DONE, 5200);
	store_close(st);
}

TEST(a_claim_that_was_committed_although_it_failed_does_not_wait_for_its_lease)
{
	struct store *st = store_with_one_step();
	struct claimed c;
	bool found;
	int64_t next;
	struct err e;

	order_fault("store.committed:fail:1+");
	CHECK(!store_claim_step(st, 5000, LEASE_MS, WAIT_MS, arena, &c, &found, &next, &e));
	CHECK_INT(step_of(st, 1).state, STEP_RUNNING);
	/* The disk goes on to fail for a while. */
	order_fault("store.commit:fail:1+");
	CHECK(!store_claim_step(st, 5001, LEASE_MS, WAIT_MS, arena, &c, &found, &next, &e));
	CHECK(!store_claim_step(st, 5002, LEASE_MS, WAIT_MS, arena, &c, &found, &next, &e));
	order_fault(NULL);
	CHECK(claim(st, 5003, &c, &next));
	CHECK_INT(c.step.attempts, 2);
	/* What is claimed now is not given up. */
	CHECK(!claim(st, 5004, &c, &next));
	CHECK_INT(next, 5003 + LEASE_MS);
	settle(st, &c.step, STEP_DONE, 5200);
	store_close(st);
}

TEST(claims_lost_one_after_the_other_are_all_given_up)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct claimed c;
	bool found;
	int64_t next;
	struct err e;

	for (int i = 0; i < 3; i++)
		add(s, arena_printf(arena, "act_%d", i).p, 5000);
	CHECK(put(st, s));
	order_fault("store.committed:fail:1+");
	for (int i = 0; i < 3; i++)
		CHECK(!store_claim_step(
		    st, 5000 + i, LEASE_MS, WAIT_MS, arena, &c, &found, &next, &e));
	order_fault(NULL);
	for (int i = 0; i < 3; i++)
		CHECK(claim(st, 5003, &c, &next));
	CHECK(!claim(st, 5003, &c, &next));
	store_close(st);
}

TEST(a_disk_that_refuses_is_told_and_the_store_goes_on)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct rlimit limit, tight;
	char *large = arena_alloc(arena, 1 << 20);
	bool fresh, ok;
	struct err e;

	s->event.raw = (struct str){ large, 1 << 20 };
	CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	tight = (struct rlimit){ .rlim_cur = 1 << 19, .rlim_max = limit.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &tight) == 0);
	CHECK_OK(store_begin(st, &e));
	ok = store_put_decision(st, &s->d, &fresh, &e);
	if (ok)
		ok = store_commit(st, 1, &e);
	else
		store_rollback(st);
	CHECK(!ok);
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK_INT(e.kind, ERR_SYSTEM);
	CHECK_HAS(e.text, "disk I/O error");
	CHECK_INT(figures(st).events, 0);
	CHECK(put(st, s));
	store_close(st);
}

/*
 * What a process does from beginning to end: decide one alert, perform its step.  In front of the
 * n-th of these five it meets its fate.
 */
static void
work(int n, const char *fate)
{
	struct store *st = open_store();
	struct sample *s = sample(1, "alert-1");
	struct claimed c;
	int64_t next, id;
	struct step later;
	uint64_t newest;
	bool fresh;
	struct err e;

	add(s, "isolate_vm", 5000);
	order_fault(n == 1 ? fate : NULL);
	CHECK_OK(store_count_death(st, &newest, &e));
	order_fault(n == 2 ? fate : NULL);
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	CHECK_OK(store_commit(st, 1, &e));
	order_fault(n == 3 ? fate : NULL);
	if (claim(st, 5000, &c, &next)) {
		later = c.step;
		later.key = STR("later");
		later.state = STEP_APPROVAL;
		order_fault(n == 4 ? fate : NULL);
		CHECK_OK(store_add_step(st, &later, &id, &e));
		order_fault(n == 5 ? fate : NULL);
		settle(st, &c.step, STEP_DONE, 5100);
	}
	store_close(st);
}

static void
killed_then_done_once(int n, const char *fate)
{
	struct store_figures f;
	struct store *st;
	uint64_t seq;
	int status;
	pid_t child;
	struct err e;

	fresh_folder();
	child = fork();
	if (child == 0) {
		work(n, fate);
		_exit(1);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status));
	work(0, NULL);
	st = open_store();
	f = figures(st);
	CHECK_INT(f.events, 1);
	CHECK_INT(f.alerts, 1);
	CHECK_INT(f.steps[STEP_DONE], 1);
	CHECK_INT(f.steps[STEP_APPROVAL], 1);
	CHECK_INT(f.steps[STEP_WAITING] + f.steps[STEP_RUNNING], 0);
	CHECK_OK(store_decided_seq(st, &seq, &e));
	CHECK_INT(seq, 1);
	store_close(st);
}

TEST(wherever_it_is_killed_the_work_is_done_once)
{
	for (int n = 1; n <= 5; n++) {
		killed_then_done_once(n, "store.commit:kill:1+");
		killed_then_done_once(n, "store.committed:kill:1+");
	}
	killed_then_done_once(3, "store.claim:kill:1+");
	killed_then_done_once(5, "store.settle:kill:1+");
}
