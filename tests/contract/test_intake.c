/* The public and the operations surface: every row of the table of answers, from a raw socket. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/intake.h"
#include "daemon/operations.h"
#include "test.h"

#define KEY "correct-horse-battery-staple"
#define WAIT_MS 20000
#define BODY_MAX 4096

/* ---- a pipeline of one thread ---- */

struct pipeline {
	struct intake *intake;
	struct listener *l;
	bool full;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct received *waiting;
	bool stop;
	enum kept kept;
	/* what the last delivery was */
	size_t n;
	enum event_kind kind;
	char body[200], headers[400], id[40];
	struct hash128 hash;
};

static bool
submit(void *ctx, struct received *r)
{
	struct pipeline *p = ctx;

	if (p->full)
		return false;
	pthread_mutex_lock(&p->lock);
	r->next = p->waiting;
	p->waiting = r;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	return true;
}

static void
note(struct pipeline *p, const struct received *r)
{
	p->n = r->delivery.n;
	p->kind = r->batch.events[0].kind;
	p->hash = r->delivery.hashes[0];
	snprintf(p->body, sizeof(p->body), "%.*s", STR_ARG(r->delivery.body));
	snprintf(p->headers, sizeof(p->headers), "%.*s", STR_ARG(r->delivery.headers));
	snprintf(p->id, sizeof(p->id), "%.*s", STR_ARG(r->batch.events[0].id));
	CHECK(r->delivery.received_ms > 1000000000000);
	CHECK(!r->delivery.fresh[0]);
}

