/* Certificates of clients: which of them let in, through full and resumed handshakes. */
#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "certificates.h"
#include "daemon/client_trust.h"
#include "daemon/listener.h"
#include "daemon/tls.h"

#define WAIT_S 20
#define TLS_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.2"

/* ---- the world: an authority, and a listener that says what it thinks of the client ---- */

struct world {
	char folder[64], cert[128], key[128], ca[128];
	struct made authority;
	struct listener *l;
};

static void
on_handle(void *ctx, struct request *rq)
{
	static const char *const words[] = { "none", "trusted", "not trusted", "not asked",
		"not now" };
	struct str name;
	enum client_certificate c = request_client_certificate(rq, &name);
	char text[512];

	(void)ctx;
	snprintf(text, sizeof(text), "%s %.*s.", words[c], STR_ARG(name));
	request_answer(rq,
	    &(struct reply){ .status = 200, .content_type = "text/plain", .body = str_of(text) });
}

static struct tls_files
files(const struct world *w, const char *ca, const struct str *names, size_t n)
{
	return (struct tls_files){ str_of(w->cert), str_of(w->key), str_of(ca), names, n };
}

static void
open_world(struct world *w, const char *const *names)
{
	struct listener_handler h = { .handle = on_handle };
	struct str list[8];
	struct listener_options o = { .address = STR("127.0.0.1:0"),
		.body_max = 1000,
		.connections_max = 20,
		.per_address_max = 20 };
	struct made server = make(&(struct wanted){ .name = "server" });
	size_t n = 0;
	struct err e;

	snprintf(w->folder, sizeof(w->folder), "/tmp/test_client.XXXXXX");
	CHECK(mkdtemp(w->folder) != NULL);
	snprintf(w->cert, sizeof(w->cert), "%s/cert.pem", w->folder);
	snprintf(w->key, sizeof(w->key), "%s/key.pem", w->folder);
	snprintf(w->ca, sizeof(w->ca), "%s/ca.pem", w->folder);
	write_cert(w->cert, &server);
	write_key(w->key, &server);
	w->authority = make(&(struct wanted){ .name = "our authority", .authority = true });
	write_cert(w->ca, &w->authority);
	for (; names != NULL && names[n] != NULL; n++)
		list[n] = str_of(names[n]);
	o.tls = files(w, w->ca, list, n);
	CHECK_OK(listener_start(&o, &h, &w->l, &e));
	made_done(&server);
}

static void
close_world(struct world *w)
{
	listener_stop(w->l);
	made_done(&w->authority);
	unlink(w->cert);
	unlink(w->key);
	unlink(w->ca);
	rmdir(w->folder);
}

/* ---- the client ---- */

struct client {
	gnutls_certificate_credentials_t own;
	gnutls_session_t session;
	int fd;
	bool asked; /* for a certificate */
	char answer[1024];
};

static void
dial(struct client *c, const struct world *w)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)listener_port(w->l)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = WAIT_S };

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	CHECK(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
}

/* chain: own certificate first; NULL = none is shown.  resume may be NULL. */
static void
hello(struct client *c, const struct world *w, const struct made *own, const struct made *above,
    const char *priority, const gnutls_datum_t *resume)
{
	gnutls_x509_crt_t chain[2];
	int code;

	dial(c, w);
	CHECK(gnutls_certificate_allocate_credentials(&c->own) == 0);
	if (own != NULL) {
		chain[0] = own->cert;
		chain[1] = above == NULL ? NULL : above->cert;
		CHECK(gnutls_certificate_set_x509_key(
			  c->own, chain, above == NULL ? 1 : 2, own->key) >= 0);
	}
	CHECK(gnutls_init(&c->session, GNUTLS_CLIENT) == 0);
	CHECK(gnutls_priority_set_direct(c->session, priority, NULL) == 0);
	CHECK(gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->own) == 0);
	if (resume != NULL)
		CHECK(gnutls_session_set_data(c->session, resume->data, resume->size) == 0);
	gnutls_transport_set_int(c->session, c->fd);
	do
		code = gnutls_handshake(c->session);
	while (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED);
	CHECK_INT(code, 0);
	c->asked = gnutls_certificate_client_get_request_status(c->session) != 0;
}

