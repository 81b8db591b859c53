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

/*
 * fd listens, does not block, and stays the caller's.  While `max` connections are open nobody is
 * taken: who comes waits in the kernel.
 */
bool acceptor_start(int fd, int64_t max, acceptor_take *take, void *ctx, struct acceptor **out,
    struct err *e) MUST_CHECK;
/* A connection that was taken has ended.  Any thread, until acceptor_free(). */
void acceptor_ended(struct acceptor *a);
/* When it returns nobody is taken any more; who waits in the kernel still does.  Once is enough. */
void acceptor_stop(struct acceptor *a);
void acceptor_free(struct acceptor *a);

#endif
