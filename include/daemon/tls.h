/*
 * The certificate that new handshakes get and whose certificates of clients are trusted, both
 * exchangeable while the server runs, and how the listener speaks TLS: 1.2 and 1.3, authenticated
 * ciphers only, session tickets.
 */
#ifndef DAEMON_TLS_H
#define DAEMON_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct tls;
struct gnutls_session_int; /* GnuTLS's session */

/* Files of a chain and a key are no larger than this. */
#define TLS_PEM_MAX ((size_t)256 * 1024)
#define TLS_CHAIN_MAX 16

/* A priority string of GnuTLS. */
extern const char tls_priority[];

/* PEM files; the texts are borrowed for the call only. */
struct tls_files {
	struct str certificate; /* the chain, the server's own certificate first */
	struct str private_key; /* without a password */
	struct str client_ca;	/* empty = clients are not asked for a certificate */
	const struct str *client_names;
	size_t n_client_names; /* see client_trust.h */
};

/*
 * Refused: what cannot be read, is not in order or does not belong together, and a pair that serves
 * nobody (tls_pair.h says what that is).  Taken with a warning in the log: what is not valid now,
 * since nothing better is there.
 */
bool tls_new(const struct tls_files *f, struct tls **out, struct err *e) MUST_CHECK;
void tls_free(struct tls *t);

/*
 * Other files, or the same read again, for the handshakes from now on; all of it or nothing.  Also
 * refused: a chain that has expired or is not valid yet, while the one in use is valid or has a
 * certificate that expires later.  Sessions go on and can be resumed, unless another trust in
 * clients is set: then each client that comes has to show its certificate again.  Any thread.
 */
bool tls_set(struct tls *t, const struct tls_files *f, struct err *e) MUST_CHECK;

/* When the first certificate of the chain in use expires, milliseconds of the wall clock. */
int64_t tls_expires_ms(struct tls *t);
/* Another number, another certificate or another trust in clients. */
uint64_t tls_number(struct tls *t);

/* ---- one connection ---- */

enum client_certificate {
	CLIENT_CERTIFICATE_NONE, /* none was shown, or none is asked for */
	CLIENT_CERTIFICATE_TRUSTED,
	CLIENT_CERTIFICATE_NOT_TRUSTED,
	CLIENT_CERTIFICATE_NOT_ASKED, /* the handshake was before certificates were asked for */
	CLIENT_CERTIFICATE_NOT_NOW,   /* all is right but the time */
};

/* An answer about a client's certificate is asked anew after this: it may have expired. */
#define TLS_CLIENT_RECHECK_MS 60000

struct tls_peer;

/* Prepare a session before its handshake; t must outlive it.  tls_end() before the session ends. */
struct tls_peer *tls_begin(struct tls *t, struct gnutls_session_int *session);
void tls_end(struct tls_peer *p); /* NULL is fine */
/* The handshake has been completed. */
bool tls_is_met(const struct tls_peer *p);
/*
 * What the client showed, by the trust of now: also in a session that it resumed.  text, until the
 * next call: its name, or what is wrong with it.  now_ms is the wall clock, mono_ms the monotonic
 * one.  In the thread that serves the connection.
 */
enum client_certificate
tls_client_certificate(struct tls_peer *p, int64_t now_ms, int64_t mono_ms, struct str *text);

/* The gnutls_certificate_retrieve_function3 that hands the pair to such a session. */
typedef void tls_function(void);
tls_function *tls_retriever(void);

#endif
