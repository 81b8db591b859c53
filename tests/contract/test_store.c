/*
 * What every store must do, then what the SQLite one must refuse.  Another implementation passes
 * the first part unchanged: it only has to be named in `under_test`.
 */
#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

static bool (*const under_test)(struct str url, struct store **out, struct err *e) = store_open;

#define VM(sub, name)                                                           \
	"/subscriptions/" sub "/resourceGroups/rg/providers/Microsoft.Compute/" \
	"virtualMachines/" name
#define SUB_A "aaaaaaaa-0000-0000-0000-000000000001"
#define SUB_B "bbbbbbbb-0000-0000-0000-000000000002"
#define WAIT_MS 60000 /* how long a report waits */
#define LEASE_MS 30000

/* ---- a store in a folder of its own ---- */

static char folder[64], path[128];
static struct arena *arena;

static int
remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(name);
}

static void
remove_folder(void)
{
	if (folder[0] != '\0')
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
	arena_free(arena);
	arena = NULL;
}

static void
fresh_folder(void)
{
	static bool registered;

	if (!registered)
		atexit(remove_folder);
	registered = true;
	remove_folder();
	arena = arena_new();
	snprintf(folder, sizeof(folder), "/tmp/store-XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/gridwarden.db", folder);
}

static bool
try_open(struct store **s, struct err *e)
{
	return under_test(arena_printf(arena, "sqlite:%s", path), s, e);
}

static struct store *
open_store(void)
{
	struct store *s;
	struct err e;

	CHECK_OK(try_open(&s, &e));
	return s;
}

static struct store *
new_store(void)
{
	fresh_folder();
	return open_store();
}

static void
order_fault(const char *orders)
{
	if (orders == NULL)
		unsetenv("GRIDWARDEN_FAULT");
	else
		setenv("GRIDWARDEN_FAULT", orders, 1);
}

/* ---- decisions ---- */

/* A decision with its event, alert and up to eight steps. */
struct sample {
	struct event event;
	struct alert alert;
	struct step steps[8];
	struct plan plan;
	struct decision d;
};

static struct sample *
sample(int n, const char *alert)
{
	struct sample *s = arena_alloc(arena, sizeof(*s));

	s->event = (struct event){ .kind = EVENT_NOTIFICATION,
		.id = arena_printf(arena, "event-%d", n),
		.source = STR("/subscriptions/" SUB_A),
		.type = STR("Microsoft.Security/alerts"),
		.subject = STR("subject"),
		.raw = arena_printf(arena, "{\"event\":%d}", n) };
	s->alert = (struct alert){ .form = "rest-2022",
		.id = str_of(alert),
		.name = STR("Suspicious process executed"),
		.type = STR("VM_SuspiciousProcess"),
		.severity = STR("High"),
		.status = STR("Active"),
		.resource_text = STR(VM(SUB_A, "web-01")),
		.compromised_entity = STR("web-01"),
		.event = &s->event };
	s->plan.steps = s->steps;
	s->d = (struct decision){ .event = &s->event,
		.received_ms = 1000 + n,
		.decided_ms = 2000 + n,
		.headers = STR("{}"),
		.state = EVENT_STATE_DECIDED,
		.reason = STR_EMPTY,
		.alert = &s->alert,
		.trace = STR("[\"trace\"]"),
		.rules_hash = STR("0123456789ab"),
		.plan = &s->plan };
	memcpy(s->d.hash.bytes, &n, sizeof(n));
	s->d.hash.bytes[15] = 1;
	return s;
}

/* A step of that plan, due at once; its key is made from what makes it one effect. */
static struct step *
add(struct sample *s, const char *action, int64_t now_ms)
{
	struct step *step = &s->steps[s->plan.n++];

	*step = (struct step){ .key = arena_printf(
				   arena, "%s/%.*s/%zu", action, STR_ARG(s->alert.id), s->plan.n),
		.rule = STR("rule"),
		.action = str_of(action),
		.target = STR(VM(SUB_A, "web-01")),
		.params = STR("{}"),
		.disruptive = true,
		.state = STEP_WAITING,
		.created_ms = now_ms,
		.due_ms = now_ms };
	return step;
}

