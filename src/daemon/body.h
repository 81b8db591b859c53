/*
 * The body of a request while it comes, and what all bodies together may take.  One thread a body;
 * the sum is shared.
 */
#ifndef DAEMON_BODY_H
#define DAEMON_BODY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum body_added { BODY_OK, BODY_TOO_LARGE, BODY_NO_MEMORY };

struct body {
	char *p;
	size_t n, cap, max;
	int64_t told;		  /* its Content-Length, -1 = none */
	atomic_int_fast64_t *all; /* bytes of all bodies */
};

/* max: more than so many bytes are too large.  A body of zeros is empty and may be freed. */
void body_init(struct body *b, atomic_int_fast64_t *all, int64_t max, int64_t told);
void body_free(struct body *b);

/* Nothing is added unless it is BODY_OK; BODY_NO_MEMORY: all have LISTENER_BODIES_MAX. */
enum body_added body_add(struct body *b, const char *data, size_t n);

#endif
