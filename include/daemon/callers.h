/*
 * How many connections each caller has open.  A caller is an IPv4 address, also where it is written
 * as an IPv6 one, or the first 64 bits of an IPv6 address: who is given one address of such a
 * network is given all of it.  Whoever uses it has the lock.
 */
#ifndef DAEMON_CALLERS_H
#define DAEMON_CALLERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct callers;

/* No caller may have more than `each`. */
struct callers *callers_new(int64_t each);
void callers_free(struct callers *c);

/* One more connection from there.  False: that would be too many, and it is not counted. */
bool callers_enter(struct callers *c, const struct sockaddr *address);
/* One that had entered has ended. */
void callers_leave(struct callers *c, const struct sockaddr *address);

#endif
