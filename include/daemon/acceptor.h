/*
 * A thread that takes connections from a listening socket and hands each to its new owner.  One
 * thread that hands on shares them out evenly; several that listen do not: whoever is awake first
 * takes all of a burst, and then one processor serves while the other is idle.
 */
#ifndef DAEMON_ACCEPTOR_H
#define DAEMON_ACCEPTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct acceptor;

/* In the acceptor's thread.  The socket is the callee's; false: it was closed, and is not open. */
typedef bool acceptor_take(void *ctx, int fd, const struct sockaddr *address, socklen_t n);

struct acceptor_options {
	int fd;		    /* listens, does not block, stays the caller's */
	int64_t max;	    /* while so many connections are open, who comes waits in the kernel */
	int64_t caller_max; /* who has so many open (callers.h) is closed at once */
	acceptor_take *take;
	void *ctx;
};

bool
acceptor_start(const struct acceptor_options *o, struct acceptor **out, struct err *e) MUST_CHECK;
/* A connection that was taken from there has ended.  Any thread, until acceptor_free(). */
void acceptor_ended(struct acceptor *a, const struct sockaddr *address);
/* When it returns nobody is taken any more; who waits in the kernel still does.  Once is enough. */
void acceptor_stop(struct acceptor *a);
void acceptor_free(struct acceptor *a);

#endif
