/* Retention, space, the log, the long check, copies: what keeps a store small, sound and saved. */

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "store_world.h"

#define OLD 2000  /* when samples are decided, and a bit */
#define LATE 9000 /* they are older than this */

/* All that is old enough, until nothing is left to look at. */
static void
forget(struct store *st, int64_t before_ms)
{
	struct store_round round = { 0, 0 };
	bool more = true;
	struct err e;

	for (int i = 0; more; i++) {
		CHECK(i < 10000);
		CHECK_OK(store_forget(st, before_ms, &round, &more, &e));
	}
}

/* A newest alert, which always stays: its number must not be given again. */
static void
put_newest(struct store *st)
{
	struct sample *s = sample(999, "the newest");

	add(s, "notify", 100000)->state = STEP_REFUSED;
	s->d.decided_ms = 100000;
	CHECK(put(st, s));
}

static struct store *
store_with(enum step_state state, const char *record, int64_t settled_ms)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct claimed c;
	int64_t next;

	add(s, "isolate_vm", OLD);
	CHECK(put(st, s));
	put_newest(st);
	CHECK(claim(st, OLD, &c, &next));
	c.step.before = str_of(record);
	settle(st, &c.step, state, settled_ms);
	return st;
}

static bool
stays(struct store *st)
{
	bool there;

	forget(st, LATE);
	there = figures(st).alerts == 2;
	CHECK_INT(figures(st).events, there ? 2 : 1);
	store_close(st);
	return there;
}

TEST(an_old_alert_whose_steps_are_settled_goes_with_all_that_belongs_to_it)
{
	struct store *st = store_with(STEP_DONE, "", OLD);
	struct store_figures f;

	CHECK_INT(figures(st).steps[STEP_DONE], 1);
	forget(st, LATE);
	f = figures(st);
	CHECK_INT(f.alerts, 1);
	CHECK_INT(f.events, 1);
	CHECK_INT(f.steps[STEP_DONE], 0);
	CHECK_INT(f.deleted_events, 1);
	CHECK_INT(f.oldest_event_ms, 1999);
	store_close(st);
}

TEST(what_something_is_still_to_be_done_about_stays)
{
	CHECK(stays(store_with(STEP_WAITING, "", 0)));
	CHECK(stays(store_with(STEP_RUNNING, "", 0)));
	CHECK(stays(store_with(STEP_APPROVAL, "", 0)));
}

TEST(what_was_settled_lately_stays)
{
	CHECK(stays(store_with(STEP_DONE, "", LATE)));
	CHECK(!stays(store_with(STEP_DONE, "", LATE - 1)));
}

TEST(what_was_changed_stays_until_it_is_taken_back)
{
	struct store *st = store_with(STEP_DONE, "{\"interfaces\":[]}", OLD);
	struct step undo, done = step_of(st, 1);
	struct sample *newer;
	struct claimed c;
	int64_t id, next;
	struct err e;

	forget(st, LATE);
	CHECK_INT(figures(st).alerts, 2);
	undo = done;
	undo.key = STR("undo");
	undo.undo_of = done.id;
	undo.state = STEP_WAITING;
	undo.due_ms = OLD;
	CHECK_OK(store_add_step(st, &undo, &id, &e));
	forget(st, LATE);
	CHECK_INT(figures(st).alerts, 2);
	CHECK(claim(st, OLD, &c, &next));
	settle(st, &c.step, STEP_DONE, OLD);
	/* That step has the newest number of all: the alert goes when another has come. */
	forget(st, LATE);
	CHECK_INT(figures(st).alerts, 2);
	newer = sample(1000, "newer still");
	add(newer, "notify", 100000)->state = STEP_REFUSED;
	newer->d.decided_ms = 100000;
	CHECK(put(st, newer));
	CHECK_INT(figures(st).alerts, 3);
	forget(st, LATE);
	CHECK_INT(figures(st).alerts, 2);
	store_close(st);
}

TEST(a_failed_change_that_left_a_record_stays)
{
	CHECK(stays(store_with(STEP_FAILED, "{}", OLD)));
	CHECK(!stays(store_with(STEP_FAILED, "", OLD)));
}

TEST(an_alert_that_had_news_lately_stays)
{
	struct store *st = store_with(STEP_DONE, "", OLD);
	struct sample *s = sample(2, "alert-1");

	s->d.decided_ms = LATE;
	CHECK(put(st, s));
	forget(st, LATE);
	CHECK_INT(figures(st).alerts, 2);
	CHECK_INT(figures(st).events, 3);
	store_close(st);
}

