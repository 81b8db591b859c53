#include "core/event.h"

#include <stdio.h>

#include "event_text.h"

TEST(a_structured_cloud_event_is_read)
{
	struct event ev = parse_one(STR(CLOUD));

	CHECK_INT(ev.kind, EVENT_NOTIFICATION);
	CHECK_INT(ev.schema, SCHEMA_CLOUD_EVENTS);
	CHECK_STR(ev.id, "c-1");
	CHECK_STR(ev.source, "/relay");
	CHECK_STR(ev.type, "x.alert");
	CHECK_STR(ev.subject, "s");
	CHECK_STR(ev.time, "2026-01-25T22:12:19Z");
	CHECK_STR(ev.data, "{\"n\":2}");
}

TEST(another_version_of_cloud_events_is_unreadable)
{
	check_unreadable(
	    STR("{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}"),
	    "CloudEvents version '0.3' is not known");
	check_unreadable(STR("{\"specversion\":1.0,\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}"),
	    "CloudEvents version ''");
	check_unreadable(STR("{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}"),
	    "CloudEvents event without 'id'");
}

#define BASE64(value) \
	"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"," value "}"

TEST(data_base64_is_decoded_when_it_is_json)
{
	CHECK_STR(parse_one(STR(BASE64("\"data_base64\":\"eyAieHl6IjogMTIzIH0=\""))).data,
	    "{ \"xyz\": 123 }");
	CHECK_STR(parse_one(STR(BASE64("\"data_base64\":\"e30K\""))).data, "{}");
	CHECK_STR(parse_one(STR(BASE64("\"data_base64\":\"WzFd\",\"data\":null"))).data, "[1]");
}

TEST(data_that_is_not_json_makes_the_event_unreadable)
{
	check_unreadable(STR(BASE64("\"data_base64\":\"aGVsbG8=\"")), "data_base64: not JSON");
	check_unreadable(STR(BASE64("\"data_base64\":\"e30\"")), "'data_base64' is not Base64");
	check_unreadable(STR(BASE64("\"data_base64\":\"e3=0\"")), "'data_base64' is not Base64");
	check_unreadable(STR(BASE64("\"data_base64\":\"e-_=\"")), "'data_base64' is not Base64");
	check_unreadable(STR(BASE64("\"data_base64\":\"\"")), "data_base64: not JSON");
	check_unreadable(STR(BASE64("\"data_base64\":{}")), "'data_base64' is not Base64");
	check_unreadable(
	    STR(BASE64("\"data_base64\":\"e30K\",\"data\":{}")), "both 'data' and 'data_base64'");
}

TEST(binary_mode_takes_its_attributes_from_the_headers)
{
	struct event_headers h = { .content_type = STR("application/json"),
		.ce_id = STR("b-1"),
		.ce_source = STR("/relay"),
		.ce_type = STR("x.alert"),
		.ce_subject = STR("caf%C3%A9%20100%"),
		.ce_time = STR("2026-01-25T22:12:19Z"),
		.ce_specversion = STR("1.0") };
	struct event_batch b = parse_with(STR("{\"id\":\"not mine\"}"), &h);

	CHECK_INT(b.n, 1);
	CHECK_INT(b.events[0].kind, EVENT_NOTIFICATION);
	CHECK_INT(b.events[0].schema, SCHEMA_CLOUD_EVENTS);
	CHECK_STR(b.events[0].id, "b-1");
	CHECK_STR(b.events[0].source, "/relay");
	CHECK_STR(b.events[0].type, "x.alert");
	CHECK_STR(b.events[0].subject, "caf\xc3\xa9 100%");
	CHECK_STR(b.events[0].data, "{\"id\":\"not mine\"}");
	CHECK_STR(parse_with(STR(""), &h).events[0].data, "");
}