/* One request on the connection; what the listener thinks of its client. */
static const char *
ask(struct client *c)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: gw\r\n\r\n";
	struct buf all;
	ssize_t n;

	buf_init(&all, sizeof(c->answer));
	CHECK(gnutls_record_send(c->session, get, sizeof(get) - 1) == sizeof(get) - 1);
	for (;;) {
		const char *body = strstr(buf_cstr(&all), "\r\n\r\n");
		char part[512];

		/* Every answer ends in a full stop. */
		if (body != NULL && buf_cstr(&all)[all.n - 1] == '.')
			break;
		n = gnutls_record_recv(c->session, part, sizeof(part));
		CHECK(n > 0 || n == GNUTLS_E_AGAIN);
		if (n > 0)
			buf_add(&all, (struct str){ part, (size_t)n });
	}
	snprintf(c->answer, sizeof(c->answer), "%s", strstr(buf_cstr(&all), "\r\n\r\n") + 4);
	buf_done(&all);
	return c->answer;
}

static void
bye(struct client *c)
{
	gnutls_bye(c->session, GNUTLS_SHUT_WR);
	gnutls_deinit(c->session);
	gnutls_certificate_free_credentials(c->own);
	close(c->fd);
}

/* What is thought of this one, in TLS 1.3 and the same in 1.2. */
static void
check_thought(
    const struct world *w, const struct made *own, const struct made *above, const char *wanted)
{
	static const char *const versions[] = { "NORMAL", TLS_1_2 };
	struct client c;

	for (size_t i = 0; i < 2; i++) {
		hello(&c, w, own, above, versions[i], NULL);
		CHECK(c.asked);
		CHECK_CSTR(ask(&c), wanted);
		bye(&c);
	}
}

static void
check_wanted(struct world *w, struct wanted wanted, const char *thought)
{
	struct made m;

	if (wanted.by == NULL)
		wanted.by = &w->authority;
	m = make(&wanted);
	check_thought(w, &m, NULL, thought);
	made_done(&m);
}

TEST(no_certificate_is_asked_for_when_the_settings_name_no_authority)
{
	struct made own;
	struct client c;
	struct world w;
	struct err e;

	open_world(&w, NULL);
	own = make(&(struct wanted){ .name = "relay", .by = &w.authority });
	CHECK_OK(listener_set_tls(
	    w.l, &(struct tls_files){ str_of(w.cert), str_of(w.key), STR_EMPTY, NULL, 0 }, &e));
	hello(&c, &w, &own, NULL, "NORMAL", NULL);
	CHECK(!c.asked);
	CHECK_CSTR(ask(&c), "none .");
	bye(&c);
	made_done(&own);
	close_world(&w);
}

TEST(who_shows_none_is_served_and_known_to_have_shown_none)
{
	struct world w;

	open_world(&w, NULL);
	check_thought(&w, NULL, NULL, "none .");
	close_world(&w);
}

TEST(a_certificate_of_the_authority_is_trusted)
{
	struct world w;

	open_world(&w, NULL);
	check_wanted(&w, (struct wanted){ .name = "relay" }, "trusted relay.");
	check_wanted(&w, (struct wanted){ .name = "relay", .purpose = GNUTLS_KP_TLS_WWW_CLIENT },
	    "trusted relay.");
	check_wanted(&w, (struct wanted){ .name = "relay", .rsa_bits = 2048 }, "trusted relay.");
	check_wanted(&w, (struct wanted){ .name = "relay", .dns = "relay-1" }, "trusted relay-1.");
	close_world(&w);
}

TEST(a_certificate_of_an_intermediate_authority_is_trusted)
{
	struct made above, own;
	struct world w;

	open_world(&w, NULL);
	above =
	    make(&(struct wanted){ .name = "intermediate", .authority = true, .by = &w.authority });
	own = make(&(struct wanted){ .name = "relay", .by = &above });
	check_thought(&w, &own, &above, "trusted relay.");
	check_thought(
	    &w, &own, NULL, "not trusted it is not of an authority in client_certificates.ca.");
	made_done(&own);
	made_done(&above);
	close_world(&w);
}

TEST(what_is_wrong_with_a_certificate_is_said_and_it_is_not_trusted)
{
	struct made namesake = make(&(struct wanted){ .name = "our authority", .authority = true });
	struct made stranger = make(&(struct wanted){ .name = "stranger", .authority = true });
	struct made relay, own;
	struct world w;

	open_world(&w, NULL);
	check_wanted(&w, (struct wanted){ .name = "relay", .by = &namesake },
	    "not trusted a signature in its chain is wrong.");
	check_wanted(&w, (struct wanted){ .name = "relay", .by = &stranger },
	    "not trusted it is not of an authority in client_certificates.ca.");
	check_wanted(&w, (struct wanted){ .name = "relay", .purpose = GNUTLS_KP_TLS_WWW_SERVER },
	    "not trusted it is not meant for clients.");
	check_wanted(&w, (struct wanted){ .name = "relay", .digest = GNUTLS_DIG_SHA1 },
	    "not trusted a key or signature in its chain is too weak.");
	check_wanted(&w, (struct wanted){ .name = "relay", .rsa_bits = 1024 },
	    "not trusted a key or signature in its chain is too weak.");
	/* A relay's own certificate makes no authority of it. */
	relay = make(&(struct wanted){ .name = "relay", .by = &w.authority });
	own = make(&(struct wanted){ .name = "friend", .by = &relay });
	check_thought(
	    &w, &own, &relay, "not trusted it was signed by a certificate that is no authority.");
	made_done(&own);
	made_done(&relay);
	made_done(&stranger);
	made_done(&namesake);
	close_world(&w);
}

