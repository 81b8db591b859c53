/* Which certificates are put in force, and which leave the old one where it is. */
#include "tls_world.h"

static void
check_refused(struct listener *l, const char *cert, const char *key, const char *words)
{
	struct met m;
	struct err e;

	CHECK(!set_pair(l, str_of(cert), str_of(key), &e));
	CHECK_HAS(e.text, words);
	meet_once(l, "NORMAL", &m);
	CHECK_INT(m.code, 0);
	CHECK_CSTR(m.name, "first");
}

TEST(a_bad_new_pair_is_refused_and_the_old_one_stays)
{
	struct listener *l;
	struct files f;
	struct err e;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	check_refused(l, f.cert, f.key2, "key2.pem is not the private key of");
	check_refused(l, "/nonexistent/cert.pem", f.key, "/nonexistent/cert.pem");
	check_refused(l, f.key, f.key, "key.pem: not a certificate");
	check_refused(l, f.cert, f.cert, "cert.pem: not a private key");
	file_write(f.key2, "-----BEGIN PRIVATE KEY-----\nMIG", 31); /* half-written */
	check_refused(l, f.cert2, f.key2, "key2.pem: not a private key");
	file_write(f.key2, "", 0);
	check_refused(l, f.cert2, f.key2, "key2.pem: not a private key");
	pair_write(f.cert2, f.key2, "expired", -2 * DAY_S, -DAY_S);
	check_refused(l, f.cert2, f.key2, "cert2.pem has expired on");
	listener_stop(l);
	files_remove(&f);
}

/* As one file: n bytes of b behind all of a. */
static void
join(const struct files *f, gnutls_datum_t a, const char *between, gnutls_datum_t b, size_t n)
{
	char text[16384];
	int length = snprintf(text, sizeof(text), "%.*s%s%.*s", (int)a.size, (char *)a.data,
	    between, (int)n, (char *)b.data);

	CHECK(length > 0 && (size_t)length < sizeof(text));
	file_write(f->cert, text, (size_t)length);
}

/*
 * A certificate that is good for 30 days, and the authority above it for so many, as PEM; the key
 * goes to f->key.
 */
static void
chain_make(const struct files *f, int days, gnutls_datum_t pem[2])
{
	struct made above = make(&(struct wanted){
	    .name = "authority", .authority = true, .from = -90 * DAY_S, .until = days * DAY_S });
	struct made own = make(&(struct wanted){ .name = "first", .by = &above });

	CHECK(gnutls_x509_crt_export2(own.cert, GNUTLS_X509_FMT_PEM, &pem[0]) == 0);
	CHECK(gnutls_x509_crt_export2(above.cert, GNUTLS_X509_FMT_PEM, &pem[1]) == 0);
	write_key(f->key, &own);
	made_done(&own);
	made_done(&above);
}

static void
chain_done(gnutls_datum_t pem[2])
{
	for (int i = 0; i < 2; i++)
		gnutls_free(pem[i].data);
}

/* Each is in order, belongs together and is valid now; and no client could use it. */
TEST(a_pair_that_serves_nobody_is_refused_at_start_and_when_it_is_new)
{
	static const struct {
		struct wanted w;
		const char *words;
	} bad[] = {
		{ { .rsa_bits = 2048, .usage = GNUTLS_KEY_KEY_ENCIPHERMENT },
		    "cert2.pem: its key usage is without digitalSignature" },
		{ { .usage = GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN },
		    "cert2.pem: its key usage is without digitalSignature" },
		{ { .purpose = GNUTLS_KP_TLS_WWW_CLIENT },
		    "cert2.pem: its extended key usage is not for TLS servers" },
		{ { .purpose = GNUTLS_KP_CODE_SIGNING },
		    "cert2.pem: its extended key usage is not for TLS servers" },
		{ { .rsa_bits = 1024 }, "cert2.pem: an RSA key of 1024 bits is too short" },
		{ { .curve = GNUTLS_ECC_CURVE_SECP224R1 },
		    "cert2.pem: no handshake of TLS 1.3 succeeds with it: " },
	};
	struct listener *l, *other = NULL;
	struct files f;
	struct err e;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wanted w = bad[i].w;

		w.name = "nobody's";
		wanted_write(f.cert2, f.key2, &w);
		check_refused(l, f.cert2, f.key2, bad[i].words);
		CHECK(!start(f.cert2, f.key2, 0, &other, &e));
		CHECK_INT(e.kind, ERR_INPUT);
		CHECK_HAS(e.text, bad[i].words);
	}
	listener_stop(l);
	files_remove(&f);
}

TEST(keys_and_extensions_that_clients_can_use_are_taken)
{
	static const struct wanted good[] = {
		{ .rsa_bits = 2048,
		    .usage = GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT },
		{ .usage = GNUTLS_KEY_DIGITAL_SIGNATURE, .purpose = GNUTLS_KP_TLS_WWW_SERVER },
		{ .purpose = GNUTLS_KP_ANY },
		{ .authority = true },
		{ .curve = GNUTLS_ECC_CURVE_SECP384R1 },
		{ .curve = GNUTLS_ECC_CURVE_SECP521R1 },
		{ .curve = GNUTLS_ECC_CURVE_ED25519, .digest = GNUTLS_DIG_SHA512 },
		{ .rsa_bits = 3072 },
	};
	struct listener *l;
	struct files f;
	struct met m;
	struct err e;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct wanted w = good[i];
		char name[16];

		snprintf(name, sizeof(name), "good %zu", i);
		w.name = name;
		wanted_write(f.cert2, f.key2, &w);
		CHECK_OK(set_pair(l, str_of(f.cert2), str_of(f.key2), &e));
		meet_once(l, "NORMAL", &m);
		CHECK_CSTR(m.name, name);
		meet_once(l, ONLY_1_2, &m);
		CHECK_CSTR(m.name, name);
	}
	listener_stop(l);
	files_remove(&f);
}

