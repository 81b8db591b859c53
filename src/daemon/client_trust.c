/*
 * Happy path: the chain that the client showed ends at one of our authorities, is valid now, is
 * meant for clients, and carries a name that is listed.
 * What can go wrong: any of that does not hold - the certificate counts as a wrong credential; only
 * the time is wrong - that is told apart, it may be our clock; the file of authorities is no good -
 * it is refused whole.
 */
#include "daemon/client_trust.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "core/jwt.h"
#include "datum.h"
#include "pem.h"

/* 112 bits: RSA of 2048, P-256; MD5 and SHA-1 are refused by GnuTLS unless it is asked to. */
#define VERIFY_FLAGS (GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM))

struct client_trust {
	struct arena *arena; /* of the names */
	gnutls_x509_trust_list_t list;
	struct str *names;
	size_t n;
	unsigned char digest[32]; /* of authorities and names */
};

static const struct {
	unsigned status;
	const char *text;
} reasons[] = {
	{ GNUTLS_CERT_SIGNER_NOT_FOUND, "it is not of an authority in client_certificates.ca" },
	{ GNUTLS_CERT_SIGNATURE_FAILURE, "a signature in its chain is wrong" },
	{ GNUTLS_CERT_SIGNER_NOT_CA, "it was signed by a certificate that is no authority" },
	{ GNUTLS_CERT_INSECURE_ALGORITHM, "a key or signature in its chain is too weak" },
	{ GNUTLS_CERT_EXPIRED, "it, or an authority above it, has expired" },
	{ GNUTLS_CERT_NOT_ACTIVATED, "it is not valid yet" },
	{ GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for clients" },
	{ ~0U, "its chain does not hold" },
};

/* ---- the time ---- */

/* At which this thread has a chain judged; 0 = now.  GnuTLS's function for it has no context. */
static _Thread_local time_t judged_at;

static time_t
tell_time(time_t *out)
{
	time_t at = judged_at != 0 ? judged_at : time(NULL);

	if (out != NULL)
		*out = at;
	return at;
}

static void
set_time_function(void)
{
	gnutls_global_set_time_function(tell_time);
}

void
client_trust_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_time_function);
}

/* ---- reading ---- */

static bool
are_authorities(gnutls_x509_crt_t *list, unsigned n, const char *path, struct err *e)
{
	for (unsigned i = 0; i < n; i++)
		if (gnutls_x509_crt_get_ca_status(list[i], NULL) <= 0)
			return fail(e, ERR_INPUT,
			    "%s: certificate %u is not an authority (CA:TRUE is missing)", path,
			    i + 1);
	return true;
}

static bool
read_authorities(struct client_trust *t, const char *path, struct str text, struct err *e)
{
	gnutls_datum_t pem = datum(text);
	gnutls_x509_crt_t *list = NULL;
	unsigned n = 0;
	bool ok;
	int code;

	if (!pem_is_whole(text, e))
		return fail_in(e, "%s", path);
	code = gnutls_x509_crt_list_import2(&list, &n, &pem, GNUTLS_X509_FMT_PEM, 0);
	if (code < 0)
		return fail(e, ERR_INPUT, "%s: not a certificate: %s", path, gnutls_strerror(code));
	ok = n <= CLIENT_AUTHORITIES_MAX ||
	     fail(e, ERR_INPUT, "%s holds more than %d certificates", path, CLIENT_AUTHORITIES_MAX);
	ok = ok && are_authorities(list, n, path, e);
	/* The list takes over what it is given. */
	if (ok && gnutls_x509_trust_list_add_cas(t->list, list, n, 0) != (int)n)
		abort(); /* out of memory */
	for (unsigned i = 0; !ok && i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return ok;
}

static void
take_names(struct client_trust *t, const struct str *names, size_t n, struct str text)
{
	struct str *parts = arena_alloc(t->arena, (n + 1) * sizeof(*parts));

	t->names = arena_alloc(t->arena, n * sizeof(*t->names));
	t->n = n;
	parts[0] = text;
	for (size_t i = 0; i < n; i++) {
		t->names[i] = arena_str(t->arena, names[i]);
		parts[i + 1] = t->names[i];
	}
	sha256_parts(parts, n + 1, t->digest);
}

bool
client_trust_read(
    struct str ca, const struct str *names, size_t n, struct client_trust **out, struct err *e)
{
	struct client_trust *t = xcalloc(1, sizeof(*t));
	struct arena *scratch = arena_new();
	const char *path = arena_cstr(scratch, ca);
	struct str text;
	bool ok;

	t->arena = arena_new();
	if (gnutls_x509_trust_list_init(&t->list, 0) < 0)
		abort(); /* out of memory */
	ok = file_read(path, TLS_PEM_MAX, scratch, &text, e) && read_authorities(t, path, text, e);
	if (ok)
		take_names(t, names, n, text);
	arena_free(scratch);
	if (ok)
		*out = t;
	else
		client_trust_free(t);
	return ok;
}

void
client_trust_free(struct client_trust *t)
{
	if (t == NULL)
		return;
	gnutls_x509_trust_list_deinit(t->list, 1);
	arena_free(t->arena);
	free(t);
}

bool
client_trust_same(const struct client_trust *a, const struct client_trust *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

/* ---- checking ---- */

static bool
lists(const struct client_trust *t, struct str name, bool fold)
{
	for (size_t i = 0; i < t->n; i++)
		if (fold ? str_eq_nocase(t->names[i], name) : str_eq(t->names[i], name))
			return true;
	return t->n == 0;
}

static bool
common_name(const struct client_trust *t, gnutls_x509_crt_t own, char text[CLIENT_NAME_MAX])
{
	size_t n = CLIENT_NAME_MAX;

	if (gnutls_x509_crt_get_dn_by_oid(own, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &n) < 0) {
		text[0] = '\0';
		n = 0;
	}
	return lists(t, (struct str){ text, n }, true);
}

/* Its first name that is listed.  A name with a NUL inside equals no listed one: lengths count. */
static bool
has_name(const struct client_trust *t, gnutls_x509_crt_t own, char text[CLIENT_NAME_MAX])
{
	bool has_names = false;

	for (unsigned i = 0; i < CLIENT_NAMES_SEEN; i++) {
		size_t n = CLIENT_NAME_MAX;
		int type = gnutls_x509_crt_get_subject_alt_name(own, i, text, &n, NULL);

		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
			has_names = true; /* of whatever type: the common name does not stand in */
		if (type != GNUTLS_SAN_DNSNAME && type != GNUTLS_SAN_URI)
			continue;
		has_names = true;
		if (lists(t, (struct str){ text, n }, type == GNUTLS_SAN_DNSNAME))
			return true;
	}
	return !has_names && common_name(t, own, text);
}

/* What is wrong with it at that time. */
static unsigned
verify(const struct client_trust *t, gnutls_x509_crt_t *chain, unsigned n, int64_t at_ms,
    unsigned flags)
{
	static char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st wanted = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)purpose }; // cppcheck-suppress legacyUninitvar
	unsigned status = 0;
	int code;

	judged_at = (time_t)(at_ms / 1000);
	code = gnutls_x509_trust_list_verify_crt2(
	    t->list, chain, n, &wanted, 1, VERIFY_FLAGS | flags, &status, NULL);
	judged_at = 0;
	return code < 0 ? GNUTLS_CERT_INVALID : status;
}

