/* The listener: what it refuses, and when it cuts. */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "listener_world.h"

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
		"POST /x HTTP/1.1\r\n" HOST "X: a\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST "X: a\r\n b\r\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST ": b\r\nContent-Length: 3\r\n",
		"POST /x HTTP/1.1\r\n" HOST ":\r\nContent-Length: 3\r\n",
		"POST  /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n",
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

TEST(a_chunked_body_several_times_over_the_cap_is_answered_413_as_one_with_a_length_is)
{
	struct seen s;
	struct buf b;
	int fd;

	start_with(&s, ECHO, &(struct listener_options){ .body_max = 1000000 });
	fd = dial(&s);
	buf_init(&b, 65536);
	CHECK(say_chunks(fd, 1000) && say(fd, "0\r\n\r\n")); /* 4 MB */
	CHECK(hear(fd, &b, NULL));
	CHECK_HAS(buf_cstr(&b), "413 ");
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

static int
dial_ipv6(struct seen *s)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)listener_port(s->l)),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

TEST(one_ipv6_caller_cannot_take_all_connections_and_has_its_place_again_when_one_ends)
{
	struct seen s;
	struct buf b;
	int64_t until = clock_mono_ms() + WAIT_MS;
	int first, second;

	start_with(
	    &s, ECHO, &(struct listener_options){ .address = STR("[::]:0"), .per_address_max = 1 });
	first = dial_ipv6(&s);
	buf_init(&b, 65536);
	say(first, GET);
	CHECK(!hear(first, &b, "peer=::1 "));
	buf_done(&b);
	second = dial_ipv6(&s);
	buf_init(&b, 65536);
	say(second, GET);
	CHECK(hear(second, &b, "200 OK")); /* closed, unanswered */
	exchange(&s, GET, "peer=127.0.0.1 ", &b);
	buf_done(&b);
	close(first);
	do { /* the listener may not have seen that end yet */
		close(second);
		second = dial_ipv6(&s);
		buf_init(&b, 65536);
		say(second, GET);
	} while (hear(second, &b, "200 OK") && clock_mono_ms() < until);
	CHECK_HAS(buf_cstr(&b), "200 OK");
	buf_done(&b);
	close(second);
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
drip_until_cut(int fd)
{
	int64_t until = clock_mono_ms() + WAIT_MS;

	while (say(fd, "x") && clock_mono_ms() < until) {
		struct pollfd p = { .fd = fd, .events = POLLRDHUP };

		if (poll(&p, 1, 20) > 0)
			break;
	}
	CHECK(clock_mono_ms() < until);
}

static void
drip(const char *head)
{
	struct seen s;
	struct listener_figures f = { 0 };
	int fd;

	start_with(&s, ECHO, &(struct listener_options){ .deadline_ms = 400 });
	fd = dial(&s);
	say(fd, head);
	drip_until_cut(fd);
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

TEST(the_deadline_of_a_second_request_begins_with_it)
{
	struct seen s;
	struct buf b;
	struct listener_figures f;
	int fd;

	/* Longer than this test waits: what cuts it is not the time of an idle connection. */
	start_with(&s, ECHO, &(struct listener_options){ .deadline_ms = 400, .idle_ms = 60000 });
	fd = dial(&s);
	buf_init(&b, 65536);
	say(fd, GET);
	CHECK(!hear(fd, &b, "200 OK"));
	say(fd, "GET /x HTTP/1.1\r\n" HOST "X: ");
	drip_until_cut(fd);
	listener_figures(s.l, &f);
	CHECK_INT(f.expired, 1);
	CHECK_INT(atomic_load(&s.handled), 1);
	buf_done(&b);
	close(fd);
	stop(&s);
}

/* Until it is in there is no request: bytes of it do not make the connection less idle. */
TEST(a_request_line_that_drips_on_an_idle_connection_has_the_time_of_that)
{
	struct seen s;
	struct buf b;
	struct listener_figures f;
	int64_t begun;
	int fd;

	start_with(&s, ECHO, &(struct listener_options){ .deadline_ms = 200, .idle_ms = 900 });
	fd = dial(&s);
	buf_init(&b, 65536);
	begun = clock_mono_ms();
	say(fd, GET);
	CHECK(!hear(fd, &b, "200 OK"));
	say(fd, "GET /");
	drip_until_cut(fd);
	CHECK(clock_mono_ms() - begun >= 900);
	listener_figures(s.l, &f);
	CHECK_INT(f.expired, 0);
	CHECK_INT(atomic_load(&s.handled), 1);
	buf_done(&b);
	close(fd);
	stop(&s);
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

TEST(in_a_crowd_a_newcomer_displaces_the_longest_idle_and_never_a_held_one)
{
	struct seen s;
	struct buf b;
	struct request *rq;
	struct listener_figures f;
	int held, fd[8];

	start_with(&s, HOLD, &(struct listener_options){ .connections_max = 8, .threads = 1 });
	held = dial(&s);
	say(held, POST_HI);
	rq = wait_held(&s);
	for (int i = 0; i < 8; i++) {
		fd[i] = dial(&s); /* says nothing; from the seventh on there is a crowd */
		if (i < 6)
			continue;
		buf_init(&b, 65536);
		CHECK(hear(fd[i - 6], &b, NULL)); /* the oldest of those is closed */
		buf_done(&b);
	}
	buf_init(&b, 65536);
	echo(rq);
	CHECK(!hear(held, &b, "body=2:hi"));
	buf_done(&b);
	listener_figures(s.l, &f);
	CHECK_INT(f.displaced, 2);
	CHECK_INT(f.expired, 0);
	for (int i = 0; i < 8; i++)
		close(fd[i]);
	close(held);
	stop(&s);
}
