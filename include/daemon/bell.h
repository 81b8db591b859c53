/*
 * A bell: whoever has brought work rings it, a worker waits for it.  A ring between looking for
 * work and waiting is not lost: the worker says which ring it has already answered.
 */
#ifndef DAEMON_BELL_H
#define DAEMON_BELL_H

#include <pthread.h>
#include <stdint.h>

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t rung;
	uint64_t rings;
};

void bell_init(struct bell *b);
void bell_done(struct bell *b);
void bell_ring(struct bell *b);

/* What to hand to bell_wait(); read it before looking for work. */
uint64_t bell_rings(struct bell *b);
/* Until it has rung since then, or for at most limit_ms; INT64_MAX = no limit. */
void bell_wait(struct bell *b, uint64_t since, int64_t limit_ms);

#endif
