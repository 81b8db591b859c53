/*
 * A connection as the listener keeps it: its deadline, its side of TLS, and the request on it.
 */
#ifndef DAEMON_CONNECTION_H
#define DAEMON_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/reaper.h"
#include "daemon/tls.h"

struct request;

struct connection {
	struct watch *watch;
	struct tls_peer *peer;	 /* NULL = plain HTTP */
	struct request *request; /* begun and not completed; NULL = none */
};

/* tls and session are NULL for plain HTTP. */
struct connection *connection_begin(struct reaper *r, int fd, int64_t limit_ms, struct tls *tls,
    struct gnutls_session_int *session);
/* Before the socket is closed.  False: the client began a TLS handshake that was not completed. */
bool connection_end(struct connection *c, int fd);

#endif
