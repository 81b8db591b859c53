/*
 * Something that fails for a while and is tried again: said in the log once when it begins and
 * once when it ends, and asked by /readyz in between.  Any thread.
 */
#ifndef DAEMON_TROUBLE_H
#define DAEMON_TROUBLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"

/* What comes and goes is said this often a minute. */
#define TROUBLE_LINES_MAX 5

struct trouble {
	const char *begins, *ends; /* "deliveries could not be kept", "deliveries are kept again" */
	atomic_bool now;
	pthread_mutex_t lock; /* all below */
	char text[ERR_TEXT_MAX];
	bool said;
	struct log_gate gate;
};

/* Both texts are literals. */
void trouble_init(struct trouble *t, const char *begins, const char *ends);
void trouble_done(struct trouble *t);

void trouble_begin(struct trouble *t, const struct err *e);
void trouble_end(struct trouble *t); /* costs nothing when there was none */

/* Is it failing now?  Then out says why. */
bool trouble_now(struct trouble *t, char out[ERR_TEXT_MAX]);

#endif