#define MINUTE_S 60

/* As tokens are judged: five minutes of difference between clocks are no fault. */
TEST(only_the_time_is_wrong_when_it_is_wrong_by_more_than_five_minutes)
{
	static const char *const names[] = { "relay", NULL };
	static const char expired[] = "not now it, or an authority above it, has expired.";
	struct made above, own;
	struct world w;

	open_world(&w, names);
	check_wanted(
	    &w, (struct wanted){ .name = "relay", .until = -4 * MINUTE_S }, "trusted relay.");
	check_wanted(
	    &w, (struct wanted){ .name = "relay", .from = 4 * MINUTE_S }, "trusted relay.");
	check_wanted(&w, (struct wanted){ .name = "relay", .until = -6 * MINUTE_S }, expired);
	check_wanted(&w, (struct wanted){ .name = "relay", .from = 6 * MINUTE_S },
	    "not now it is not valid yet.");
	for (int minutes = 4; minutes <= 6; minutes += 2) {
		above = make(&(struct wanted){ .name = "intermediate",
		    .authority = true,
		    .until = -minutes * MINUTE_S,
		    .by = &w.authority });
		own = make(&(struct wanted){ .name = "relay", .by = &above });
		check_thought(&w, &own, &above, minutes == 4 ? "trusted relay." : expired);
		made_done(&own);
		made_done(&above);
	}
	/* What is wrong besides does not become right with time. */
	above = make(&(struct wanted){ .name = "stranger", .authority = true });
	check_wanted(&w, (struct wanted){ .name = "relay", .until = -DAY_S / 2, .by = &above },
	    "not trusted it is not of an authority in client_certificates.ca.");
	made_done(&above);
	check_wanted(&w,
	    (struct wanted){
		.name = "relay", .until = -DAY_S / 2, .purpose = GNUTLS_KP_TLS_WWW_SERVER },
	    "not trusted it is not meant for clients.");
	check_wanted(&w, (struct wanted){ .name = "stranger", .until = -DAY_S / 2 },
	    "not trusted none of its names is listed.");
	close_world(&w);
}

TEST(listed_names_are_compared_with_dns_names_uris_and_a_lone_common_name)
{
	static const char *const names[] = { "relay.contoso.com", "spiffe://contoso/Relay", NULL };
	static const char none[] = "not trusted none of its names is listed.";
	struct world w;

	open_world(&w, names);
	check_wanted(&w, (struct wanted){ .name = "x", .dns = "Relay.Contoso.COM" },
	    "trusted Relay.Contoso.COM.");
	check_wanted(&w, (struct wanted){ .name = "x", .uri = "spiffe://contoso/Relay" },
	    "trusted spiffe://contoso/Relay.");
	check_wanted(
	    &w, (struct wanted){ .name = "relay.contoso.com" }, "trusted relay.contoso.com.");
	check_wanted(&w, (struct wanted){ .name = "x", .uri = "spiffe://contoso/relay" }, none);
	check_wanted(&w, (struct wanted){ .name = "x" }, none);
	check_wanted(&w, (struct wanted){ .name = "x", .dns = "*.contoso.com" }, none);
	check_wanted(&w, (struct wanted){ .name = "x", .dns = "relay.contoso.com.evil" }, none);
	/* The common name does not stand in for other names. */
	check_wanted(&w, (struct wanted){ .name = "relay.contoso.com", .dns = "other" }, none);
	check_wanted(&w,
	    (struct wanted){ .name = "x", .dns = "relay.contoso.com\0.evil", .n_dns = 23 }, none);
	close_world(&w);
}

/* ---- resumed sessions and another trust ---- */

