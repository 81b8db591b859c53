/*
 * A listener over TLS with a pair in a folder of its own, and a client that asks it once.
 */
#ifndef TESTS_TLS_WORLD_H
#define TESTS_TLS_WORLD_H

#include <arpa/inet.h>
#include <netinet/in.h>
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

static inline void
wanted_write(const char *cert, const char *key, const struct wanted *w)
{
	struct made m = make(w);

	write_cert(cert, &m);
	write_key(key, &m);
	made_done(&m);
}

/* From and until are seconds from now. */
static inline void
pair_write(const char *cert, const char *key, const char *name, time_t from, time_t until)
{
	wanted_write(cert, key, &(struct wanted){ .name = name, .from = from, .until = until });
}

static inline void
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

static inline void
files_remove(const struct files *f)
{
	unlink(f->cert);
	unlink(f->key);
	unlink(f->cert2);
	unlink(f->key2);
	rmdir(f->folder);
}

/* ---- the server ---- */

static inline void
on_handle(void *ctx, struct request *rq)
{
	(void)ctx;
	request_answer(rq, &(struct reply){ .status = 200, .body = STR_EMPTY });
}

static inline bool
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

static inline bool
set_pair(struct listener *l, struct str cert, struct str key, struct err *e)
{
	return listener_set_tls(
	    l, &(struct tls_files){ .certificate = cert, .private_key = key }, e);
}

static inline int
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

static inline void
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

static inline void
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

static inline void
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

static inline void
meet_once(struct listener *l, const char *priority, struct met *m)
{
	meet(l, priority, (gnutls_datum_t){ 0 }, m);
	gnutls_free(m->session.data);
}

#define ONLY_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.2"

#endif
