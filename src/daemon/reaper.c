/*
 * Happy path: nobody passes a deadline, and the thread sleeps while nothing is watched.
 * What can go wrong: a deadline passes, or there is a crowd - the socket is shut down, once.
 */
#include "daemon/reaper.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"

/* So many connections have used memory that is worth giving back when most of them are gone. */
#define MANY 128

struct watch {
	struct watch *next, *prev;
	struct reaper *r;
	int fd;
	bool cut;
	atomic_bool idle;
	atomic_int_fast64_t deadline; /* monotonic ms */
};

struct reaper {
	int64_t tick_ms, crowd;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows, and of every watch's place in the list */
	pthread_cond_t changed;
	struct watch *list;
	int64_t most; /* watched at one time since memory was last given back */
	bool stop;
	atomic_int_fast64_t watched, expired, displaced;
};

static void
set(struct watch *w, bool idle, int64_t deadline)
{
	atomic_store(&w->idle, idle);
	atomic_store(&w->deadline, deadline);
}

void
watch_limit(struct watch *w, int64_t limit_ms)
{
	set(w, false, clock_mono_ms() + limit_ms);
}

void
watch_idle(struct watch *w, int64_t limit_ms)
{
	set(w, true, clock_mono_ms() + limit_ms);
}

void
watch_busy(struct watch *w, int64_t limit_ms)
{
	if (atomic_load(&w->idle))
		watch_limit(w, limit_ms);
}

void
watch_pause(struct watch *w)
{
	set(w, false, INT64_MAX);
}

/* Of two, w having come first. */
static bool
goes_before(struct watch *w, struct watch *other)
{
	bool idle = atomic_load(&w->idle);

	if (idle != atomic_load(&other->idle))
		return idle;
	return atomic_load(&w->deadline) <= atomic_load(&other->deadline);
}

/* For whom we are working (no deadline) nobody is displaced. */
static void
make_room(struct reaper *r, const struct watch *newcomer)
{
	struct watch *victim = NULL;

	for (struct watch *w = r->list; w != NULL; w = w->next) {
		if (w->cut || w == newcomer || atomic_load(&w->deadline) == INT64_MAX)
			continue;
		if (victim == NULL || goes_before(w, victim))
			victim = w;
	}
	if (victim == NULL)
		return;
	victim->cut = true;
	atomic_fetch_add(&r->displaced, 1);
	shutdown(victim->fd, SHUT_RDWR);
}

struct watch *
watch_begin(struct reaper *r, int fd, int64_t limit_ms)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	int64_t others;

	w->r = r;
	w->fd = fd;
	watch_limit(w, limit_ms);
	pthread_mutex_lock(&r->lock);
	w->next = r->list;
	if (w->next != NULL)
		w->next->prev = w;
	else
		pthread_cond_signal(&r->changed);
	r->list = w;
	others = atomic_fetch_add(&r->watched, 1);
	if (others >= r->crowd)
		make_room(r, w);
	if (others > r->most)
		r->most = others;
	pthread_mutex_unlock(&r->lock);
	return w;
}

void
watch_end(struct watch *w)
{
	struct reaper *r = w->r;

	pthread_mutex_lock(&r->lock);
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		r->list = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	pthread_mutex_unlock(&r->lock);
	atomic_fetch_sub(&r->watched, 1);
	free(w);
}

static void
cut_expired(struct reaper *r, int64_t now)
{
	for (struct watch *w = r->list; w != NULL; w = w->next) {
		if (w->cut || atomic_load(&w->deadline) > now)
			continue;
		w->cut = true;
		if (!atomic_load(&w->idle))
			atomic_fetch_add(&r->expired, 1);
		shutdown(w->fd, SHUT_RDWR);
	}
}

/* Buffers and TLS sessions of a storm; the allocator would keep them for the next one. */
static void
give_back(struct reaper *r)
{
	int64_t watched = atomic_load(&r->watched);

	if (r->most < MANY || watched > r->most / 8)
		return;
	r->most = watched;
	pthread_mutex_unlock(&r->lock);
	malloc_trim(0);
	pthread_mutex_lock(&r->lock);
}

static void
wait_tick(struct reaper *r)
{
	struct timespec until = clock_in_ms(r->tick_ms);

	pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

static void *
reap(void *arg)
{
	struct reaper *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		if (r->list == NULL && r->most < MANY)
			pthread_cond_wait(&r->changed, &r->lock);
		else
			wait_tick(r);
		cut_expired(r, clock_mono_ms());
		give_back(r);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

bool
reaper_start(int64_t tick_ms, int64_t crowd, struct reaper **out, struct err *e)
{
	struct reaper *r = xcalloc(1, sizeof(*r));

	r->tick_ms = tick_ms < 10 ? 10 : tick_ms;
	r->crowd = crowd;
	pthread_mutex_init(&r->lock, NULL);
	clock_cond_init(&r->changed);
	if (pthread_create(&r->thread, NULL, reap, r) != 0) {
		pthread_cond_destroy(&r->changed);
		pthread_mutex_destroy(&r->lock);
		free(r);
		return fail(e, ERR_SYSTEM, "cannot start the thread that watches connections");
	}
	*out = r;
	return true;
}

void
reaper_stop(struct reaper *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int64_t
reaper_watched(const struct reaper *r)
{
	return atomic_load(&r->watched);
}

int64_t
reaper_expired(const struct reaper *r)
{
	return atomic_load(&r->expired);
}

int64_t
reaper_displaced(const struct reaper *r)
{
	return atomic_load(&r->displaced);
}
