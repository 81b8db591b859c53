/* The pages for probes and metrics. */
#include "intake_world.h"

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
