/* The listener over TLS: what it offers, and certificates exchanged while it runs. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "certificates.h"
#include "daemon/listener.h"

#define WAIT_MS 20000

/* ---- certificates in a folder of their own ---- */

struct files {
	char folder[64], cert[128], key[128], cert2[128], key2[128];
};

static void
wanted_write(const char *cert, const char *key, const struct wanted *w)
{
	struct made m = make(w);

	write_cert(cert, &m);
	write_key(key, &m);
	made_done(&m);
}

/* From and until are seconds from now. */
static void
pair_write(const char *cert, const char *key, const char *name, time_t from, time_t until)
{
	wanted_write(cert, key, &(struct wanted){ .name = name, .from = from, .until = until });
}

static void
files_make(struct files *f)
{
	snprintf(f->folder, sizeof(f->folder), "/tmp/test_tls.XXXXXX");
	CHECK(mkdtemp(f->folder) != NULL);
	snprintf(f->cert, sizeof(f->cert), "%s/cert.pem", f->folder);
	snprintf(f->key, sizeof(f->key), "%s/key.pem", f->folder);
	snprintf(f->cert2, sizeof(f->cert2), "%s/cert2.pem", f->folder);
	snprintf(f->key2, sizeof(f->key2), "%s/key2.pem", f->folder);
	pair_write(f->cert, f->key, "first", -DAY_S, 30 * DAY_S);
	pair_write(f->cert2, f->key2, "second", -DAY_S, 60 * DAY_S);
}

static void
files_remove(const struct files *f)
{
	unlink(f->cert);
	unlink(f->key);
	unlink(f->cert2);
	unlink(f->key2);
	rmdir(f->folder);
}

/* ---- the server ---- */

static void
on_handle(void *ctx, struct request *rq)
{
	(void)ctx;
	request_answer(rq, &(struct reply){ .status = 200, .body = STR_EMPTY });
}

static bool
start(const char *cert, const char *key, int64_t deadline_ms, struct listener **l, struct err *e)
{
	struct listener_handler h = { .handle = on_handle };
	struct listener_options o = { .address = STR("127.0.0.1:0"),
		.tls = { .certificate = str_of(cert), .private_key = str_of(key) },
		.body_max = 1000,
		.connections_max = 20,
		.per_address_max = 20,
		.deadline_ms = deadline_ms };

	return listener_start(&o, &h, l, e);
}

static bool
set_pair(struct listener *l, struct str cert, struct str key, struct err *e)
{
	return listener_set_tls(
	    l, &(struct tls_files){ .certificate = cert, .private_key = key }, e);
}

static int
dial(struct listener *l)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)listener_port(l)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	return fd;
}

/* ---- the client: one GET on a connection of its own ---- */

struct met {
	int code; /* of the handshake; 0 = done */
	gnutls_protocol_t version;
	char name[64]; /* common name of the certificate that was shown */
	bool resumed;
	gnutls_datum_t session; /* for the next one; to be freed by gnutls_free() */
};

static void
note_name(gnutls_session_t session, char *name, size_t max)
{
	unsigned n;
	const gnutls_datum_t *der = gnutls_certificate_get_peers(session, &n);
	gnutls_x509_crt_t c;

	if (der == NULL)
		return; /* resumed: none is sent */
	gnutls_x509_crt_init(&c);
	CHECK(gnutls_x509_crt_import(c, &der[0], GNUTLS_X509_FMT_DER) == 0);
	CHECK(gnutls_x509_crt_get_dn_by_oid(c, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &max) == 0);
	gnutls_x509_crt_deinit(c);
}

static void
talk(gnutls_session_t session)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n";
	char answer[1024];
	struct buf all;
	ssize_t n;

	buf_init(&all, 65536);
	CHECK(gnutls_record_send(session, get, sizeof(get) - 1) == sizeof(get) - 1);
	while ((n = gnutls_record_recv(session, answer, sizeof(answer))) > 0 || n == GNUTLS_E_AGAIN)
		if (n > 0)
			buf_add(&all, (struct str){ answer, (size_t)n });
	CHECK_HAS(buf_cstr(&all), "HTTP/1.1 200 OK");
	buf_done(&all);
}

