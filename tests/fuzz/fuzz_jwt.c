/*
 * core/jwt.c and jose.c: bearer tokens.  A line "raw", then a token as it came; or a line with a
 * header and then claims, which are signed here with a key that is trusted.
 *
 * What must hold: a token is good if and only if a second, slow reading of it finds nothing wrong
 * (three parts of strict base64url, no name twice, no key brought along, every claim ours, and a
 * signature that is byte for byte the padded digest); with one bit changed, under another key or
 * at another time it is not; asked twice, the answer is the same.
 */
#include "core/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "base/json.h"
#include "base64url.h"

#define NOW_S INT64_C(1795000000)
#define NOW_MS (NOW_S * 1000)
#define TENANT "11111111-aaaa-bbbb-cccc-222222222222"
#define EVENT_GRID "4962773b-9cdb-44cf-a8bf-237846a00ab7"
#define AUDIENCE "api://gridwarden"
#define CLIENT_ID "33333333-aaaa-bbbb-cccc-444444444444"
#define ROLE "AzureEventGridSecureWebhookSubscriber"
#define ISSUER_V1 "https://sts.windows.net/" TENANT "/"
#define ISSUER_V2 "https://login.microsoftonline.com/" TENANT "/v2.0"
/* Of the key k2. */
#define ISSUER_FRONT "https://login.microsoftonline.com/"
#define ISSUER_SLOT "{tenantid}"
#define ISSUER_BACK "/v2.0"

#define FLIPS 8

/* Nobody's key.  It is fixed, so that the same inputs are the same runs. */
static const char prime_p[] = "E73188CAFC54CED57703DDB1359C82AA857D0C9E5648EE4AD95844102E28152C"
			      "C45F72CE5AD9DECBD1439CB41AF9622EDCF4532157B8B49C588B67FA91475AFB"
			      "F474F1677FCFDD20ADBDA9A8F88969DEC3F0953B247D1CDF897F7968A7599535"
			      "739134E6BE0CD4B24B918F550B74BD6A423665732B8985C5ECB3C62564A21DE1";
static const char prime_q[] = "F4BECAA77F73957D84F1D609DE78F8BD4795EC2E5778B176C95A62E600328B91"
			      "41548F5E5B1BEFAD8D17A6EC04A145ED8D99EFE9A32543BEFFB3A1BE0535C32A"
			      "D1DF0D5B4EE9E5CB833D290650843C54F7E87F0F9C51F66E0B728AA8F42B4EA1"
			      "B952C85070ACA3F756E60F2C4A16A1059A736E9806B30FC126B15981689F1D25";

static EVP_PKEY *signer;
static BIGNUM *modulus, *exponent;
static struct signing_keys *ours, *others;

static const struct str audiences[] = { { AUDIENCE, sizeof(AUDIENCE) - 1 },
	{ CLIENT_ID, sizeof(CLIENT_ID) - 1 } };
static const struct str issuers[] = { { ISSUER_V1, sizeof(ISSUER_V1) - 1 },
	{ ISSUER_V2, sizeof(ISSUER_V2) - 1 } };

/* ---- the key ---- */

static void
make_signer(const BIGNUM *p, const BIGNUM *q, BN_CTX *ctx)
{
	BIGNUM *p1 = BN_dup(p), *q1 = BN_dup(q), *phi = BN_new(), *d = BN_new();
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *how = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params;

	MUST(BN_sub_word(p1, 1) && BN_sub_word(q1, 1) && BN_mul(phi, p1, q1, ctx));
	MUST(BN_mod_inverse(d, exponent, phi, ctx) != NULL);
	MUST(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
	     OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) &&
	     OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d));
	params = OSSL_PARAM_BLD_to_param(build);
	MUST(EVP_PKEY_fromdata_init(how) == 1 &&
	     EVP_PKEY_fromdata(how, &signer, EVP_PKEY_KEYPAIR, params) == 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(how);
	BN_free(p1);
	BN_free(q1);
	BN_free(phi);
	BN_free(d);
}

static struct str
number(const BIGNUM *n, struct arena *a)
{
	unsigned char *bytes = arena_alloc(a, (size_t)BN_num_bytes(n) + 1);

	return slow_base64url((struct str){ (char *)bytes, (size_t)BN_bn2bin(n, bytes) }, a);
}

