#include "daemon/worker.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"

#define TROUBLE_PAUSE_MS 1000
/* Committer, maker, decider; the performers come behind them in the list. */
#define STAGES 3
#define THREADS_MAX (STAGES + WORKERS_PERFORMERS)

struct worker {
	struct workers *all;
	pthread_t thread;
	_Atomic int64_t busy_since; /* monotonic; 0 = waiting */
	atomic_bool stop;
	struct bell *bell;
};

struct workers {
	struct pipeline *pipeline;
	struct worker list[THREADS_MAX];
	size_t n;
	atomic_size_t performing; /* performers that have not ended */
	struct bell ended;	  /* rung by each of them */
	atomic_bool cut_off;	  /* their calls */
};

static void
busy(struct worker *w)
{
	atomic_store(&w->busy_since, clock_mono_ms());
}

static void
rest(struct worker *w, uint64_t rings, int64_t limit_ms)
{
	atomic_store(&w->busy_since, 0);
	if (!atomic_load(&w->stop))
		bell_wait(w->bell, rings, limit_ms);
}

/*
 * The store or the disk fails: say so once, and try again after a pause.  Its bell rings for each
 * group that comes, which makes no disk better: it only ends the pause when the worker is to stop.
 */
static void
pause_for(struct worker *w, struct trouble *t, const struct err *e)
{
	int64_t until = clock_mono_ms() + TROUBLE_PAUSE_MS, left;

	trouble_begin(t, e);
	while ((left = until - clock_mono_ms()) > 0 && !atomic_load(&w->stop))
		rest(w, bell_rings(w->bell), left);
}

static void *
committer(void *arg)
{
	struct worker *w = arg;

	do {
		busy(w);
		while (pipeline_commit_group(w->all->pipeline))
			busy(w);
		atomic_store(&w->busy_since, 0);
	} while (pipeline_wait_received(w->all->pipeline));
	return NULL;
}

/*
 * While deliveries press, the decider takes only time that is idle: it can wait, senders cannot,
 * and with any more one answer in a hundred waits for it.  Else it works like all others, or other
 * programs of a busy machine would stop it.  Of this thread alone; who may not come back from there
 * (RLIMIT_NICE) stays.
 */
static void
take_rank(bool *low, bool wanted)
{
	static const struct sched_param none;

	if (*low != wanted && sched_setscheduler(0, wanted ? SCHED_IDLE : SCHED_OTHER, &none) == 0)
		*low = wanted;
}

static void *
decider(void *arg)
{
	struct worker *w = arg;
	struct arena *a = arena_new();
	bool low = false;

	while (!atomic_load(&w->stop)) {
		uint64_t rings = bell_rings(w->bell);
		int64_t began = clock_mono_ms();
		struct err e;
		bool found, ok;

		busy(w);
		take_rank(&low, pipeline_gives_way(w->all->pipeline));
		arena_reset(a);
		ok = pipeline_decide(w->all->pipeline, a, &found, &e);
		if (!ok)
			pause_for(w, &w->all->pipeline->deciding, &e);
		else
			trouble_end(&w->all->pipeline->deciding);
		if (ok && !found)
			rest(w, rings, INT64_MAX);
		else
			pipeline_give_way(w->all->pipeline, clock_mono_ms() - began);
	}
	arena_free(a);
	return NULL;
}

/* Segments are made ahead here: the committer, whom senders wait for, would take a tenth of a
 * second for each. */
static void *
maker(void *arg)
{
	struct worker *w = arg;
	struct pipeline *p = w->all->pipeline;

	while (!atomic_load(&w->stop)) {
		uint64_t rings = bell_rings(w->bell);
		bool made;

		busy(w);
		made = inbox_make_room(p->inbox);
		rest(w, rings, INT64_MAX);
		/* Each group rings; a full disk shall not be filled with zeros for each of them. */
		if (!made)
			pipeline_pause(p, TROUBLE_PAUSE_MS);
	}
	return NULL;
}

/* A performer keeps its connections as long as the configuration stays the same. */
struct tools {
	struct config *config;
	struct performer *performer;
};

static void
tools_done(struct tools *t)
{
	performer_free(t->performer);
	config_unref(t->config);
	*t = (struct tools){ NULL, NULL };
}

