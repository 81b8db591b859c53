#include "net/http.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "emulator.h"
#include "scripted.h"

static struct arena *arena;
static struct http *http;
static struct scripted server;

static void
prepare(void)
{
	struct err e;

	if (arena != NULL)
		return;
	CHECK_OK(http_global_init(&e));
	arena = arena_new();
	http = http_new(NULL);
}

static bool
call(const char *method, const char *path, struct http_response *rs, struct err *e)
{
	struct http_request rq = { .method = method,
		.url = arena_printf(arena, "%s%s", server.url, path),
		.has_body = strcmp(method, "GET") != 0,
		.timeout_ms = 5000 };

	return http_call(http, &rq, arena, rs, e);
}

/* ---- which addresses may be called ---- */

TEST(https_and_loopback_may_be_called)
{
	static const char *const fine[] = { "https://management.azure.com/x?y=z",
		"https://10.0.0.1:8443/", "http://127.0.0.1:80/", "http://127.9.9.9/",
		"http://localhost:1234/x", "http://[::1]:1/", "http://169.254.169.254/metadata" };
	struct err e;

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		CHECK_OK(http_url_allowed(str_of(fine[i]), &e));
}

TEST(plain_http_to_others_and_other_protocols_are_refused)
{
	static const char *const bad[] = { "http://management.azure.com/", "http://10.0.0.1/",
		"http://128.0.0.1/", "http://127.0.0.1.example.com/", "http://localhost.example/",
		"http://169.254.169.254:8080/", "http://169.254.169.253/", "ftp://127.0.0.1/",
		"file:///etc/passwd", "gopher://127.0.0.1/", "https://user:word@host/",
		"http://user@127.0.0.1/", "", "/subscriptions/x", "https://" };
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (http_url_allowed(str_of(bad[i]), &e))
			print_error("allowed: %s\n", bad[i]);
		CHECK(!http_url_allowed(str_of(bad[i]), &e));
		CHECK_INT(e.kind, ERR_INPUT);
	}
}

TEST(link_local_addresses_are_asked_in_plain_only_by_who_says_so)
{
	static const char *const bad[] = { "http://10.0.0.1/", "http://169.253.0.1/",
		"http://user@169.254.129.5/", "ftp://169.254.129.5/" };
	struct http_request rq = { .method = "GET", .url = STR("http://169.254.129.5:8081/x") };
	struct arena *a = arena_new();
	struct http *h = http_new(NULL);
	atomic_bool ending = true; /* nobody is really asked */
	struct http_response rs;
	struct err e;

	http_obey(h, &ending);
	CHECK(!http_call(h, &rq, a, &rs, &e));
	CHECK_INT(e.kind, ERR_INPUT);
	rq.link_local = true;
	CHECK(!http_call(h, &rq, a, &rs, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "we are ending");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rq.url = str_of(bad[i]);
		CHECK(!http_call(h, &rq, a, &rs, &e));
		CHECK_INT(e.kind, ERR_INPUT);
	}
	http_free(h);
	arena_free(a);
}

TEST(a_refusal_says_the_host_and_never_the_query)
{
	struct err e;

	CHECK(!http_url_allowed(STR("http://example.com/x?sig=secret"), &e));
	CHECK_HAS(e.text, "example.com");
	CHECK(strstr(e.text, "secret") == NULL);
	CHECK(!http_url_allowed(STR("https://u:secret@example.com/"), &e));
	CHECK_HAS(e.text, "must not hold a user name");
	CHECK(strstr(e.text, "secret") == NULL);
}

