/* The listener over plain HTTP, seen from a raw socket. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
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

static void
on_head(void *ctx, struct request *rq)
{
	struct seen *s = ctx;

	atomic_fetch_add(&s->heads, 1);
	if (s->behaviour == REFUSE_IN_HEAD)
		request_answer(rq, &(struct reply){ .status = 401, .body = STR_EMPTY });
}

static void
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

static void
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

static struct request *
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

static void
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

static void
start(struct seen *s, enum behaviour behaviour)
{
	start_with(s, behaviour, &(struct listener_options){ 0 });
}

static void
stop(struct seen *s)
{
	listener_stop(s->l);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

/* ---- the client ---- */

static int
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

static int
dial(struct seen *s)
{
	return dial_from(s, "127.0.0.1");
}

static bool
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

static bool
say(int fd, const char *text)
{
	return say_n(fd, text, strlen(text));
}

/* Reads until the text has the words or the server closes; true when it closed. */
static bool
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
static void
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

/* ---- what passes ---- */

TEST(the_handler_sees_the_request_and_its_answer_arrives)
{
	struct seen s;
	struct buf b;

	start(&s, ECHO);
	exchange(&s,
	    "POST /api/events?a=1&code=k%2Fy+%3D&code=second HTTP/1.1\r\n" HOST
	    "content-type: application/json \r\nX: 1\r\nx: 2\r\nContent-Length: 5\r\n\r\nhello",
	    "body=5:hello", &b);
	CHECK_HAS(buf_cstr(&b), "HTTP/1.1 200 OK");
	CHECK_HAS(buf_cstr(&b),
	    "POST /api/events code=k/y+= peer=127.0.0.1 type=application/json x=2 body=5:hello");
	CHECK_HAS(buf_cstr(&b), "X-Extra: yes");
	CHECK_HAS(buf_cstr(&b), "Content-Type: text/plain");
	buf_done(&b);
	stop(&s);
}

TEST(a_path_is_seen_as_sent)
{
	struct seen s;
	struct buf b;

	start(&s, ECHO);
	exchange(&s, "GET /api%2fevents/../x HTTP/1.1\r\n" HOST "\r\n",
	    "GET /api%2fevents/../x code=", &b);
	buf_done(&b);
	stop(&s);
}

TEST(a_query_with_a_broken_escape_or_a_control_byte_is_empty)
{
	static const char *const codes[] = { "%", "%4", "%zz", "a%00b", "a%0ab" };
	struct seen s;
	struct buf b;
	char text[200];

	start(&s, ECHO);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		snprintf(text, sizeof(text), "GET /?code=%s HTTP/1.1\r\n" HOST "\r\n", codes[i]);
		exchange(&s, text, "code= peer", &b);
		buf_done(&b);
	}
	stop(&s);
}

TEST(two_requests_share_a_connection)
{
	struct seen s;
	struct buf b;
	int fd;

	start(&s, ECHO);
	fd = dial(&s);
	for (int i = 0; i < 2; i++) {
		buf_init(&b, 65536);
		say(fd, POST_HI);
		CHECK(!hear(fd, &b, "body=2:hi"));
		buf_done(&b);
	}
	close(fd);
	stop(&s);
}

TEST(a_chunked_body_arrives_whole)
{
	struct seen s;
	struct buf b;

	start(&s, ECHO);
	exchange(&s,
	    "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	    "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
	    "body=7:abcdefg", &b);
	buf_done(&b);
	stop(&s);
}

TEST(a_body_of_exactly_the_cap_is_taken)
{
	char *body = malloc(BODY_MAX);
	struct seen s;
	struct buf b;
	char head[200];
	int fd;

	memset(body, 'z', BODY_MAX);
	start(&s, ECHO);
	fd = dial(&s);
	buf_init(&b, 65536);
	snprintf(
	    head, sizeof(head), "POST /x HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", BODY_MAX);
	say(fd, head);
	CHECK(say_n(fd, body, BODY_MAX));
	CHECK(!hear(fd, &b, "body=65536:zzzz"));
	buf_done(&b);
	close(fd);
	free(body);
	stop(&s);
}