static void
meet(struct listener *l, const char *priority, gnutls_datum_t resume, struct met *m)
{
	gnutls_certificate_credentials_t trust;
	gnutls_session_t session;
	int fd = dial(l);

	memset(m, 0, sizeof(*m));
	CHECK(gnutls_certificate_allocate_credentials(&trust) == 0);
	CHECK(gnutls_init(&session, GNUTLS_CLIENT) == 0);
	CHECK(gnutls_priority_set_direct(session, priority, NULL) == 0);
	CHECK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, trust) == 0);
	if (resume.size > 0)
		CHECK(gnutls_session_set_data(session, resume.data, resume.size) == 0);
	gnutls_transport_set_int(session, fd);
	do
		m->code = gnutls_handshake(session);
	while (m->code == GNUTLS_E_AGAIN || m->code == GNUTLS_E_INTERRUPTED);
	if (m->code == 0) {
		m->version = gnutls_protocol_get_version(session);
		m->resumed = gnutls_session_is_resumed(session) != 0;
		note_name(session, m->name, sizeof(m->name));
		talk(session);
		CHECK(gnutls_session_get_data2(session, &m->session) == 0);
	}
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(trust);
	close(fd);
}

static void
meet_once(struct listener *l, const char *priority, struct met *m)
{
	meet(l, priority, (gnutls_datum_t){ 0 }, m);
	gnutls_free(m->session.data);
}

#define ONLY_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.2"

static void
rsa_write(const struct files *f)
{
	wanted_write(f->cert, f->key, &(struct wanted){ .name = "first", .rsa_bits = 2048 });
}

static void
check_versions(struct listener *l)
{
	struct met m;

	meet_once(l, "NORMAL", &m);
	CHECK_INT(m.version, GNUTLS_TLS1_3);
	CHECK_CSTR(m.name, "first");
	meet_once(l, ONLY_1_2, &m);
	CHECK_INT(m.version, GNUTLS_TLS1_2);
	CHECK_CSTR(m.name, "first");
}

TEST(both_good_versions_are_spoken_with_keys_of_p_256_and_rsa_2048)
{
	struct listener *l;
	struct files f;
	struct err e;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	check_versions(l);
	listener_stop(l);
	rsa_write(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	check_versions(l);
	listener_stop(l);
	files_remove(&f);
}

/* An alert, or the end of the connection; not a client that could not even ask. */
static bool
ended_by_server(int code)
{
	return code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_PREMATURE_TERMINATION ||
	       code == GNUTLS_E_PULL_ERROR;
}

/* With a key of RSA, or nobody could tell that its key exchange is refused. */
TEST(what_is_weak_is_not_spoken)
{
	static const char *const weak[] = {
		"NORMAL:-VERS-ALL:+VERS-TLS1.0:%COMPAT",
		"NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT",
		ONLY_1_2 ":-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC",
		ONLY_1_2 ":-CIPHER-ALL:+AES-128-CCM:+AES-256-CCM",
		ONLY_1_2 ":-CIPHER-ALL:+3DES-CBC",
		ONLY_1_2 ":-KX-ALL:+RSA",
		ONLY_1_2 ":-KX-ALL:+DHE-RSA:-GROUP-ALL:+GROUP-FFDHE2048",
		ONLY_1_2 ":-SIGN-ALL:+SIGN-RSA-SHA1",
	};
	struct listener *l;
	struct files f;
	struct met m;
	struct err e;

	files_make(&f);
	rsa_write(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
		meet_once(l, weak[i], &m);
		CHECK(ended_by_server(m.code));
	}
	check_versions(l);
	listener_stop(l);
	files_remove(&f);
}

TEST(a_client_that_renegotiates_is_cut)
{
	gnutls_certificate_credentials_t trust;
	gnutls_session_t session;
	struct listener *l;
	struct files f;
	struct err e;
	int fd, code;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	fd = dial(l);
	CHECK(gnutls_certificate_allocate_credentials(&trust) == 0);
	CHECK(gnutls_init(&session, GNUTLS_CLIENT) == 0);
	CHECK(gnutls_priority_set_direct(session, ONLY_1_2, NULL) == 0);
	CHECK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, trust) == 0);
	gnutls_transport_set_int(session, fd);
	while ((code = gnutls_handshake(session)) == GNUTLS_E_AGAIN)
		;
	CHECK_INT(code, 0);
	while ((code = gnutls_handshake(session)) == GNUTLS_E_AGAIN)
		;
	CHECK(code != 0 && gnutls_error_is_fatal(code));
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(trust);
	close(fd);
	check_versions(l);
	listener_stop(l);
	files_remove(&f);
}