TEST(origins_compare_without_case_and_with_the_default_port)
{
	struct str x;

	prepare();
	CHECK(http_origin(STR("HTTPS://Management.Azure.COM/subscriptions"), arena, &x));
	CHECK_STR(x, "https://management.azure.com:443");
	CHECK(http_origin(STR("http://127.0.0.1:8080?x"), arena, &x));
	CHECK_STR(x, "http://127.0.0.1:8080");
	CHECK(http_origin(STR("https://management.azure.com.evil.example/"), arena, &x));
	CHECK_STR(x, "https://management.azure.com.evil.example:443");
	CHECK(!http_origin(STR("not an address"), arena, &x));
	CHECK(!http_origin(STR("https:/management.azure.com/"), arena, &x));
	CHECK(!http_origin(STR("https:///management.azure.com/"), arena, &x));
	CHECK(!http_origin(STR("https:"), arena, &x));
}

TEST(everything_but_unreserved_characters_is_escaped)
{
	prepare();
	CHECK_STR(http_escape(STR("aZ09-._~"), arena), "aZ09-._~");
	CHECK_STR(http_escape(STR("p4ss+w/&=~ %\n"), arena), "p4ss%2Bw%2F%26%3D~%20%25%0A");
	CHECK_STR(http_escape(STR(""), arena), "");
}

/* ---- one exchange ---- */

TEST(an_answer_has_status_headers_and_body)
{
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server, ANSWER("404 Not Found", "X-Ms-Request-Id:  abc \r\nEmpty:\r\n", "no such"));
	CHECK_OK(call("GET", "/a", &rs, &e));
	scripted_end(&server);
	CHECK_INT(rs.status, 404);
	CHECK_STR(http_get_header(&rs, "x-ms-request-id"), "abc");
	CHECK_STR(http_get_header(&rs, "EMPTY"), "");
	CHECK_STR(http_get_header(&rs, "absent"), "");
	CHECK_STR(rs.body, "no such");
	CHECK_CSTR(rs.headers[1].name, "x-ms-request-id");
}

TEST(only_the_last_block_of_headers_counts)
{
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server,
	    "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n" ANSWER("200 OK", "X-Late: 1\r\n", ""));
	CHECK_OK(call("GET", "/", &rs, &e));
	scripted_end(&server);
	CHECK_INT(rs.status, 200);
	CHECK_STR(http_get_header(&rs, "x-early"), "");
	CHECK_STR(http_get_header(&rs, "x-late"), "1");
}

TEST(an_empty_body_is_sent_with_its_length)
{
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server, ANSWER("200 OK", "", ""));
	CHECK_OK(call("POST", "/start?x=1", &rs, &e));
	scripted_end(&server);
	CHECK_HAS(server.requests[0], "POST /start?x=1 HTTP/1.1\r\n");
	CHECK_HAS(server.requests[0], "Content-Length: 0\r\n");
	CHECK(strstr(server.requests[0], "Expect:") == NULL);
}

TEST(a_body_goes_out_byte_for_byte)
{
	struct http_header json = { "Content-Type", STR("application/json") };
	struct http_request rq = { .method = "PUT",
		.headers = &json,
		.n_headers = 1,
		.body = STR("{\"a\":1}"),
		.has_body = true };
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server, ANSWER("201 Created", "", ""));
	rq.url = arena_printf(arena, "%s/x", server.url);
	CHECK_OK(http_call(http, &rq, arena, &rs, &e));
	scripted_end(&server);
	CHECK_HAS(server.requests[0], "PUT /x HTTP/1.1\r\n");
	CHECK_HAS(server.requests[0], "Content-Type: application/json\r\n");
	CHECK_HAS(server.requests[0], "\r\n\r\n{\"a\":1}");
}

TEST(a_header_with_a_line_break_is_refused)
{
	struct http_header bad = { "If-Match", STR("x\r\nHost: evil") };
	struct http_request rq = {
		.method = "GET", .url = STR("http://127.0.0.1:1/"), .headers = &bad, .n_headers = 1
	};
	struct http_response rs;
	struct err e;

	prepare();
	CHECK(!http_call(http, &rq, arena, &rs, &e));
	CHECK_INT(e.kind, ERR_INPUT);
	CHECK_HAS(e.text, "If-Match would hold a line break");
}