/* Two names of one key: k1 signs for everybody, k2 for the issuers of one form. */
static struct signing_keys *
key_set(const BIGNUM *n, struct arena *a)
{
	struct str numbers = arena_printf(a, "\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%.*s\"",
	    STR_ARG(number(n, a)), STR_ARG(number(exponent, a)));
	struct signing_keys *set;
	struct err e;

	MUST(signing_keys_parse(
	    arena_printf(a,
		"{\"keys\":[{\"kid\":\"k1\",%.*s},{\"kid\":\"k2\",\"issuer\":\"" ISSUER_FRONT
		    ISSUER_SLOT ISSUER_BACK "\",%.*s}]}",
		STR_ARG(numbers), STR_ARG(numbers)),
	    &set, &e));
	return set;
}

static void
prepare(struct arena *a)
{
	BIGNUM *p = NULL, *q = NULL, *other;
	BN_CTX *ctx = BN_CTX_new();

	modulus = BN_new();
	exponent = BN_new();
	MUST(BN_hex2bn(&p, prime_p) && BN_hex2bn(&q, prime_q) && BN_mul(modulus, p, q, ctx));
	MUST(BN_set_word(exponent, RSA_F4));
	make_signer(p, q, ctx);
	other = BN_dup(modulus);
	MUST(BN_add_word(other, 2));
	ours = key_set(modulus, a);
	others = key_set(other, a);
	BN_free(other);
	BN_free(p);
	BN_free(q);
	BN_CTX_free(ctx);
}

static struct str
sign(struct str text, struct arena *a)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = (size_t)EVP_PKEY_get_size(signer);
	unsigned char *bytes = arena_alloc(a, n);

	MUST(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, signer) == 1);
	MUST(EVP_DigestSign(ctx, bytes, &n, (const unsigned char *)text.p, text.n) == 1);
	EVP_MD_CTX_free(ctx);
	return (struct str){ (char *)bytes, n };
}

/* RFC 8017 section 8.2.2: what the signature stands for is built here and compared as a whole. */
static bool
is_signed(struct str text, struct str signature)
{
	static const unsigned char info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
		0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
	unsigned char want[256], got[256];
	BIGNUM *s = BN_bin2bn((const unsigned char *)signature.p, (int)signature.n, NULL);
	BN_CTX *ctx = BN_CTX_new();
	bool good = signature.n == sizeof(want) && BN_cmp(s, modulus) < 0;

	memset(want, 0xff, sizeof(want));
	want[0] = 0;
	want[1] = 1;
	want[sizeof(want) - 33 - sizeof(info)] = 0;
	memcpy(want + sizeof(want) - 32 - sizeof(info), info, sizeof(info));
	SHA256((const unsigned char *)text.p, text.n, want + sizeof(want) - 32);
	good = good && BN_mod_exp(s, s, exponent, modulus, ctx) == 1 &&
	       BN_bn2binpad(s, got, sizeof(got)) == sizeof(got) &&
	       memcmp(got, want, sizeof(got)) == 0;
	BN_free(s);
	BN_CTX_free(ctx);
	return good;
}

/* ---- the slow reading ---- */

static const struct json *
read_object(struct str part, struct arena *a)
{
	struct str text;
	const struct json *j;
	struct err e;

	if (part.n == 0 || !slow_base64url_decode(part, a, &text))
		return NULL;
	j = json_parse(text, a, &e);
	if (!json_is(j, JSON_OBJECT) || json_count(j) > JWT_NAMES_MAX)
		return NULL;
	for (const struct json *x = json_first(j); x != NULL; x = json_next(x))
		for (const struct json *y = json_next(x); y != NULL; y = json_next(y))
			if (str_eq(json_name(x), json_name(y)))
				return NULL;
	return j;
}

static bool
header_is_right(const struct json *j)
{
	static const char *const refused[] = { "crit", "jwk", "jku", "x5u", "x5c", "b64", "zip",
		"enc" };
	struct str type = json_text(json_get(j, "typ")), kid = json_text(json_get(j, "kid"));

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (json_get(j, refused[i]) != NULL)
			return false;
	return str_is(json_text(json_get(j, "alg")), "RS256") &&
	       (json_get(j, "typ") == NULL || str_is_nocase(type, "JWT") ||
		   str_is_nocase(type, "at+jwt")) &&
	       (str_is(kid, "k1") || str_is(kid, "k2"));
}