static void
check_resumes(const char *priority)
{
	gnutls_datum_t kept;
	struct client c;
	struct world w;
	struct made own, other, new;
	struct tls_files f;
	struct err e;

	open_world(&w, NULL);
	own = make(&(struct wanted){ .name = "relay", .by = &w.authority });
	other = make(&(struct wanted){ .name = "another authority", .authority = true });
	hello(&c, &w, &own, NULL, priority, NULL);
	CHECK_CSTR(ask(&c), "trusted relay.");
	CHECK(gnutls_session_get_data2(c.session, &kept) == 0);
	bye(&c);

	/* An honest relay that comes again is still known, also after the same files are read. */
	f = files(&w, w.ca, NULL, 0);
	CHECK_OK(listener_set_tls(w.l, &f, &e));
	hello(&c, &w, &own, NULL, priority, &kept);
	CHECK(gnutls_session_is_resumed(c.session));
	CHECK_CSTR(ask(&c), "trusted relay.");

	/* Nobody is let in whose authority is not trusted any more: not on the open connection. */
	write_cert(w.ca, &other);
	CHECK_OK(listener_set_tls(w.l, &f, &e));
	CHECK_HAS(ask(&c), "not trusted it is not of an authority");
	bye(&c);
	/* Nor by the session of before, whose ticket is void. */
	hello(&c, &w, &own, NULL, priority, &kept);
	CHECK(!gnutls_session_is_resumed(c.session));
	CHECK_HAS(ask(&c), "not trusted it is not of an authority");
	bye(&c);
	/* Who has one of the new authority can show it, in place of the one in the ticket. */
	new = make(&(struct wanted){ .name = "new relay", .by = &other });
	hello(&c, &w, &new, NULL, priority, &kept);
	CHECK_CSTR(ask(&c), "trusted new relay.");
	bye(&c);
	made_done(&new);
	gnutls_free(kept.data);
	made_done(&own);
	made_done(&other);
	close_world(&w);
}

TEST(a_resumed_tls_1_3_session_is_judged_by_the_trust_of_now)
{
	check_resumes("NORMAL");
}

TEST(a_resumed_tls_1_2_session_is_judged_by_the_trust_of_now)
{
	check_resumes(TLS_1_2);
}

static void
check_asked_anew(const char *priority)
{
	gnutls_datum_t kept;
	struct client c;
	struct world w;
	struct made own;
	struct tls_files f;
	struct err e;

	open_world(&w, NULL);
	own = make(&(struct wanted){ .name = "relay", .by = &w.authority });
	f = files(&w, "", NULL, 0);
	CHECK_OK(listener_set_tls(w.l, &f, &e));
	hello(&c, &w, &own, NULL, priority, NULL);
	CHECK_CSTR(ask(&c), "none .");
	CHECK(gnutls_session_get_data2(c.session, &kept) == 0);
	bye(&c);
	f = files(&w, w.ca, NULL, 0);
	CHECK_OK(listener_set_tls(w.l, &f, &e));
	hello(&c, &w, &own, NULL, priority, &kept);
	CHECK_CSTR(ask(&c), "trusted relay.");
	bye(&c);
	gnutls_free(kept.data);
	made_done(&own);
	close_world(&w);
}

TEST(a_session_from_before_certificates_were_asked_for_is_not_resumed)
{
	check_asked_anew("NORMAL");
	check_asked_anew(TLS_1_2);
}

/* What it would have shown is not known. */
TEST(who_was_not_asked_for_a_certificate_is_told_from_who_has_none)
{
	struct client c;
	struct world w;
	struct made own;
	struct tls_files f;
	struct err e;

	open_world(&w, NULL);
	own = make(&(struct wanted){ .name = "relay", .by = &w.authority });
	f = files(&w, "", NULL, 0);
	CHECK_OK(listener_set_tls(w.l, &f, &e));
	hello(&c, &w, &own, NULL, "NORMAL", NULL);
	CHECK_CSTR(ask(&c), "none .");
	f = files(&w, w.ca, NULL, 0);
	CHECK_OK(listener_set_tls(w.l, &f, &e));
	CHECK_CSTR(ask(&c), "not asked .");
	f = files(&w, "", NULL, 0);
	CHECK_OK(listener_set_tls(w.l, &f, &e));
	CHECK_CSTR(ask(&c), "none .");
	bye(&c);
	made_done(&own);
	close_world(&w);
}

/* ---- one connection for long, by a clock of the test's ---- */

struct session {
	gnutls_certificate_credentials_t own;
	gnutls_session_t tls;
};

static void
session_init(struct session *s, unsigned role, int fd)
{
	CHECK(gnutls_certificate_allocate_credentials(&s->own) == 0);
	CHECK(gnutls_init(&s->tls, role | GNUTLS_NONBLOCK) == 0);
	CHECK(gnutls_priority_set_direct(s->tls, tls_priority, NULL) == 0);
	CHECK(gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, s->own) == 0);
	gnutls_transport_set_int(s->tls, fd);
}