TEST(a_redirect_is_not_followed)
{
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server, ANSWER("307 Temporary Redirect", "Location: http://127.0.0.1:1/\r\n", ""));
	CHECK_OK(call("GET", "/", &rs, &e));
	scripted_end(&server);
	CHECK_INT(rs.status, 307);
}

TEST(the_environment_does_not_choose_a_proxy)
{
	struct http_response rs;
	struct err e;

	prepare();
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	SCRIPT(&server, ANSWER("200 OK", "", ""));
	CHECK_OK(call("GET", "/", &rs, &e));
	scripted_end(&server);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	CHECK_INT(rs.status, 200);
}

/* ---- no answer ---- */

TEST(a_cut_connection_is_passing_trouble_and_names_the_host_alone)
{
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server, CUT);
	CHECK(!call("GET", "/x?sig=secret", &rs, &e));
	scripted_end(&server);
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "no answer from 127.0.0.1");
	CHECK(strstr(e.text, "secret") == NULL);
}

TEST(half_a_body_is_no_answer)
{
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server, ANSWER("200 OK", "Content-Length: 100\r\n", "{\"half\":"));
	CHECK(!call("GET", "/", &rs, &e));
	scripted_end(&server);
	CHECK_INT(e.kind, ERR_AGAIN);
}

TEST(silence_ends_with_the_time_given)
{
	struct http_request rq = { .method = "GET", .timeout_ms = 150 };
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server, HANG);
	rq.url = arena_printf(arena, "%s/?sig=secret", server.url);
	CHECK(!http_call(http, &rq, arena, &rs, &e));
	scripted_end(&server);
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "timed out");
	CHECK(strstr(e.text, "secret") == NULL);
}

/* ---- cut short ---- */

static atomic_bool ending;

/* Sets it once somebody speaks with the server: it has accepted then. */
static void *
end_when_asked(void *arg)
{
	struct scripted *s = arg;

	while (atomic_load(&s->connections) == 0)
		sched_yield();
	atomic_store(&ending, true);
	return NULL;
}

static void
check_cut(const char *scheme, const char *method)
{
	struct http *h = http_new(NULL);
	struct http_request rq = { .method = method, .has_body = strcmp(method, "GET") != 0 };
	struct http_response rs;
	int64_t began = clock_mono_ms();
	pthread_t thread;
	struct err e;

	prepare();
	atomic_store(&ending, false);
	http_obey(h, &ending);
	SCRIPT(&server, HANG);
	rq.url = arena_printf(arena, "%s%s/?sig=secret", scheme, strchr(server.url, ':'));
	CHECK(pthread_create(&thread, NULL, end_when_asked, &server) == 0);
	CHECK(!http_call(h, &rq, arena, &rs, &e));
	CHECK(clock_mono_ms() - began < 5000); /* about one second, on a loaded machine more */
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "no answer from 127.0.0.1: cut off, since we are ending");
	pthread_join(thread, NULL);
	scripted_end(&server);
	http_free(h);
}

TEST(a_call_that_hangs_is_cut_off_when_we_end)
{
	check_cut("http", "GET");
	check_cut("http", "POST");
	check_cut("https", "GET"); /* in the handshake */
}