TEST(a_pair_that_is_not_valid_yet_is_refused_while_the_old_one_is)
{
	struct listener *l;
	struct files f;
	struct err e;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	pair_write(f.cert2, f.key2, "early", 3600, 30 * DAY_S);
	check_refused(l, f.cert2, f.key2, "cert2.pem is not valid before ");
	listener_stop(l);
	/* At start there is no better one, nor is there one when the old one has expired. */
	CHECK_OK(start(f.cert2, f.key2, 0, &l, &e));
	listener_stop(l);
	pair_write(f.cert, f.key, "expired", -2 * DAY_S, -DAY_S);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	CHECK_OK(set_pair(l, str_of(f.cert2), str_of(f.key2), &e));
	CHECK(!set_pair(l, str_of(f.cert), str_of(f.key), &e));
	CHECK_HAS(e.text, "cert.pem has expired on ");
	listener_stop(l);
	files_remove(&f);
}

static void
chain_write(const struct files *f, int days)
{
	gnutls_datum_t pem[2];

	chain_make(f, days, pem);
	join(f, pem[0], "", pem[1], pem[1].size);
	chain_done(pem);
}

TEST(a_chain_expires_with_the_first_of_its_certificates)
{
	int64_t now = clock_now_ms();
	struct listener *l;
	struct files f;
	struct err e;

	files_make(&f);
	CHECK_OK(start(f.cert2, f.key2, 0, &l, &e));
	chain_write(&f, 5);
	CHECK_OK(set_pair(l, str_of(f.cert), str_of(f.key), &e));
	CHECK(listener_certificate_expires_ms(l) < now + 6 * DAY_S * 1000);
	chain_write(&f, 90);
	CHECK_OK(set_pair(l, str_of(f.cert), str_of(f.key), &e));
	CHECK(listener_certificate_expires_ms(l) > now + 29 * DAY_S * 1000);
	CHECK(listener_certificate_expires_ms(l) < now + 31 * DAY_S * 1000);
	chain_write(&f, -1);
	CHECK(!set_pair(l, str_of(f.cert), str_of(f.key), &e));
	CHECK_HAS(e.text, "cert.pem: an authority in its chain has expired on ");
	listener_stop(l);
	/* Of two such chains the newer certificate counts: not all clients need the authority. */
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	chain_write(&f, -1);
	CHECK_OK(set_pair(l, str_of(f.cert), str_of(f.key), &e));
	listener_stop(l);
	files_remove(&f);
}

TEST(an_expired_pair_may_be_read_again)
{
	struct listener *l;
	struct files f;
	struct err e;

	files_make(&f);
	pair_write(f.cert, f.key, "expired", -2 * DAY_S, -DAY_S);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	CHECK_OK(set_pair(l, str_of(f.cert), str_of(f.key), &e));
	CHECK_OK(set_pair(l, str_of(f.cert2), str_of(f.key2), &e));
	CHECK(!set_pair(l, str_of(f.cert), str_of(f.key), &e));
	CHECK_HAS(e.text, "has expired on");
	listener_stop(l);
	files_remove(&f);
}

TEST(a_chain_in_the_wrong_order_is_refused)
{
	struct listener *l = NULL;
	char pem[8192];
	struct files f;
	struct err e;
	size_t n = 0;

	files_make(&f);
	for (int i = 0; i < 2; i++) {
		FILE *in = fopen(i == 0 ? f.cert : f.cert2, "r");

		CHECK(in != NULL);
		n += fread(pem + n, 1, sizeof(pem) - n, in);
		fclose(in);
	}
	file_write(f.cert, pem, n);
	CHECK(!start(f.cert, f.key, 0, &l, &e));
	CHECK_HAS(e.text, "not in order");
	files_remove(&f);
}

TEST(a_chain_that_is_half_written_is_refused_wherever_it_ends)
{
	gnutls_datum_t pem[2];
	struct listener *l;
	struct files f;
	struct err e;

	files_make(&f);
	CHECK_OK(start(f.cert2, f.key2, 0, &l, &e));
	chain_make(&f, 90, pem);
	/* All but the last line feed, and it is whole. */
	for (size_t n = 1; n < pem[1].size - 1; n++) {
		join(&f, pem[0], "", pem[1], n);
		CHECK(!set_pair(l, str_of(f.cert), str_of(f.key), &e));
		CHECK_HAS(e.text, "cert.pem: half written: ");
	}
	for (size_t n = pem[1].size - 1; n <= pem[1].size; n++) {
		join(&f, pem[0], "", pem[1], n);
		CHECK_OK(set_pair(l, str_of(f.cert), str_of(f.key), &e));
	}
	chain_done(pem);
	listener_stop(l);
	files_remove(&f);
}

TEST(words_between_certificates_and_a_missing_line_feed_are_no_fault)
{
	static const char *const between[] = { "", "\r\n", "subject=CN = authority\n",
		" --- the authority ---\n-----\n" };
	gnutls_datum_t pem[2];
	struct listener *l;
	struct files f;
	struct err e;

	files_make(&f);
	CHECK_OK(start(f.cert2, f.key2, 0, &l, &e));
	chain_make(&f, 90, pem);
	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		join(&f, pem[0], between[i], pem[1], pem[1].size);
		CHECK_OK(set_pair(l, str_of(f.cert), str_of(f.key), &e));
	}
	pem[0].size--; /* its line feed, as cat joins files */
	join(&f, pem[0], "", pem[1], pem[1].size);
	CHECK_OK(set_pair(l, str_of(f.cert), str_of(f.key), &e));
	chain_done(pem);
	listener_stop(l);
	files_remove(&f);
}
