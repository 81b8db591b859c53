/*
 * Happy path: a server with the pair and a client, each writing into the other's buffer, take turns
 * until both have finished.
 * What can go wrong: one of them gives up, for a reason that it knows.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "daemon/tls.h"
#include "tls_pair.h"

/* A chain of TLS_PEM_MAX and what goes with it. */
#define FLIGHT_MAX (2 * TLS_PEM_MAX)
/* A handshake has two or three. */
#define TURNS_MAX 20

struct way {
	struct buf bytes;
	size_t at; /* read so far */
};

struct side {
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	struct way *in, *out;
	bool finished;
};

static ssize_t
push(gnutls_transport_ptr_t ptr, const void *p, size_t n)
{
	struct side *s = ptr;

	buf_add(&s->out->bytes, (struct str){ p, n });
	return (ssize_t)n;
}

static ssize_t
pull(gnutls_transport_ptr_t ptr, void *p, size_t n)
{
	struct side *s = ptr;
	size_t left = s->in->bytes.n - s->in->at;

	if (left == 0 && !buf_over(&s->in->bytes)) {
		gnutls_transport_set_errno(s->session, EAGAIN);
		return -1;
	}
	n = n < left ? n : left;
	memcpy(p, s->in->bytes.p + s->in->at, n);
	s->in->at += n;
	return (ssize_t)n;
}

static int
side_init(struct side *s, unsigned role, const char *priority, struct way *in, struct way *out)
{
	int code;

	*s = (struct side){ .in = in, .out = out };
	if (gnutls_certificate_allocate_credentials(&s->credentials) < 0 ||
	    gnutls_init(&s->session, role | GNUTLS_NONBLOCK) < 0)
		abort(); /* out of memory */
	gnutls_transport_set_ptr(s->session, s);
	gnutls_transport_set_push_function(s->session, push);
	gnutls_transport_set_pull_function(s->session, pull);
	code = gnutls_priority_set_direct(s->session, priority, NULL);
	return code < 0
		   ? code
		   : gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, s->credentials);
}

static void
side_done(struct side *s)
{
	gnutls_deinit(s->session);
	gnutls_certificate_free_credentials(s->credentials);
}

static int
shake_hands(struct side sides[2])
{
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		struct side *s = &sides[turn % 2];
		int code = s->finished ? 0 : gnutls_handshake(s->session);

		s->finished = code == 0;
		if (code < 0 && gnutls_error_is_fatal(code))
			return code;
		if (sides[0].finished && sides[1].finished)
			return 0;
	}
	return GNUTLS_E_TIMEDOUT;
}

/* GnuTLS's code. */
static int
try_version(const struct tls_pair *p, const char *client_priority)
{
	struct way to_server = { .at = 0 }, to_client = { .at = 0 };
	struct side sides[2];
	int client, server;

	buf_init(&to_server.bytes, FLIGHT_MAX);
	buf_init(&to_client.bytes, FLIGHT_MAX);
	client = side_init(&sides[0], GNUTLS_CLIENT, client_priority, &to_client, &to_server);
	server = side_init(&sides[1], GNUTLS_SERVER, tls_priority, &to_server, &to_client);
	if (server >= 0)
		server = gnutls_certificate_set_x509_key(
		    sides[1].credentials, p->chain, (int)p->n, p->key);
	if (client >= 0 && server >= 0)
		client = shake_hands(sides);
	side_done(&sides[0]);
	side_done(&sides[1]);
	buf_done(&to_server.bytes);
	buf_done(&to_client.bytes);
	return server < 0 ? server : client;
}

bool
tls_trial(const struct tls_pair *p, struct err *e)
{
	static const struct {
		const char *name, *priority;
	} versions[] = {
		{ "1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2" },
		{ "1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3" },
	};

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		int code = try_version(p, versions[i].priority);

		if (code < 0)
			return fail(e, ERR_INPUT, "no handshake of TLS %s succeeds with it: %s",
			    versions[i].name, gnutls_strerror(code));
	}
	return true;
}