TEST(headers_of_a_cloud_event_do_not_count_beside_event_grids_own)
{
	struct event_headers plain = { .content_type = STR("application/json"),
		.ce_id = STR("b-1"),
		.ce_source = STR("/t"),
		.ce_type = STR("x.alert"),
		.ce_specversion = STR("1.0") },
			     with;
	struct event ev;

	for (int i = 0; i < 4; i++) {
		with = plain;
		*(i == 0     ? &with.aeg_event_type
		    : i == 1 ? &with.aeg_subscription_name
		    : i == 2 ? &with.aeg_delivery_count
			     : &with.aeg_data_version) = STR("x");
		ev = parse_with(STR("{\"alertName\":\"x\"}"), &with).events[0];
		CHECK_INT(ev.schema, SCHEMA_CUSTOM);
		CHECK_STR(ev.source, "");
		CHECK_STR(ev.type, "");
		ev = parse_with(STR("[" ALERT("a-1") "]"), &with).events[0];
		CHECK_INT(ev.schema, SCHEMA_EVENT_GRID);
		CHECK_STR(ev.id, "a-1");
	}
	CHECK_INT(parse_with(STR("{}"), &plain).events[0].schema, SCHEMA_CLOUD_EVENTS);
}

TEST(a_binary_delivery_with_a_hole_is_unreadable)
{
	struct event_headers h = { .ce_id = STR("1"),
		.ce_type = STR("t"),
		.ce_source = STR("s"),
		.ce_specversion = STR("1.0") };
	struct event ev = parse_with(STR("<xml/>"), &h).events[0];

	CHECK_INT(ev.kind, EVENT_UNREADABLE);
	CHECK_HAS(arena_cstr(arena, ev.reason), "data of a binary CloudEvents delivery: not JSON");
	h.ce_source = STR("");
	ev = parse_with(STR("{}"), &h).events[0];
	CHECK_STR(ev.reason, "CloudEvents event without 'source'");
}

TEST(a_reason_is_text_whatever_the_sender_wrote)
{
	struct event_headers h = { .ce_id = STR("1"),
		.ce_type = STR("t"),
		.ce_source = STR("s"),
		.ce_specversion = STR("\xdb"
				      "0.0") };

	CHECK_STR(parse_with(STR("{}"), &h).events[0].reason, "CloudEvents version '\xef\xbf\xbd"
							      "0.0' is not known, 1.0 is expected");
	h.ce_specversion = STR("12345678901234567\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
	CHECK_STR(parse_with(STR("{}"), &h).events[0].reason,
	    "CloudEvents version '12345678901234567...' is not known, 1.0 is expected");
}

TEST(a_structured_body_wins_over_stray_headers_when_the_content_type_says_so)
{
	struct event_headers h = { .content_type =
				       STR("application/cloudevents+json; charset=utf-8"),
		.ce_id = STR("other") };

	CHECK_STR(parse_with(STR(CLOUD), &h).events[0].id, "c-1");
}

TEST(header_values_give_the_same_event_before_and_after_the_journal)
{
	struct event_headers h = { .ce_id = STR("a\xff%C3%28%00"),
		.ce_source = STR("s"),
		.ce_type = STR("t"),
		.ce_specversion = STR("1.0") };
	struct event first = parse_with(STR("{}"), &h).events[0];
	struct event_headers again;
	struct event_batch second;

	event_headers_read(event_headers_print(&h, arena), arena, &again);
	event_batch_parse(STR("{}"), &again, arena, &second);
	CHECK_STR(first.id, "a\xef\xbf\xbd\xef\xbf\xbd(%00");
	CHECK(str_eq(first.id, second.events[0].id));
}

/* ---- two envelopes at once ---- */

#define BOTH(member) \
	"{\"specversion\":\"1.0\",\"id\":\"b-1\",\"source\":\"/t\",\"type\":\"t\"," member "}"

TEST(an_event_in_two_envelopes_is_unreadable_and_names_none_of_their_sources)
{
	static const char *const members[] = { "eventType", "eventTime", "dataVersion",
		"metadataVersion", "topic" };
	struct event ev =
	    parse_one(STR(BOTH("\"topic\":\"/foreign\",\"eventType\":\"x\",\"subject\":\"\","
			       "\"eventTime\":\"x\",\"data\":{},\"metadataVersion\":\"1\"")));
	char body[200];

	CHECK_INT(ev.kind, EVENT_UNREADABLE);
	CHECK_INT(ev.schema, SCHEMA_UNKNOWN);
	CHECK_STR(ev.reason, "an event in two envelopes, of CloudEvents ('specversion') and of "
			     "Event Grid ('eventType')");
	CHECK_STR(ev.id, "b-1");
	CHECK_STR(ev.source, "");
	CHECK_STR(ev.type, "");
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		snprintf(body, sizeof(body), BOTH("\"%s\":7"), members[i]);
		ev = parse_one(str_of(body));
		CHECK_INT(ev.kind, EVENT_UNREADABLE);
		CHECK_HAS(arena_cstr(arena, ev.reason), members[i]);
	}
}