TEST(an_effect_of_a_forgotten_alert_is_not_done_again)
{
	struct store *st = store_with(STEP_DONE, "", OLD);
	struct sample *again = sample(1, "alert-1"), *other = sample(3, "alert-3");

	forget(st, LATE);
	CHECK_INT(figures(st).steps[STEP_DONE], 0);
	add(again, "isolate_vm", OLD);
	CHECK(put(st, again)); /* new to the store, as its event is gone */
	CHECK_INT(figures(st).steps[STEP_WAITING], 0);
	add(other, "isolate_vm", OLD);
	CHECK(put(st, other));
	CHECK_INT(figures(st).steps[STEP_WAITING], 1);
	store_close(st);
}

TEST(a_number_is_not_given_twice)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1"), *next = sample(2, "alert-2");
	struct alert_detail d;
	struct err e;

	add(s, "notify", OLD)->state = STEP_REFUSED;
	CHECK(put(st, s));
	forget(st, LATE);
	add(next, "notify", OLD)->state = STEP_REFUSED;
	CHECK(put(st, next));
	CHECK_OK(store_show_alert(st, 2, arena, &d, &e));
	CHECK_INT(d.steps[0].id, 2);
	store_close(st);
}

TEST(an_alert_of_many_events_goes_piece_by_piece)
{
	struct store *st = new_store();
	struct store_round round = { 0, 0 };
	bool more;
	struct err e;

	for (int i = 1; i <= 500; i++)
		CHECK(put(st, sample(i, "alert-1")));
	put_newest(st);
	CHECK_OK(store_forget(st, LATE, &round, &more, &e));
	CHECK(more);
	CHECK(figures(st).events > 200);
	CHECK_INT(figures(st).alerts, 2);
	forget(st, LATE);
	CHECK_INT(figures(st).events, 1);
	CHECK_INT(figures(st).alerts, 1);
	store_close(st);
}

TEST(a_deletion_that_fails_is_not_counted_and_done_later)
{
	struct store *st = store_with(STEP_DONE, "", OLD);
	struct store_round round = { 0, 0 };
	bool more;
	struct err e;

	order_fault("store.commit:fail:1+");
	CHECK(!store_forget(st, LATE, &round, &more, &e));
	order_fault(NULL);
	CHECK_INT(figures(st).deleted_events, 0);
	CHECK_INT(figures(st).alerts, 2);
	CHECK(!stays(st));
}

/* ---- space ---- */

static struct sample *
large_sample(int n, const char *alert, size_t size)
{
	struct sample *s = sample(n, alert);
	char *raw = arena_alloc(arena, size);

	memset(raw, 'x', size);
	s->event.raw = (struct str){ raw, size };
	return s;
}

TEST(space_that_is_free_goes_back_to_the_disk_but_for_some)
{
	struct store *st = new_store();
	int64_t full;
	bool more = true;
	struct err e;

	for (int i = 1; i <= 30; i++)
		CHECK(put(st, large_sample(i, "alert-1", 1 << 20)));
	put_newest(st);
	full = figures(st).bytes;
	CHECK(full > 30 << 20);
	forget(st, LATE);
	CHECK_INT(figures(st).events, 1);
	for (int i = 0; more && i < 10000; i++)
		CHECK_OK(store_shrink(st, &more, &e));
	CHECK(figures(st).bytes < 18 << 20);
	CHECK(figures(st).bytes > 15 << 20);
	store_close(st);
	st = open_store(); /* and it is sound: it was checked to its end */
	store_close(st);
}

/* ---- the long check ---- */

static void
overwrite(off_t at, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0 && pwrite(fd, p, n, at) == (ssize_t)n);
	close(fd);
}

static struct store *
large_store(void)
{
	struct store *st = new_store();

	for (int i = 1; i <= STORE_CHECK_NOW_MAX >> 20; i++)
		CHECK(put(st, large_sample(i, "alert-1", 1 << 20)));
	for (int i = 1000; i <= 2000; i++)
		CHECK(put(st, sample(i, "alert-2")));
	store_close(st);
	return open_store();
}

TEST(a_large_store_is_checked_to_its_end_later)
{
	struct store *st = large_store();
	char damage[ERR_TEXT_MAX];
	bool done = false;
	struct err e;

	CHECK_OK(store_check(st, &done, &e));
	CHECK(done);
	CHECK(!store_damage(st, damage));
	store_close(st);
}

TEST(damage_in_the_middle_of_a_large_store_is_found_and_remembered)
{
	static char rubbish[4096];
	struct store *st = large_store();
	char damage[ERR_TEXT_MAX];
	bool done;
	struct err e;

	store_close(st);
	memset(rubbish, 0xff, sizeof(rubbish));
	overwrite(STORE_CHECK_NOW_MAX + 40 * 4096, rubbish, sizeof(rubbish));
	st = open_store();
	CHECK(!store_damage(st, damage));
	CHECK(!store_check(st, &done, &e));
	CHECK_INT(e.kind, ERR_SYSTEM);
	CHECK_HAS(e.text, path);
	CHECK_HAS(e.text, "is damaged: ");
	CHECK(store_damage(st, damage));
	CHECK_HAS(damage, "is damaged: ");
	store_close(st);
}