static void *
commit(void *arg)
{
	struct pipeline *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct received *r = p->waiting;

		if (r == NULL) {
			pthread_cond_wait(&p->changed, &p->lock);
			continue;
		}
		p->waiting = r->next;
		note(p, r);
		received_done(r, p->kept);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static struct auth *
auth(const char *key, bool header)
{
	static struct str subscriptions[] = { { "soc-alerts", 10 } };
	char path[] = "/tmp/test_intake.XXXXXX";
	struct str file = str_of(path);
	struct settings_auth s = { .keys_files = &file,
		.n_keys_files = 1,
		.key_header = header ? STR("X-Key") : STR(""),
		.subscriptions = subscriptions,
		.n_subscriptions = 1 };
	struct auth *a = NULL;
	struct err e;
	int fd = mkstemp(path);

	CHECK(fd >= 0 && write(fd, key, strlen(key)) == (ssize_t)strlen(key));
	close(fd);
	CHECK_OK(auth_load(&s, &a, &e));
	unlink(path);
	return a;
}

static void
start(struct pipeline *p)
{
	struct intake_options io = { .path = STR("/api/events"),
		.hash_key = "0123456789abcde",
		.submit = submit,
		.submit_ctx = p };
	struct listener_options lo = { .address = STR("127.0.0.1:0"),
		.body_max = BODY_MAX,
		.connections_max = 50,
		.per_address_max = 50 };
	struct listener_handler h;
	struct err e;

	memset(p, 0, sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->intake = intake_new(&io, auth(KEY, true));
	h = intake_handler(p->intake);
	CHECK_OK(listener_start(&lo, &h, &p->l, &e));
	CHECK(pthread_create(&p->thread, NULL, commit, p) == 0);
}

static void
stop(struct pipeline *p)
{
	listener_drain(p->l, WAIT_MS);
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	listener_stop(p->l);
	intake_free(p->intake);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
}

/* ---- the client: one request, the whole answer ---- */

static const char *
ask(int port, const char *head, const char *body)
{
	static char answer[65536];
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[8192];
	size_t n = 0;
	ssize_t got;

	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	snprintf(text, sizeof(text),
	    "%s HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
	    strtok(strdupa(head), "|"), strlen(body),
	    strchr(head, '|') == NULL ? "" : strchr(head, '|') + 1, body);
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
	while ((got = recv(fd, answer + n, sizeof(answer) - 1 - n, 0)) > 0)
		n += (size_t)got;
	CHECK(got == 0);
	answer[n] = '\0';
	close(fd);
	return answer;
}

#define EVENTS "POST /api/events?code=" KEY
#define EVENT                                                                       \
	"[{\"id\":\"e1\",\"topic\":\"/t\",\"subject\":\"s\",\"eventType\":\"T\","   \
	"\"eventTime\":\"2026-11-23T20:00:00Z\",\"data\":{\"a\":1},\"dataVersion\"" \
	":\"1\"}]"
#define VALIDATION(code)                                                                         \
	"[{\"id\":\"v1\",\"topic\":\"/t\",\"subject\":\"\",\"data\":{\"validationCode\":\"" code \
	"\"},\"eventType\":\"Microsoft.EventGrid.SubscriptionValidationEvent\","                 \
	"\"eventTime\":\"2026-11-23T20:00:00Z\",\"dataVersion\":\"1\"}]"
#define FROM(name) "|aeg-event-type: SubscriptionValidation\r\naeg-subscription-name: " name "\r\n"

static const char *
post(struct pipeline *p, const char *head, const char *body)
{
	return ask(listener_port(p->l), head, body);
}

static bool
answers(const char *answer, int status)
{
	char line[40];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	if (strncmp(answer, line, strlen(line)) == 0)
		return true;
	print_error("want %d, got: %s\n", status, answer);
	return false;
}

static const char *
body_of(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	return end == NULL ? "" : end + 4;
}

TEST(an_event_is_handed_over_and_answered_200_without_a_body)
{
	struct intake_figures f;
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, EVENTS "|aeg-subscription-name: SOC-ALERTS\r\n", EVENT);
	CHECK(answers(a, 200));
	CHECK_CSTR(body_of(a), "");
	CHECK_INT(p.n, 1);
	CHECK_INT(p.kind, EVENT_NOTIFICATION);
	CHECK_CSTR(p.id, "e1");
	CHECK_CSTR(p.body, EVENT);
	CHECK_HAS(p.headers, "SOC-ALERTS");
	intake_figures(p.intake, &f);
	CHECK_INT(f.deliveries, 1);
	CHECK_INT(f.events, 1);
	CHECK_INT(f.bytes, sizeof(EVENT) - 1);
	stop(&p);
}

TEST(the_same_event_has_the_same_hash_and_another_one_another)
{
	static const struct hash128 zero;
	struct hash128 first;
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, EVENTS, EVENT), 200));
	first = p.hash;
	CHECK(memcmp(&first, &zero, sizeof(first)) != 0);
	CHECK(answers(post(&p, EVENTS, EVENT), 200));
	CHECK(memcmp(&first, &p.hash, sizeof(first)) == 0);
	CHECK(answers(post(&p, EVENTS, "[{\"id\":\"e2\"}]"), 200));
	CHECK(memcmp(&first, &p.hash, sizeof(first)) != 0);
	stop(&p);
}

TEST(a_batch_is_one_delivery_of_several_events)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, EVENTS, "[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}]"), 200));
	CHECK_INT(p.n, 3);
	stop(&p);
}

TEST(a_binary_cloud_event_is_read_from_its_headers)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(
	    post(&p, EVENTS "|ce-specversion: 1.0\r\nce-id: c1\r\nce-type: t\r\nce-source: /s\r\n",
		"{\"a\":1}"),
	    200));
	CHECK_INT(p.kind, EVENT_NOTIFICATION);
	CHECK_CSTR(p.id, "c1");
	stop(&p);
}

TEST(an_unreadable_body_is_handed_over_and_answered_200)
{
	static const char *const bodies[] = { "", "no json", "[", "\"text\"", "[]", "\xff\xfe" };
	struct intake_figures f;
	struct pipeline p;

	start(&p);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		CHECK(answers(post(&p, EVENTS, bodies[i]), 200));
		CHECK_INT(p.kind, EVENT_UNREADABLE);
		CHECK_CSTR(p.body, bodies[i]);
	}
	intake_figures(p.intake, &f);
	CHECK_INT(f.unreadable, sizeof(bodies) / sizeof(bodies[0]));
	stop(&p);
}