static void
tools_renew(struct tools *t, struct workers *all)
{
	struct config *now = current_get(all->pipeline->current);

	if (now == t->config) {
		config_unref(now);
		return;
	}
	tools_done(t);
	t->config = now;
	t->performer = performer_new(now->shared, &all->cut_off);
}

static void *
performing(void *arg)
{
	struct worker *w = arg;
	struct pipeline *p = w->all->pipeline;
	struct arena *a = arena_new();
	struct tools tools = { NULL, NULL };

	while (!atomic_load(&w->stop)) {
		uint64_t rings = bell_rings(w->bell);
		int64_t next_ms = INT64_MAX;
		struct err e;
		bool found, ok;

		busy(w);
		arena_reset(a);
		tools_renew(&tools, w->all);
		ok = pipeline_perform_one(
		    p, tools.performer, tools.config->settings, a, &found, &next_ms, &e);
		if (!ok)
			pause_for(w, &p->performing, &e);
		else
			trouble_end(&p->performing);
		if (ok && !found)
			rest(w, rings, next_ms == INT64_MAX ? INT64_MAX : next_ms - clock_now_ms());
	}
	tools_done(&tools);
	arena_free(a);
	atomic_fetch_sub(&w->all->performing, 1);
	bell_ring(&w->all->ended);
	return NULL;
}

static bool
start(struct workers *all, const char *name, void *(*run)(void *), struct bell *bell, struct err *e)
{
	struct worker *w = &all->list[all->n];

	w->all = all;
	w->bell = bell;
	if (pthread_create(&w->thread, NULL, run, w) != 0)
		return fail_errno(e, ERR_SYSTEM, "cannot start a thread");
	pthread_setname_np(w->thread, name); /* for top and perf */
	all->n++;
	return true;
}

bool
workers_start(struct pipeline *p, struct workers **out, struct err *e)
{
	struct workers *all = xcalloc(1, sizeof(*all));
	bool ok;

	all->pipeline = p;
	bell_init(&all->ended);
	ok = start(all, "committer", committer, &p->decided, e) &&
	     start(all, "maker", maker, &p->room, e) &&
	     start(all, "decider", decider, &p->decided, e);
	for (int i = 0; ok && i < WORKERS_PERFORMERS; i++) {
		atomic_fetch_add(&all->performing, 1);
		ok = start(all, "performer", performing, &p->due, e);
		if (!ok)
			atomic_fetch_sub(&all->performing, 1);
	}
	if (!ok) {
		workers_stop(all);
		workers_free(all);
		return false;
	}
	*out = all;
	return true;
}

static void
tell_to_end(struct worker *w)
{
	atomic_store(&w->stop, true);
	bell_ring(w->bell);
}

/* Calls get a moment, then they are cut off: a step that has no answer looks before it acts again.
 */
static void
end_performers(struct workers *all)
{
	int64_t until = clock_mono_ms() + WORKERS_CALLS_MS;

	for (size_t i = STAGES; i < all->n; i++)
		tell_to_end(&all->list[i]);
	for (;;) {
		uint64_t rings = bell_rings(&all->ended);
		int64_t left = until - clock_mono_ms();

		if (atomic_load(&all->performing) == 0 || left <= 0)
			break;
		bell_wait(&all->ended, rings, left);
	}
	atomic_store(&all->cut_off, true);
	for (size_t i = STAGES; i < all->n; i++)
		pthread_join(all->list[i].thread, NULL);
}

void
workers_stop(struct workers *all)
{
	if (all == NULL)
		return;
	pipeline_close(all->pipeline);
	for (size_t i = 0; i < STAGES && i < all->n; i++) {
		tell_to_end(&all->list[i]);
		pthread_join(all->list[i].thread, NULL);
	}
	end_performers(all);
}

void
workers_free(struct workers *all)
{
	if (all == NULL)
		return;
	bell_done(&all->ended);
	free(all);
}

bool
workers_alive(struct workers *all, int64_t mono_ms)
{
	for (size_t i = 0; i < all->n; i++) {
		int64_t since = atomic_load(&all->list[i].busy_since);

		if (since != 0 && mono_ms - since > WORKERS_JOB_MAX_MS)
			return false;
	}
	return true;
}
