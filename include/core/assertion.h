/*
 * Client assertions: how an application proves with a certificate that it is itself
 * https://learn.microsoft.com/entra/identity-platform/certificate-credentials
 */
#ifndef CORE_ASSERTION_H
#define CORE_ASSERTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct assertion {
	struct str audience;  /* the token endpoint */
	struct str client_id; /* issuer and subject */
	struct str jti;	      /* never the same twice */
	int64_t now_ms;
	bool send_chain; /* x5c: all certificates of the file, for trust by subject and issuer */
};

/*
 * A JSON Web Token signed with PS256 by the private key in pem, which names the first certificate
 * in it by its SHA-256 (x5t#S256) and holds for ten minutes.  ERR_DENIED: pem is of no use, and the
 * text says why; nothing of the key is in it.
 */
bool assertion_make(const struct assertion *c, struct str pem, struct arena *a, struct str *out,
    struct err *e) MUST_CHECK;

#endif