static bool
has_role(const struct json *roles)
{
	if (!json_is(roles, JSON_ARRAY) || json_count(roles) > JWT_ROLES_MAX)
		return false;
	for (const struct json *role = json_first(roles); role != NULL; role = json_next(role))
		if (str_is(json_text(role), ROLE))
			return true;
	return false;
}

static bool
is_time(const struct json *j, int64_t *s)
{
	return json_is(j, JSON_NUMBER) && json_int(j, s) && *s >= 0 && *s <= INT64_C(1) << 40;
}

static bool
claims_are_right(const struct json *j, bool v2)
{
	struct str audience = json_text(json_get(j, "aud"));
	int64_t from_s, until_s, skew_s = JWT_SKEW_MS / 1000;

	return str_is(json_text(json_get(j, "iss")), v2 ? ISSUER_V2 : ISSUER_V1) &&
	       str_is_nocase(json_text(json_get(j, "tid")), TENANT) &&
	       (str_is(audience, AUDIENCE) || str_is_nocase(audience, CLIENT_ID)) &&
	       str_is_nocase(json_text(json_get(j, v2 ? "azp" : "appid")), EVENT_GRID) &&
	       is_time(json_get(j, "nbf"), &from_s) && is_time(json_get(j, "exp"), &until_s) &&
	       NOW_S < until_s + skew_s && NOW_S >= from_s - skew_s &&
	       has_role(json_get(j, "roles"));
}

/* k2 signs only for the issuer that is its form with the token's own tenant in it. */
static bool
key_is_right(const struct json *header, const struct json *claims, struct arena *a)
{
	struct str wanted = arena_printf(
	    a, ISSUER_FRONT "%.*s" ISSUER_BACK, STR_ARG(json_text(json_get(claims, "tid"))));

	return str_is(json_text(json_get(header, "kid")), "k1") ||
	       str_eq(json_text(json_get(claims, "iss")), wanted);
}

static bool
is_right(struct str token, struct arena *a)
{
	struct str rest = token, parts[3], signature, version;
	const struct json *header, *claims;

	for (int i = 0; i < 3; i++) {
		const char *dot = rest.n == 0 ? NULL : memchr(rest.p, '.', rest.n);
		size_t n = dot == NULL ? rest.n : (size_t)(dot - rest.p);

		if ((dot == NULL) != (i == 2))
			return false;
		parts[i] = str_slice(rest, 0, n);
		rest = str_slice(rest, n + 1, rest.n);
	}
	header = read_object(parts[0], a);
	claims = read_object(parts[1], a);
	if (header == NULL || claims == NULL || parts[2].n == 0 ||
	    !slow_base64url_decode(parts[2], a, &signature))
		return false;
	version = json_text(json_get(claims, "ver"));
	return (str_is(version, "1.0") || str_is(version, "2.0")) && header_is_right(header) &&
	       claims_are_right(claims, str_is(version, "2.0")) &&
	       key_is_right(header, claims, a) &&
	       is_signed(str_slice(token, 0, parts[0].n + 1 + parts[1].n), signature);
}

/* ---- asking ---- */

static enum jwt_answer
ask(const struct signing_keys *set, struct str token, int64_t now_ms, struct arena *a,
    struct jwt *out, struct err *e)
{
	static const struct jwt_wanted wanted = { .issuers = { { &issuers[0], 1 },
						      { &issuers[1], 1 } },
		.tenant = { TENANT, sizeof(TENANT) - 1 },
		.audience = audiences,
		.n_audience = 2,
		.application = { EVENT_GRID, sizeof(EVENT_GRID) - 1 },
		.role = { ROLE, sizeof(ROLE) - 1 } };
	const struct jwt_keys keys = { { set, set } };
	enum jwt_answer answer;

	*e = (struct err){ .kind = ERR_SYSTEM };
	answer = jwt_verify(&wanted, &keys, token, now_ms, a, out, e);
	MUST(answer == JWT_GOOD || (e->kind == ERR_DENIED && e->text[0] != '\0'));
	return answer;
}

static enum jwt_answer
answer_to(struct str token, struct arena *a)
{
	struct jwt out;
	struct err e;

	return ask(ours, token, NOW_MS, a, &out, &e);
}

