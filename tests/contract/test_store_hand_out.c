/* What every store must know after a process that died while it decided. */
#include <unistd.h>

#include "store_world.h"

/* A process that looks into this and does not come back. */
static void
die_at(uint64_t seq, int64_t event)
{
	uint64_t newest;
	struct store *st = open_decider(&newest);

	(void)hand_out(st, seq, event);
	store_close(st);
}

TEST(who_does_not_come_back_is_counted_where_it_was)
{
	uint64_t newest;
	struct store *st;

	fresh_folder();
	st = open_decider(&newest);
	CHECK_INT(newest, 0);
	CHECK_INT(hand_out(st, 5, -1), 0);
	CHECK_INT(hand_out(st, 5, 0), 0);
	CHECK_INT(hand_out(st, 5, 1), 0);
	store_close(st);
	st = open_decider(&newest);
	CHECK_INT(newest, 5);
	CHECK_INT(hand_out(st, 5, -1), 0);
	CHECK_INT(hand_out(st, 5, 0), 0);
	CHECK_INT(hand_out(st, 5, 1), 1);
	CHECK_INT(hand_out(st, 6, 1), 0);
	store_close(st);
	die_at(5, 1);
	die_at(7, -1);
	st = open_decider(&newest);
	CHECK_INT(newest, 7);
	CHECK_INT(hand_out(st, 5, 1), 2);
	CHECK_INT(hand_out(st, 6, 1), 1);
	CHECK_INT(hand_out(st, 7, -1), 1);
	store_close(st);
}

TEST(who_comes_back_is_never_counted)
{
	uint64_t newest;

	fresh_folder();
	for (int i = 0; i < 5; i++) {
		struct store *st = open_decider(&newest);

		CHECK_INT(newest, 0);
		CHECK_INT(hand_out(st, 5, 0), 0);
		store_take_back(st);
		store_close(st);
	}
}

TEST(a_death_is_counted_once_however_often_it_is_tried)
{
	struct store *st;
	uint64_t newest;
	struct err e;

	fresh_folder();
	die_at(5, 0);
	for (int i = 0; i < 3; i++) {
		st = open_store();
		order_fault("store.commit:fail:1+");
		CHECK(!store_count_death(st, &newest, &e));
		order_fault(NULL);
		store_close(st);
	}
	st = open_store();
	CHECK_OK(store_count_death(st, &newest, &e));
	CHECK_OK(store_count_death(st, &newest, &e));
	store_close(st);
	st = open_decider(&newest);
	CHECK_INT(hand_out(st, 5, 0), 1);
	store_close(st);
}

TEST(deaths_are_forgotten_with_the_commit_that_covers_the_record)
{
	struct store *st;
	uint64_t newest;
	struct err e;

	fresh_folder();
	die_at(5, 0);
	die_at(6, -1);
	st = open_decider(&newest);
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_commit(st, 5, &e));
	CHECK_INT(hand_out(st, 5, 0), 0);
	CHECK_INT(hand_out(st, 6, -1), 1);
	store_close(st);
}

/* It counted each hand-out, a full disk and a stop among them, and left the lock file empty. */
TEST(what_an_older_version_counted_is_void)
{
	struct store *st;
	uint64_t newest;

	fresh_folder();
	die_at(5, 0);
	die_at(5, 0);
	CHECK(truncate(arena_cstr(arena, arena_printf(arena, "%s-lock", path)), 0) == 0);
	st = open_decider(&newest);
	CHECK_INT(newest, 0);
	CHECK_INT(hand_out(st, 5, 0), 0);
	store_close(st);
	st = open_decider(&newest);
	CHECK_INT(hand_out(st, 5, 0), 1);
	store_close(st);
}
