#include "core/assertion.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "base/json.h"
#include "contract/certificates.h"

/* 2026-11-23 20:04:55 UTC */
#define NOW INT64_C(1795464295000)
#define TOKEN_URL "https://login.microsoftonline.com/t/oauth2/v2.0/token"

static struct arena *a;
static struct assertion wish;

static struct str
pem_of(const struct made *m, bool cert, bool key)
{
	gnutls_datum_t c = { NULL, 0 }, k = { NULL, 0 };
	struct str out;

	if (cert)
		CHECK(gnutls_x509_crt_export2(m->cert, GNUTLS_X509_FMT_PEM, &c) == 0);
	if (key)
		CHECK(gnutls_x509_privkey_export2_pkcs8(
			  m->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &k) == 0);
	out = arena_printf(a, "%.*s%.*s", (int)c.size, (char *)c.data, (int)k.size, (char *)k.data);
	gnutls_free(c.data);
	gnutls_free(k.data);
	return out;
}

static struct made
make_rsa(unsigned bits)
{
	/* It holds at NOW too, whenever that was. */
	struct wanted w = { .name = "gridwarden", .rsa_bits = bits, .until = 3650 * DAY_S };

	arena_free(a);
	a = arena_new();
	wish = (struct assertion){ .client_id = STR("client"),
		.audience = STR(TOKEN_URL),
		.id = STR("a-random-id"),
		.now_ms = NOW };
	return make(&w);
}

static const struct json *
part_of(struct str jwt, int which)
{
	struct str rest = jwt, part = STR_EMPTY, text;
	struct err e;

	for (int i = 0; i <= which; i++)
		CHECK(str_next(&rest, '.', &part));
	CHECK(base64url_decode(part, a, &text));
	return json_parse(text, a, &e);
}

/* With OpenSSL and the certificate, as Entra would. */
static bool
verifies(const struct made *m, struct str jwt, int salt)
{
	struct str pem = pem_of(m, true, false), signature;
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	size_t dot = jwt.n;
	bool ok;

	while (jwt.p[--dot] != '.')
		;
	CHECK(base64url_decode(str_slice(jwt, dot + 1, jwt.n), a, &signature));
	CHECK(EVP_DigestVerifyInit(ctx, &how, EVP_sha256(), NULL, X509_get0_pubkey(cert)) == 1);
	CHECK(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1);
	CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(how, salt) == 1);
	ok = EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
		 (const unsigned char *)jwt.p, dot) == 1;
	EVP_MD_CTX_free(ctx);
	X509_free(cert);
	BIO_free(in);
	return ok;
}

static void
refused(struct str pem, const char *words)
{
	struct str jwt;
	struct err e;

	CHECK(!assertion_sign(&wish, pem, a, &jwt, &e));
	CHECK_INT(e.kind, ERR_INPUT);
	CHECK_HAS(e.text, words);
	CHECK(strstr(e.text, "BEGIN") == NULL);
}

TEST(the_signature_is_ps256_of_the_key_with_a_salt_of_32)
{
	struct made m = make_rsa(2048), other;
	struct str jwt, again;
	struct wanted w = { .name = "other", .rsa_bits = 2048 };
	struct err e;

	other = make(&w);
	CHECK_OK(assertion_sign(&wish, pem_of(&m, true, true), a, &jwt, &e));
	CHECK(verifies(&m, jwt, 32));
	CHECK(!verifies(&m, jwt, 20));
	CHECK(!verifies(&other, jwt, 32));
	/* Salted: the same claims are never signed alike. */
	CHECK_OK(assertion_sign(&wish, pem_of(&m, true, true), a, &again, &e));
	CHECK(!str_eq(jwt, again));
	made_done(&m);
	made_done(&other);
}

