/*
 * Happy path: chain and key are read, belong together, are meant for a server, and a handshake in
 * memory succeeds with them.
 * What can go wrong: a file is missing, half written or holds something else; the key is another
 * one's; or all that is right and every client would still turn away, which nobody would notice but
 * by the silence.  Each is refused with the file's name.
 */
#include "tls_pair.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/tls.h"
#include "datum.h"
#include "pem.h"

/* 112 bits, as for certificates of clients; what is shorter is refused by today's libraries. */
#define RSA_BITS_MIN 2048

void
tls_pair_done(struct tls_pair *p)
{
	for (unsigned i = 0; i < p->n; i++)
		gnutls_x509_crt_deinit(p->chain[i]);
	gnutls_free(p->chain);
	gnutls_x509_privkey_deinit(p->key);
}

/* The key belongs to the first certificate. */
bool
tls_pair_same(const struct tls_pair *a, const struct tls_pair *b)
{
	for (unsigned i = 0; i < a->n && i < b->n; i++)
		if (!gnutls_x509_crt_equals(a->chain[i], b->chain[i]))
			return false;
	return a->n == b->n;
}

/* ---- reading ---- */

static void
read_validity(struct tls_pair *p)
{
	p->begins_ms = INT64_MIN;
	p->expires_ms = INT64_MAX;
	for (unsigned i = 0; i < p->n; i++) {
		int64_t from = (int64_t)gnutls_x509_crt_get_activation_time(p->chain[i]) * 1000;
		int64_t until = (int64_t)gnutls_x509_crt_get_expiration_time(p->chain[i]) * 1000;

		if (i == 0)
			p->own_expires_ms = until;
		if (from > p->begins_ms)
			p->begins_ms = from;
		if (until < p->expires_ms)
			p->expires_ms = until;
	}
}

static bool
read_chain(const char *path, struct arena *a, struct tls_pair *p, struct err *e)
{
	struct str text;
	gnutls_datum_t pem;
	int code;

	if (!file_read(path, TLS_PEM_MAX, a, &text, e))
		return false;
	if (!pem_is_whole(text, e))
		return fail_in(e, "%s", path);
	pem = datum(text);
	code = gnutls_x509_crt_list_import2(
	    &p->chain, &p->n, &pem, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
	if (code < 0) {
		p->chain = NULL;
		p->n = 0;
	}
	if (code == GNUTLS_E_CERTIFICATE_LIST_UNSORTED)
		return fail(
		    e, ERR_INPUT, "%s: the certificates are not in order, own one first", path);
	if (code < 0)
		return fail(e, ERR_INPUT, "%s: not a certificate: %s", path, gnutls_strerror(code));
	if (p->n > TLS_CHAIN_MAX)
		return fail(
		    e, ERR_INPUT, "%s holds more than %d certificates", path, TLS_CHAIN_MAX);
	read_validity(p);
	return true;
}

static bool
read_key(const char *path, struct arena *a, struct tls_pair *p, struct err *e)
{
	struct str text;
	gnutls_datum_t pem;
	int code;

	if (!file_read(path, TLS_PEM_MAX, a, &text, e))
		return false;
	pem = datum(text);
	if (gnutls_x509_privkey_init(&p->key) < 0)
		abort(); /* out of memory */
	code = gnutls_x509_privkey_import2(p->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	explicit_bzero(pem.data, pem.size);
	if (code < 0)
		return fail(e, ERR_INPUT, "%s: not a private key: %s", path, gnutls_strerror(code));
	return true;
}

static bool
belong_together(const struct tls_pair *p)
{
	unsigned char own[64], other[64];
	size_t n_own = sizeof(own), n_other = sizeof(other);

	return gnutls_x509_crt_get_key_id(p->chain[0], GNUTLS_KEYID_USE_SHA256, own, &n_own) == 0 &&
	       gnutls_x509_privkey_get_key_id(p->key, GNUTLS_KEYID_USE_SHA256, other, &n_other) ==
		   0 &&
	       n_own == n_other && memcmp(own, other, n_own) == 0;
}

/* ---- whom it serves ---- */

/* What an extension that is not there forbids is nothing. */
static bool
is_for_servers(gnutls_x509_crt_t own, struct err *e)
{
	unsigned usage;
	int code = gnutls_x509_crt_get_key_usage(own, &usage, NULL);

	if (code >= 0 && (usage & GNUTLS_KEY_DIGITAL_SIGNATURE) == 0)
		return fail(e, ERR_INPUT,
		    "its key usage is without digitalSignature, which TLS 1.2 and 1.3 need");
	if (!gnutls_x509_crt_check_key_purpose(own, GNUTLS_KP_TLS_WWW_SERVER, 0))
		return fail(e, ERR_INPUT,
		    "its extended key usage is not for TLS servers (serverAuth is missing)");
	return true;
}

static bool
is_strong(gnutls_x509_crt_t own, struct err *e)
{
	unsigned bits;
	int kind = gnutls_x509_crt_get_pk_algorithm(own, &bits);

	if ((kind == GNUTLS_PK_RSA || kind == GNUTLS_PK_RSA_PSS) && bits < RSA_BITS_MIN)
		return fail(e, ERR_INPUT, "an RSA key of %u bits is too short, %d are wanted", bits,
		    RSA_BITS_MIN);
	return true;
}

bool
tls_pair_read(struct str certificate, struct str private_key, struct tls_pair *out, struct err *e)
{
	struct arena *a = arena_new();
	struct tls_pair p = { 0 };
	const char *cert = arena_cstr(a, certificate), *key = arena_cstr(a, private_key);
	bool ok = read_chain(cert, a, &p, e) && read_key(key, a, &p, e);

	if (ok && !belong_together(&p))
		ok = fail(e, ERR_INPUT, "%s is not the private key of %s", key, cert);
	else if (ok)
		ok = (is_for_servers(p.chain[0], e) && is_strong(p.chain[0], e) &&
			 tls_trial(&p, e)) ||
		     fail_in(e, "%s", cert);
	arena_free(a);
	if (ok)
		*out = p;
	else
		tls_pair_done(&p);
	return ok;
}

bool
tls_pair_is_valid(const struct tls_pair *p, struct str certificate, int64_t now_ms, struct err *e)
{
	char text[CLOCK_TEXT_MAX];

	if (p->own_expires_ms < now_ms)
		return fail(e, ERR_INPUT, "%.*s has expired on %s", STR_ARG(certificate),
		    clock_format(p->own_expires_ms, text));
	if (p->expires_ms < now_ms)
		return fail(e, ERR_INPUT, "%.*s: an authority in its chain has expired on %s",
		    STR_ARG(certificate), clock_format(p->expires_ms, text));
	if (p->begins_ms > now_ms)
		return fail(e, ERR_INPUT, "%.*s is not valid before %s", STR_ARG(certificate),
		    clock_format(p->begins_ms, text));
	return true;
}