TEST(a_token_of_twelve_kilobytes_passes)
{
	struct seen s;
	struct buf b, text;

	start(&s, ECHO);
	buf_init(&text, 65536);
	buf_add_cstr(&text, "POST /x HTTP/1.1\r\n" HOST "Authorization: Bearer ");
	for (int i = 0; i < 12 * 1024; i++)
		buf_add_char(&text, 'a');
	buf_add_cstr(&text, "\r\nContent-Length: 2\r\n\r\nhi");
	exchange(&s, buf_cstr(&text), "body=2:hi", &b);
	buf_done(&b);
	buf_done(&text);
	stop(&s);
}

/* ---- what is refused ---- */

TEST(framing_that_can_be_read_in_two_ways_is_answered_400_and_closed)
{
	static const char *const heads[] = {
		"POST /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
		"POST /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n",
		"POST /x HTTP/1.1\r\n" HOST "Content-Length: +3\r\n",
		"POST /x HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST "Content-Length: -3\r\n",
		"POST /x HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n",
		"POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n",
		"POST /x HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n",
		"POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST
		"Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST HOST "Content-Length: 3\r\n",
		"POST /x HTTP/1.1\r\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST "Expect: 200-ok\r\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST "X: a\x01z\r\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST "X: a\x7fz\r\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST "X Y: 1\r\nContent-Length: 3\r\n",
		"POST http://gw/x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n",
		"POST /x#y HTTP/1.1\r\n" HOST "Content-Length: 3\r\n",
		"POST /x\x01y HTTP/1.1\r\n" HOST "Content-Length: 3\r\n",
		"POST /x\xc3\xa4 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n",
		"OPTIONS * HTTP/1.1\r\n" HOST,
	};
	struct seen s;
	struct buf b;
	char text[400];

	start(&s, ECHO);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		int fd = dial(&s);

		buf_init(&b, 65536);
		snprintf(text, sizeof(text), "%s\r\nabc", heads[i]);
		say(fd, text);
		CHECK(hear(fd, &b, NULL)); /* closed, though we did not */
		close(fd);
		if (strstr(buf_cstr(&b), "HTTP/1.1 400 Bad Request") == NULL)
			print_error("not refused: %s\n", heads[i]);
		CHECK_HAS(buf_cstr(&b), "HTTP/1.1 400 Bad Request");
		buf_done(&b);
	}
	CHECK_INT(atomic_load(&s.handled), 0);
	CHECK_INT(atomic_load(&s.heads), 0);
	stop(&s);
}

TEST(a_length_over_the_cap_is_answered_413_even_while_the_client_sends)
{
	size_t n = BODY_MAX + 1;
	char *body = calloc(1, n);
	struct seen s;
	struct buf b;
	char head[200];
	int fd;

	start(&s, ECHO);
	fd = dial(&s);
	buf_init(&b, 65536);
	snprintf(head, sizeof(head), "POST /x HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", n);
	say(fd, head);
	CHECK(say_n(fd, body, n));
	CHECK(hear(fd, &b, NULL));
	CHECK_HAS(buf_cstr(&b), "413 ");
	CHECK_INT(atomic_load(&s.handled), 0);
	buf_done(&b);
	close(fd);
	free(body);
	stop(&s);
}

TEST(who_waits_for_a_continue_gets_413_without_one)
{
	struct seen s;
	struct buf b;

	start(&s, ECHO);
	exchange(&s,
	    "POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n",
	    "413 ", &b);
	CHECK(strstr(buf_cstr(&b), "100 Continue") == NULL);
	buf_done(&b);
	stop(&s);
}