static struct step *
add_report(struct sample *s, int64_t now_ms)
{
	struct step *step = add(s, "notify", now_ms);

	step->target = STR("soc");
	step->disruptive = false;
	step->reports = true;
	return step;
}

/* In a group of its own; was it new? */
static bool
put(struct store *st, const struct sample *s)
{
	bool fresh;
	struct err e;

	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	CHECK_OK(store_commit(st, 0, &e));
	return fresh;
}

/* One waiting step, put. */
static struct store *
store_with_one_step(void)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");

	add(s, "isolate_vm", 5000);
	CHECK(put(st, s));
	return st;
}

static bool
claim(struct store *st, int64_t now_ms, struct claimed *c, int64_t *next_ms)
{
	bool found;
	struct err e;

	CHECK_OK(store_claim_step(st, now_ms, LEASE_MS, WAIT_MS, arena, c, &found, next_ms, &e));
	return found;
}

/* The action of what is claimed then; "" when nothing is ready. */
static struct str
claim_action(struct store *st, int64_t now_ms)
{
	struct claimed c;
	int64_t next;

	return claim(st, now_ms, &c, &next) ? c.step.action : STR_EMPTY;
}

/* When to look again; nothing must be ready. */
static int64_t
next_look(struct store *st, int64_t now_ms)
{
	struct claimed c;
	int64_t next = 0;

	CHECK(!claim(st, now_ms, &c, &next));
	return next;
}

static void
settle(struct store *st, struct step *step, enum step_state state, int64_t now_ms)
{
	struct err e;

	step->state = state;
	CHECK_OK(store_settle_step(st, step, now_ms, NULL, 0, &e));
}

static struct step
step_of(struct store *st, int64_t id)
{
	struct step_call *calls;
	struct step step;
	struct err e;
	size_t n;

	CHECK_OK(store_show_step(st, id, arena, &step, &calls, &n, &e));
	return step;
}

static struct store_figures
figures(struct store *st)
{
	struct store_figures f;
	struct err e;

	CHECK_OK(store_figures(st, &f, &e));
	return f;
}

/* ---- decide ---- */

TEST(what_was_decided_is_shown_after_a_restart)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct alert_detail d;
	struct err e;

	s->event.raw = STR("{\"raw\":\"with\0NUL\"}");
	add(s, "isolate_vm", 5000);
	add_report(s, 5000);
	CHECK(put(st, s));
	store_close(st);
	st = open_store();
	CHECK_OK(store_show_alert(st, 1, arena, &d, &e));
	CHECK_INT(d.row.id, 1);
	CHECK_STR(d.row.alert, "alert-1");
	CHECK_STR(d.row.name, "Suspicious process executed");
	CHECK_STR(d.row.type, "VM_SuspiciousProcess");
	CHECK_STR(d.row.severity, "High");
	CHECK_STR(d.row.status, "Active");
	CHECK_STR(d.row.resource, VM(SUB_A, "web-01"));
	CHECK_STR(d.row.entity, "web-01");
	CHECK_STR(d.row.form, "rest-2022");
	CHECK_STR(d.row.state, "decided");
	CHECK_STR(d.row.reason, "");
	CHECK_INT(d.row.received_ms, 1001);
	CHECK_INT(d.row.events, 1);
	CHECK_INT(d.row.steps, 2);
	CHECK_STR(d.row.summary, "isolate_vm waiting, notify waiting");
	CHECK(str_eq(d.event_raw, s->event.raw));
	CHECK_STR(d.event_headers, "{}");
	CHECK_STR(d.trace, "[\"trace\"]");
	CHECK_STR(d.rules_hash, "0123456789ab");
	CHECK_INT(d.decided_ms, 2001);
	CHECK_INT(d.n_steps, 2);
	CHECK_STR(d.steps[0].action, "isolate_vm");
	CHECK_STR(d.steps[0].target, VM(SUB_A, "web-01"));
	CHECK_STR(d.steps[0].before, "");
	CHECK(d.steps[0].disruptive && !d.steps[0].reports);
	CHECK(!d.steps[1].disruptive && d.steps[1].reports);
	CHECK_INT(d.steps[1].alert_id, 1);
	store_close(st);
}

