#include "daemon/bell.h"

#include <errno.h>
#include <time.h>

void
bell_init(struct bell *b)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&b->rung, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&b->lock, NULL);
	b->rings = 0;
}

void
bell_done(struct bell *b)
{
	pthread_cond_destroy(&b->rung);
	pthread_mutex_destroy(&b->lock);
}

void
bell_ring(struct bell *b)
{
	pthread_mutex_lock(&b->lock);
	b->rings++;
	pthread_cond_broadcast(&b->rung);
	pthread_mutex_unlock(&b->lock);
}

uint64_t
bell_rings(struct bell *b)
{
	uint64_t rings;

	pthread_mutex_lock(&b->lock);
	rings = b->rings;
	pthread_mutex_unlock(&b->lock);
	return rings;
}

void
bell_wait(struct bell *b, uint64_t since, int64_t limit_ms)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	if (limit_ms < 0)
		limit_ms = 0;
	if (limit_ms > INT32_MAX)
		limit_ms = INT32_MAX;
	until.tv_sec += limit_ms / 1000;
	until.tv_nsec += limit_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&b->lock);
	while (b->rings == since && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&b->rung, &b->lock, &until);
	pthread_mutex_unlock(&b->lock);
}
