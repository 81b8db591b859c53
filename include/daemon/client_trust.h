/*
 * Which certificates of clients let a delivery in: those of a few authorities that are named by the
 * settings and are the only trust, and of these, where names are listed, those that carry one.
 */
#ifndef DAEMON_CLIENT_TRUST_H
#define DAEMON_CLIENT_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "daemon/tls.h"

struct client_trust;
struct gnutls_session_int; /* GnuTLS's session */

#define CLIENT_AUTHORITIES_MAX 16
#define CLIENT_CHAIN_MAX                                                                           \
	8		    /* certificates that a client shows: a relay's own and its authorities \
			     */
#define CLIENT_NAME_MAX 256 /* a DNS name has 253; longer URIs cannot be listed */
#define CLIENT_NAMES_SEEN 32 /* names of one certificate that are looked at */

/* Before the first client_trust_check(), and before threads use GnuTLS; again is fine. */
void client_trust_init(void);

/*
 * ca: PEM file of authorities, each marked as one.  names: compared with the certificate's DNS
 * names (without case) and URIs (exactly); with its common name only when it has neither.  No names
 * = every certificate of these authorities.
 */
bool client_trust_read(struct str ca, const struct str *names, size_t n, struct client_trust **out,
    struct err *e) MUST_CHECK;
void client_trust_free(struct client_trust *t);
/* The same authorities and names, so that nobody's answer changes.  NULL trusts nobody. */
bool client_trust_same(const struct client_trust *a, const struct client_trust *b);

/*
 * Look at what the client showed in this session, or in the one that it resumes: chain, strength,
 * purpose, names, and validity at now_ms, give or take JWT_SKEW_MS as for tokens.  text is the name
 * that counted when it is trusted, "" when nothing was shown, else what is wrong.  Any thread that
 * may use the session.
 */
enum client_certificate client_trust_check(const struct client_trust *t,
    struct gnutls_session_int *session, int64_t now_ms, char text[CLIENT_NAME_MAX]);

#endif