TEST(the_same_event_again_changes_nothing)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1"), *again = sample(1, "alert-1");

	CHECK(put(st, s));
	again->alert.status = STR("Dismissed");
	add(again, "isolate_vm", 5000);
	CHECK(!put(st, again));
	CHECK_INT(figures(st).events, 1);
	CHECK_INT(figures(st).steps[STEP_WAITING], 0);
	store_close(st);
}

TEST(another_event_of_an_alert_renews_its_row_and_keeps_its_number)
{
	struct store *st = new_store();
	struct sample *first = sample(1, "alert-1"), *second = sample(2, "alert-1");
	struct alert_detail d;
	struct err e;

	CHECK(put(st, first));
	CHECK(put(st, sample(3, "alert-2")));
	second->alert.status = STR("Resolved");
	second->d.rules_hash = STR("ffffffffffff");
	CHECK(put(st, second));
	CHECK_OK(store_show_alert(st, 1, arena, &d, &e));
	CHECK_STR(d.row.alert, "alert-1");
	CHECK_STR(d.row.status, "Resolved");
	CHECK_STR(d.event_raw, "{\"event\":2}");
	CHECK_STR(d.rules_hash, "ffffffffffff");
	CHECK_INT(d.row.received_ms, 1001);
	CHECK_INT(d.row.events, 2);
	CHECK_INT(figures(st).alerts, 2);
	CHECK_INT(figures(st).events, 3);
	store_close(st);
}

TEST(a_step_whose_key_is_known_is_not_added_again)
{
	struct store *st = new_store();
	struct sample *first = sample(1, "alert-1"), *second = sample(2, "alert-1");

	add(first, "isolate_vm", 5000);
	add(second, "isolate_vm", 6000);
	add(second, "enable_jit", 6000);
	CHECK(put(st, first));
	CHECK(put(st, second));
	CHECK_INT(figures(st).steps[STEP_WAITING], 2);
	CHECK_INT(step_of(st, 1).due_ms, 5000);
	store_close(st);
}

TEST(within_a_group_later_decisions_see_earlier_ones)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	bool fresh;
	struct err e;

	add(s, "isolate_vm", 5000);
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	CHECK(fresh);
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	CHECK(!fresh);
	CHECK_INT(store_count_steps(st, STR("isolate_vm"), STR_EMPTY, 0), 1);
	CHECK_OK(store_commit(st, 0, &e));
	store_close(st);
}

TEST(an_unreadable_event_is_listed_with_its_reason)
{
	struct store *st = new_store();
	struct sample *s = sample(1, ""), *second = sample(2, "");
	const struct list_filter unreadable = { .state = STR("unreadable"), .limit = 10 };
	struct alert_row *rows;
	size_t n;
	struct err e;

	s->event.type = STR_EMPTY;
	s->d.alert = NULL;
	s->d.plan = NULL;
	s->d.state = EVENT_STATE_UNREADABLE;
	s->d.reason = STR("not JSON: byte 7");
	second->d.alert = NULL;
	second->d.plan = NULL;
	second->d.state = EVENT_STATE_NOTICE;
	CHECK(put(st, s));
	CHECK(put(st, second));
	CHECK_OK(store_list_alerts(st, &unreadable, arena, &rows, &n, &e));
	CHECK_INT(n, 1);
	CHECK_STR(rows[0].name, "(unreadable event)");
	CHECK_STR(rows[0].state, "unreadable");
	CHECK_STR(rows[0].reason, "not JSON: byte 7");
	CHECK_INT(figures(st).alerts, 2);
	store_close(st);
}