/* Each bit counts: eight of them, others for each token. */
static void
check_flips(struct str token, struct arena *a)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char *copy = arena_alloc(a, token.n);

	memcpy(copy, token.p, token.n);
	SHA256((const unsigned char *)token.p, token.n, digest);
	for (size_t i = 0; i < FLIPS; i++) {
		size_t at = ((size_t)digest[2 * i] << 8 | digest[2 * i + 1]) % (token.n * 8);

		copy[at / 8] = (char)(copy[at / 8] ^ 1 << at % 8);
		MUST(answer_to((struct str){ copy, token.n }, a) != JWT_GOOD);
		copy[at / 8] = token.p[at / 8];
	}
}

static void
check_ends(struct str token, struct arena *a)
{
	static const char *const more[] = { ".", "=", "A", " ", "\n", ".AAAA" };

	MUST(answer_to(str_slice(token, 0, token.n - 1), a) != JWT_GOOD);
	MUST(answer_to(str_slice(token, 1, token.n), a) != JWT_GOOD);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		struct str s = arena_printf(a, "%.*s%s", STR_ARG(token), more[i]);
		struct str t = arena_printf(a, "%s%.*s", more[i], STR_ARG(token));

		MUST(answer_to(s, a) != JWT_GOOD && answer_to(t, a) != JWT_GOOD);
	}
}

static void
check_good(struct str token, const struct jwt *t, struct arena *a)
{
	struct jwt out;
	struct err e;

	MUST(t->expires_ms + JWT_SKEW_MS > NOW_MS && t->not_before_ms - JWT_SKEW_MS <= NOW_MS);
	MUST(ask(ours, token, t->expires_ms + JWT_SKEW_MS, a, &out, &e) == JWT_NOT_NOW);
	MUST(ask(ours, token, t->expires_ms + JWT_SKEW_MS - 1, a, &out, &e) == JWT_GOOD);
	MUST(ask(ours, token, t->not_before_ms - JWT_SKEW_MS, a, &out, &e) == JWT_GOOD);
	MUST(ask(ours, token, t->not_before_ms - JWT_SKEW_MS - 1, a, &out, &e) == JWT_NOT_NOW);
	MUST(ask(others, token, NOW_MS, a, &out, &e) == JWT_BAD);
	MUST(ask(NULL, token, NOW_MS, a, &out, &e) == JWT_UNKNOWN_KEY);
	check_flips(token, a);
	check_ends(token, a);
}

/* The token is in memory of exactly its length.  *e: why it is not good. */
static enum jwt_answer
check(struct str text, struct arena *a, struct err *e)
{
	char *copy = malloc(text.n);
	struct str token = { copy, text.n };
	struct jwt out, again;
	struct err e2;
	enum jwt_answer answer;

	MUST(copy != NULL);
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	answer = ask(ours, token, NOW_MS, a, &out, e);
	MUST(ask(ours, token, NOW_MS, a, &again, &e2) == answer);
	MUST(answer == JWT_GOOD || strcmp(e->text, e2.text) == 0);
	/* The one thing that the tree does not tell: 1e3 is a whole number, but not so written. */
	MUST((answer == JWT_GOOD) == is_right(token, a) ||
	     (answer == JWT_BAD && strstr(e->text, "whole number") != NULL));
	if (answer == JWT_GOOD)
		check_good(token, &out, a);
	free(copy);
	return answer;
}

FUZZ(input)
{
	struct str rest = input, line = take_line(&rest), text;
	enum jwt_answer answer;
	struct err e;

	if (ours == NULL)
		prepare(arena);
	if (str_is(line, "raw")) {
		check(rest, arena, &e);
		return;
	}
	text = arena_printf(arena, "%.*s.%.*s", STR_ARG(slow_base64url(line, arena)),
	    STR_ARG(slow_base64url(rest, arena)));
	answer = check(arena_printf(arena, "%.*s.AAAA", STR_ARG(text)), arena, &e);
	MUST(answer == JWT_BAD || answer == JWT_UNKNOWN_KEY);
	/* Signing is dear: only where it changes the answer. */
	if (answer == JWT_BAD && strstr(e.text, "signature is wrong") != NULL)
		check(arena_printf(arena, "%.*s.%.*s", STR_ARG(text),
			  STR_ARG(slow_base64url(sign(text, arena), arena))),
		    arena, &e);
}