static void
check_resumes(const char *priority)
{
	struct listener *l;
	struct files f;
	struct met first, second;
	struct err e;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	meet(l, priority, (gnutls_datum_t){ 0 }, &first);
	CHECK(!first.resumed);
	meet(l, priority, first.session, &second);
	CHECK(second.resumed);
	gnutls_free(second.session.data);
	/* Another certificate does not end the sessions of before. */
	CHECK_OK(set_pair(l, str_of(f.cert2), str_of(f.key2), &e));
	meet(l, priority, first.session, &second);
	CHECK(second.resumed);
	gnutls_free(first.session.data);
	gnutls_free(second.session.data);
	listener_stop(l);
	files_remove(&f);
}

TEST(a_client_that_comes_again_resumes_its_tls_1_3_session)
{
	check_resumes("NORMAL");
}

TEST(a_client_that_comes_again_resumes_its_tls_1_2_session)
{
	check_resumes(ONLY_1_2);
}

TEST(a_new_certificate_serves_the_next_handshake)
{
	struct listener *l;
	struct files f;
	struct met m;
	struct err e;
	int64_t before;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	before = listener_certificate_expires_ms(l);
	CHECK_OK(set_pair(l, str_of(f.cert2), str_of(f.key2), &e));
	CHECK(listener_certificate_expires_ms(l) > before + 29 * DAY_S * 1000);
	meet_once(l, "NORMAL", &m);
	CHECK_CSTR(m.name, "second");
	listener_stop(l);
	files_remove(&f);
}

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

TEST(a_handshake_that_stands_still_is_cut_at_the_deadline)
{
	struct listener_figures figures;
	struct listener *l;
	struct files f;
	struct err e;
	char byte;
	int fd;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 300, &l, &e));
	fd = dial(l);
	CHECK(send(fd, "\x16\x03\x01", 3, MSG_NOSIGNAL) == 3); /* the front of a TLS record */
	CHECK(recv(fd, &byte, 1, 0) <= 0);
	listener_figures(l, &figures);
	CHECK_INT(figures.expired, 1);
	close(fd);
	listener_stop(l);
	files_remove(&f);
}

/* Else one stranger with six bytes a connection has all processors busy. */
TEST(a_handshake_that_stands_still_takes_no_processor_time)
{
	struct listener *l;
	struct files f;
	struct err e;
	clock_t before;
	char byte;
	int fd;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 1000, &l, &e));
	fd = dial(l);
	before = clock();
	CHECK(send(fd, "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL) == 6);
	CHECK(recv(fd, &byte, 1, 0) <= 0); /* at the deadline */
	CHECK(clock() - before < CLOCKS_PER_SEC / 10);
	close(fd);
	listener_stop(l);
	files_remove(&f);
}

/* When all connections are gone: they are counted then. */
static int64_t
handshakes_failed(struct listener *l)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	struct listener_figures f;

	do
		listener_figures(l, &f);
	while (f.connections > 0 && clock_mono_ms() < until && sched_yield() == 0);
	CHECK_INT(f.connections, 0);
	return f.handshakes_failed;
}

TEST(a_handshake_that_fails_is_counted_and_one_that_never_began_is_not)
{
	struct listener *l;
	struct files f;
	struct met m;
	struct err e;
	char byte;
	int fd;

	files_make(&f);
	CHECK_OK(start(f.cert, f.key, 0, &l, &e));
	meet_once(l, "NORMAL", &m);
	meet_once(l, ONLY_1_2, &m);
	fd = dial(l); /* a probe: connect, and away */
	CHECK(shutdown(fd, SHUT_WR) == 0);
	while (recv(fd, &byte, 1, 0) > 0)
		;
	close(fd);
	CHECK_INT(handshakes_failed(l), 0);
	meet_once(l, "NORMAL:-VERS-ALL:+VERS-TLS1.0:%COMPAT", &m);
	fd = dial(l);
	CHECK(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
	while (recv(fd, &byte, 1, 0) > 0)
		;
	close(fd);
	CHECK_INT(handshakes_failed(l), 2);
	listener_stop(l);
	files_remove(&f);
}

TEST(plain_http_has_no_certificate_to_exchange)
{
	struct listener *l;
	struct err e;

	CHECK_OK(start("", "", 0, &l, &e));
	CHECK_INT(listener_certificate_expires_ms(l), 0);
	CHECK_OK(set_pair(l, STR_EMPTY, STR_EMPTY, &e));
	CHECK(!set_pair(l, STR("/a"), STR("/b"), &e));
	CHECK_HAS(e.text, "plain HTTP");
	listener_stop(l);
}