TEST(a_rollback_leaves_nothing)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	uint64_t seq;
	bool fresh;
	struct err e;

	add(s, "isolate_vm", 5000);
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	store_rollback(st);
	CHECK_INT(figures(st).events, 0);
	CHECK_INT(figures(st).alerts, 0);
	CHECK_INT(figures(st).steps[STEP_WAITING], 0);
	CHECK_OK(store_decided_seq(st, &seq, &e));
	CHECK_INT(seq, 0);
	CHECK(put(st, s));
	store_close(st);
}

TEST(listings_see_a_group_once_it_is_committed)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	bool fresh;
	struct err e;

	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	CHECK_INT(figures(st).events, 0);
	CHECK_OK(store_commit(st, 1, &e));
	CHECK_INT(figures(st).events, 1);
	store_close(st);
}

TEST(a_commit_keeps_the_decided_number)
{
	struct store *st = new_store();
	uint64_t seq;
	struct err e;

	CHECK_OK(store_decided_seq(st, &seq, &e));
	CHECK_INT(seq, 0);
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_commit(st, 41, &e));
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_commit(st, 1234567890123, &e));
	store_close(st);
	st = open_store();
	CHECK_OK(store_decided_seq(st, &seq, &e));
	CHECK_INT(seq, 1234567890123);
	store_close(st);
}

/* How often this record (event -1) or event was handed out. */
static int64_t
hand_out(struct store *st, uint64_t seq, int64_t event)
{
	int64_t count;
	struct err e;

	CHECK_OK(store_hand_out(st, seq, event, &count, &e));
	return count;
}

TEST(hand_outs_are_counted_until_a_commit_covers_them)
{
	struct store *st = new_store();
	struct err e;

	CHECK_INT(hand_out(st, 5, -1), 1);
	store_close(st);
	st = open_store();
	CHECK_INT(hand_out(st, 5, -1), 2);
	CHECK_INT(hand_out(st, 5, 0), 1);
	CHECK_INT(hand_out(st, 5, 1), 1);
	CHECK_INT(hand_out(st, 5, 0), 2);
	CHECK_INT(hand_out(st, 6, -1), 1);
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_commit(st, 5, &e));
	CHECK_INT(hand_out(st, 5, -1), 1);
	CHECK_INT(hand_out(st, 5, 0), 1);
	CHECK_INT(hand_out(st, 6, -1), 2);
	store_close(st);
}

TEST(a_secret_is_made_once_and_each_name_has_its_own)
{
	struct store *st = new_store();
	unsigned char first[16], again[16], other[16], zeros[16] = { 0 };
	struct err e;

	CHECK_OK(store_secret(st, "event_hash", first, &e));
	CHECK_OK(store_secret(st, "other", other, &e));
	store_close(st);
	st = open_store();
	CHECK_OK(store_secret(st, "event_hash", again, &e));
	CHECK(memcmp(first, again, sizeof(first)) == 0);
	CHECK(memcmp(first, other, sizeof(first)) != 0);
	CHECK(memcmp(first, zeros, sizeof(first)) != 0);
	store_close(st);
}

static void
take_number(void *ctx, const struct hash128 *h)
{
	int **next = ctx;

	memcpy((*next)++, h->bytes, sizeof(int));
}

TEST(the_newest_hashes_are_given_the_oldest_of_them_first)
{
	struct store *st = new_store();
	int numbers[8] = { 0 }, *next = numbers;
	struct err e;

	for (int i = 1; i <= 5; i++)
		CHECK(put(st, sample(i, "alert-1")));
	CHECK_OK(store_each_hash(st, 3, take_number, &next, &e));
	CHECK_INT(next - numbers, 3);
	CHECK(numbers[0] == 3 && numbers[1] == 4 && numbers[2] == 5);
	next = numbers;
	CHECK_OK(store_each_hash(st, SIZE_MAX, take_number, &next, &e));
	CHECK_INT(next - numbers, 5);
	store_close(st);
}

