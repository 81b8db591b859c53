#include "daemon/bell.h"

#include <errno.h>

#include "base/clock.h"

void
bell_init(struct bell *b)
{
	clock_cond_init(&b->rung);
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
	struct timespec until = clock_in_ms(limit_ms);
	int rc = 0;

	pthread_mutex_lock(&b->lock);
	while (b->rings == since && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&b->rung, &b->lock, &until);
	pthread_mutex_unlock(&b->lock);
}
