/* Looking back into a store, beside a daemon that has it open and without one. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/history.h"
#include "store_world.h"

#define HOUR INT64_C(3600000)
#define START INT64_C(1760000000000)

static struct history *
open_past(void)
{
	struct history *p;
	struct err e;

	CHECK_OK(history_open(arena_printf(arena, "sqlite:%s", path), &p, &e));
	return p;
}

/* Event n, received n hours after the start. */
static void
put_hour(struct store *st, int n, const char *alert)
{
	struct sample *s = sample(n, alert);

	s->d.received_ms = s->d.decided_ms = START + n * HOUR;
	CHECK(put(st, s));
}

static bool
is_there(const char *suffix)
{
	struct stat st;

	return stat(arena_printf(arena, "%s%s", path, suffix).p, &st) == 0;
}

/* All of a range, in pages. */
static size_t
read_all(
    struct history *p, const struct history_range *range, struct history_event *out, size_t room)
{
	int64_t from = range->first;
	struct history_event *page;
	size_t n, all = 0;
	struct err e;

	for (;;) {
		CHECK_OK(history_read(p, range, from, arena, &page, &n, &e));
		if (n == 0)
			return all;
		for (size_t i = 0; i < n; i++, all++)
			if (all < room)
				out[all] = page[i];
		from = page[n - 1].id + 1;
	}
}

TEST(events_are_read_in_their_order_with_what_was_decided_to_change_something)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "a");
	struct history_event ev[4];
	struct history_range range;
	struct history *p;
	struct err e;

	add(s, "isolate_vm", START);
	add_report(s, START);
	s->d.received_ms = START;
	CHECK(put(st, s));
	put_hour(st, 2, "b");
	p = open_past();
	CHECK_OK(history_find(p, 0, START + 100 * HOUR, &range, &e));
	CHECK_INT(range.oldest_ms, START);
	CHECK_INT(read_all(p, &range, ev, 4), 2);
	CHECK_STR(ev[0].raw, "{\"event\":1}");
	CHECK_STR(ev[0].headers, "{}");
	CHECK_STR(ev[0].state, "decided");
	CHECK_STR(ev[0].rules_hash, "0123456789ab");
	CHECK_INT(ev[0].n_steps, 1);
	CHECK_STR(ev[0].steps[0].action, "isolate_vm");
	CHECK_INT(ev[0].steps[0].state, STEP_WAITING);
	CHECK_INT(ev[1].received_ms, START + 2 * HOUR);
	CHECK_INT(ev[1].n_steps, 0);
	history_close(p);
	store_close(st);
}

TEST(a_range_begins_and_ends_where_its_times_are)
{
	struct store *st = new_store();
	struct history_event ev[200];
	struct history_range range;
	struct history *p;
	struct err e;

	for (int i = 0; i < 100; i++)
		put_hour(st, i, arena_printf(arena, "alert-%d", i).p);
	p = open_past();
	CHECK_OK(history_find(p, START + 10 * HOUR, START + 20 * HOUR, &range, &e));
	CHECK_INT(read_all(p, &range, ev, 200), 11); /* the end may be disordered */
	CHECK_INT(ev[0].received_ms, START + 10 * HOUR);
	CHECK_OK(history_find(p, START + 200 * HOUR, START + 300 * HOUR, &range, &e));
	CHECK_INT(read_all(p, &range, ev, 200), 0);
	CHECK_OK(history_find(p, 0, START - HOUR, &range, &e));
	CHECK_INT(read_all(p, &range, ev, 200), 0);
	CHECK_OK(history_find(p, 0, START + 1000 * HOUR, &range, &e));
	CHECK_INT(read_all(p, &range, ev, 200), 100);
	history_close(p);
	store_close(st);
}

TEST(an_alert_that_comes_again_says_where_it_is_first_and_last)
{
	struct store *st = new_store();
	struct history_event ev[3];
	struct history_range range;
	struct history *p;
	struct err e;

	put_hour(st, 1, "a");
	put_hour(st, 2, "b");
	put_hour(st, 3, "a");
	p = open_past();
	CHECK_OK(history_find(p, 0, START + 100 * HOUR, &range, &e));
	CHECK_INT(read_all(p, &range, ev, 3), 3);
	CHECK(ev[0].is_first && !ev[0].is_last);
	CHECK(ev[1].is_first && ev[1].is_last);
	CHECK(!ev[2].is_first && ev[2].is_last);
	CHECK_INT(ev[0].alert, ev[2].alert);
	history_close(p);
	store_close(st);
}

TEST(what_is_written_meanwhile_is_read_too_and_the_writer_is_not_held_up)
{
	struct store *st = new_store();
	struct history_event ev[3];
	struct history_range range;
	struct history *p;
	struct err e;

	put_hour(st, 1, "a");
	p = open_past();
	CHECK_OK(history_find(p, 0, START + 100 * HOUR, &range, &e));
	CHECK_INT(read_all(p, &range, ev, 3), 1);
	put_hour(st, 2, "b");
	store_close(
	    st); /* the last one copies the log, which a reader that holds it would forbid */
	CHECK_OK(history_find(p, 0, START + 100 * HOUR, &range, &e));
	CHECK_INT(read_all(p, &range, ev, 3), 2);
	history_close(p);
}

TEST(without_a_daemon_nothing_is_left_beside_the_file_and_one_that_starts_is_followed)
{
	struct store *st = new_store();
	struct history_event ev[3];
	struct history_range range;
	struct history *p;
	struct err e;

	put_hour(st, 1, "a");
	store_close(st);
	CHECK(!is_there("-wal"));
	p = open_past();
	CHECK_OK(history_find(p, 0, START + 100 * HOUR, &range, &e));
	CHECK_INT(read_all(p, &range, ev, 3), 1);
	CHECK(!is_there("-wal") && !is_there("-shm"));
	st = open_store();
	put_hour(st, 2, "b");
	range.last = 1000;
	CHECK_INT(read_all(p, &range, ev, 3), 2);
	history_close(p);
	store_close(st);
}

TEST(a_page_ends_at_its_size_and_nothing_is_left_out)
{
	struct store *st = new_store();
	struct history_event ev[1];
	struct history_range range;
	struct history *p;
	struct err e;

	for (int i = 0; i < HISTORY_EVENTS_MAX + 3; i++)
		put_hour(st, i, arena_printf(arena, "alert-%d", i).p);
	p = open_past();
	CHECK_OK(history_find(p, 0, START + 9999 * HOUR, &range, &e));
	CHECK_INT(read_all(p, &range, ev, 1), HISTORY_EVENTS_MAX + 3);
	history_close(p);
	store_close(st);
}

static void
check_refused(enum err_kind kind, const char *words)
{
	struct history *p;
	struct err e;

	CHECK(!history_open(arena_printf(arena, "sqlite:%s", path), &p, &e));
	CHECK_INT(e.kind, kind);
	CHECK_HAS(e.text, words);
	CHECK_HAS(e.text, path);
}

TEST(what_is_not_there_or_no_store_is_refused_in_words)
{
	struct history *p;
	struct err e;
	int fd;

	fresh_folder();
	check_refused(ERR_NOT_FOUND, "No such file");
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(fd >= 0);
	check_refused(ERR_INPUT, "it is no store");
	CHECK_INT(write(fd, "this is a text, and no database at all, whoever may say so", 58), 58);
	close(fd);
	check_refused(ERR_SYSTEM, "not a database");
	CHECK(!history_open(STR("postgres:x"), &p, &e));
	CHECK_HAS(e.text, "is not sqlite:/path");
}