TEST(what_counts_against_a_budget_is_what_was_let_through)
{
	static const enum step_state states[] = { STEP_WAITING, STEP_APPROVAL, STEP_DONE,
		STEP_FAILED, STEP_REFUSED, STEP_SHADOW };
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1"), *other = sample(2, "alert-2");
	struct step *undo;
	int64_t id;
	struct err e;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		add(s, "isolate_vm", 5000)->state = states[i];
	add(s, "enable_jit", 5000);
	add(other, "isolate_vm", 4000)->target =
	    STR("/SUBSCRIPTIONS/BBBBBBBB-0000-0000-0000-000000000002/resourceGroups/rg/providers/"
		"Microsoft.Compute/virtualMachines/db-01");
	add(other, "isolate_vm", 6000)->disruptive = false;
	CHECK(put(st, s));
	CHECK(put(st, other));
	undo = &s->steps[0];
	undo->key = STR("undo");
	undo->undo_of = 3;
	undo->event_id = 1;
	undo->alert_id = 1;
	CHECK_OK(store_add_step(st, undo, &id, &e));
	CHECK_OK(store_begin(st, &e));
	CHECK_INT(store_count_steps(st, STR("isolate_vm"), STR_EMPTY, 0), 4);
	CHECK_INT(store_count_steps(st, STR("isolate_vm"), STR_EMPTY, 4999), 3);
	CHECK_INT(store_count_steps(st, STR("isolate_vm"), STR_EMPTY, 5001), 0);
	CHECK_INT(store_count_steps(st, STR("isolate_vm"), STR(SUB_A), 0), 3);
	CHECK_INT(store_count_steps(st, STR("isolate_vm"), STR(SUB_B), 0), 1);
	CHECK_INT(store_count_steps(
		      st, STR("isolate_vm"), STR("BBBBBBBB-0000-0000-0000-000000000002"), 0),
	    1);
	CHECK_INT(store_count_steps(st, STR("power_off_vm"), STR_EMPTY, 0), 0);
	store_rollback(st);
	store_close(st);
}

/* ---- perform ---- */

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
	struct err e;

	CHECK(claim(st, 5000, &c, &next));
	store_close(st);
	st = open_store();
	CHECK_INT(next_look(st, 5001), 5000 + LEASE_MS);
	CHECK_OK(store_drop_leases(st, &e));
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

TEST(a_held_step_is_claimed_and_counted_once_it_is_approved)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct err e;

	add(s, "isolate_vm", 5000)->state = STEP_APPROVAL;
	CHECK(put(st, s));
	CHECK_INT(next_look(st, 9000), INT64_MAX);
	CHECK_INT(step_of(st, 1).settled_ms, 0);
	CHECK_OK(store_answer_approval(st, 1, true, 9000, &e));
	CHECK_OK(store_begin(st, &e));
	CHECK_INT(store_count_steps(st, STR("isolate_vm"), STR_EMPTY, 8000), 1);
	store_rollback(st);
	CHECK_STR(claim_action(st, 9000), "isolate_vm");
	store_close(st);
}

