/*
 * Silences in the store: who said what, what the decider sees of it, what is forgotten.
 */
#include "store_world.h"

#define HOUR 3600000

static int64_t
add_silence(struct store *st, int64_t at_ms, int64_t ends_ms, struct err *e)
{
	struct str words[] = { STR("resourceName=web-01"), STR("severity=High") };
	struct silence s = { .matchers = words,
		.n_matchers = 2,
		.owner = STR("Ann"),
		.reason = STR("patch day"),
		.starts_ms = at_ms,
		.ends_ms = ends_ms };
	struct silence_word w = { .at_ms = at_ms, .seat = STR("user 1"), .name = STR("ben") };
	int64_t id = 0;

	return store_add_silence(st, &s, &w, arena, &id, e) ? id : 0;
}

/* Those that the decider gets; -1: nothing has changed since that version. */
static int64_t
to_come(struct store *st, int64_t *version, int64_t now_ms)
{
	struct silence *list;
	size_t n = 0;
	bool changed;
	struct err e;

	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_silences_changed(st, version, &changed, &e));
	CHECK_OK(store_silences_to_come(st, now_ms, arena, &list, &n, &e));
	store_rollback(st);
	return changed ? (int64_t)n : -1;
}

static struct silence
shown(struct store *st, int64_t id, struct silence_word **words, size_t *n)
{
	struct silence s;
	struct err e;

	CHECK_OK(store_show_silence(st, id, arena, &s, words, n, &e));
	return s;
}

TEST(a_silence_comes_back_as_it_was_said_also_after_a_restart)
{
	struct store *st = new_store();
	struct silence_word *words;
	struct silence s;
	struct err e;
	int64_t version = 0;
	size_t n;

	CHECK_INT(add_silence(st, 1000, 1000 + HOUR, &e), 1);
	store_close(st);
	st = open_store();
	s = shown(st, 1, &words, &n);
	CHECK_INT((int64_t)s.n_matchers, 2);
	CHECK_STR(s.matchers[1], "severity=High");
	CHECK_STR(s.owner, "Ann");
	CHECK_STR(s.reason, "patch day");
	CHECK_INT(s.ends_ms, 1000 + HOUR);
	CHECK_INT((int64_t)n, 1);
	CHECK_STR(words[0].what, "added");
	CHECK_STR(words[0].name, "ben");
	CHECK_INT(to_come(st, &version, 2000), 1);
	CHECK_INT(to_come(st, &version, 2000), -1);
	store_close(st);
}

TEST(the_decider_sees_each_word_once_and_those_that_ended_no_more)
{
	struct store *st = new_store();
	struct silence_word w = { .at_ms = 2000, .seat = STR("user 1"), .name = STR("ben") };
	int64_t version = 0;
	struct err e;

	CHECK_INT(to_come(st, &version, 1000), -1);
	add_silence(st, 1000, 1000 + HOUR, &e);
	add_silence(st, 1000, 5000, &e);
	CHECK_INT(to_come(st, &version, 2000), 2);
	CHECK_OK(store_expire_silence(st, 1, &w, arena, &e));
	CHECK_INT(to_come(st, &version, 2000), 1);
	CHECK_OK(store_extend_silence(st, 2, 9000, &w, arena, &e));
	CHECK_INT(to_come(st, &version, 8000), 1);
	CHECK_INT(to_come(st, &version, 8000), -1);
	store_close(st);
}

TEST(one_that_has_ended_is_neither_extended_nor_ended_again)
{
	struct store *st = new_store();
	struct silence_word w = { .at_ms = 5000, .seat = STR("user 1"), .name = STR("ben") };
	struct silence_word *words;
	struct err e;
	size_t n;

	add_silence(st, 1000, 5000, &e);
	CHECK(!store_extend_silence(st, 1, 9000, &w, arena, &e));
	CHECK_INT(e.kind, ERR_CONFLICT);
	CHECK(!store_expire_silence(st, 1, &w, arena, &e));
	CHECK_STR(str_of(e.text), "silence 1 has ended already");
	CHECK(!store_expire_silence(st, 2, &w, arena, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_INT(shown(st, 1, &words, &n).ends_ms, 5000);
	CHECK_INT((int64_t)n, 1);
	store_close(st);
}

TEST(a_notification_held_back_is_counted_once_for_its_silence)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct silence_word *words;
	struct silence seen;
	struct step *step;
	struct err e;
	size_t n;

	add_silence(st, 1000, 1000 + HOUR, &e);
	step = add_report(s, 5000);
	step->state = STEP_SUPPRESSED;
	step->reason = STR("silenced");
	step->silence = 1;
	CHECK(put(st, s));
	CHECK(!put(st, s));
	s = sample(2, "alert-1"); /* again about the alert: its step is there */
	step = add_report(s, 6000);
	step->state = STEP_SUPPRESSED;
	step->silence = 1;
	CHECK(put(st, s));
	seen = shown(st, 1, &words, &n);
	CHECK_INT(seen.held_back, 1);
	CHECK_INT(seen.last_ms, 5000);
	CHECK_INT(step_of(st, 1).state, STEP_SUPPRESSED);
	CHECK_INT(step_of(st, 1).silence, 1);
	CHECK_INT(next_look(st, 1000000), INT64_MAX);
	CHECK_INT(figures(st).steps[STEP_SUPPRESSED], 1);
	store_close(st);
}

TEST(those_that_ended_long_ago_are_forgotten_and_their_numbers_not_given_again)
{
	struct store *st = new_store();
	struct silence *list;
	int64_t active, pending;
	struct err e;
	size_t n;

	add_silence(st, 1000, 5000, &e);
	CHECK_OK(store_forget_silences(st, 5000, &e));
	CHECK_OK(store_list_silences(st, INT64_MIN, 10, arena, &list, &n, &e));
	CHECK_INT((int64_t)n, 1);
	CHECK_OK(store_forget_silences(st, 5001, &e));
	CHECK_OK(store_list_silences(st, INT64_MIN, 10, arena, &list, &n, &e));
	CHECK_INT((int64_t)n, 0);
	CHECK_INT(add_silence(st, 6000, 9000, &e), 2);
	CHECK_OK(store_count_silences(st, 7000, &active, &pending, &e));
	CHECK_INT(active, 1);
	CHECK_OK(store_count_silences(st, 5500, &active, &pending, &e));
	CHECK_INT(pending, 1);
	store_close(st);
}

TEST(a_word_that_could_not_be_kept_changes_nothing)
{
	struct store *st = new_store();
	int64_t version = 0;
	struct err e;

	order_fault("store.silence:fail:1+");
	CHECK_INT(add_silence(st, 1000, 1000 + HOUR, &e), 0);
	order_fault(NULL);
	CHECK_INT(to_come(st, &version, 2000), -1);
	store_close(st);
}