TEST(a_validation_is_answered_with_its_code_and_nothing_else)
{
	struct intake_figures f;
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, EVENTS FROM("Soc-Alerts"), VALIDATION("512d38b6-c7b8-40c8-89fe-f46f9e9622b6"));
	CHECK(answers(a, 200));
	CHECK_HAS(a, "Content-Type: application/json\r\n");
	CHECK_CSTR(body_of(a), "{\"validationResponse\":\"512d38b6-c7b8-40c8-89fe-f46f9e9622b6\"}");
	CHECK_INT(p.n, 0);
	intake_figures(p.intake, &f);
	CHECK_INT(f.handshakes, 1);
	stop(&p);
}

TEST(a_validation_code_is_escaped)
{
	struct pipeline p;

	start(&p);
	CHECK_CSTR(body_of(post(&p, EVENTS FROM("soc-alerts"), VALIDATION("a\\\"},\\u0007<b>"))),
	    "{\"validationResponse\":\"a\\\"},\\u0007<b>\"}");
	stop(&p);
}

TEST(a_validation_of_a_foreign_event_subscription_is_answered_403)
{
	struct intake_figures f;
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, EVENTS FROM("other"), VALIDATION("code"));
	CHECK(answers(a, 403));
	CHECK_CSTR(body_of(a), "");
	CHECK(answers(post(&p, EVENTS, VALIDATION("code")), 403));
	intake_figures(p.intake, &f);
	CHECK_INT(f.forbidden, 2);
	CHECK_INT(f.handshakes, 0);
	stop(&p);
}

TEST(a_validation_without_the_key_is_answered_401)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, "POST /api/events" FROM("soc-alerts"), VALIDATION("code")), 401));
	stop(&p);
}

TEST(a_deletion_notice_is_handed_over_and_answered_200)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, EVENTS "|aeg-event-type: SubscriptionDeletion\r\n",
			  "[{\"id\":\"d1\",\"topic\":\"/t\",\"subject\":\"\",\"eventType\":"
			  "\"Microsoft.EventGrid.SubscriptionDeletedEvent\",\"eventTime\":"
			  "\"2026-11-23T20:00:00Z\",\"data\":{\"eventSubscriptionId\":\"x\"},"
			  "\"dataVersion\":\"1\"}]"),
	    200));
	CHECK_INT(p.kind, EVENT_DELETION);
	stop(&p);
}

TEST(a_cloud_events_handshake_gets_its_consent)
{
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, "OPTIONS /api/events|WebHook-Request-Origin: eventgrid.azure.net\r\n", "");
	CHECK(answers(a, 200));
	CHECK_HAS(a, "WebHook-Allowed-Origin: eventgrid.azure.net\r\n");
	CHECK_HAS(a, "WebHook-Allowed-Rate: *\r\n");
	CHECK_HAS(a, "Allow: POST\r\n");
	a = post(&p,
	    "OPTIONS /api/events?code=" KEY "|WebHook-Request-Origin: eventgrid.azure.net\r\n"
	    "WebHook-Request-Rate: 120\r\n",
	    "");
	CHECK_HAS(a, "WebHook-Allowed-Rate: 120\r\n");
	stop(&p);
}

TEST(a_cloud_events_handshake_of_a_foreign_origin_gets_no_consent)
{
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, "OPTIONS /api/events|WebHook-Request-Origin: evil.example\r\n", "");
	CHECK(answers(a, 403));
	CHECK(strstr(a, "WebHook-Allowed") == NULL);
	a = post(&p, "OPTIONS /api/events", "");
	CHECK(answers(a, 200));
	CHECK(strstr(a, "WebHook-Allowed") == NULL);
	a = post(&p,
	    "OPTIONS /api/events?code=wrong|WebHook-Request-Origin: eventgrid.azure.net\r\n", "");
	CHECK(answers(a, 401));
	CHECK(strstr(a, "WebHook-Allowed") == NULL);
	stop(&p);
}

