/*
 * Keys and tokens for tests: right ones, and forged ones on order.  Uses OpenSSL directly, nothing
 * of src/core, so that one misunderstanding is not made twice.
 */
#ifndef TESTS_TOKEN_H
#define TESTS_TOKEN_H

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/arena.h"
#include "test.h"

#define TENANT "11111111-aaaa-bbbb-cccc-222222222222"
#define EVENT_GRID "4962773b-9cdb-44cf-a8bf-237846a00ab7"
#define AUDIENCE "api://gridwarden"
#define CLIENT_ID "33333333-aaaa-bbbb-cccc-444444444444"
#define ROLE "AzureEventGridSecureWebhookSubscriber"
#define ISSUER_V1 "https://sts.windows.net/" TENANT "/"
#define ISSUER_V2 "https://login.microsoftonline.com/" TENANT "/v2.0"

#define HEADER "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"k1\"}"

static inline struct str
token_base64(struct arena *a, const void *bytes, size_t n)
{
	char *text = arena_alloc(a, n * 2 + 8);
	size_t len = (size_t)EVP_EncodeBlock((unsigned char *)text, bytes, (int)n);

	for (size_t i = 0; i < len; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	while (len > 0 && text[len - 1] == '=')
		len--;
	return (struct str){ text, len };
}

/* Making a key takes time: each number of bits is made once, twice for another one. */
static inline EVP_PKEY *
token_key(unsigned bits, bool other)
{
	static struct {
		unsigned bits;
		bool other;
		EVP_PKEY *key;
	} made[8];
	size_t i = 0;

	while (made[i].key != NULL && (made[i].bits != bits || made[i].other != other))
		CHECK(++i < 8);
	if (made[i].key == NULL) {
		made[i].bits = bits;
		made[i].other = other;
		made[i].key = EVP_RSA_gen(bits);
		CHECK(made[i].key != NULL);
	}
	return made[i].key;
}

static inline struct str
token_number(struct arena *a, EVP_PKEY *key, const char *name)
{
	BIGNUM *n = NULL;
	unsigned char *bytes;
	struct str text;

	CHECK(EVP_PKEY_get_bn_param(key, name, &n) == 1);
	bytes = arena_alloc(a, (size_t)BN_num_bytes(n));
	BN_bn2bin(n, bytes);
	text = token_base64(a, bytes, (size_t)BN_num_bytes(n));
	BN_free(n);
	return text;
}

/* {"kty":"RSA","kid":KID,"n":...,"e":...MORE} */
static inline struct str
token_jwk(struct arena *a, EVP_PKEY *key, const char *kid, const char *more)
{
	return arena_printf(a, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%.*s\",\"e\":\"%.*s\"%s}",
	    kid, STR_ARG(token_number(a, key, OSSL_PKEY_PARAM_RSA_N)),
	    STR_ARG(token_number(a, key, OSSL_PKEY_PARAM_RSA_E)), more);
}

/* A set of one key, as Entra publishes it. */
static inline struct str
token_set(struct arena *a, EVP_PKEY *key, const char *kid)
{
	return arena_printf(a, "{\"keys\":[%.*s]}",
	    STR_ARG(token_jwk(a, key, kid, ",\"use\":\"sig\",\"x5t\":\"x\",\"x5c\":[\"MII\"]")));
}

static inline struct str
token_sign(struct arena *a, EVP_PKEY *key, const char *digest, int padding, struct str text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	size_t n = 2048;
	unsigned char *bytes = arena_alloc(a, n);

	CHECK(EVP_DigestSignInit_ex(ctx, &how, digest, NULL, NULL, key, NULL) == 1);
	if (padding != 0)
		CHECK(EVP_PKEY_CTX_set_rsa_padding(how, padding) == 1);
	CHECK(EVP_DigestSign(ctx, bytes, &n, (const unsigned char *)text.p, text.n) == 1);
	EVP_MD_CTX_free(ctx);
	return (struct str){ (const char *)bytes, n };
}

static inline struct str
token_signed_text(struct arena *a, const char *header, struct str claims)
{
	return arena_printf(a, "%.*s.%.*s", STR_ARG(token_base64(a, header, strlen(header))),
	    STR_ARG(token_base64(a, claims.p, claims.n)));
}

static inline struct str
token_join(struct arena *a, struct str text, struct str signature)
{
	return arena_printf(
	    a, "%.*s.%.*s", STR_ARG(text), STR_ARG(token_base64(a, signature.p, signature.n)));
}

/* Signed as RS256, whatever the header says. */
static inline struct str
token_make(struct arena *a, EVP_PKEY *key, const char *header, struct str claims)
{
	struct str text = token_signed_text(a, header, claims);

	return token_join(a, text, token_sign(a, key, "SHA256", RSA_PKCS1_PADDING, text));
}

/* The claims of Event Grid's token; member replaces (or, beginning with '-', removes) one. */
static inline struct str
token_claims(struct arena *a, int version, int64_t now_s, const char *name, const char *value)
{
	const struct {
		const char *name;
		struct str value;
	} all[] = {
		{ "aud", version == 1 ? STR("\"" AUDIENCE "\"") : STR("\"" CLIENT_ID "\"") },
		{ "iss", version == 1 ? STR("\"" ISSUER_V1 "\"") : STR("\"" ISSUER_V2 "\"") },
		{ "iat", arena_printf(a, "%jd", (intmax_t)now_s) },
		{ "nbf", arena_printf(a, "%jd", (intmax_t)now_s) },
		{ "exp", arena_printf(a, "%jd", (intmax_t)now_s + 3600) },
		{ version == 1 ? "appid" : "azp", STR("\"" EVENT_GRID "\"") },
		{ "tid", STR("\"" TENANT "\"") },
		{ "roles", STR("[\"" ROLE "\"]") },
		{ "ver", version == 1 ? STR("\"1.0\"") : STR("\"2.0\"") },
	};
	struct str out = STR("{");

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		bool replaced = name != NULL && strcmp(all[i].name, name) == 0;
		struct str v = replaced ? str_of(value) : all[i].value;

		if (v.n > 0) /* "" = removed */
			out = arena_printf(a, "%.*s%s\"%s\":%.*s", STR_ARG(out),
			    out.n > 1 ? "," : "", all[i].name, STR_ARG(v));
	}
	return arena_printf(a, "%.*s}", STR_ARG(out));
}

#endif