TEST(a_held_step_that_is_denied_is_refused_and_stays_so)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct err e;

	add(s, "isolate_vm", 5000)->state = STEP_APPROVAL;
	CHECK(put(st, s));
	CHECK_OK(store_answer_approval(st, 1, false, 9000, &e));
	CHECK_INT(step_of(st, 1).state, STEP_REFUSED);
	CHECK_INT(step_of(st, 1).settled_ms, 9000);
	CHECK_INT(next_look(st, 9000), INT64_MAX);
	CHECK(!store_answer_approval(st, 1, true, 9001, &e));
	CHECK_INT(e.kind, ERR_CONFLICT);
	CHECK_HAS(e.text, "is refused, it is not held for approval");
	CHECK(!store_answer_approval(st, 7, true, 9001, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
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

/* ---- look ---- */

TEST(alerts_are_listed_newest_first_by_time_state_and_number)
{
	struct store *st = new_store();
	struct list_filter f = { .state = STR_EMPTY, .action = STR_EMPTY, .limit = 100 };
	struct alert_row *rows;
	size_t n;
	struct err e;

	for (int i = 1; i <= 30; i++) {
		struct sample *s = sample(i, arena_printf(arena, "alert-%d", i).p);

		s->d.state = i % 2 == 0 ? EVENT_STATE_DECIDED : EVENT_STATE_DAMAGED;
		CHECK(put(st, s));
	}
	CHECK_OK(store_list_alerts(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 30);
	CHECK_INT(rows[0].id, 30);
	CHECK_INT(rows[29].id, 1);
	f.state = STR("damaged");
	CHECK_OK(store_list_alerts(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 15);
	CHECK_INT(rows[0].id, 29);
	f.since_ms = 1021;
	CHECK_OK(store_list_alerts(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 5);
	f.limit = 2;
	CHECK_OK(store_list_alerts(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 2);
	f.state = STR("no such state");
	CHECK_OK(store_list_alerts(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 0);
	store_close(st);
}

TEST(steps_are_listed_newest_first_by_action_state_alert_and_time)
{
	struct store *st = new_store();
	struct sample *first = sample(1, "alert-1"), *second = sample(2, "alert-2");
	struct list_filter f = { .state = STR_EMPTY, .action = STR_EMPTY, .limit = 100 };
	struct step *rows;
	size_t n;
	struct err e;

	add(first, "isolate_vm", 5000);
	add(first, "enable_jit", 5001)->state = STEP_REFUSED;
	add(second, "isolate_vm", 5002)->state = STEP_REFUSED;
	CHECK(put(st, first));
	CHECK(put(st, second));
	CHECK_OK(store_list_steps(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 3);
	CHECK_INT(rows[0].id, 3);
	CHECK_INT(rows[0].settled_ms, 5002);
	f.state = STR("refused");
	CHECK_OK(store_list_steps(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 2);
	f.action = STR("enable_jit");
	CHECK_OK(store_list_steps(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 1);
	f = (struct list_filter){ .alert_id = 1, .limit = 100 };
	CHECK_OK(store_list_steps(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 2);
	f.since_ms = 5001;
	CHECK_OK(store_list_steps(st, &f, arena, &rows, &n, &e));
	CHECK_INT(n, 1);
	CHECK_STR(rows[0].action, "enable_jit");
	store_close(st);
}

TEST(what_is_not_there_is_not_found)
{
	struct store *st = new_store();
	struct alert_detail d;
	struct step_call *calls;
	struct step step;
	size_t n;
	struct err e;

	CHECK(!store_show_alert(st, 5, arena, &d, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_HAS(e.text, "there is no alert 5");
	CHECK(!store_show_step(st, 6, arena, &step, &calls, &n, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_HAS(e.text, "there is no action 6");
	CHECK_INT(figures(st).events, 0); /* and the store goes on */
	store_close(st);
}

TEST(figures_count_by_state_and_tell_the_oldest_due)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct claimed c;
	int64_t next;

	CHECK_INT(figures(st).oldest_due_ms, 0);
	add(s, "a", 5000);
	add(s, "b", 5000)->due_ms = 6000;
	add(s, "c", 5000)->due_ms = 7000;
	add(s, "d", 5000)->state = STEP_APPROVAL;
	add(s, "e", 5000)->state = STEP_SHADOW;
	CHECK(put(st, s));
	CHECK_INT(figures(st).oldest_due_ms, 5000);
	CHECK(claim(st, 5000, &c, &next));
	CHECK_INT(figures(st).oldest_due_ms, 6000);
	CHECK_INT(figures(st).steps[STEP_RUNNING], 1);
	CHECK_INT(figures(st).steps[STEP_WAITING], 2);
	CHECK_INT(figures(st).steps[STEP_APPROVAL], 1);
	CHECK_INT(figures(st).steps[STEP_SHADOW], 1);
	CHECK_INT(figures(st).steps[STEP_DONE], 0);
	store_close(st);
}

/* ---- failures and crashes ---- */

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
	bool fresh;
	struct err e;

	add(s, "isolate_vm", 5000);
	order_fault(n == 1 ? fate : NULL);
	hand_out(st, 1, -1);
	order_fault(n == 2 ? fate : NULL);
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	CHECK_OK(store_commit(st, 1, &e));
	CHECK_OK(store_drop_leases(st, &e));
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

/* ---- what the SQLite file must be ---- */

static void
refused(enum err_kind kind, const char *words)
{
	struct store *st;
	struct err e;

	CHECK(!try_open(&st, &e));
	CHECK_INT(e.kind, kind);
	CHECK_HAS(e.text, path);
	CHECK_HAS(e.text, words);
}

static void
overwrite(off_t at, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0640);

	CHECK(fd >= 0 && pwrite(fd, p, n, at) == (ssize_t)n);
	close(fd);
}

TEST(an_address_of_another_kind_is_refused)
{
	struct store *st;
	struct err e;

	CHECK(!under_test(STR("postgres://x"), &st, &e));
	CHECK_INT(e.kind, ERR_INPUT);
	CHECK_HAS(e.text, "'postgres://x' is not sqlite:/path");
	CHECK(!under_test(STR("sqlite:"), &st, &e));
	CHECK_HAS(e.text, "'sqlite:' is not sqlite:/path");
}

TEST(a_second_process_is_refused)
{
	struct store *st = new_store();

	refused(ERR_CONFLICT, "in use by another process");
	store_close(st);
	store_close(open_store());
}

TEST(a_file_that_is_no_database_is_refused)
{
	static char text[8192];

	fresh_folder();
	memset(text, 'x', sizeof(text));
	overwrite(0, text, sizeof(text));
	refused(ERR_SYSTEM, "file is not a database");
}

TEST(a_damaged_file_is_refused)
{
	struct store *st = new_store();
	static char rubbish[4096];

	for (int i = 1; i <= 50; i++)
		CHECK(put(st, sample(i, "alert-1")));
	store_close(st);
	memset(rubbish, 0xff, sizeof(rubbish));
	overwrite(4 * 4096, rubbish, sizeof(rubbish));
	refused(ERR_SYSTEM, "quick_check");
}

TEST(a_file_of_a_newer_version_is_refused)
{
	static const unsigned char version[4] = { 0, 0, 0, 2 };

	store_close(new_store());
	overwrite(60, version, sizeof(version)); /* user_version, www.sqlite.org/fileformat.html */
	refused(ERR_INPUT, "written by a newer gridwarden; this one knows version 1");
}

TEST(a_database_of_another_program_is_refused_and_left_alone)
{
	static const unsigned char none[4] = { 0, 0, 0, 0 };
	struct stat before, after;

	store_close(new_store());
	overwrite(60, none, sizeof(none)); /* tables, but not marked as ours */
	CHECK(stat(path, &before) == 0);
	refused(ERR_INPUT, "the database of another program");
	CHECK(stat(path, &after) == 0);
	CHECK(before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
	      before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
}

TEST(files_are_closed_to_others)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-lock" };
	struct store *st = store_with_one_step();
	struct stat info;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		CHECK(stat(arena_printf(arena, "%s%s", path, suffixes[i]).p, &info) == 0);
		CHECK_INT(info.st_mode & 07777, 0640);
	}
	store_close(st);
}

TEST(the_folder_is_made_when_it_is_missing)
{
	fresh_folder();
	snprintf(path, sizeof(path), "%s/a/b/gridwarden.db", folder);
	store_close(open_store());
	CHECK(access(path, F_OK) == 0);
}