/* Of Event Grid's names this one alone is made of small letters, as an extension's has to be. */
TEST(a_cloud_event_may_have_an_extension_named_topic_and_its_source_stays_its_source)
{
	struct event ev = parse_one(STR(BOTH("\"topic\":\"/foreign\",\"subject\":\"s\","
					     "\"time\":\"2026-01-25T22:12:19Z\",\"data\":{}")));

	CHECK_INT(ev.kind, EVENT_NOTIFICATION);
	CHECK_INT(ev.schema, SCHEMA_CLOUD_EVENTS);
	CHECK_STR(ev.id, "b-1");
	CHECK_STR(ev.source, "/t");
	CHECK_STR(ev.type, "t");
	CHECK_STR(ev.reason, "");
}

TEST(a_topic_beside_less_than_a_whole_cloud_event_is_unreadable_and_names_no_source)
{
	static const char *const rests[] = { "\"source\":\"/s\",\"type\":\"t\"",
		"\"id\":\"1\",\"type\":\"t\"", "\"id\":\"1\",\"source\":\"/s\"",
		"\"id\":\"1\",\"source\":null,\"type\":\"t\"",
		"\"id\":\"1\",\"source\":\"\",\"type\":\"t\"",
		"\"id\":1,\"source\":\"/s\",\"type\":\"t\"" };
	static const char *const topics[] = { "7", "true", "{}", "[\"/t\"]" };
	struct event ev;
	char body[200];

	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		snprintf(
		    body, sizeof(body), "{\"specversion\":\"1.0\",\"topic\":\"/t\",%s}", rests[i]);
		ev = parse_one(str_of(body));
		CHECK_INT(ev.kind, EVENT_UNREADABLE);
		CHECK_HAS(arena_cstr(arena, ev.reason), "in two envelopes");
		CHECK_STR(ev.source, "");
	}
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		snprintf(body, sizeof(body), BOTH("\"topic\":%s"), topics[i]);
		check_unreadable(str_of(body), "in two envelopes");
	}
	check_unreadable(STR("{\"specversion\":1.0,\"topic\":\"/t\",\"id\":\"1\","
			     "\"source\":\"/s\",\"type\":\"t\"}"),
	    "in two envelopes");
	check_unreadable(STR("{\"specversion\":\"0.3\",\"topic\":\"/t\",\"id\":\"1\","
			     "\"source\":\"/s\",\"type\":\"t\"}"),
	    "in two envelopes");
	check_unreadable(STR(BOTH("\"topic\":\"/s\",\"topic\":\"/u\"")), "'topic' twice");
}

TEST(an_envelope_that_is_not_there_is_none)
{
	/* Both have subject and data; null says the same as absent; names have case. */
	CHECK_INT(parse_one(STR(BOTH("\"subject\":\"s\",\"data\":{},\"eventType\":null"))).schema,
	    SCHEMA_CLOUD_EVENTS);
	CHECK_INT(parse_one(STR(BOTH("\"eventtype\":\"t\",\"dataversion\":\"1\""))).schema,
	    SCHEMA_CLOUD_EVENTS);
	CHECK_INT(parse_one(STR("{\"specversion\":null,\"id\":\"1\",\"eventType\":\"t\","
				"\"subject\":\"\",\"eventTime\":\"x\"}"))
		      .schema,
	    SCHEMA_EVENT_GRID);
	CHECK_INT(parse_one(STR(BOTH("\"data\":{\"topic\":\"/x\",\"eventType\":\"t\"}"))).schema,
	    SCHEMA_CLOUD_EVENTS);
}
