/*
 * The certificate that new handshakes get, exchangeable while the server runs, and how the listener
 * speaks TLS: 1.2 and 1.3, authenticated ciphers only, session tickets.
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

/*
 * Read a pair of PEM files: the chain with the server's own certificate first, and its private key
 * without a password.  Refused: not readable, not in order, not belonging together.
 */
bool
tls_new(struct str certificate, struct str private_key, struct tls **out, struct err *e) MUST_CHECK;
void tls_free(struct tls *t);

/*
 * Another pair for the handshakes from now on.  Also refused: one that has expired, unless the one
 * in use expired before it or is the same.  Any thread.
 */
bool
tls_set(struct tls *t, struct str certificate, struct str private_key, struct err *e) MUST_CHECK;

/* When the server's own certificate expires, milliseconds of the wall clock. */
int64_t tls_expires_ms(struct tls *t);

/* Prepare a session before its handshake; t must outlive it. */
void tls_begin(struct tls *t, struct gnutls_session_int *session);

/* The gnutls_certificate_retrieve_function3 that hands the pair to such a session. */
typedef void tls_function(void);
tls_function *tls_retriever(void);

#endif
