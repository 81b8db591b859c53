/*
 * A certificate with its chain and its private key, read from two files and tried out: a client
 * that speaks TLS as we do can complete a handshake with it.
 */
#ifndef DAEMON_TLS_PAIR_H
#define DAEMON_TLS_PAIR_H

#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct tls_pair {
	gnutls_x509_crt_t *chain; /* own certificate first */
	unsigned n;
	gnutls_x509_privkey_t key;
	int64_t own_expires_ms;
	int64_t begins_ms, expires_ms; /* all of the chain is valid between them */
};

/*
 * Refused: what cannot be read, is not in order or does not belong together; and what serves
 * nobody, whatever the date: a key that is too short or of a kind that TLS does not have, a
 * certificate for other purposes.  Validity is asked for below: what has expired can be read.
 */
bool tls_pair_read(
    struct str certificate, struct str private_key, struct tls_pair *out, struct err *e) MUST_CHECK;
void tls_pair_done(struct tls_pair *p);
bool tls_pair_same(const struct tls_pair *a, const struct tls_pair *b);

/* All of the chain is valid at this time; else e says what is not, by the name of its file. */
bool tls_pair_is_valid(
    const struct tls_pair *p, struct str certificate, int64_t now_ms, struct err *e) MUST_CHECK;

/* ---- tls_trial.c ---- */

/*
 * Shake hands with ourselves, in memory, in TLS 1.2 and in 1.3: GnuTLS as a client takes in 1.2
 * what others do not.  It trusts everybody here.
 */
bool tls_trial(const struct tls_pair *p, struct err *e) MUST_CHECK;

#endif