/* Sends chunks of 4,000 bytes; false when the connection broke. */
static bool
say_chunks(int fd, int n)
{
	static const char zeros[4000];
	bool ok = say(fd, "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");

	for (int i = 0; ok && i < n; i++)
		ok = say(fd, "fa0\r\n") && say_n(fd, zeros, sizeof(zeros)) && say(fd, "\r\n");
	return ok;
}

TEST(a_chunked_body_over_the_cap_is_answered_413)
{
	struct seen s;
	struct buf b;
	int fd;

	start(&s, ECHO);
	fd = dial(&s);
	buf_init(&b, 65536);
	CHECK(say_chunks(fd, 20) && say(fd, "0\r\n\r\n"));
	CHECK(hear(fd, &b, NULL));
	CHECK_HAS(buf_cstr(&b), "413 ");
	CHECK_INT(atomic_load(&s.handled), 0);
	buf_done(&b);
	close(fd);
	stop(&s);
}

TEST(a_chunked_body_that_does_not_end_is_cut)
{
	struct seen s;
	struct buf b;
	int fd;

	start(&s, ECHO);
	fd = dial(&s);
	buf_init(&b, 65536);
	CHECK(!say_chunks(fd, 10000)); /* 40 MB, if the server would take them */
	CHECK(hear(fd, &b, NULL));
	CHECK_INT(atomic_load(&s.handled), 0);
	buf_done(&b);
	close(fd);
	stop(&s);
}

TEST(an_answer_in_the_head_is_seen_by_a_client_that_sends_its_body)
{
	size_t n = 500000;
	char *body = calloc(1, n);
	struct seen s;
	struct buf b;
	char head[200];
	int fd;

	start_with(&s, REFUSE_IN_HEAD, &(struct listener_options){ .body_max = 4000000 });
	fd = dial(&s);
	buf_init(&b, 65536);
	snprintf(head, sizeof(head), "POST /x HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", n);
	say(fd, head);
	CHECK(say_n(fd, body, n));
	CHECK(!hear(fd, &b, "401 "));
	CHECK_INT(atomic_load(&s.handled), 0);
	buf_done(&b);
	close(fd);
	free(body);
	stop(&s);
}

