/*
 * Happy path: a pair is read and checked once; each handshake gets its own copy of the parsed pair,
 * so that the pair can be exchanged while handshakes are under way.
 * What can go wrong: a half-written or foreign key is refused and the pair before stays in use.
 */
#include "daemon/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"

/* No CBC, no SHA-1, no RSA key exchange, no small Diffie-Hellman group; our order decides. */
const char tls_priority[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-SHA1:-AES-128-CBC:-AES-256-CBC:"
    "-AES-128-CCM:-AES-256-CCM:-GROUP-FFDHE2048:%SERVER_PRECEDENCE";

struct pair {
	gnutls_x509_crt_t *chain;
	unsigned n;
	gnutls_x509_privkey_t key;
	int64_t expires_ms;
};

struct tls {
	pthread_mutex_t lock; /* of pair */
	struct pair pair;
	gnutls_datum_t ticket_key; /* GnuTLS derives and rotates the keys in use from it */
};

static void
pair_done(struct pair *p)
{
	for (unsigned i = 0; i < p->n; i++)
		gnutls_x509_crt_deinit(p->chain[i]);
	gnutls_free(p->chain);
	gnutls_x509_privkey_deinit(p->key);
}

static gnutls_datum_t
datum(struct str s)
{
	/* GnuTLS takes what it only reads as unsigned char * without const. */
	union {
		const char *in;
		unsigned char *out;
	} p = { .in = s.p };

	return (gnutls_datum_t){ p.out, (unsigned)s.n };
}

static bool
read_chain(const char *path, struct arena *a, struct pair *p, struct err *e)
{
	struct str text;
	gnutls_datum_t pem;
	int code;

	if (!file_read(path, TLS_PEM_MAX, a, &text, e))
		return false;
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
	p->expires_ms = (int64_t)gnutls_x509_crt_get_expiration_time(p->chain[0]) * 1000;
	return true;
}

static bool
read_key(const char *path, struct arena *a, struct pair *p, struct err *e)
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
belong_together(const struct pair *p)
{
	unsigned char own[64], other[64];
	size_t n_own = sizeof(own), n_other = sizeof(other);

	return gnutls_x509_crt_get_key_id(p->chain[0], GNUTLS_KEYID_USE_SHA256, own, &n_own) == 0 &&
	       gnutls_x509_privkey_get_key_id(p->key, GNUTLS_KEYID_USE_SHA256, other, &n_other) ==
		   0 &&
	       n_own == n_other && memcmp(own, other, n_own) == 0;
}

static bool
pair_read(struct str certificate, struct str private_key, struct pair *out, struct err *e)
{
	struct arena *a = arena_new();
	struct pair p = { 0 };
	const char *cert = arena_cstr(a, certificate), *key = arena_cstr(a, private_key);
	bool ok = read_chain(cert, a, &p, e) && read_key(key, a, &p, e);

	if (ok && !belong_together(&p))
		ok = fail(e, ERR_INPUT, "%s is not the private key of %s", key, cert);
	arena_free(a);
	if (ok)
		*out = p;
	else
		pair_done(&p);
	return ok;
}

bool
tls_new(struct str certificate, struct str private_key, struct tls **out, struct err *e)
{
	struct pair pair;
	struct tls *t;

	if (!pair_read(certificate, private_key, &pair, e))
		return false;
	t = xcalloc(1, sizeof(*t));
	t->pair = pair;
	pthread_mutex_init(&t->lock, NULL);
	if (gnutls_session_ticket_key_generate(&t->ticket_key) < 0)
		abort(); /* no randomness */
	*out = t;
	return true;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	pair_done(&t->pair);
	gnutls_memset(t->ticket_key.data, 0, t->ticket_key.size);
	gnutls_free(t->ticket_key.data);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* What has expired is taken only in place of a pair that is no better: the same files, read again.
 */
static bool
is_worse(const struct pair *p, const struct pair *than)
{
	return p->expires_ms < clock_now_ms() && p->expires_ms < than->expires_ms;
}

bool
tls_set(struct tls *t, struct str certificate, struct str private_key, struct err *e)
{
	struct pair pair, old;
	char text[CLOCK_TEXT_MAX];
	bool worse;

	if (!pair_read(certificate, private_key, &pair, e))
		return false;
	pthread_mutex_lock(&t->lock);
	worse = is_worse(&pair, &t->pair);
	old = worse ? pair : t->pair;
	if (!worse)
		t->pair = pair;
	pthread_mutex_unlock(&t->lock);
	if (worse)
		fail(e, ERR_INPUT, "%.*s has expired on %s", STR_ARG(certificate),
		    clock_format(old.expires_ms, text));
	pair_done(&old);
	return !worse;
}

int64_t
tls_expires_ms(struct tls *t)
{
	int64_t ms;

	pthread_mutex_lock(&t->lock);
	ms = t->pair.expires_ms;
	pthread_mutex_unlock(&t->lock);
	return ms;
}

void
tls_begin(struct tls *t, struct gnutls_session_int *session)
{
	/* MHD's own pointer there serves pre-shared keys only, which are not used. */
	gnutls_session_set_ptr(session, t);
	/* libmicrohttpd never issues tickets itself: without this no client resumes. */
	(void)gnutls_session_ticket_enable_server(session, &t->ticket_key);
}

/* Copies in GnuTLS's memory, freed by GnuTLS (GNUTLS_CERT_RETR_DEINIT_ALL). */
static int
copy_pair(const struct pair *p, gnutls_pcert_st *chain, gnutls_privkey_t *key)
{
	int code = 0;

	for (unsigned i = 0; i < p->n && code >= 0; i++)
		code = gnutls_pcert_import_x509(&chain[i], p->chain[i], 0);
	if (code < 0 || (code = gnutls_privkey_init(key)) < 0)
		return code;
	code = gnutls_privkey_import_x509(*key, p->key, GNUTLS_PRIVKEY_IMPORT_COPY);
	if (code < 0)
		gnutls_privkey_deinit(*key);
	return code;
}

static int
retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **chain,
    unsigned *n, gnutls_ocsp_data_st **ocsp, unsigned *n_ocsp, gnutls_privkey_t *key,
    unsigned *flags)
{
	struct tls *t = gnutls_session_get_ptr(session);
	gnutls_pcert_st *copy;
	unsigned count;
	int code;

	(void)info;
	pthread_mutex_lock(&t->lock);
	count = t->pair.n;
	copy = gnutls_calloc(count, sizeof(*copy));
	code = copy == NULL ? GNUTLS_E_MEMORY_ERROR : copy_pair(&t->pair, copy, key);
	pthread_mutex_unlock(&t->lock);
	if (code < 0) {
		for (unsigned i = 0; copy != NULL && i < count; i++)
			gnutls_pcert_deinit(&copy[i]);
		gnutls_free(copy);
		return -1;
	}
	*chain = copy;
	*n = count;
	*ocsp = NULL;
	*n_ocsp = 0;
	*flags = GNUTLS_CERT_RETR_DEINIT_ALL;
	return 0;
}

tls_function *
tls_retriever(void)
{
	gnutls_certificate_retrieve_function3 *f = retrieve;

	return (tls_function *)f;
}
