#include "connection.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"
#include "request.h"

struct connection *
connection_begin(
    struct reaper *r, int fd, int64_t limit_ms, struct tls *tls, struct gnutls_session_int *session)
{
	struct connection *c = xcalloc(1, sizeof(*c));

	c->watch = watch_begin(r, fd, limit_ms);
	if (tls != NULL)
		c->peer = tls_begin(tls, session);
	return c;
}

/* Whoever sends nothing, such as a probe of a load balancer, has not failed at a handshake. */
static bool
has_sent(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
	       info.tcpi_bytes_received > 1; /* the end counts as one */
}

bool
connection_end(struct connection *c, int fd)
{
	bool good = c->peer == NULL || tls_is_met(c->peer) || !has_sent(fd);

	watch_end(c->watch);
	tls_end(c->peer);
	free(c);
	return good;
}

enum client_certificate
request_client_certificate(struct request *rq, struct str *name)
{
	struct tls_peer *peer = rq->connection->peer;

	*name = STR_EMPTY;
	return peer == NULL ? CLIENT_CERTIFICATE_NONE
			    : tls_client_certificate(peer, clock_now_ms(), clock_mono_ms(), name);
}