TEST(an_answer_in_the_head_does_not_wait_for_a_large_body)
{
	struct seen s;
	struct buf b;
	int fd;

	start(&s, REFUSE_IN_HEAD);
	fd = dial(&s);
	buf_init(&b, 65536);
	say(fd, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 900000000\r\n\r\n");
	CHECK(!hear(fd, &b, "401 "));
	buf_done(&b);
	close(fd);
	stop(&s);
}

TEST(more_headers_than_the_cap_are_answered_431)
{
	struct seen s;
	struct buf b, text;

	start(&s, ECHO);
	buf_init(&text, 65536);
	buf_add_cstr(&text, "GET /x HTTP/1.1\r\n" HOST);
	for (int i = 0; i < LISTENER_HEADERS_MAX; i++)
		buf_printf(&text, "X%d: 1\r\n", i);
	buf_add_cstr(&text, "\r\n");
	exchange(&s, buf_cstr(&text), "431 ", &b);
	CHECK_INT(atomic_load(&s.heads), 0);
	buf_done(&b);
	buf_done(&text);
	stop(&s);
}

TEST(one_address_cannot_take_all_connections)
{
	struct seen s;
	struct buf b;
	int fd[3], other;

	start_with(&s, ECHO, &(struct listener_options){ .per_address_max = 2 });
	for (int i = 0; i < 2; i++) {
		fd[i] = dial(&s);
		buf_init(&b, 65536);
		say(fd[i], GET);
		CHECK(!hear(fd[i], &b, "200 OK"));
		buf_done(&b);
	}
	fd[2] = dial(&s);
	buf_init(&b, 65536);
	say(fd[2], GET);
	CHECK(hear(fd[2], &b, "200 OK")); /* closed, unanswered */
	other = dial_from(&s, "127.0.0.2");
	say(other, GET);
	CHECK(!hear(other, &b, "200 OK"));
	buf_done(&b);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	close(other);
	stop(&s);
}

TEST(a_full_listener_serves_again_when_a_connection_ends)
{
	struct seen s;
	struct buf b;
	int fd[5];

	start_with(&s, ECHO, &(struct listener_options){ .connections_max = 4 });
	for (int i = 0; i < 5; i++)
		fd[i] = dial(&s); /* the fifth stays in the queue of the kernel */
	for (int i = 0; i < 4; i++) {
		buf_init(&b, 65536);
		say(fd[i], GET);
		CHECK(!hear(fd[i], &b, "200 OK"));
		buf_done(&b);
		close(fd[i]);
	}
	buf_init(&b, 65536);
	say(fd[4], GET);
	CHECK(!hear(fd[4], &b, "200 OK"));
	buf_done(&b);
	close(fd[4]);
	stop(&s);
}

/* ---- held requests ---- */

TEST(a_held_request_is_answered_by_another_thread)
{
	struct seen s;
	struct buf b;
	struct request *rq;
	struct listener_figures f;
	int fd;

	start(&s, HOLD);
	fd = dial(&s);
	buf_init(&b, 65536);
	say(fd, POST_HI);
	rq = wait_held(&s);
	listener_figures(s.l, &f);
	CHECK_INT(f.held, 1);
	CHECK_STR(request_body(rq), "hi");
	echo(rq);
	CHECK(!hear(fd, &b, "body=2:hi"));
	buf_done(&b);
	close(fd);
	stop(&s);
}

TEST(a_client_that_left_does_not_harm_its_held_request)
{
	struct seen s;
	struct request *rq;
	int fd;

	start(&s, HOLD);
	fd = dial(&s);
	say(fd, POST_HI);
	rq = wait_held(&s);
	close(fd);
	CHECK_STR(request_body(rq), "hi");
	echo(rq);
	stop(&s);
}

/* Many clients at once, all held, answered one by one: the committer's way. */
#define CLIENTS 8
#define ROUNDS 50

static void *
client(void *arg)
{
	struct seen *s = arg;
	int fd = dial(s);

	for (int i = 0; i < ROUNDS; i++) {
		struct buf b;

		buf_init(&b, 65536);
		say(fd, POST_HI);
		CHECK(!hear(fd, &b, "body=2:hi"));
		buf_done(&b);
	}
	close(fd);
	return NULL;
}

TEST(many_held_requests_are_each_answered_once)
{
	pthread_t clients[CLIENTS];
	struct listener_figures f;
	struct seen s;

	start(&s, HOLD);
	for (int i = 0; i < CLIENTS; i++)
		pthread_create(&clients[i], NULL, client, &s);
	for (int i = 0; i < CLIENTS * ROUNDS; i++)
		echo(wait_held(&s));
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	listener_figures(s.l, &f);
	CHECK_INT(f.requests, CLIENTS * ROUNDS);
	CHECK_INT(f.held, 0);
	stop(&s);
}

/* ---- deadlines ---- */

TEST(a_held_request_has_no_deadline)
{
	struct seen s;
	struct buf b;
	struct request *rq;
	struct listener_figures f;
	int held, other;

	start_with(&s, HOLD, &(struct listener_options){ .deadline_ms = 200 });
	held = dial(&s);
	say(held, POST_HI);
	rq = wait_held(&s);
	other = dial(&s); /* says nothing: when it is cut, the deadline of both has passed */
	buf_init(&b, 65536);
	CHECK(hear(other, &b, NULL));
	echo(rq);
	CHECK(!hear(held, &b, "body=2:hi"));
	listener_figures(s.l, &f);
	CHECK_INT(f.expired, 1);
	buf_done(&b);
	close(held);
	close(other);
	stop(&s);
}

/* One byte now and then is activity, and still it ends. */
static void
drip(const char *head)
{
	struct seen s;
	struct listener_figures f = { 0 };
	int64_t until = clock_mono_ms() + WAIT_MS;
	int fd;

	start_with(&s, ECHO, &(struct listener_options){ .deadline_ms = 400 });
	fd = dial(&s);
	say(fd, head);
	while (say(fd, "x") && clock_mono_ms() < until) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 20) > 0)
			break;
	}
	CHECK(clock_mono_ms() < until);
	listener_figures(s.l, &f);
	CHECK_INT(f.expired, 1);
	CHECK_INT(atomic_load(&s.handled), 0);
	close(fd);
	stop(&s);
}

