/*
 * An intake with a listener, a key, and behind it a pipeline of one thread that remembers what it
 * was given.
 */
#ifndef TESTS_INTAKE_WORLD_H
#define TESTS_INTAKE_WORLD_H

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

static inline bool
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

static inline void
note(struct pipeline *p, const struct received *r)
{
	struct arena *a = arena_new();
	struct event_headers headers;
	struct event_batch batch;
	int64_t unreadable = 0;

	/* What is kept gives the events again. */
	event_headers_read(r->delivery.headers, a, &headers);
	event_batch_parse(r->delivery.body, &headers, a, &batch);
	CHECK_INT(batch.n, r->delivery.n);
	p->n = batch.n;
	p->kind = batch.events[0].kind;
	p->hash = r->delivery.hashes[0];
	snprintf(p->body, sizeof(p->body), "%.*s", STR_ARG(r->delivery.body));
	snprintf(p->headers, sizeof(p->headers), "%.*s", STR_ARG(r->delivery.headers));
	snprintf(p->id, sizeof(p->id), "%.*s", STR_ARG(batch.events[0].id));
	CHECK(r->delivery.received_ms > 1000000000000);
	CHECK(!r->delivery.fresh[0]);
	for (size_t i = 0; i < batch.n; i++)
		unreadable += batch.events[i].kind == EVENT_UNREADABLE;
	CHECK_INT(r->unreadable, unreadable);
	arena_free(a);
}

static inline void *
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

/* The one entry of auth.sources, and of auth.schemas; NULL = nothing is listed. */
static const char *sources, *schema;

static inline struct auth *
auth(const char *key, bool header)
{
	struct str source = sources == NULL ? STR_EMPTY : str_of(sources);
	struct str schemas = schema == NULL ? STR_EMPTY : str_of(schema);
	static struct str subscriptions[] = { { "soc-alerts", 10 } };
	static struct str origins[] = { { "eventgrid.azure.net", 19 } };
	char path[] = "/tmp/test_intake.XXXXXX";
	struct str file = str_of(path);
	struct settings_auth s = { .keys_files = &file,
		.n_keys_files = 1,
		.key_header = header ? STR("X-Key") : STR(""),
		.subscriptions = subscriptions,
		.n_subscriptions = 1,
		.sources = &source,
		.n_sources = sources != NULL,
		.schemas = &schemas,
		.n_schemas = schema != NULL,
		.origins = origins,
		.n_origins = 1 };
	struct auth *a = NULL;
	struct err e;
	int fd = mkstemp(path);

	CHECK(fd >= 0 && write(fd, key, strlen(key)) == (ssize_t)strlen(key));
	close(fd);
	CHECK_OK(auth_load(&s, &a, &e));
	unlink(path);
	return a;
}

static inline void
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

static inline void
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

static inline const char *
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

static inline const char *
post(struct pipeline *p, const char *head, const char *body)
{
	return ask(listener_port(p->l), head, body);
}

static inline bool
answers(const char *answer, int status)
{
	char line[40];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	if (strncmp(answer, line, strlen(line)) == 0)
		return true;
	print_error("want %d, got: %s\n", status, answer);
	return false;
}

static inline const char *
body_of(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	return end == NULL ? "" : end + 4;
}

#endif
