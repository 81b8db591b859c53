/*
 * The queue in front of the committer.  Deliveries that arrive together share one fdatasync, so
 * when many arrive the committer gathers for a moment before it takes them; when few do, it does
 * not wait.  It also knows how fast they arrive: the decider gives way to them.
 */
#ifndef DAEMON_QUEUE_H
#define DAEMON_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/intake.h"

/*
 * Deliveries waiting for the committer or the disk; beyond this the answer is 503.  Each holds a
 * connection, so it is half the connections if that is less: who is to hear 503 must get in.
 */
#define QUEUE_MAX 2048
/* Deliveries that share one fdatasync. */
#define QUEUE_GROUP_MAX 256
/* The committer waits at most this long for more ... */
#define QUEUE_GATHER_US 250
/* ... and only if so many come in a second: new connections share a sync, a quiet sender never
 * waits. */
#define QUEUE_GATHER_RATE 3300
/* So many a second are a press: whoever can wait gives way to them. */
#define QUEUE_PRESSED 1000
/* Nothing for this long: what was measured is no measure any more. */
#define QUEUE_STALE_US 20000

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t enough;
	struct received *first, **last;
	size_t n;	      /* wait to be taken */
	atomic_size_t inside; /* those, and what was taken and has not left */
	size_t max;	      /* of inside */
	size_t wanted;	      /* so many wake the committer; 0 = it does not wait */
	bool closed;

	int64_t taken_us; /* when the last group was taken, monotonic */
	int64_t expected; /* arrivals in QUEUE_GATHER_US, scaled and smoothed */
	size_t usual;	  /* what a group mostly comes to: no use in waiting for more */
	uint64_t groups;
};

void queue_init(struct queue *q, size_t max);
void queue_done(struct queue *q);

/* Any thread.  False: full, or closed. */
bool queue_put(struct queue *q, struct received *r);
/* Nothing more is taken in from now on. */
void queue_close(struct queue *q);
bool queue_is_closed(struct queue *q);

/*
 * The committer: until something is there, or limit_ms are over (INT64_MAX = never).  False: closed
 * and empty.
 */
bool queue_wait(struct queue *q, int64_t limit_ms);
/* The committer: what has gathered, oldest first.  How many; 0 when nothing is there. */
size_t queue_take(struct queue *q, struct received *group[QUEUE_GROUP_MAX]);
/*
 * The committer, of each that was taken, before it is answered: another one may come.  Later would
 * be too late, since a sender that was answered sends the next one at once.
 */
void queue_leave(struct queue *q);

/* QUEUE_PRESSED or more arrive a second.  Any thread. */
bool queue_is_pressed(struct queue *q);

#endif