TEST(the_long_check_gives_way_at_the_end)
{
	struct store *st = large_store();
	bool done = true;
	struct err e;

	store_interrupt(st);
	CHECK_OK(store_check(st, &done, &e));
	CHECK(!done);
	store_close(st);
}

/* ---- I/O errors ---- */

TEST(after_an_io_error_the_connection_is_opened_anew_and_nothing_is_lost)
{
	struct store *st = new_store();
	struct sample *s = sample(2, "alert-2");
	bool fresh;
	struct err e;

	CHECK(put(st, sample(1, "alert-1")));
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	order_fault("store.ioerr:fail:1+");
	CHECK(!store_commit(st, 9, &e));
	order_fault(NULL);
	CHECK(put(st, s));
	CHECK_INT(figures(st).events, 2);
	store_close(st);
	st = open_store();
	CHECK_INT(figures(st).events, 2);
	store_close(st);
}

/* ---- copies ---- */

static char copy_path[160];

static int
copy_file(void)
{
	int fd;

	snprintf(copy_path, sizeof(copy_path), "%s/copy #1?.db", folder);
	fd = open(copy_path, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0);
	return fd;
}

TEST(a_copy_holds_what_the_store_holds)
{
	struct store *st = store_with(STEP_DONE, "{}", OLD);
	struct store_copy_figures f;
	int fd = copy_file();
	struct err e;

	CHECK_OK(store_copy(st, fd, &e));
	close(fd);
	CHECK(put(st, sample(3, "after the copy")));
	CHECK_OK(store_copy_check(copy_path, &f, &e));
	CHECK_INT(f.events, 2);
	CHECK_INT(f.alerts, 2);
	CHECK_INT(f.steps, 2);
	CHECK_INT(f.newest_event_ms, 1999);
	CHECK(f.bytes > 4096);
	store_close(st);
	CHECK(rename(copy_path, path) == 0);
	st = open_store();
	CHECK_INT(figures(st).events, 2);
	CHECK_STR(step_of(st, 1).before, "{}");
	store_close(st);
}

struct writer {
	struct store *st;
	atomic_bool stop;
	int n;
};

static void *
write_on(void *arg)
{
	struct writer *w = arg;
	bool fresh;
	struct err e;

	for (; !atomic_load(&w->stop); w->n++) {
		struct event event = { .kind = EVENT_NOTIFICATION,
			.id = STR("x"),
			.source = STR("x"),
			.type = STR("x"),
			.raw = STR("{}") };
		struct decision d = { .event = &event,
			.received_ms = 1,
			.decided_ms = 1,
			.headers = STR("{}"),
			.state = EVENT_STATE_NOTICE,
			.reason = STR_EMPTY,
			.trace = STR_EMPTY,
			.rules_hash = STR_EMPTY };

		memcpy(d.hash.bytes + 4, &w->n, sizeof(w->n));
		CHECK_OK(store_begin(w->st, &e));
		CHECK_OK(store_put_decision(w->st, &d, &fresh, &e));
		CHECK_OK(store_commit(w->st, 1, &e));
	}
	return NULL;
}

TEST(a_copy_is_of_one_moment_while_others_write)
{
	struct store *st = large_store();
	struct writer w = { .st = st };
	struct store_copy_figures f;
	int fd = copy_file();
	pthread_t thread;
	struct err e;

	CHECK(pthread_create(&thread, NULL, write_on, &w) == 0);
	CHECK_OK(store_copy(st, fd, &e));
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	close(fd);
	CHECK_OK(store_copy_check(copy_path, &f, &e));
	CHECK(f.events >= (STORE_CHECK_NOW_MAX >> 20) + 1001);
	CHECK(f.events <= (STORE_CHECK_NOW_MAX >> 20) + 1001 + w.n);
	CHECK_INT(f.events - f.alerts, (STORE_CHECK_NOW_MAX >> 20) + 1001 - 2);
	store_close(st);
}

TEST(a_copy_that_cannot_be_written_is_told)
{
	struct store *st = store_with(STEP_DONE, "{}", OLD);
	struct store_copy_figures f;
	int fd = open("/dev/full", O_RDWR);
	struct err e;

	CHECK(!store_copy(st, fd, &e));
	CHECK_HAS(e.text, "cannot write the copy: ");
	close(fd);
	fd = copy_file();
	CHECK(write(fd, "this is no database", 19) == 19);
	close(fd);
	CHECK(!store_copy_check(copy_path, &f, &e));
	CHECK_HAS(e.text, copy_path);
	store_close(st);
}
