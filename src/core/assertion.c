/*
 * Happy path: the key and its certificate are found in the file, header and claims are written,
 * both are signed with RSA-PSS and SHA-256 (PS256, RFC 7518, section 3.5).
 * What can go wrong: no key, no certificate, a key of another certificate, of another kind, too
 * short, or under a pass phrase that nobody can type here; a certificate whose time is over.
 */
#include "core/assertion.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <time.h>

#include "base/base64.h"
#include "base/hash.h"
#include "base/json.h"

struct material {
	EVP_PKEY *key;
	X509 *chain[ASSERTION_CHAIN_MAX]; /* the key's own first */
	size_t n;
};

static void
material_done(struct material *m)
{
	EVP_PKEY_free(m->key);
	for (size_t i = 0; i < m->n; i++)
		X509_free(m->chain[i]);
	ERR_clear_error();
}

/* OpenSSL would ask on the terminal. */
static int
no_pass_phrase(char *buf, int size, int writing, void *ctx)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static bool
read_key(struct material *m, struct str pem, struct err *e)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);

	m->key = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, no_pass_phrase, NULL);
	BIO_free(in);
	if (m->key == NULL)
		return fail(e, ERR_INPUT,
		    "it holds no private key in PEM that can be read without a pass phrase");
	if (!EVP_PKEY_is_a(m->key, "RSA"))
		return fail(
		    e, ERR_INPUT, "its private key is not RSA: Entra takes no other for this");
	if (EVP_PKEY_get_bits(m->key) < ASSERTION_KEY_BITS_MIN)
		return fail(e, ERR_INPUT, "its private key has %d bits, %d are needed",
		    EVP_PKEY_get_bits(m->key), ASSERTION_KEY_BITS_MIN);
	return true;
}

static bool
read_certificates(struct material *m, struct str pem, struct err *e)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *cert;

	while (in != NULL && m->n < ASSERTION_CHAIN_MAX &&
	       (cert = PEM_read_bio_X509(in, NULL, no_pass_phrase, NULL)) != NULL)
		m->chain[m->n++] = cert;
	BIO_free(in);
	if (m->n == 0)
		return fail(e, ERR_INPUT, "it holds no certificate in PEM");
	for (size_t i = 0; i < m->n; i++) {
		cert = m->chain[i];
		if (X509_check_private_key(cert, m->key) != 1)
			continue;
		m->chain[i] = m->chain[0];
		m->chain[0] = cert;
		return true;
	}
	return fail(e, ERR_INPUT, "its certificate does not belong to its private key");
}

/* Entra would refuse it with many words; when it begins is left to Entra's clock. */
static bool
is_of_now(const struct material *m, int64_t now_ms, struct err *e)
{
	const ASN1_TIME *end = X509_get0_notAfter(m->chain[0]);
	time_t now = (time_t)(now_ms / 1000);
	struct tm tm;

	if (X509_cmp_time(end, &now) > 0)
		return true;
	if (ASN1_TIME_to_tm(end, &tm) != 1)
		return fail(e, ERR_INPUT, "the end of its certificate cannot be read");
	return fail(e, ERR_INPUT, "its certificate has expired on %04d-%02d-%02d",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static struct str
der_of(X509 *cert, struct arena *a)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);
	struct str out =
	    n <= 0 ? STR_EMPTY : arena_str(a, (struct str){ (const char *)der, (size_t)n });

	OPENSSL_free(der);
	return out;
}

static struct json *
header_of(const struct material *m, bool send_chain, struct arena *a)
{
	struct json *header = json_object(a), *x5c = json_array(a);
	unsigned char digest[SHA256_SIZE];

	sha256_of(der_of(m->chain[0], a), digest);
	json_set_cstr(header, "alg", "PS256", a);
	json_set_cstr(header, "typ", "JWT", a);
	json_set_str(header, "x5t#S256",
	    base64url_encode((struct str){ (const char *)digest, sizeof(digest) }, a), a);
	for (size_t i = 0; send_chain && i < m->n; i++)
		json_add(x5c, json_string(base64_encode(der_of(m->chain[i], a), a), a), a);
	if (send_chain)
		json_set(header, "x5c", x5c, a);
	return header;
}

static struct json *
claims_of(const struct assertion *as, struct arena *a)
{
	struct json *claims = json_object(a);
	int64_t now_s = as->now_ms / 1000;

	json_set_str(claims, "aud", as->audience, a);
	json_set_str(claims, "iss", as->client_id, a);
	json_set_str(claims, "sub", as->client_id, a);
	json_set_str(claims, "jti", as->id, a);
	json_set_int(claims, "nbf", now_s, a);
	json_set_int(claims, "iat", now_s, a);
	json_set_int(claims, "exp", now_s + ASSERTION_LIFE_S, a);
	return claims;
}

static bool
sign(EVP_PKEY *key, struct str text, struct arena *a, struct str *signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = (size_t)EVP_PKEY_get_size(key);
	unsigned char *out = arena_alloc(a, n);
	EVP_PKEY_CTX *how; /* ctx owns it */
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, &how, EVP_sha256(), NULL, key) == 1 &&
		  EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1 &&
		  EVP_DigestSign(ctx, out, &n, (const unsigned char *)text.p, text.n) == 1;

	EVP_MD_CTX_free(ctx);
	*signature = (struct str){ (const char *)out, n };
	return ok;
}

static struct str
part(const struct json *j, struct arena *a)
{
	return base64url_encode(json_print(j, a), a);
}

bool
assertion_sign(
    const struct assertion *as, struct str pem, struct arena *a, struct str *jwt, struct err *e)
{
	struct material m = { .n = 0 };
	struct str text, signature;
	bool ok = false;

	if (pem.n > ASSERTION_PEM_MAX)
		return fail(e, ERR_INPUT, "it is larger than %d bytes", ASSERTION_PEM_MAX);
	if (!read_key(&m, pem, e) || !read_certificates(&m, pem, e) ||
	    !is_of_now(&m, as->now_ms, e))
		goto out;
	text = arena_printf(a, "%.*s.%.*s", STR_ARG(part(header_of(&m, as->send_chain, a), a)),
	    STR_ARG(part(claims_of(as, a), a)));
	if (!sign(m.key, text, a, &signature)) {
		fail(e, ERR_INPUT, "its private key cannot sign");
		goto out;
	}
	*jwt = arena_printf(a, "%.*s.%.*s", STR_ARG(text), STR_ARG(base64url_encode(signature, a)));
	ok = true;
out:
	material_done(&m);
	return ok;
}
