/*
 * Happy path: the key and the certificates are read from the PEM text; header and claims are
 * printed, encoded and signed.
 * What can go wrong: no key, no certificate, a key that is not RSA or does not belong to the first
 * certificate, one that wants a passphrase, a certificate that has expired.  Each is said, since a
 * person has to mend it.
 */
#include "core/assertion.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/hash.h"
#include "base/json.h"

#define LIFE_S 600
#define RSA_BITS_MIN 2048
#define CERTIFICATES_MAX 8

struct identity {
	EVP_PKEY *key;
	X509 *certificates[CERTIFICATES_MAX];
	size_t n;
};

static bool
useless(struct err *e, const char *why)
{
	return fail(e, ERR_DENIED, "%s", why);
}

/* Nobody is there to type one. */
static int
no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)buf, (void)size, (void)writing, (void)ctx;
	return -1;
}

static void
identity_free(struct identity *id)
{
	EVP_PKEY_free(id->key);
	for (size_t i = 0; i < id->n; i++)
		X509_free(id->certificates[i]);
}

static EVP_PKEY *
read_key(struct str pem)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);

	BIO_free(in);
	return key;
}

static void
read_certificates(struct str pem, struct identity *id)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *x;

	while (in != NULL && id->n < CERTIFICATES_MAX &&
	       (x = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)) != NULL)
		id->certificates[id->n++] = x;
	BIO_free(in);
}

static bool
check(const struct identity *id, int64_t now_ms, struct err *e)
{
	time_t now = (time_t)(now_ms / 1000);

	if (id->key == NULL)
		return useless(e, "there is no private key in it, or it wants a passphrase");
	if (id->n == 0)
		return useless(e, "there is no certificate in it");
	if (EVP_PKEY_get_base_id(id->key) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_bits(id->key) < RSA_BITS_MIN)
		return useless(e, "the key is not RSA with 2048 bits or more");
	if (X509_check_private_key(id->certificates[0], id->key) != 1)
		return useless(e, "the private key does not belong to the first certificate");
	if (X509_cmp_time(X509_get0_notAfter(id->certificates[0]), &now) < 0)
		return useless(e, "the certificate has expired");
	return true;
}

/* ---- the token ---- */

static struct str
der_of(X509 *x, struct arena *a)
{
	int n = i2d_X509(x, NULL);
	unsigned char *der = arena_alloc(a, n > 0 ? (size_t)n : 1), *end = der;

	if (n <= 0 || i2d_X509(x, &end) != n)
		return STR_EMPTY;
	return (struct str){ (const char *)der, (size_t)n };
}

static struct str
header_of(const struct identity *id, bool send_chain, struct arena *a)
{
	struct json *j = json_object(a), *chain = json_array(a);
	unsigned char digest[SHA256_SIZE];

	sha256_of(der_of(id->certificates[0], a), digest);
	json_set_cstr(j, "alg", "PS256", a);
	json_set_cstr(j, "typ", "JWT", a);
	json_set_str(j, "x5t#S256",
	    base64url_encode((struct str){ (const char *)digest, sizeof(digest) }, a), a);
	for (size_t i = 0; send_chain && i < id->n; i++)
		json_add(
		    chain, json_string(base64_encode(der_of(id->certificates[i], a), a), a), a);
	if (send_chain)
		json_set(j, "x5c", chain, a);
	return json_print(j, a);
}

static struct str
claims_of(const struct assertion *c, struct arena *a)
{
	struct json *j = json_object(a);
	int64_t now_s = c->now_ms / 1000;

	json_set_str(j, "aud", c->audience, a);
	json_set_str(j, "iss", c->client_id, a);
	json_set_str(j, "sub", c->client_id, a);
	json_set_str(j, "jti", c->jti, a);
	json_set_int(j, "nbf", now_s, a);
	json_set_int(j, "iat", now_s, a);
	json_set_int(j, "exp", now_s + LIFE_S, a);
	return json_print(j, a);
}

/* RSASSA-PSS with SHA-256 and a salt as long as the digest (RFC 7518, 3.5). */
static bool
sign(EVP_PKEY *key, struct str text, struct arena *a, struct str *out)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t n = (size_t)EVP_PKEY_get_size(key);
	unsigned char *signature = arena_alloc(a, n);
	EVP_PKEY_CTX *pss;
	bool ok = md != NULL && EVP_DigestSignInit(md, &pss, EVP_sha256(), NULL, key) == 1 &&
		  EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_rsa_pss_saltlen(pss, RSA_PSS_SALTLEN_DIGEST) == 1 &&
		  EVP_DigestSign(md, signature, &n, (const unsigned char *)text.p, text.n) == 1;

	EVP_MD_CTX_free(md);
	*out = (struct str){ (const char *)signature, n };
	return ok;
}

static bool
make(const struct assertion *c, const struct identity *id, struct arena *a, struct str *out,
    struct err *e)
{
	struct str header = base64url_encode(header_of(id, c->send_chain, a), a);
	struct str claims = base64url_encode(claims_of(c, a), a), signature;
	struct str text = arena_printf(a, "%.*s.%.*s", STR_ARG(header), STR_ARG(claims));

	if (!sign(id->key, text, a, &signature))
		return useless(e, "the key cannot sign");
	*out = arena_printf(a, "%.*s.%.*s", STR_ARG(text), STR_ARG(base64url_encode(signature, a)));
	return true;
}

bool
assertion_make(
    const struct assertion *c, struct str pem, struct arena *a, struct str *out, struct err *e)
{
	struct identity id = { .key = pem.n > INT32_MAX ? NULL : read_key(pem) };
	bool ok;

	if (id.key != NULL)
		read_certificates(pem, &id);
	ok = check(&id, c->now_ms, e) && make(c, &id, a, out, e);
	identity_free(&id);
	return ok;
}
