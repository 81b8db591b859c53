#include "core/event.h"

#include "test.h"

static const struct event_headers no_headers; /* all lengths are 0 */

TEST(headers_survive_the_journal)
{
	struct event_headers h = { .content_type = STR("application/json; charset=\"utf-8\""),
		.aeg_event_type = STR("Notification"),
		.aeg_subscription_name = STR("SOC-ALERTS"),
		.aeg_delivery_count = STR("0"),
		.aeg_data_version = STR("1"),
		.ce_id = STR("1"),
		.ce_source = STR("2"),
		.ce_type = STR("3"),
		.ce_subject = STR("4"),
		.ce_time = STR("5"),
		.ce_specversion = STR("6"),
		.repeated = STR("ce-id") };
	struct arena *a = arena_new();
	struct event_headers back;
	struct str line = event_headers_print(&h, a);

	CHECK(memchr(line.p, '\n', line.n) == NULL);
	event_headers_read(line, a, &back);
	CHECK_STR(back.content_type, "application/json; charset=\"utf-8\"");
	CHECK_STR(back.aeg_event_type, "Notification");
	CHECK_STR(back.aeg_subscription_name, "SOC-ALERTS");
	CHECK_STR(back.aeg_delivery_count, "0");
	CHECK_STR(back.aeg_data_version, "1");
	CHECK_STR(back.ce_id, "1");
	CHECK_STR(back.ce_source, "2");
	CHECK_STR(back.ce_type, "3");
	CHECK_STR(back.ce_subject, "4");
	CHECK_STR(back.ce_time, "5");
	CHECK_STR(back.ce_specversion, "6");
	CHECK_STR(back.repeated, "ce-id");
	arena_free(a);
}

TEST(headers_of_any_bytes_survive_the_journal)
{
	struct event_headers h = { .content_type = STR("a\"b\\c\td\xff"), .ce_id = STR("x") };
	struct arena *a = arena_new();
	struct event_headers back;
	struct str line = event_headers_print(&h, a);

	CHECK_STR(line, "{\"content-type\":\"a\\\"b\\\\c\\u0009d\xef\xbf\xbd\",\"ce-id\":\"x\"}");
	event_headers_read(line, a, &back);
	CHECK_STR(back.content_type, "a\"b\\c\td\xef\xbf\xbd");
	CHECK_STR(back.ce_id, "x");
	CHECK_STR(event_headers_print(&no_headers, a), "{}");
	arena_free(a);
}

TEST(headers_that_cannot_be_read_are_empty)
{
	struct arena *a = arena_new();
	struct event_headers back;

	event_headers_read(STR("{broken"), a, &back);
	CHECK_STR(back.content_type, "");
	CHECK_STR(back.ce_specversion, "");
	event_headers_read(STR("{\"ce-id\":\"1\",\"ce-type\":}"), a, &back);
	CHECK_STR(back.ce_id, "");
	event_headers_read(STR("{}"), a, &back);
	CHECK_STR(back.ce_id, "");
	arena_free(a);
}
