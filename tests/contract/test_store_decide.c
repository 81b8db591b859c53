/* What every store must do with decisions: keep each once, whole, in the order of its commits. */
#include "store_world.h"

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
	CHECK_INT(counted(st, "isolate_vm", "", "", "", 0), 1);
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
	CHECK_INT(counted(st, "isolate_vm", "", "", "", 0), 4);
	CHECK_INT(counted(st, "isolate_vm", "", "", "", 4999), 3);
	CHECK_INT(counted(st, "isolate_vm", "", "", "", 5001), 0);
	CHECK_INT(counted(st, "isolate_vm", SUB_A, "", "", 0), 3);
	CHECK_INT(counted(st, "isolate_vm", SUB_B, "", "", 0), 1);
	CHECK_INT(counted(st, "isolate_vm", "BBBBBBBB-0000-0000-0000-000000000002", "", "", 0), 1);
	CHECK_INT(counted(st, "isolate_vm", "", VM(SUB_A, "WEB-01"), "", 0), 3);
	CHECK_INT(counted(st, "isolate_vm", "", VM(SUB_A, "web-0"), "", 0), 0);
	CHECK_INT(counted(st, "isolate_vm", "", "", "rule", 0), 4);
	CHECK_INT(counted(st, "isolate_vm", SUB_B, "", "rule", 0), 1);
	CHECK_INT(counted(st, "isolate_vm", "", "", "Rule", 0), 0);
	CHECK_INT(counted(st, "power_off_vm", "", "", "", 0), 0);
	store_rollback(st);
	store_close(st);
}
