/*
 * Happy path: the set is scanned strictly, each key's n and e become an OpenSSL key; a signature is
 * checked with it and SHA-256, whatever a token says about itself.
 * What can go wrong: the set is no set (refused); a key is of another kind or use, too short, or
 * broken (left out); the signature is not the key's (false, as for anything that OpenSSL refuses).
 */
#include "core/signing_keys.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/base64.h"
#include "jose.h"

/* Members of one key; Entra's have nine. */
#define KEY_NAMES_MAX 64
/* RFC 7517 knows eight. */
#define KEY_OPS_MAX 16
/* The exponent is 65537 nearly everywhere. */
#define EXPONENT_BYTES_MAX 8

struct signing_key {
	struct str kid, issuer;
	EVP_PKEY *pkey;
};

struct signing_keys {
	struct arena *arena;
	struct signing_key *list;
	size_t n;
};

/* ---- reading ---- */

/* "key_ops", if it is there, must list "verify". */
static bool
may_verify(const struct jose *key, struct arena *a)
{
	struct str *ops;
	size_t n;

	if (!jose_has(key, "key_ops"))
		return true;
	if (!jose_list(jose_value(key, "key_ops"), KEY_OPS_MAX, a, &ops, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_is(json_text_string(ops[i], a), "verify"))
			return true;
	return false;
}

static bool
is_for_us(const struct jose *key, struct arena *a)
{
	return str_is(jose_text(key, "kty", a), "RSA") &&
	       (!jose_has(key, "use") || str_is(jose_text(key, "use", a), "sig")) &&
	       (!jose_has(key, "alg") || str_is(jose_text(key, "alg", a), "RS256")) &&
	       may_verify(key, a);
}

static BIGNUM *
read_number(const struct jose *key, const char *name, size_t bytes_max, struct arena *a)
{
	struct str bytes;

	if (!base64url_decode(jose_text(key, name, a), a, &bytes) || bytes.n == 0 ||
	    bytes.n > bytes_max)
		return NULL;
	return BN_bin2bn((const unsigned char *)bytes.p, (int)bytes.n, NULL);
}

static bool
numbers_fit(const BIGNUM *n, const BIGNUM *e)
{
	return n != NULL && e != NULL && BN_num_bits(n) >= SIGNING_KEY_BITS_MIN &&
	       BN_num_bits(n) <= SIGNING_KEY_BITS_MAX && BN_is_odd(n) && BN_is_odd(e) &&
	       !BN_is_one(e);
}

static EVP_PKEY *
make_key(const BIGNUM *n, const BIGNUM *e)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (build != NULL && ctx != NULL &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *
read_pkey(const struct jose *key, struct arena *a)
{
	/* One more than the longest key: a leading zero is read over. */
	BIGNUM *n = read_number(key, "n", SIGNING_KEY_BITS_MAX / 8 + 1, a);
	BIGNUM *e = read_number(key, "e", EXPONENT_BYTES_MAX, a);
	EVP_PKEY *pkey = numbers_fit(n, e) ? make_key(n, e) : NULL;

	BN_free(n);
	BN_free(e);
	return pkey;
}

/* Adds the key when it can be used. */
static void
read_key(struct signing_keys *keys, struct str text, struct arena *a)
{
	struct signing_key *k = &keys->list[keys->n];
	struct jose key;
	struct str kid;

	if (!jose_read(text, KEY_NAMES_MAX, a, &key) || !is_for_us(&key, a))
		return;
	kid = jose_text(&key, "kid", a);
	if (kid.n == 0 || kid.n > SIGNING_KEY_ID_MAX || signing_keys_find(keys, kid) != NULL)
		return;
	k->pkey = read_pkey(&key, a);
	if (k->pkey == NULL)
		return;
	k->kid = arena_str(keys->arena, kid);
	k->issuer = arena_str(keys->arena, jose_text(&key, "issuer", a));
	keys->n++;
}

static bool
read_list(struct signing_keys *keys, struct str list, struct arena *a, struct err *e)
{
	struct str *texts;
	size_t n;

	if (json_text_type(list) != JSON_ARRAY)
		return fail(e, ERR_INPUT, "a key set has a list 'keys', this one has not");
	if (!jose_list(list, SIGNING_KEYS_MAX, a, &texts, &n))
		return fail(e, ERR_INPUT, "a key set has at most %d keys, this one has more",
		    SIGNING_KEYS_MAX);
	keys->list = arena_alloc(keys->arena, n * sizeof(*keys->list));
	for (size_t i = 0; i < n; i++)
		read_key(keys, texts[i], a);
	if (keys->n == 0)
		return fail(e, ERR_INPUT, "none of the %zu keys can be used", n);
	return true;
}

static bool
read_set(struct signing_keys *keys, struct str text, struct arena *a, struct err *e)
{
	struct jose set;

	if (text.n > SIGNING_KEYS_TEXT_MAX)
		return fail(e, ERR_INPUT, "a key set has at most %zu bytes, this one has %zu",
		    SIGNING_KEYS_TEXT_MAX, text.n);
	if (!json_check(text, e))
		return false;
	if (!jose_read(text, KEY_NAMES_MAX, a, &set))
		return fail(
		    e, ERR_INPUT, "a key set is an object with a list 'keys', nothing twice");
	return read_list(keys, jose_value(&set, "keys"), a, e);
}

bool
signing_keys_parse(struct str text, struct signing_keys **out, struct err *e)
{
	struct signing_keys *keys = xcalloc(1, sizeof(*keys));
	struct arena *scratch = arena_new();
	bool ok;

	keys->arena = arena_new();
	ok = read_set(keys, text, scratch, e);
	arena_free(scratch);
	if (ok)
		*out = keys;
	else
		signing_keys_free(keys);
	return ok;
}

void
signing_keys_free(struct signing_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->n; i++)
		EVP_PKEY_free(keys->list[i].pkey);
	arena_free(keys->arena);
	free(keys);
}

/* ---- asking ---- */

size_t
signing_keys_count(const struct signing_keys *keys)
{
	return keys->n;
}

struct str
signing_keys_id(const struct signing_keys *keys, size_t i)
{
	assert(i < keys->n);
	return keys->list[i].kid;
}

const struct signing_key *
signing_keys_find(const struct signing_keys *keys, struct str kid)
{
	for (size_t i = 0; i < keys->n; i++)
		if (str_eq(keys->list[i].kid, kid))
			return &keys->list[i];
	return NULL;
}

struct str
signing_key_issuer(const struct signing_key *key)
{
	return key->issuer;
}

bool
signing_key_verify(const struct signing_key *key, struct str text, struct str signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	bool good =
	    ctx != NULL &&
	    EVP_DigestVerifyInit_ex(ctx, &how, "SHA256", NULL, NULL, key->pkey, NULL) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PADDING) == 1 &&
	    EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
		(const unsigned char *)text.p, text.n) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}
