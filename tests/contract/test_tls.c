/* The listener over TLS: what it offers, and certificates exchanged while it runs. */
#include <sched.h>

#include "tls_world.h"

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
