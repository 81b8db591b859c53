/*
 * Bearer tokens of Microsoft Entra ID: signed JSON Web Tokens in compact form (RFC 7515, RFC 7519),
 * RS256 and nothing else.  Pure: keys and time are arguments.
 *
 * https://learn.microsoft.com/entra/identity-platform/access-tokens
 * https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 */
#ifndef CORE_JWT_H
#define CORE_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "core/signing_keys.h"

/* What the head of a request can hold besides its other headers. */
#define JWT_TOKEN_MAX ((size_t)24 * 1024)
/* Members of header or claims; Entra's tokens have about 30. */
#define JWT_NAMES_MAX 128
/* A token with more roles counts as one without: nobody gives Event Grid so many. */
#define JWT_ROLES_MAX 256
/* Clocks may differ by this much. */
#define JWT_SKEW_MS ((int64_t)5 * 60 * 1000)

/* v1.0 tokens are what a new app registration gets, v2.0 is a choice in its manifest. */
enum jwt_version { JWT_V1, JWT_V2, JWT_VERSIONS };

/* What a token was taken apart into.  Nothing of it is proven.  Texts live in the arena. */
struct jwt {
	struct str kid;
	struct str signed_text, signature;
	enum jwt_version version;
	struct str issuer, tenant, audience;
	struct str application; /* who asked for the token: appid (v1.0), azp (v2.0) */
	int64_t not_before_ms, expires_ms;
	struct str roles; /* JSON, "" = none */
};

/* What a token must say to be let in.  Everything here comes from the settings. */
struct jwt_wanted {
	struct {
		const struct str *list; /* any of them, compared as they are */
		size_t n;
	} issuers[JWT_VERSIONS];
	struct str tenant;	    /* GUID */
	const struct str *audience; /* any of them; GUIDs without case */
	size_t n_audience;
	struct str application; /* GUID */
	struct str role;
};

/* The published keys of an identity service; v1.0 and v2.0 tokens have a document each. */
struct jwt_keys {
	const struct signing_keys *of[JWT_VERSIONS]; /* NULL = not known */
};

/* The first that holds, in this order. */
enum jwt_answer {
	JWT_BAD,	 /* malformed, meant for somebody else, or not signed by that key */
	JWT_UNKNOWN_KEY, /* no key of that id; the rest may be right or wrong */
	JWT_NOT_NOW,	 /* signed, and has expired or is not valid yet */
	JWT_NO_ROLE,	 /* right in all but the role */
	JWT_GOOD,
};

/* e says why it is not JWT_GOOD, without a word of the token. */
enum jwt_answer jwt_verify(const struct jwt_wanted *wanted, const struct jwt_keys *keys,
    struct str token, int64_t now_ms, struct arena *a, struct jwt *out, struct err *e);

/* Take it apart: form and types only.  The first part of jwt_verify(). */
bool jwt_parse(struct str token, struct arena *a, struct jwt *out, struct err *e) MUST_CHECK;

#endif