TEST(no_call_begins_when_we_end)
{
	struct http *h = http_new(NULL);
	struct http_request rq = { .method = "GET" };
	struct http_response rs;
	struct err e;

	prepare();
	atomic_store(&ending, true);
	http_obey(h, &ending);
	SCRIPT(&server, ANSWER("200 OK", "", ""));
	rq.url = arena_printf(arena, "%s/", server.url);
	CHECK(!http_call(h, &rq, arena, &rs, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "127.0.0.1 is not asked: we are ending");
	CHECK_INT(server.connections, 0);
	atomic_store(&ending, false);
	CHECK_OK(http_call(h, &rq, arena, &rs, &e));
	scripted_end(&server);
	http_free(h);
}

TEST(a_closed_port_and_an_unknown_name_are_passing_trouble)
{
	struct http_request rq = {
		.method = "GET", .url = STR("http://127.0.0.1:1/?sig=secret"), .timeout_ms = 3000
	};
	struct http_response rs;
	struct err e;

	prepare();
	CHECK(!http_call(http, &rq, arena, &rs, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "127.0.0.1");
	rq.url = STR("https://no-such-host.invalid/?sig=secret");
	CHECK(!http_call(http, &rq, arena, &rs, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "no-such-host.invalid");
	CHECK(strstr(e.text, "secret") == NULL);
}

TEST(a_body_beyond_the_cap_is_refused_with_and_without_a_length)
{
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server, ANSWER("200 OK", "Content-Length: 99999999\r\n", "x"), FLOOD);
	CHECK(!call("GET", "/", &rs, &e));
	CHECK_HAS(e.text, "too large (body)");
	CHECK(!call("GET", "/", &rs, &e));
	scripted_end(&server);
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "too large (body)");
}

TEST(headers_beyond_the_cap_are_refused)
{
	static char answer[8192];
	const char *answers[] = { answer };
	struct http_response rs;
	struct err e;
	size_t n;

	prepare();
	n = (size_t)snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nConnection: close\r\n");
	for (int i = 0; i < HTTP_HEADERS_MAX; i++)
		n += (size_t)snprintf(answer + n, sizeof(answer) - n, "X-%d: %d\r\n", i, i);
	snprintf(answer + n, sizeof(answer) - n, "\r\n");
	scripted_start(&server, answers, 1);
	CHECK(!call("GET", "/", &rs, &e));
	scripted_end(&server);
	CHECK_HAS(e.text, "too large (headers)");
}

/* libcurl would send it again by itself when a kept connection turns out dead. */
TEST(what_may_change_something_goes_out_at_most_once)
{
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(
	    &server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", CUT, ANSWER("200 OK", "", ""));
	CHECK_OK(call("GET", "/", &rs, &e));
	CHECK(!call("POST", "/once", &rs, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	scripted_end(&server);
	CHECK_INT(server.asked, 2);
}

TEST(reading_keeps_its_connection)
{
	struct http_response rs;
	struct err e;

	prepare();
	SCRIPT(&server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	CHECK_OK(call("GET", "/1", &rs, &e));
	CHECK_OK(call("GET", "/2", &rs, &e));
	scripted_end(&server);
	CHECK_INT(server.connections, 1);
}

/* ---- Retry-After ---- */

static int64_t
retry_after(const char *name, const char *value)
{
	struct http_header h = { name, str_of(value) };
	struct http_response rs = { .headers = &h, .n_headers = 1 };

	/* 2026-11-23 20:04:55 UTC */
	return http_retry_after_ms(&rs, 1795464295000);
}

TEST(retry_after_is_read_in_each_of_its_forms)
{
	CHECK_INT(retry_after("retry-after", "17"), 17000);
	CHECK_INT(retry_after("retry-after", "0"), 0);
	CHECK_INT(retry_after("retry-after-ms", "250"), 250);
	CHECK_INT(retry_after("x-ms-retry-after-ms", "1500"), 1500);
	CHECK_INT(retry_after("retry-after", "Mon, 23 Nov 2026 20:05:25 GMT"), 30000);
	CHECK_INT(retry_after("retry-after", "Mon, 23 Nov 2026 20:00:00 GMT"), 0);
}

TEST(a_retry_after_that_says_nothing_is_absent_and_a_mad_one_is_bounded)
{
	CHECK_INT(retry_after("retry-after", ""), -1);
	CHECK_INT(retry_after("retry-after", "soon"), -1);
	CHECK_INT(retry_after("retry-after", "-5"), -1);
	CHECK_INT(retry_after("x-other", "5"), -1);
	CHECK_INT(retry_after("retry-after", "999999999"), 86400000);
	/* times 1,000 it is more than 64 bits hold */
	CHECK_INT(retry_after("retry-after", "511111100151111110"), 86400000);
	CHECK_INT(retry_after("retry-after-ms", "99999999999999"), 86400000);
	CHECK_INT(retry_after("retry-after", "Fri, 322222221 Dec 6"), 86400000);
}

/* ---- TLS ---- */

static char folder[64], cert[96], key[96];

static void
write_file(const char *path, const gnutls_datum_t *pem)
{
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fwrite(pem->data, 1, pem->size, f) == pem->size && fclose(f) == 0);
	gnutls_free(pem->data);
}

/* A certificate of its own making, for this name or address. */
static void
make_certificate(gnutls_x509_subject_alt_name_t kind, const void *name, unsigned size)
{
	gnutls_x509_privkey_t k;
	gnutls_x509_crt_t c;
	gnutls_datum_t pem;

	snprintf(folder, sizeof(folder), "/tmp/gridwarden-http-XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	CHECK(gnutls_x509_privkey_init(&k) == 0 && gnutls_x509_crt_init(&c) == 0);
	CHECK(gnutls_x509_privkey_generate(
		  k, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
	CHECK(gnutls_x509_crt_set_version(c, 3) == 0 && gnutls_x509_crt_set_key(c, k) == 0);
	CHECK(gnutls_x509_crt_set_serial(c, "\x01", 1) == 0);
	CHECK(gnutls_x509_crt_set_dn(c, "CN=test", NULL) == 0);
	CHECK(gnutls_x509_crt_set_subject_alt_name(c, kind, name, size, GNUTLS_FSAN_SET) == 0);
	CHECK(gnutls_x509_crt_set_basic_constraints(c, 1, -1) == 0);
	CHECK(gnutls_x509_crt_set_activation_time(c, time(NULL) - 3600) == 0);
	CHECK(gnutls_x509_crt_set_expiration_time(c, time(NULL) + 3600) == 0);
	CHECK(gnutls_x509_crt_sign2(c, c, k, GNUTLS_DIG_SHA256, 0) == 0);
	CHECK(gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_PEM, &pem) == 0);
	write_file(cert, &pem);
	CHECK(gnutls_x509_privkey_export2(k, GNUTLS_X509_FMT_PEM, &pem) == 0);
	write_file(key, &pem);
	gnutls_x509_crt_deinit(c);
	gnutls_x509_privkey_deinit(k);
}

static bool
call_over_tls(const char *ca_file, struct err *e)
{
	struct http *h = http_new(ca_file);
	struct http_request rq = { .method = "GET" };
	struct http_response rs;
	struct emulator m;
	bool ok;

	emulator_start(&m, cert, key);
	rq.url = arena_printf(arena, "%s/_emulator/faults", m.url);
	ok = http_call(h, &rq, arena, &rs, e);
	emulator_stop(&m);
	http_free(h);
	unlink(cert);
	unlink(key);
	rmdir(folder);
	return ok;
}

TEST(an_unknown_certificate_is_refused)
{
	struct err e;

	prepare();
	make_certificate(GNUTLS_SAN_IPADDRESS, "\x7f\0\0\1", 4);
	CHECK(!call_over_tls(NULL, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "SSL certificate problem");
}

TEST(a_certificate_of_the_extra_trust_is_accepted)
{
	struct err e;

	prepare();
	make_certificate(GNUTLS_SAN_IPADDRESS, "\x7f\0\0\1", 4);
	CHECK_OK(call_over_tls(cert, &e));
}

TEST(a_certificate_for_another_name_is_refused)
{
	struct err e;

	prepare();
	make_certificate(GNUTLS_SAN_DNSNAME, "example.com", 11);
	CHECK(!call_over_tls(cert, &e));
	CHECK_HAS(e.text, "no alternative certificate subject name matches");
}
