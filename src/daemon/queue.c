/*
 * Happy path: the committer sleeps until one delivery is there.  When deliveries come fast it then
 * sleeps once more, until as many as usual are there or the window is over, and takes them all.
 * Whoever brings one wakes it only when it makes up the number that is waited for.
 *
 * What can go wrong: it waits for senders that do not come, because all of them are waiting for it.
 * So it waits for no more than came lately, and looks only now and then whether more would.
 */
#include "daemon/queue.h"

#include <errno.h>

#include "base/clock.h"

#define SCALE 256
/* Every so many groups the whole window is waited for, to learn how many come. */
#define EXPLORE 16

void
queue_init(struct queue *q, size_t max)
{
	*q = (struct queue){ .max = max, .usual = 1 };
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	clock_cond_init(&q->enough);
}

void
queue_done(struct queue *q)
{
	pthread_cond_destroy(&q->enough);
	pthread_mutex_destroy(&q->lock);
}

bool
queue_put(struct queue *q, struct received *r)
{
	bool taken, wake;

	pthread_mutex_lock(&q->lock);
	taken = !q->closed && atomic_load(&q->inside) < q->max;
	if (taken) {
		r->next = NULL;
		*q->last = r;
		q->last = &r->next;
		q->n++;
		atomic_fetch_add(&q->inside, 1);
	}
	wake = q->wanted > 0 && q->n >= q->wanted;
	if (wake)
		q->wanted = 0;
	pthread_mutex_unlock(&q->lock);
	if (wake)
		pthread_cond_signal(&q->enough);
	return taken;
}

void
queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_signal(&q->enough);
	pthread_mutex_unlock(&q->lock);
}

bool
queue_is_closed(struct queue *q)
{
	bool closed;

	pthread_mutex_lock(&q->lock);
	closed = q->closed;
	pthread_mutex_unlock(&q->lock);
	return closed;
}

/* Until `wanted` are there; false when that was too long.  Under the lock. */
static bool
wait_until(struct queue *q, const struct timespec *until)
{
	if (until == NULL)
		return pthread_cond_wait(&q->enough, &q->lock) == 0;
	return pthread_cond_timedwait(&q->enough, &q->lock, until) != ETIMEDOUT;
}

bool
queue_wait(struct queue *q, int64_t limit_ms)
{
	struct timespec until = clock_in_ms(limit_ms);
	bool go_on;

	pthread_mutex_lock(&q->lock);
	do {
		q->wanted = 1;
	} while (q->n == 0 && !q->closed && wait_until(q, limit_ms == INT64_MAX ? NULL : &until));
	q->wanted = 0;
	go_on = q->n > 0 || !q->closed;
	pthread_mutex_unlock(&q->lock);
	return go_on;
}

/* ---- gather ---- */

/* Do deliveries come at this rate a second?  What is expected is what comes in a window. */
static bool
comes_at(const struct queue *q, int64_t rate)
{
	if (clock_mono_us() - q->taken_us > QUEUE_STALE_US)
		return false;
	return q->expected * 1000000 >= rate * QUEUE_GATHER_US * SCALE;
}

static void
gather(struct queue *q)
{
	bool explore = ++q->groups % EXPLORE == 0;
	size_t enough = explore ? QUEUE_GROUP_MAX : q->usual;
	struct timespec until;

	if (q->n >= enough || !comes_at(q, QUEUE_GATHER_RATE))
		return;
	until = clock_in_us(QUEUE_GATHER_US);
	q->wanted = enough;
	while (q->wanted > 0 && !q->closed && wait_until(q, &until))
		;
	q->wanted = 0;
}

/* n were taken now. */
static void
learn(struct queue *q, size_t n)
{
	int64_t now = clock_mono_us(), passed = now - q->taken_us;
	int64_t fresh = (int64_t)n * QUEUE_GATHER_US * SCALE / (passed < 1 ? 1 : passed);

	q->expected = passed > QUEUE_STALE_US ? 0 : (3 * q->expected + fresh) / 4;
	q->usual = n > q->usual ? n : q->usual - (q->usual - n + 7) / 8;
	q->taken_us = now;
}

size_t
queue_take(struct queue *q, struct received *group[QUEUE_GROUP_MAX])
{
	size_t n = 0;

	pthread_mutex_lock(&q->lock);
	if (q->n > 0)
		gather(q);
	while (q->first != NULL && n < QUEUE_GROUP_MAX) {
		group[n++] = q->first;
		q->first = q->first->next;
	}
	if (q->first == NULL)
		q->last = &q->first;
	q->n -= n;
	if (n > 0)
		learn(q, n);
	pthread_mutex_unlock(&q->lock);
	return n;
}

void
queue_leave(struct queue *q)
{
	atomic_fetch_sub(&q->inside, 1);
}

bool
queue_is_pressed(struct queue *q)
{
	bool pressed;

	pthread_mutex_lock(&q->lock);
	pressed = comes_at(q, QUEUE_PRESSED);
	pthread_mutex_unlock(&q->lock);
	return pressed;
}