TEST(header_and_claims_are_those_of_the_documentation)
{
	struct made m = make_rsa(2048);
	unsigned char digest[32];
	size_t n = sizeof(digest);
	const struct json *header, *claims;
	struct str jwt;
	struct err e;

	CHECK_OK(assertion_sign(&wish, pem_of(&m, true, true), a, &jwt, &e));
	header = part_of(jwt, 0);
	CHECK_STR(json_print(header, a),
	    arena_printf(a, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"%.*s\"}",
		STR_ARG(json_text(json_get(header, "x5t#S256"))))
		.p);
	CHECK(gnutls_x509_crt_get_fingerprint(m.cert, GNUTLS_DIG_SHA256, digest, &n) == 0);
	CHECK(str_eq(json_text(json_get(header, "x5t#S256")),
	    base64url_encode((struct str){ (char *)digest, n }, a)));
	claims = part_of(jwt, 1);
	CHECK_STR(json_print(claims, a),
	    "{\"aud\":\"" TOKEN_URL "\",\"iss\":\"client\",\"sub\":\"client\","
	    "\"jti\":\"a-random-id\",\"nbf\":1795464295,\"iat\":1795464295,\"exp\":1795464895}");
	made_done(&m);
}

TEST(the_chain_goes_along_when_it_is_wanted_the_keys_own_certificate_first)
{
	struct made ca = make_rsa(2048), m;
	struct wanted w = {
		.name = "gridwarden", .rsa_bits = 2048, .until = 3650 * DAY_S, .by = &ca
	};
	const struct json *x5c;
	gnutls_datum_t der;
	struct str jwt, pem;
	struct err e;

	m = make(&w);
	wish.send_chain = true;
	/* In an order that many tools write. */
	pem = arena_printf(
	    a, "%.*s%.*s", STR_ARG(pem_of(&ca, true, false)), STR_ARG(pem_of(&m, true, true)));
	CHECK_OK(assertion_sign(&wish, pem, a, &jwt, &e));
	CHECK(verifies(&m, jwt, 32));
	x5c = json_get(part_of(jwt, 0), "x5c");
	CHECK_INT(json_count(x5c), 2);
	CHECK(gnutls_x509_crt_export2(m.cert, GNUTLS_X509_FMT_DER, &der) == 0);
	CHECK(str_eq(json_text(json_first(x5c)),
	    base64_encode((struct str){ (char *)der.data, der.size }, a)));
	gnutls_free(der.data);
	made_done(&m);
	made_done(&ca);
}

TEST(a_certificate_whose_time_is_over_is_refused_with_its_last_day)
{
	struct made m = make_rsa(2048), old;
	struct wanted w = {
		.name = "old", .rsa_bits = 2048, .from = -3 * DAY_S, .until = -2 * DAY_S
	};
	char day[CLOCK_TEXT_MAX];

	old = make(&w);
	clock_format(clock_now_ms() - 2 * DAY_S * 1000, day);
	wish.now_ms = clock_now_ms();
	refused(pem_of(&old, true, true),
	    arena_printf(a, "its certificate has expired on %.10s", day).p);
	made_done(&m);
	made_done(&old);
}

TEST(a_file_that_cannot_sign_is_refused_with_the_reason)
{
	struct made m = make_rsa(2048), other, curve;
	struct wanted rsa = { .name = "other", .rsa_bits = 2048 }, ec = { .name = "curve" };
	gnutls_datum_t locked;

	other = make(&rsa);
	curve = make(&ec);
	refused(STR(""), "it holds no private key");
	refused(pem_of(&m, true, false), "it holds no private key");
	refused(pem_of(&m, false, true), "it holds no certificate");
	refused(pem_of(&curve, true, true), "is not RSA");
	refused(arena_printf(a, "%.*s%.*s", STR_ARG(pem_of(&other, true, false)),
		    STR_ARG(pem_of(&m, false, true))),
	    "does not belong to its private key");
	CHECK(gnutls_x509_privkey_export2_pkcs8(
		  m.key, GNUTLS_X509_FMT_PEM, "word", GNUTLS_PKCS_PBES2_AES_256, &locked) == 0);
	refused(arena_printf(a, "%.*s%.*s", STR_ARG(pem_of(&m, true, false)), (int)locked.size,
		    (char *)locked.data),
	    "without a pass phrase");
	gnutls_free(locked.data);
	made_done(&m);
	made_done(&other);
	made_done(&curve);
	m = make_rsa(1024);
	refused(pem_of(&m, true, true), "has 1024 bits, 2048 are needed");
	made_done(&m);
	arena_free(a);
	a = NULL;
}
