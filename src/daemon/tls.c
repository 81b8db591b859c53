/*
 * Happy path: a pair is read and checked once; each handshake gets its own copy of the parsed pair,
 * so that the pair can be exchanged while handshakes are under way.  A client's certificate is
 * asked for, never insisted on, and looked at when somebody wants to know. What can go wrong: a
 * half-written or foreign key is refused and the pair before stays in use.
 */
#include "daemon/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/client_trust.h"
#include "tls_pair.h"

/*
 * AEAD only, no SHA-1 (as MAC, as signature), no RSA key exchange, no small Diffie-Hellman group;
 * our order decides.  What handshakes cost comes first: X25519 because clients guess it, with
 * another one each handshake, a resumed one too, would begin twice (HelloRetryRequest); AES-128
 * because it goes with SHA-256, which processors compute.
 */
const char tls_priority[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-SHA1:"
    "-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1:+GROUP-X448:"
    "-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:-SIGN-DSA-SHA1:%SERVER_PRECEDENCE";

struct tls {
	pthread_mutex_t lock; /* of pair */
	struct tls_pair pair;
	pthread_rwlock_t clients_lock; /* of what follows */
	struct client_trust *clients;  /* NULL = they are not asked for a certificate */
	uint64_t generation;	       /* of clients */
	atomic_uint_fast64_t number;   /* of all that was ever put in force */
	gnutls_datum_t ticket_key;     /* GnuTLS derives and rotates the keys in use from it */
};

/* The session's pointer leads here. */
struct tls_peer {
	struct tls *tls;
	gnutls_session_t session;
	bool met, was_asked; /* for a certificate */
	/* The answer about its certificate, of this generation and time. */
	enum client_certificate answer;
	uint64_t generation;
	int64_t asked_ms; /* monotonic; 0 = never */
	char *text;
};

static void
ticket_key_make(gnutls_datum_t *key)
{
	if (gnutls_session_ticket_key_generate(key) < 0)
		abort(); /* no randomness */
}

static void
ticket_key_done(gnutls_datum_t *key)
{
	gnutls_memset(key->data, 0, key->size);
	gnutls_free(key->data);
}

/* All that the files hold; nothing is in use yet. */
static bool
files_read(
    const struct tls_files *f, struct tls_pair *pair, struct client_trust **clients, struct err *e)
{
	*clients = NULL;
	if (f->client_ca.n > 0 &&
	    !client_trust_read(f->client_ca, f->client_names, f->n_client_names, clients, e))
		return false;
	if (tls_pair_read(f->certificate, f->private_key, pair, e))
		return true;
	client_trust_free(*clients);
	return false;
}

/* Whoever does not look at dates is served by it, and nobody would be without it. */
static void
warn_of_validity(const struct err *e)
{
	log_warning(
	    "%s: it is used since there is no better one, most clients will turn away", e->text);
}

bool
tls_new(const struct tls_files *f, struct tls **out, struct err *e)
{
	struct client_trust *clients;
	struct tls_pair pair;
	struct tls *t;

	client_trust_init();
	if (!files_read(f, &pair, &clients, e))
		return false;
	t = xcalloc(1, sizeof(*t));
	t->pair = pair;
	t->clients = clients;
	pthread_mutex_init(&t->lock, NULL);
	pthread_rwlock_init(&t->clients_lock, NULL);
	ticket_key_make(&t->ticket_key);
	if (!tls_pair_is_valid(&pair, f->certificate, clock_now_ms(), e))
		warn_of_validity(e);
	*out = t;
	return true;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	tls_pair_done(&t->pair);
	client_trust_free(t->clients);
	ticket_key_done(&t->ticket_key);
	pthread_rwlock_destroy(&t->clients_lock);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/*
 * What is not valid now is taken only in place of what is no better: the same files, read again.
 * False: the one in use is better.  *pair becomes the one that is not used (any more).
 */
static bool
pair_exchange(struct tls *t, struct tls_pair *pair, struct str name, struct err *e)
{
	int64_t now = clock_now_ms();
	bool valid = tls_pair_is_valid(pair, name, now, e), same, taken;
	struct tls_pair old;
	struct err ignored;

	pthread_mutex_lock(&t->lock);
	old = t->pair;
	same = tls_pair_same(pair, &old);
	taken = valid || same ||
		(!tls_pair_is_valid(&old, name, now, &ignored) &&
		    pair->own_expires_ms >= old.own_expires_ms);
	if (taken && !same) {
		t->pair = *pair;
		*pair = old;
		atomic_fetch_add(&t->number, 1);
	}
	pthread_mutex_unlock(&t->lock);
	if (taken && !valid && !same)
		warn_of_validity(e);
	return taken;
}

/*
 * A session from before may not know its client's certificate, since none was asked for then.  So
 * tickets end here, and an honest client is not refused for having none.
 */
static void
clients_exchange(struct tls *t, struct client_trust *clients)
{
	struct client_trust *old = clients;
	gnutls_datum_t key;

	ticket_key_make(&key);
	pthread_rwlock_wrlock(&t->clients_lock);
	if (!client_trust_same(t->clients, clients)) {
		gnutls_datum_t old_key = t->ticket_key;

		old = t->clients;
		t->clients = clients;
		t->generation++;
		atomic_fetch_add(&t->number, 1);
		t->ticket_key = key;
		key = old_key;
	}
	pthread_rwlock_unlock(&t->clients_lock);
	ticket_key_done(&key);
	client_trust_free(old);
}

bool
tls_set(struct tls *t, const struct tls_files *f, struct err *e)
{
	struct client_trust *clients;
	struct tls_pair pair;
	bool ok;

	if (!files_read(f, &pair, &clients, e))
		return false;
	ok = pair_exchange(t, &pair, f->certificate, e);
	if (ok) {
		clients_exchange(t, clients);
	} else {
		client_trust_free(clients);
	}
	tls_pair_done(&pair);
	return ok;
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

uint64_t
tls_number(struct tls *t)
{
	return atomic_load(&t->number);
}

/* ---- one connection ---- */

static int
on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
    const gnutls_datum_t *message)
{
	struct tls_peer *p = gnutls_session_get_ptr(session);

	(void)type;
	(void)when;
	(void)message;
	if (incoming)
		p->met = true;
	return 0;
}

struct tls_peer *
tls_begin(struct tls *t, struct gnutls_session_int *session)
{
	struct tls_peer *p = xcalloc(1, sizeof(*p));

	p->tls = t;
	p->session = session;
	/* MHD's own pointer there serves pre-shared keys only, which are not used. */
	gnutls_session_set_ptr(session, p);
	gnutls_handshake_set_hook_function(
	    session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
	pthread_rwlock_rdlock(&t->clients_lock);
	/* Asked for, not insisted on: who has a key needs no certificate. */
	p->was_asked = t->clients != NULL;
	if (p->was_asked)
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	/* libmicrohttpd never issues tickets itself: without this no client resumes. */
	(void)gnutls_session_ticket_enable_server(session, &t->ticket_key);
	pthread_rwlock_unlock(&t->clients_lock);
	return p;
}

void
tls_end(struct tls_peer *p)
{
	if (p == NULL)
		return;
	free(p->text);
	free(p);
}

bool
tls_is_met(const struct tls_peer *p)
{
	return p->met;
}

/* Under clients_lock. */
static void
ask_again(struct tls_peer *p, int64_t now_ms, int64_t mono_ms)
{
	const struct client_trust *clients = p->tls->clients;
	char text[CLIENT_NAME_MAX] = "";

	if (clients == NULL)
		p->answer = CLIENT_CERTIFICATE_NONE;
	else if (!p->was_asked)
		p->answer = CLIENT_CERTIFICATE_NOT_ASKED;
	else
		p->answer = client_trust_check(clients, p->session, now_ms, text);
	free(p->text);
	p->text = xstrdup(text);
	p->generation = p->tls->generation;
	p->asked_ms = mono_ms;
}

enum client_certificate
tls_client_certificate(struct tls_peer *p, int64_t now_ms, int64_t mono_ms, struct str *text)
{
	pthread_rwlock_rdlock(&p->tls->clients_lock);
	if (p->asked_ms == 0 || p->generation != p->tls->generation ||
	    mono_ms - p->asked_ms > TLS_CLIENT_RECHECK_MS)
		ask_again(p, now_ms, mono_ms);
	pthread_rwlock_unlock(&p->tls->clients_lock);
	*text = str_of(p->text);
	return p->answer;
}

/* Copies in GnuTLS's memory, freed by GnuTLS (GNUTLS_CERT_RETR_DEINIT_ALL). */
static int
copy_pair(const struct tls_pair *p, gnutls_pcert_st *chain, gnutls_privkey_t *key)
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
	struct tls *t = ((struct tls_peer *)gnutls_session_get_ptr(session))->tls;
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
