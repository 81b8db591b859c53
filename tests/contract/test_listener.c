/* The listener: what passes, what is held, how it starts and ends. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listener_world.h"

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

/* ---- start and stop ---- */

TEST(a_draining_listener_answers_503_and_closes_after_the_answers_that_it_owes)
{
	struct seen s;
	struct buf b;
	struct request *rq;
	int fd, late;

	start(&s, HOLD);
	fd = dial(&s);
	buf_init(&b, 65536);
	say(fd, POST_HI);
	rq = wait_held(&s);
	CHECK(!listener_drain(s.l, 1));
	late = dial(&s);
	say(late, POST_HI);
	CHECK(hear(late, &b, NULL));
	CHECK_HAS(buf_cstr(&b), "503 ");
	CHECK_HAS(buf_cstr(&b), "Retry-After: 30");
	CHECK_INT(atomic_load(&s.handled), 1);
	buf_done(&b);
	buf_init(&b, 65536);
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