static void
session_done(struct session *s)
{
	gnutls_deinit(s->tls);
	gnutls_certificate_free_credentials(s->own);
}

static void
shake_hands(struct session *client, struct session *server)
{
	int a = GNUTLS_E_AGAIN, b = GNUTLS_E_AGAIN;

	while (a != 0 || b != 0) {
		a = a == 0 ? 0 : gnutls_handshake(client->tls);
		b = b == 0 ? 0 : gnutls_handshake(server->tls);
		CHECK(!gnutls_error_is_fatal(a) && !gnutls_error_is_fatal(b));
	}
}

TEST(a_certificate_is_looked_at_again_after_a_minute_and_not_before)
{
	int64_t now = clock_now_ms(), later = now + 2 * 3600 * 1000, mono = 5000;
	struct session client, server;
	struct tls_peer *p;
	struct world w;
	struct made own;
	struct tls_files f;
	struct tls *t;
	struct str text;
	struct err e;
	int ends[2];

	open_world(&w, NULL);
	own = make(&(struct wanted){ .name = "relay", .by = &w.authority, .until = 3600 });
	f = files(&w, w.ca, NULL, 0);
	CHECK_OK(tls_new(&f, &t, &e));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	session_init(&client, GNUTLS_CLIENT, ends[0]);
	session_init(&server, GNUTLS_SERVER, ends[1]);
	CHECK(gnutls_certificate_set_x509_key(client.own, &own.cert, 1, own.key) >= 0);
	gnutls_certificate_set_retrieve_function3(
	    server.own, (gnutls_certificate_retrieve_function3 *)tls_retriever());
	p = tls_begin(t, server.tls);
	shake_hands(&client, &server);

	CHECK_INT(tls_client_certificate(p, now, mono, &text), CLIENT_CERTIFICATE_TRUSTED);
	CHECK_STR(text, "relay");
	mono += TLS_CLIENT_RECHECK_MS;
	CHECK_INT(tls_client_certificate(p, later, mono, &text), CLIENT_CERTIFICATE_TRUSTED);
	mono++;
	CHECK_INT(tls_client_certificate(p, later, mono, &text), CLIENT_CERTIFICATE_NOT_NOW);
	CHECK_STR(text, "it, or an authority above it, has expired");
	mono += TLS_CLIENT_RECHECK_MS;
	CHECK_INT(tls_client_certificate(p, now, mono, &text), CLIENT_CERTIFICATE_NOT_NOW);
	mono++;
	CHECK_INT(tls_client_certificate(p, now, mono, &text), CLIENT_CERTIFICATE_TRUSTED);

	tls_end(p);
	session_done(&client);
	session_done(&server);
	close(ends[0]);
	close(ends[1]);
	tls_free(t);
	made_done(&own);
	close_world(&w);
}

/* ---- the file of authorities ---- */

static void
append(const char *path, const char *text)
{
	FILE *f = fopen(path, "a");

	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

TEST(a_file_of_authorities_that_is_no_good_is_refused_with_its_reason)
{
	struct made own;
	struct world w;
	struct tls_files f;
	struct err e;

	open_world(&w, NULL);
	own = make(&(struct wanted){ .name = "relay", .by = &w.authority });
	f = files(&w, w.ca, NULL, 0);
	write_cert(w.ca, &own);
	CHECK(!listener_set_tls(w.l, &f, &e));
	CHECK_HAS(e.text, "ca.pem: certificate 1 is not an authority (CA:TRUE is missing)");
	file_write(w.ca, "-----BEGIN CERTIFICATE-----\nMII", 31);
	CHECK(!listener_set_tls(w.l, &f, &e));
	CHECK_HAS(e.text, "ca.pem: half written: ");
	file_write(w.ca, "", 0);
	CHECK(!listener_set_tls(w.l, &f, &e));
	CHECK_HAS(e.text, "ca.pem: not a certificate: ");
	/* Of two authorities the second one is on its way: those of it would hear 401. */
	write_cert(w.ca, &w.authority);
	append(w.ca, "-----BEGIN CERTIFI");
	CHECK(!listener_set_tls(w.l, &f, &e));
	CHECK_HAS(e.text, "ca.pem: half written: ");
	unlink(w.ca);
	CHECK(!listener_set_tls(w.l, &f, &e));
	CHECK_HAS(e.text, "cannot open ");
	check_thought(&w, &own, NULL, "trusted relay.");
	made_done(&own);
	close_world(&w);
}