TEST(no_key_and_a_wrong_key_are_answered_401_and_nothing_is_handed_over)
{
	struct intake_figures f;
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, "POST /api/events", EVENT), 401));
	CHECK(answers(post(&p, "POST /api/events?code=wrong", EVENT), 401));
	CHECK(answers(post(&p, "POST /api/events|X-Key: wrong\r\n", EVENT), 401));
	CHECK_INT(p.n, 0);
	intake_figures(p.intake, &f);
	CHECK_INT(f.no_credential, 1);
	CHECK_INT(f.bad_credential, 2);
	stop(&p);
}

TEST(the_key_may_come_in_the_header_of_the_settings)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, "POST /api/events|x-key: " KEY "\r\n", EVENT), 200));
	stop(&p);
}

TEST(a_reload_changes_the_key)
{
	struct pipeline p;

	start(&p);
	intake_set_auth(p.intake, auth("a-new-key-0123456789", false));
	CHECK(answers(post(&p, EVENTS, EVENT), 401));
	CHECK(answers(post(&p, "POST /api/events?code=a-new-key-0123456789", EVENT), 200));
	CHECK(answers(post(&p, "POST /api/events|X-Key: a-new-key-0123456789\r\n", EVENT), 401));
	stop(&p);
}

/* The validation of soc-alerts needs no credential. */
static struct auth *
auth_bare(void)
{
	static struct str subscriptions[] = { { "soc-alerts", 10 } };
	static struct str any[] = { { "x", 1 } };
	struct settings_auth s = { .key_header = STR(""),
		.subscriptions = subscriptions,
		.n_subscriptions = 1,
		.entra = { .tenant = STR("11111111-aaaa-bbbb-cccc-222222222222"),
		    .audience = any,
		    .n_audience = 1,
		    .role = STR("r"),
		    .application = STR("a"),
		    .source = STR("s"),
		    .handshake_without_token = true } };
	struct auth *a = NULL;
	struct err e;

	CHECK_OK(auth_load(&s, &a, &e));
	return a;
}

TEST(a_bare_validation_is_answered_and_opens_nothing_else)
{
	struct pipeline p;

	start(&p);
	intake_set_auth(p.intake, auth_bare());
	CHECK(answers(post(&p, "POST /api/events" FROM("soc-alerts"), VALIDATION("code")), 200));
	CHECK(answers(post(&p, "POST /api/events" FROM("other"), VALIDATION("code")), 401));
	CHECK(answers(post(&p, "POST /api/events" FROM("soc-alerts"), EVENT), 401));
	CHECK(answers(post(&p, "POST /api/events" FROM("soc-alerts"), VALIDATION("")), 401));
	CHECK(answers(
	    post(&p, "POST /api/events?access_token=x" FROM("soc-alerts"), VALIDATION("code")),
	    401));
	CHECK_INT(p.n, 0);
	stop(&p);
}

TEST(a_reload_between_head_and_body_lets_nobody_in)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pipeline p;
	char text[1024];
	ssize_t n;

	start(&p);
	intake_set_auth(p.intake, auth_bare());
	to.sin_port = htons((uint16_t)listener_port(p.l));
	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	n = snprintf(text, sizeof(text),
	    "POST /api/events HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue\r\n"
	    "aeg-event-type: SubscriptionValidation\r\naeg-subscription-name: soc-alerts\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    sizeof(EVENT) - 1);
	CHECK(send(fd, text, (size_t)n, MSG_NOSIGNAL) == n);
	CHECK(recv(fd, text, sizeof(text), 0) > 0); /* 100: the head was let in */
	CHECK(strncmp(text, "HTTP/1.1 100 ", 13) == 0);
	intake_set_auth(p.intake, auth(KEY, false));
	CHECK(send(fd, EVENT, sizeof(EVENT) - 1, MSG_NOSIGNAL) == sizeof(EVENT) - 1);
	n = recv(fd, text, sizeof(text) - 1, 0);
	CHECK(n > 0);
	text[n] = '\0';
	CHECK(answers(text, 401));
	CHECK_INT(p.n, 0);
	close(fd);
	stop(&p);
}

