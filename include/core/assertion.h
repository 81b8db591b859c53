/*
 * A client assertion: what an application shows in place of a secret, signed with the private key
 * of a certificate that Microsoft Entra ID knows.
 * https://learn.microsoft.com/entra/identity-platform/certificate-credentials
 */
#ifndef CORE_ASSERTION_H
#define CORE_ASSERTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define ASSERTION_LIFE_S 600
/* A key and a chain of RSA certificates; a bundle of authorities does not belong into the file. */
#define ASSERTION_PEM_MAX (64 * 1024)
#define ASSERTION_CHAIN_MAX 10
#define ASSERTION_KEY_BITS_MIN 2048

struct assertion {
	struct str client_id;
	struct str audience; /* the tenant's token endpoint */
	struct str id;	     /* never used twice */
	int64_t now_ms;
	bool send_chain; /* the certificates go along: trust by subject name and issuer */
};

/*
 * pem holds one private key, RSA and not encrypted, and its certificate; with more certificates in
 * it the key's own is found, the others are its chain.  Its time is not over.  ERR_INPUT says what
 * is wrong with the file and never what is in it.
 */
bool assertion_sign(const struct assertion *as, struct str pem, struct arena *a, struct str *jwt,
    struct err *e) MUST_CHECK;

#endif
