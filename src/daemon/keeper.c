/*
 * Happy path: look what is old, delete a little, let others pass, go on; then sleep for an hour.
 * What can go wrong: the store fails: said, and tried again in an hour.  The clock has leapt:
 * nothing is old until it is trusted again.  The long check gives way to a busy store, or cannot
 * read, and is begun anew an hour later.
 */
#include "daemon/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/leap.h"
#include "daemon/bell.h"

#define STOP_STEP_MS 50
#define DAY_MS ((int64_t)24 * 3600 * 1000)

struct keeper {
	struct store *store;
	struct current *current;
	struct bell bell;
	atomic_bool stop;
	struct leap leap; /* of the thread that deletes */
	pthread_t thread, checker;
	int started;
};

/* ---- retention ---- */

static int64_t
retention_ms(struct keeper *k)
{
	struct config *c = current_get(k->current);
	int64_t ms = c->settings->retention_ms;

	config_unref(c);
	return ms;
}

/* True while there is more to do and nobody wants us to end. */
static bool
pause_before(struct keeper *k, bool more)
{
	if (!more || atomic_load(&k->stop))
		return false;
	bell_wait(&k->bell, bell_rings(&k->bell), KEEPER_PAUSE_MS);
	return !atomic_load(&k->stop);
}

/* *trusted: what is old may be told by now_ms. */
static bool
look_at_clock(struct keeper *k, int64_t now_ms, bool *trusted, struct err *e)
{
	int64_t seen_ms;
	bool doubted = k->leap.doubted;
	char seen[CLOCK_TEXT_MAX];

	if (!store_clock_seen(k->store, &seen_ms, e))
		return false;
	k->leap.seen_ms = seen_ms;
	*trusted = leap_trusts(&k->leap, now_ms, clock_mono_ms());
	if (*trusted && doubted)
		log_info("the clock is trusted again: old events are deleted");
	if (!*trusted && !doubted)
		log_warning("the clock is %" PRId64
			    " days ahead of %s, when it was last seen: no event "
			    "is deleted until it has run evenly for a day",
		    (now_ms - seen_ms) / DAY_MS, clock_format(seen_ms, seen));
	return !*trusted || store_see_clock(k->store, now_ms, e);
}

static bool
forget_old(struct keeper *k, int64_t now_ms, struct err *e)
{
	int64_t before_ms = now_ms - retention_ms(k);
	struct store_round round = { 0, 0 };
	bool more;

	do {
		if (!store_forget(k->store, before_ms, &round, &more, e))
			return false;
	} while (pause_before(k, more));
	return true;
}

/* The longest timespan of what is counted. */
static int64_t
counted_ms(struct keeper *k)
{
	struct config *c = current_get(k->current);
	int64_t ms = 0;

	for (size_t i = 0; i < rules_feeds(c->rules); i++)
		if (rules_feed(c->rules, i).timespan_ms > ms)
			ms = rules_feed(c->rules, i).timespan_ms;
	config_unref(c);
	return ms;
}

static bool
forget_counted(struct keeper *k, int64_t now_ms, struct err *e)
{
	int64_t longest_ms = counted_ms(k);
	bool more;

	do {
		if (!store_forget_counted(k->store, now_ms, longest_ms, &more, e))
			return false;
	} while (pause_before(k, more));
	return true;
}

static bool
give_back(struct keeper *k, struct err *e)
{
	bool more;

	do {
		if (!store_shrink(k->store, &more, e))
			return false;
	} while (pause_before(k, more));
	return true;
}

static int64_t
deleted(struct keeper *k)
{
	struct store_figures f;
	struct err e;

	return store_figures(k->store, &f, &e) ? f.deleted_events : 0;
}

static void
tidy_up(struct keeper *k)
{
	int64_t before = deleted(k), now_ms = clock_now_ms(), after;
	bool trusted = false;
	struct err e;

	if (!look_at_clock(k, now_ms, &trusted, &e) ||
	    (trusted && (!forget_old(k, now_ms, &e) ||
			    !store_forget_silences(k->store, now_ms - retention_ms(k), &e) ||
			    !store_forget_rules(k->store, &e))) ||
	    (trusted && !atomic_load(&k->stop) && !forget_counted(k, now_ms, &e)) ||
	    (!atomic_load(&k->stop) && !give_back(k, &e)))
		log_error("old events cannot be deleted, the next try is in an hour: %s", e.text);
	after = deleted(k);
	if (after > before)
		log_info("%" PRId64 " events were older than the retention and are deleted",
		    after - before);
}

static void *
keep(void *arg)
{
	struct keeper *k = arg;

	while (!atomic_load(&k->stop)) {
		uint64_t rings = bell_rings(&k->bell);

		tidy_up(k);
		if (!atomic_load(&k->stop))
			bell_wait(&k->bell, rings, KEEPER_PERIOD_MS);
	}
	return NULL;
}

/* ---- the long check ---- */

/* Its own thread, as it may take minutes and holds no lock: everything else comes first. */
static void *
check(void *arg)
{
	struct keeper *k = arg;
	bool done = false;
	struct err e;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
	while (!done && !atomic_load(&k->stop)) {
		int64_t until = clock_mono_ms() + KEEPER_PERIOD_MS;

		if (!store_check(k->store, &done, &e))
			log_error("%s%s", e.text, done ? "" : "; again in an hour");
		while (!done && !atomic_load(&k->stop) && clock_mono_ms() < until)
			bell_wait(&k->bell, bell_rings(&k->bell), until - clock_mono_ms());
	}
	return NULL;
}

/* ---- start and stop ---- */

bool
keeper_start(struct store *store, struct current *current, struct keeper **out, struct err *e)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->store = store;
	k->current = current;
	bell_init(&k->bell);
	if (pthread_create(&k->thread, NULL, keep, k) == 0)
		k->started++;
	if (k->started == 1 && pthread_create(&k->checker, NULL, check, k) == 0)
		k->started++;
	if (k->started < 2) {
		fail_errno(e, ERR_SYSTEM, "cannot start the keeper's threads");
		keeper_stop(k);
		return false;
	}
	*out = k;
	return true;
}

void
keeper_ring(struct keeper *k)
{
	if (k != NULL)
		bell_ring(&k->bell);
}

/* An interrupt that comes a moment before the check begins has no effect: it is repeated. */
static void
join(struct keeper *k, pthread_t thread)
{
	struct timespec until;

	do {
		store_interrupt(k->store);
		bell_ring(&k->bell);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += STOP_STEP_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(thread, NULL, &until) == ETIMEDOUT);
}

void
keeper_stop(struct keeper *k)
{
	if (k == NULL)
		return;
	atomic_store(&k->stop, true);
	if (k->started > 0)
		join(k, k->thread);
	if (k->started > 1)
		join(k, k->checker);
	bell_done(&k->bell);
	free(k);
}