TEST(other_paths_and_methods_are_answered_404_and_405)
{
	static const char *const paths[] = { "POST /", "POST /api/events/", "POST /api/event",
		"POST /api%2fevents", "GET /metrics", "POST //api/events" };
	static const char *const methods[] = { "GET", "PUT", "DELETE", "HEAD", "PATCH", "TRACE" };
	struct pipeline p;
	char head[100];

	start(&p);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(head, sizeof(head), "%s?code=" KEY, paths[i]);
		CHECK(answers(post(&p, head, ""), 404));
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		snprintf(head, sizeof(head), "%s /api/events?code=" KEY, methods[i]);
		CHECK(answers(post(&p, head, ""), 405));
		CHECK_HAS(post(&p, head, ""), "Allow: POST, OPTIONS\r\n");
	}
	stop(&p);
}

TEST(no_room_and_a_failing_disk_are_answered_503_with_retry_after)
{
	struct intake_figures f;
	struct pipeline p;
	const char *a;

	start(&p);
	p.full = true;
	a = post(&p, EVENTS, EVENT);
	CHECK(answers(a, 503));
	CHECK_HAS(a, "Retry-After: 30\r\n");
	p.full = false;
	p.kept = KEPT_LATER;
	a = post(&p, EVENTS, EVENT);
	CHECK(answers(a, 503));
	CHECK_HAS(a, "Retry-After: 30\r\n");
	intake_figures(p.intake, &f);
	CHECK_INT(f.overload, 2);
	CHECK_INT(f.deliveries, 0);
	stop(&p);
}

TEST(a_body_over_the_cap_is_answered_413_only_to_a_caller_who_is_known)
{
	char body[BODY_MAX + 2];
	struct pipeline p;

	start(&p);
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	CHECK(answers(post(&p, EVENTS, body), 413));
	CHECK(answers(post(&p, "POST /api/events", body), 401));
	CHECK(answers(post(&p, "POST /elsewhere", body), 404));
	CHECK_INT(p.n, 0);
	stop(&p);
}

/* ---- operations ---- */

static int
fill_ready(void *ctx, struct buf *out)
{
	buf_printf(out, "ready %d\n", *(int *)ctx);
	return 200;
}

static int
fill_failing(void *ctx, struct buf *out)
{
	(void)ctx;
	buf_add_cstr(out, "store: disk full\n");
	return 503;
}

static int
fill_endless(void *ctx, struct buf *out)
{
	(void)ctx;
	while (!buf_over(out))
		buf_add_cstr(
		    out, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	return 200;
}

TEST(operations_pages_are_filled_when_they_are_asked_for)
{
	int number = 1;
	struct operations_page pages[] = {
		{ "/readyz", "text/plain", fill_ready, &number },
		{ "/livez", "text/plain", fill_failing, NULL },
		{ "/metrics", "text/plain", fill_endless, NULL },
		{ .path = NULL },
	};
	struct listener_handler h = operations_handler(pages);
	struct listener_options o = { .address = STR("127.0.0.1:0"),
		.body_max = 1000,
		.connections_max = OPERATIONS_CONNECTIONS_MAX,
		.per_address_max = OPERATIONS_CONNECTIONS_MAX,
		.threads = 1 };
	struct listener *l;
	const char *a;
	struct err e;

	CHECK_OK(listener_start(&o, &h, &l, &e));
	CHECK_CSTR(body_of(ask(listener_port(l), "GET /readyz", "")), "ready 1\n");
	number = 2;
	CHECK_CSTR(body_of(ask(listener_port(l), "GET /readyz?verbose", "")), "ready 2\n");
	a = ask(listener_port(l), "HEAD /readyz", "");
	CHECK(answers(a, 200));
	CHECK_CSTR(body_of(a), "");
	a = ask(listener_port(l), "GET /livez", "");
	CHECK(answers(a, 503));
	CHECK_CSTR(body_of(a), "store: disk full\n");
	CHECK(answers(ask(listener_port(l), "GET /metrics", ""), 500));
	CHECK(answers(ask(listener_port(l), "GET /other", ""), 404));
	a = ask(listener_port(l), "POST /readyz", "x");
	CHECK(answers(a, 405));
	CHECK_HAS(a, "Allow: GET, HEAD\r\n");
	listener_stop(l);
}
