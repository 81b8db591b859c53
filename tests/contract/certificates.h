/*
 * Certificates made for a test, as PEM files in a folder of their own.
 */
#ifndef TESTS_CERTIFICATES_H
#define TESTS_CERTIFICATES_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "test.h"

#define DAY_S ((time_t)24 * 3600)

/* Zero is the usual: P-256, SHA-256, for anything, from yesterday for 30 days, signed by itself. */
struct wanted {
	const char *name; /* common name */
	const char *dns, *uri;
	size_t n_dns; /* not 0: so many bytes of dns as they are, NUL too */
	const char *purpose;
	unsigned usage;		  /* GNUTLS_KEY_...; 0 = it does not say */
	time_t from, until;	  /* seconds from now */
	unsigned rsa_bits;	  /* 0 = a curve */
	gnutls_ecc_curve_t curve; /* 0 = P-256 */
	gnutls_digest_algorithm_t digest;
	bool authority;
	const struct made *by;
};

struct made {
	gnutls_x509_crt_t cert;
	gnutls_x509_privkey_t key;
};

static inline void
made_done(struct made *m)
{
	gnutls_x509_crt_deinit(m->cert);
	gnutls_x509_privkey_deinit(m->key);
}

static inline void
make_key(gnutls_x509_privkey_t *key, const struct wanted *w)
{
	gnutls_ecc_curve_t curve = w->curve == 0 ? GNUTLS_ECC_CURVE_SECP256R1 : w->curve;

	CHECK(gnutls_x509_privkey_init(key) == 0);
	if (w->rsa_bits > 0)
		CHECK(gnutls_x509_privkey_generate(*key, GNUTLS_PK_RSA, w->rsa_bits, 0) == 0);
	else
		CHECK(gnutls_x509_privkey_generate(*key, gnutls_ecc_curve_get_pk(curve),
			  GNUTLS_CURVE_TO_BITS(curve), 0) == 0);
}

/* GnuTLS itself would cut the name at a NUL. */
static inline void
set_raw_dns(gnutls_x509_crt_t c, const char *dns, size_t n)
{
	unsigned char der[128] = { 0x30, (unsigned char)(n + 2), 0x82, (unsigned char)n };

	CHECK(n < sizeof(der) - 4);
	memcpy(der + 4, dns, n);
	CHECK(gnutls_x509_crt_set_extension_by_oid(c, "2.5.29.17", der, n + 4, 0) == 0);
}

/* As it would come from a file: what was only built has no raw names to be found by. */
static inline gnutls_x509_crt_t
read_back(gnutls_x509_crt_t built)
{
	gnutls_x509_crt_t c;
	gnutls_datum_t der;

	CHECK(gnutls_x509_crt_export2(built, GNUTLS_X509_FMT_DER, &der) == 0);
	CHECK(gnutls_x509_crt_init(&c) == 0);
	CHECK(gnutls_x509_crt_import(c, &der, GNUTLS_X509_FMT_DER) == 0);
	gnutls_free(der.data);
	gnutls_x509_crt_deinit(built);
	return c;
}

static inline struct made
make(const struct wanted *w)
{
	time_t now = (time_t)(clock_now_ms() / 1000);
	struct made m;
	gnutls_x509_crt_t c;

	make_key(&m.key, w);
	CHECK(gnutls_x509_crt_init(&c) == 0 && gnutls_x509_crt_set_version(c, 3) == 0);
	CHECK(gnutls_x509_crt_set_key(c, m.key) == 0);
	CHECK(gnutls_x509_crt_set_serial(c, "\x01", 1) == 0);
	CHECK(gnutls_x509_crt_set_dn_by_oid(
		  c, GNUTLS_OID_X520_COMMON_NAME, 0, w->name, (unsigned)strlen(w->name)) == 0);
	CHECK(gnutls_x509_crt_set_activation_time(c, now + (w->from == 0 ? -DAY_S : w->from)) == 0);
	CHECK(gnutls_x509_crt_set_expiration_time(
		  c, now + (w->until == 0 ? 30 * DAY_S : w->until)) == 0);
	if (w->n_dns > 0)
		set_raw_dns(c, w->dns, w->n_dns);
	else if (w->dns != NULL)
		CHECK(gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_DNSNAME, w->dns,
			  (unsigned)strlen(w->dns), GNUTLS_FSAN_APPEND) == 0);
	if (w->uri != NULL)
		CHECK(gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_URI, w->uri,
			  (unsigned)strlen(w->uri), GNUTLS_FSAN_APPEND) == 0);
	if (w->purpose != NULL)
		CHECK(gnutls_x509_crt_set_key_purpose_oid(c, w->purpose, 0) == 0);
	if (w->usage != 0)
		CHECK(gnutls_x509_crt_set_key_usage(c, w->usage) == 0);
	CHECK(gnutls_x509_crt_set_basic_constraints(c, w->authority, -1) == 0);
	CHECK(gnutls_x509_crt_sign2(c, w->by == NULL ? c : w->by->cert,
		  w->by == NULL ? m.key : w->by->key,
		  w->digest == 0 ? GNUTLS_DIG_SHA256 : w->digest, 0) == 0);
	m.cert = read_back(c);
	return m;
}

static inline void
file_write(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

static inline void
write_cert(const char *path, const struct made *m)
{
	gnutls_datum_t pem;

	CHECK(gnutls_x509_crt_export2(m->cert, GNUTLS_X509_FMT_PEM, &pem) == 0);
	file_write(path, pem.data, pem.size);
	gnutls_free(pem.data);
}

static inline void
write_key(const char *path, const struct made *m)
{
	gnutls_datum_t pem;

	CHECK(gnutls_x509_privkey_export2_pkcs8(
		  m->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem) == 0);
	file_write(path, pem.data, pem.size);
	gnutls_free(pem.data);
}

#endif
