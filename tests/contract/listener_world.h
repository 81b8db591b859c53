/*
 * A listener over plain HTTP whose handler echoes, refuses or holds, and a client that is a raw
 * socket.
 */
#ifndef TESTS_LISTENER_WORLD_H
#define TESTS_LISTENER_WORLD_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "daemon/listener.h"
#include "test.h"

#define BODY_MAX 65536
#define WAIT_MS 20000

/* ---- the server: what the handler saw, and what it is to do ---- */

enum behaviour { ECHO, REFUSE_IN_HEAD, HOLD };

struct seen {
	struct listener *l;
	enum behaviour behaviour;
	atomic_int heads, handled;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct request *held;
};

static inline void
on_head(void *ctx, struct request *rq)
{
	struct seen *s = ctx;

	atomic_fetch_add(&s->heads, 1);
	if (s->behaviour == REFUSE_IN_HEAD)
		request_answer(rq, &(struct reply){ .status = 401, .body = STR_EMPTY });
}

static inline void
echo(struct request *rq)
{
	struct str body = request_body(rq), path = request_path(rq), method = request_method(rq);
	struct str code = request_query(rq, "code"), peer = request_peer(rq);
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "%.*s %.*s code=%.*s peer=%.*s type=%.*s x=%zu body=%zu:%.*s",
	    STR_ARG(method), STR_ARG(path), STR_ARG(code), STR_ARG(peer),
	    STR_ARG(request_header(rq, "CONTENT-TYPE")), request_header_count(rq, "x"), body.n,
	    STR_ARG(str_slice(body, 0, 16)));
	request_answer(rq, &(struct reply){ .status = 200,
			       .content_type = "text/plain",
			       .body = buf_str(&b),
			       .headers = { { "X-Extra", STR("yes") } },
			       .n_headers = 1 });
	buf_done(&b);
}

static inline void
on_handle(void *ctx, struct request *rq)
{
	struct seen *s = ctx;

	atomic_fetch_add(&s->handled, 1);
	if (s->behaviour != HOLD) {
		echo(rq);
		return;
	}
	request_hold(rq);
	pthread_mutex_lock(&s->lock);
	while (s->held != NULL)
		pthread_cond_wait(&s->changed, &s->lock);
	s->held = rq;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static inline struct request *
wait_held(struct seen *s)
{
	struct request *rq;

	pthread_mutex_lock(&s->lock);
	while (s->held == NULL)
		pthread_cond_wait(&s->changed, &s->lock);
	rq = s->held;
	s->held = NULL;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return rq;
}

static inline void
start_with(struct seen *s, enum behaviour behaviour, const struct listener_options *o)
{
	struct listener_handler h = { .head = on_head, .handle = on_handle, .ctx = s };
	struct listener_options with = *o;
	struct err e;

	memset(s, 0, sizeof(*s));
	s->behaviour = behaviour;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (with.address.n == 0)
		with.address = STR("127.0.0.1:0");
	with.body_max = with.body_max == 0 ? BODY_MAX : with.body_max;
	with.connections_max = with.connections_max == 0 ? 100 : with.connections_max;
	with.per_address_max = with.per_address_max == 0 ? 100 : with.per_address_max;
	CHECK_OK(listener_start(&with, &h, &s->l, &e));
}

static inline void
start(struct seen *s, enum behaviour behaviour)
{
	start_with(s, behaviour, &(struct listener_options){ 0 });
}

static inline void
stop(struct seen *s)
{
	listener_stop(s->l);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

/* ---- the client ---- */

static inline int
dial_from(struct seen *s, const char *from)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)listener_port(s->l)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in own = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, from, &own.sin_addr);
	CHECK(bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0);
	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

static inline int
dial(struct seen *s)
{
	return dial_from(s, "127.0.0.1");
}

static inline bool
say_n(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, text, n, MSG_NOSIGNAL);

		if (done <= 0)
			return false;
		text += done;
		n -= (size_t)done;
	}
	return true;
}

static inline bool
say(int fd, const char *text)
{
	return say_n(fd, text, strlen(text));
}

/* Reads until the text has the words or the server closes; true when it closed. */
static inline bool
hear(int fd, struct buf *b, const char *words)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	char part[4096];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (words != NULL && strstr(buf_cstr(b), words) != NULL)
			return false;
		if (poll(&p, 1, (int)(until - clock_mono_ms())) <= 0) {
			print_error("nothing more came, only \"%s\"\n", buf_cstr(b));
			CHECK(!"the server neither answered nor closed in time");
		}
		n = recv(fd, part, sizeof(part), 0);
		if (n <= 0)
			return true;
		buf_add(b, (struct str){ part, (size_t)n });
	}
}

/* One request on a connection of its own: all that comes back, up to those words. */
static inline void
exchange(struct seen *s, const char *text, const char *words, struct buf *b)
{
	int fd = dial(s);

	buf_init(b, 65536);
	say(fd, text);
	hear(fd, b, words);
	close(fd);
	CHECK_HAS(buf_cstr(b), words);
}

#define HOST "Host: gw\r\n"
#define GET "GET /x HTTP/1.1\r\n" HOST "\r\n"
#define POST_HI "POST /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"

#endif
