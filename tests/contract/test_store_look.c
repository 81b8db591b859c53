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