TEST(a_request_line_that_drips_is_cut_at_the_deadline)
{
	drip("POST /");
}

TEST(a_head_that_drips_is_cut_at_the_deadline)
{
	drip("POST /x HTTP/1.1\r\n" HOST "X: ");
}

TEST(a_body_that_drips_is_cut_at_the_deadline)
{
	drip("POST /x HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
}

TEST(an_idle_connection_is_closed_and_not_counted_as_expired)
{
	struct seen s;
	struct buf b;
	struct listener_figures f;
	int fd;

	start_with(&s, ECHO, &(struct listener_options){ .deadline_ms = 2000, .idle_ms = 100 });
	fd = dial(&s);
	buf_init(&b, 65536);
	say(fd, GET);
	CHECK(hear(fd, &b, NULL));
	CHECK_HAS(buf_cstr(&b), "200 OK");
	listener_figures(s.l, &f);
	CHECK_INT(f.expired, 0);
	buf_done(&b);
	close(fd);
	stop(&s);
}

/* ---- start and stop ---- */

TEST(a_draining_listener_takes_no_connection_and_closes_after_the_answer)
{
	struct seen s;
	struct buf b;
	struct request *rq;
	char byte;
	int fd, late;

	start(&s, HOLD);
	fd = dial(&s);
	buf_init(&b, 65536);
	say(fd, POST_HI);
	rq = wait_held(&s);
	CHECK(!listener_drain(s.l, 1));
	late = dial(&s);
	CHECK(recv(late, &byte, 1, 0) <= 0); /* closed without a word */
	echo(rq);
	CHECK(listener_drain(s.l, WAIT_MS));
	CHECK(hear(fd, &b, NULL));
	CHECK_HAS(buf_cstr(&b), "Connection: close");
	CHECK_HAS(buf_cstr(&b), "body=2:hi");
	buf_done(&b);
	close(fd);
	close(late);
	stop(&s);
}

TEST(an_address_that_is_none_is_refused_with_its_words)
{
	static const char *const wrong[] = { "8443", "localhost:8443", "127.0.0.1:", ":8443",
		"127.0.0.1:99999", "1.2.3.4.5:80" };
	struct listener_handler h = { .handle = on_handle };
	struct listener_options o = { .body_max = 1, .connections_max = 1, .per_address_max = 1 };
	struct listener *l;
	struct err e;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		o.address = str_of(wrong[i]);
		CHECK(!listener_start(&o, &h, &l, &e));
		CHECK_HAS(e.text, wrong[i]);
	}
}

TEST(a_taken_port_is_an_error_that_names_it)
{
	struct listener_handler h = { .handle = on_handle };
	struct listener_options o = { .body_max = 1, .connections_max = 1, .per_address_max = 1 };
	struct listener *l;
	struct seen s;
	char address[64];
	struct err e;

	start(&s, ECHO);
	snprintf(address, sizeof(address), "127.0.0.1:%d", listener_port(s.l));
	o.address = str_of(address);
	CHECK(!listener_start(&o, &h, &l, &e));
	CHECK_HAS(e.text, address);
	CHECK_HAS(e.text, "in use");
	stop(&s);
}

TEST(the_wildcard_address_takes_ipv4_too)
{
	struct seen s;
	struct buf b;

	start_with(&s, ECHO, &(struct listener_options){ .address = STR("[::]:0") });
	exchange(&s, GET, "peer=127.0.0.1 ", &b);
	buf_done(&b);
	stop(&s);
}
