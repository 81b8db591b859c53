/* What every store must tell those who look. */
#include "store_world.h"

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

/* Two hashes under the same key give away the polynomial that tells events apart. */
TEST(an_event_that_is_no_alert_is_never_shown_by_its_hash)
{
	struct store *st = new_store();
	struct sample *s[2] = { sample(1, ""), sample(2, "") };
	const struct list_filter all = { .limit = 10 };
	char hash[2 * sizeof(s[0]->d.hash.bytes) + 1];
	struct alert_detail d;
	struct alert_row *rows;
	size_t n;
	struct err e;

	for (int i = 0; i < 2; i++) {
		s[i]->d.alert = NULL;
		s[i]->d.plan = NULL;
		s[i]->d.state = EVENT_STATE_UNREADABLE;
		CHECK(put(st, s[i]));
	}
	CHECK_OK(store_list_alerts(st, &all, arena, &rows, &n, &e));
	CHECK_INT(n, 2);
	CHECK(!str_eq(rows[0].alert, rows[1].alert));
	for (size_t i = 0; i < n; i++) {
		CHECK(str_starts_nocase(rows[i].alert, STR("event:")));
		CHECK_INT(rows[i].alert.n, strlen("event:") + 32);
		for (int k = 0; k < 2; k++) {
			hex_encode(s[k]->d.hash.bytes, sizeof(s[k]->d.hash.bytes), hash);
			CHECK(strstr(arena_cstr(arena, rows[i].alert), hash) == NULL);
		}
	}
	CHECK_OK(store_show_alert(st, rows[0].id, arena, &d, &e));
	CHECK(str_eq(d.row.alert, rows[0].alert));
	store_close(st);
}

static struct step
step_on(int64_t id, const char *action, const char *target, int64_t created_ms)
{
	return (struct step){ .id = id,
		.action = str_of(action),
		.target = str_of(target),
		.created_ms = created_ms };
}

/* earlier: their ids in order, as "1 3". */
static void
check_earlier(struct store *st, int64_t id, int64_t since_ms, const char *earlier, int64_t busy)
{
	struct step step = step_on(id, "isolate_vm", "/VM/Web-01", 0), *list;
	char text[64] = "";
	int64_t found;
	size_t n;
	struct err e;

	CHECK_OK(store_list_earlier(st, &step, since_ms, arena, &list, &n, &found, &e));
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d",
		    i == 0 ? "" : " ", (int)list[i].id);
	CHECK_STR(str_of(text), earlier);
	CHECK_INT(found, busy);
}

TEST(what_was_done_to_the_same_target_lately_is_known_and_what_goes_first)
{
	static const struct {
		const char *action, *target;
		enum step_state state;
	} rows[] = {
		{ "isolate_vm", "/vm/web-01", STEP_DONE },
		{ "isolate_vm", "/vm/web-02", STEP_DONE },
		{ "enable_jit", "/vm/web-01", STEP_DONE },
		{ "isolate_vm", "/vm/web-01", STEP_REFUSED },
		{ "isolate_vm", "/vm/web-01", STEP_FAILED }, /* with nothing begun */
		{ "isolate_vm", "/vm/web-01", STEP_APPROVAL },
		{ "isolate_vm", "/vm/web-01", STEP_WAITING },
		{ "isolate_vm", "/vm/web-01", STEP_WAITING },
	};
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct claimed c;
	struct step undo;
	struct err e;
	int64_t id, next;
	bool found;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct step *step = add(s, rows[i].action, 5000 + (int64_t)i);

		step->disruptive = true;
		step->target = str_of(rows[i].target);
		step->state = rows[i].state;
		step->created_ms = 5000 + (int64_t)i;
	}
	CHECK(put(st, s));
	check_earlier(st, 7, 1000, "1", 0);
	check_earlier(st, 8, 1000, "1", 7);
	check_earlier(st, 1, 1000, "", 0); /* not itself, and nobody younger goes first */
	check_earlier(st, 8, 5001, "", 7);
	check_earlier(st, 8, 5010, "", 0);
	/* Taken back, or about to be. */
	undo = s->steps[0];
	undo.id = 0;
	undo.event_id = 1;
	undo.alert_id = 1;
	undo.key = STR("undo");
	undo.undo_of = 1;
	undo.state = STEP_WAITING;
	undo.attempts = 0;
	CHECK_OK(store_add_step(st, &undo, &id, &e));
	check_earlier(st, 7, 1000, "1", 0);
	CHECK_OK(store_claim_step(st, 6000, LEASE_MS, WAIT_MS, arena, &c, &found, &next, &e));
	CHECK(found && c.step.id == id);
	check_earlier(st, 7, 1000, "1", 1);
	c.step.state = STEP_DONE;
	CHECK_OK(store_settle_step(st, &c.step, 6000, NULL, 0, &e));
	check_earlier(st, 7, 1000, "", 0);
	store_close(st);
}
