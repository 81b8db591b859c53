/*
 * What the vectors for the verifier of tokens share: a set of keys, and a token that says what must
 * be said.
 */
#ifndef TESTS_JWT_VECTORS_H
#define TESTS_JWT_VECTORS_H

#include "core/jwt.h"
#include "token.h"

#define NOW_S INT64_C(1795000000)
#define RSA_BYTES 256 /* of a signature of a key of 2048 bits */
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct arena *a;
static struct signing_keys *set;
static struct err e;

static inline void
fresh(void)
{
	arena_free(a);
	a = arena_new();
}

/* Keys of v1.0 tokens. */
static inline void
use(struct str text)
{
	signing_keys_free(set);
	set = NULL;
	CHECK_OK(signing_keys_parse(text, &set, &e));
}

static inline enum jwt_answer
verify(struct str token)
{
	static const struct str issuer = { ISSUER_V1, sizeof(ISSUER_V1) - 1 };
	static const struct str audience = { AUDIENCE, sizeof(AUDIENCE) - 1 };
	const struct jwt_wanted wanted = { .issuers = { { &issuer, 1 }, { NULL, 0 } },
		.tenant = STR(TENANT),
		.audience = &audience,
		.n_audience = 1,
		.application = STR(EVENT_GRID),
		.role = STR(ROLE) };
	const struct jwt_keys keys = { { set, NULL } };
	struct jwt out;

	return jwt_verify(&wanted, &keys, token, NOW_S * 1000, a, &out, &e);
}

static inline void
is(const char *vector, struct str token, enum jwt_answer wanted)
{
	enum jwt_answer got = verify(token);

	if (got != wanted)
		print_error("vector '%s': answer %d in place of %d\n", vector, got, wanted);
	CHECK_INT(got, wanted);
}

static inline struct str
claims(void)
{
	return token_claims(a, 1, NOW_S, NULL, NULL);
}

static inline struct str
token_of(EVP_PKEY *key, const char *header)
{
	return token_make(a, key, header, claims());
}

/* The key k1 with these members, beside one that is right and named otherwise. */
static inline void
use_key(struct str n, const char *rest)
{
	use(arena_printf(a, "{\"keys\":[{\"kid\":\"k1\",\"n\":\"%.*s\",%s},%.*s]}", STR_ARG(n),
	    rest, STR_ARG(token_jwk(a, token_key(2048, true), "other", ""))));
}

/* A text with another one in it. */
static inline struct str
insert(struct str part, size_t at, struct str what)
{
	return arena_printf(a, "%.*s%.*s%.*s", STR_ARG(str_slice(part, 0, at)), STR_ARG(what),
	    STR_ARG(str_slice(part, at, part.n)));
}

static inline struct str
number_bytes(const BIGNUM *n, size_t width)
{
	unsigned char *bytes = arena_alloc(a, width);

	CHECK(BN_bn2binpad(n, bytes, (int)width) == (int)width);
	return (struct str){ (const char *)bytes, width };
}

#endif