#define ANY_TIME (GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS)

/* Clocks differ: what is valid a little before or after now is valid. */
static bool
is_valid(const struct client_trust *t, gnutls_x509_crt_t *chain, unsigned n, int64_t now_ms,
    unsigned *status)
{
	*status = verify(t, chain, n, now_ms, 0);
	return *status == 0 || verify(t, chain, n, now_ms - JWT_SKEW_MS, 0) == 0 ||
	       verify(t, chain, n, now_ms + JWT_SKEW_MS, 0) == 0;
}

static const char *
reason(unsigned status)
{
	size_t i = 0;

	while ((status & reasons[i].status) == 0)
		i++;
	return reasons[i].text;
}

static enum client_certificate
check_chain(const struct client_trust *t, gnutls_x509_crt_t *chain, unsigned n, int64_t now_ms,
    char text[CLIENT_NAME_MAX])
{
	unsigned now, ever = verify(t, chain, n, now_ms, ANY_TIME);

	if (ever != 0) {
		snprintf(text, CLIENT_NAME_MAX, "%s", reason(ever));
		return CLIENT_CERTIFICATE_NOT_TRUSTED;
	}
	if (!has_name(t, chain[0], text)) {
		snprintf(text, CLIENT_NAME_MAX, "none of its names is listed");
		return CLIENT_CERTIFICATE_NOT_TRUSTED;
	}
	if (is_valid(t, chain, n, now_ms, &now))
		return CLIENT_CERTIFICATE_TRUSTED;
	snprintf(text, CLIENT_NAME_MAX, "%s", reason(now));
	return CLIENT_CERTIFICATE_NOT_NOW;
}

enum client_certificate
client_trust_check(const struct client_trust *t, struct gnutls_session_int *session, int64_t now_ms,
    char text[CLIENT_NAME_MAX])
{
	enum client_certificate answer = CLIENT_CERTIFICATE_NOT_TRUSTED;
	gnutls_x509_crt_t chain[CLIENT_CHAIN_MAX];
	unsigned count = 0, n = 0;
	const gnutls_datum_t *der = NULL;
	bool ok = true;

	text[0] = '\0';
	if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_CLIENT) == GNUTLS_CRT_X509)
		der = gnutls_certificate_get_peers(session, &count);
	if (der == NULL || count == 0)
		return CLIENT_CERTIFICATE_NONE;
	if (count > CLIENT_CHAIN_MAX) {
		snprintf(text, CLIENT_NAME_MAX, "its chain is longer than %d", CLIENT_CHAIN_MAX);
		return CLIENT_CERTIFICATE_NOT_TRUSTED;
	}
	for (; ok && n < count; n++) {
		if (gnutls_x509_crt_init(&chain[n]) < 0)
			abort(); /* out of memory */
		ok = gnutls_x509_crt_import(chain[n], &der[n], GNUTLS_X509_FMT_DER) == 0;
	}
	if (ok)
		answer = check_chain(t, chain, n, now_ms, text);
	else
		snprintf(text, CLIENT_NAME_MAX, "it cannot be read");
	while (n > 0)
		gnutls_x509_crt_deinit(chain[--n]);
	return answer;
}
