#include "core/event.h"

#include <stdio.h>

#include "base/buf.h"
#include "event_text.h"

/* ---- Event Grid schema ---- */

TEST(an_event_grid_delivery_is_an_array_of_one)
{
	struct event ev = parse_one(STR("[" ALERT("a-1") "]"));

	CHECK_INT(ev.kind, EVENT_NOTIFICATION);
	CHECK_INT(ev.schema, SCHEMA_EVENT_GRID);
	CHECK_STR(ev.id, "a-1");
	CHECK_STR(ev.source, "/t");
	CHECK_STR(ev.type, "Contoso.Alert");
	CHECK_STR(ev.subject, "alerts/1");
	CHECK_STR(ev.time, "2026-01-25T22:12:19Z");
	CHECK_STR(ev.data, "{\"n\":1}");
	CHECK_STR(ev.raw, ALERT("a-1"));
	CHECK_STR(ev.reason, "");
}

TEST(a_single_object_is_taken_too)
{
	CHECK_STR(parse_one(STR(" \n" ALERT("a-1") "\r\n")).raw, ALERT("a-1"));
	CHECK_STR(parse_one(STR("\xef\xbb\xbf" ALERT("a-1"))).id, "a-1");
}

TEST(envelope_text_is_decoded_and_data_is_left_alone)
{
	struct event ev =
	    parse_one(STR("{\"id\":\"\\u00e9\\/1\",\"eventType\":\"t\","
			  "\"subject\":\"\",\"eventTime\":\"x\",\"data\":{ \"a\" : 1.0 }}"));

	CHECK_STR(ev.id, "\xc3\xa9/1");
	CHECK_STR(ev.data, "{ \"a\" : 1.0 }");
	CHECK_STR(ev.subject, "");
}

TEST(an_event_without_data_has_none)
{
	CHECK_STR(parse_one(STR("{\"id\":\"1\",\"eventType\":\"t\",\"subject\":\"\","
				"\"eventTime\":\"x\"}"))
		      .data,
	    "");
	CHECK_STR(parse_one(STR("{\"id\":\"1\",\"eventType\":\"t\",\"subject\":\"\","
				"\"eventTime\":\"x\",\"data\":null}"))
		      .data,
	    "");
}

TEST(an_envelope_with_a_hole_is_unreadable_and_says_which)
{
	check_unreadable(STR("{\"eventType\":\"t\",\"subject\":\"\",\"eventTime\":\"x\"}"),
	    "Event Grid event without 'id'");
	check_unreadable(
	    STR("{\"id\":\"\",\"eventType\":\"t\",\"subject\":\"\",\"eventTime\":\"x\"}"),
	    "without 'id'");
	check_unreadable(STR("{\"id\":7,\"eventType\":\"t\",\"subject\":\"\",\"eventTime\":\"x\"}"),
	    "without 'id'");
	check_unreadable(STR("{\"id\":\"1\",\"subject\":\"\",\"eventTime\":\"x\",\"data\":{}}"),
	    "without 'eventType'");
	check_unreadable(
	    STR("{\"id\":\"1\",\"eventType\":\"t\",\"eventTime\":\"x\"}"), "without 'subject'");
	check_unreadable(
	    STR("{\"id\":\"1\",\"eventType\":\"t\",\"subject\":\"s\"}"), "without 'eventTime'");
}

TEST(what_can_be_known_of_an_unreadable_event_is_kept)
{
	struct event ev = parse_one(STR("{\"id\":\"1\",\"eventType\":\"t\",\"topic\":\"/p\","
					"\"eventTime\":\"x\"}"));

	CHECK_INT(ev.kind, EVENT_UNREADABLE);
	CHECK_STR(ev.id, "1");
	CHECK_STR(ev.type, "t");
	CHECK_STR(ev.source, "/p");
}

/* ---- custom schema ---- */

TEST(a_bare_alert_is_the_custom_schema_with_an_id_made_from_its_text)
{
	struct event first = parse_one(STR("{\"alertName\":\"x\",\"severity\":\"High\"}"));
	char id[UUID_MAX];

	CHECK_INT(first.kind, EVENT_NOTIFICATION);
	CHECK_INT(first.schema, SCHEMA_CUSTOM);
	CHECK_STR(first.data, "{\"alertName\":\"x\",\"severity\":\"High\"}");
	CHECK_STR(first.type, "");
	snprintf(id, sizeof(id), "%.*s", STR_ARG(first.id));
	CHECK_STR(parse_one(STR("[{\"alertName\":\"x\",\"severity\":\"High\"}]")).id, id);
	CHECK(!str_is(parse_one(STR("{\"alertName\":\"y\",\"severity\":\"High\"}")).id, id));
}

TEST(one_name_of_the_envelope_may_be_the_publishers_own)
{
	CHECK_INT(
	    parse_one(STR("{\"eventType\":\"fooEventType\",\"prop\":5}")).schema, SCHEMA_CUSTOM);
	CHECK_INT(parse_one(STR("{\"data\":{},\"prop\":5}")).schema, SCHEMA_CUSTOM);
}

/* ---- what Event Grid itself sends ---- */

TEST(a_validation_event_gives_its_code)
{
	struct event ev = parse_one(STR("[" VALIDATION "]"));

	CHECK_INT(ev.kind, EVENT_VALIDATION);
	CHECK_STR(ev.validation_code, "512D38B6");
	CHECK_INT(parse_one(STR(VALIDATION)).kind, EVENT_VALIDATION);
}

TEST(the_type_of_a_validation_event_is_compared_without_case)
{
	CHECK_INT(parse_one(STR("[{\"id\":\"1\",\"subject\":\"\",\"eventTime\":\"x\","
				"\"eventType\":\"microsoft.eventgrid.SUBSCRIPTIONVALIDATIONEVENT\","
				"\"data\":{\"validationCode\":\"c\"}}]"))
		      .kind,
	    EVENT_VALIDATION);
}

TEST(validation_data_may_be_json_inside_a_string)
{
	struct event ev =
	    parse_one(STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\","
			  "\"type\":\"Microsoft.EventGrid.SubscriptionValidationEvent\","
			  "\"data\":\"{\\\"validationCode\\\":\\\"c-9\\\"}\"}"));

	CHECK_INT(ev.kind, EVENT_VALIDATION);
	CHECK_STR(ev.validation_code, "c-9");
}

TEST(a_validation_event_without_a_code_is_unreadable)
{
	static const char *const data[] = { "{}", "{\"validationCode\":\"\"}",
		"{\"validationCode\":5}", "\"{broken\"", "null", "[]" };
	char body[400];

	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		snprintf(body, sizeof(body),
		    "[{\"id\":\"1\",\"subject\":\"\",\"eventTime\":\"x\",\"eventType\":"
		    "\"Microsoft.EventGrid.SubscriptionValidationEvent\",\"data\":%s}]",
		    data[i]);
		check_unreadable(str_of(body), "validation event without 'validationCode'");
	}
}

TEST(a_validation_event_hidden_in_a_batch_is_never_answered)
{
	struct event_batch b = parse(STR("[" ALERT("a-1") "," VALIDATION "]"));

	CHECK_INT(b.events[0].kind, EVENT_NOTIFICATION);
	CHECK_INT(b.events[1].kind, EVENT_UNREADABLE);
	CHECK_STR(b.events[1].validation_code, "");
	CHECK_STR(b.events[1].reason, "a validation event must be alone in its delivery");
	b = parse(STR("[" VALIDATION "," VALIDATION "]"));
	CHECK_INT(b.events[0].kind, EVENT_UNREADABLE);
	CHECK_INT(b.events[1].kind, EVENT_UNREADABLE);
}

TEST(the_body_decides_not_the_header_that_announces_a_validation)
{
	struct event_headers h = { .aeg_event_type = STR("SubscriptionValidation") };

	CHECK_INT(parse_with(STR("[" ALERT("a-1") "]"), &h).events[0].kind, EVENT_NOTIFICATION);
	h.aeg_event_type = STR("Notification");
	CHECK_INT(parse_with(STR("[" VALIDATION "]"), &h).events[0].kind, EVENT_VALIDATION);
}

TEST(a_notice_of_deletion_is_known_by_its_type_or_its_header)
{
	struct event_headers h = { .aeg_event_type = STR("unsubscribe") };

	CHECK_INT(parse_one(STR("[{\"id\":\"1\",\"subject\":\"\",\"eventTime\":\"x\",\"eventType\":"
				"\"Microsoft.EventGrid.SubscriptionDeletedEvent\",\"data\":"
				"{\"eventSubscriptionId\":\"/subscriptions/s\"}}]"))
		      .kind,
	    EVENT_DELETION);
	CHECK_INT(parse_with(STR(""), &h).events[0].kind, EVENT_DELETION);
	CHECK_INT(parse_with(STR("{\"x\":1}"), &h).events[0].kind, EVENT_DELETION);
	h.aeg_event_type = STR("SubscriptionDeletion");
	CHECK_INT(parse_with(STR("gone"), &h).events[0].kind, EVENT_DELETION);
}

TEST(a_header_cannot_turn_a_typed_event_into_a_deletion)
{
	struct event_headers h = { .aeg_event_type = STR("SubscriptionDeletion") };

	CHECK_INT(parse_with(STR("[" ALERT("a-1") "]"), &h).events[0].kind, EVENT_NOTIFICATION);
}

/* ---- a batch ---- */

TEST(a_batch_may_mix_schemas_and_each_element_is_judged_by_itself)
{
	struct event_batch b = parse(
	    STR("[" CLOUD "," ALERT("a-1") ",{\"alertName\":\"x\"},17,{\"specversion\":\"1.0\","
					   "\"id\":\"i\",\"type\":\"t\"}, " ALERT("a-2") " ]"));

	CHECK_INT(b.n, 6);
	CHECK_INT(b.events[0].schema, SCHEMA_CLOUD_EVENTS);
	CHECK_INT(b.events[1].schema, SCHEMA_EVENT_GRID);
	CHECK_INT(b.events[2].schema, SCHEMA_CUSTOM);
	CHECK_INT(b.events[3].kind, EVENT_UNREADABLE);
	CHECK_STR(b.events[3].reason, "an event must be a JSON object");
	CHECK_STR(b.events[3].raw, "17");
	CHECK_INT(b.events[4].kind, EVENT_UNREADABLE);
	CHECK_STR(b.events[4].reason, "CloudEvents event without 'source'");
	CHECK_INT(b.events[5].kind, EVENT_NOTIFICATION);
	CHECK_STR(b.events[5].id, "a-2");
}

TEST(the_raw_text_of_a_notification_gives_it_again)
{
	struct event_batch b = parse(
			       STR("[ " ALERT("a-1") " , " CLOUD ",{\"alertName\" : \"x\"} ]")),
			   again;

	CHECK_INT(b.n, 3);
	for (size_t i = 0; i < b.n; i++) {
		event_batch_parse(b.events[i].raw, &no_headers, arena, &again);
		CHECK_INT(again.n, 1);
		CHECK_INT(again.events[0].kind, EVENT_NOTIFICATION);
		CHECK(str_eq(again.events[0].id, b.events[i].id));
		CHECK(str_eq(again.events[0].data, b.events[i].data));
		CHECK(str_eq(again.events[0].raw, b.events[i].raw));
	}
}

/* ---- what nobody can read ---- */

TEST(a_header_that_came_twice_makes_the_delivery_unreadable)
{
	struct event_headers h = { .aeg_event_type = STR("SubscriptionDeletion"),
		.aeg_subscription_name = STR("soc"),
		.repeated = STR("aeg-event-type") };
	struct event_batch b = parse_with(STR("[" ALERT("a-1") "," ALERT("a-2") "]"), &h);

	CHECK_INT(b.n, 1);
	CHECK_INT(b.events[0].kind, EVENT_UNREADABLE);
	CHECK_STR(b.events[0].reason, "the header 'aeg-event-type' came more than once");
	CHECK_STR(b.events[0].subscription, "soc");
	CHECK_INT(parse_with(STR("{}"), &h).events[0].kind, EVENT_UNREADABLE);
}

TEST(a_body_that_is_not_json_is_one_unreadable_event_with_the_place)
{
	check_unreadable(STR(""), "the body is empty");
	check_unreadable(STR(" \r\n"), "the body is empty");
	check_unreadable(STR("[]"), "the batch is empty");
	check_unreadable(STR("[" ALERT("a-1")), "not JSON: array without end at byte");
	check_unreadable(STR("{\"id\":\"\xff\"}"), "not JSON: invalid UTF-8 at byte 7");
	check_unreadable(STR("{\"id\":\"\\ud800\"}"), "half of a surrogate pair");
	check_unreadable(STR("<html>"), "not JSON");
	check_unreadable(STR("\"text\""), "an event must be a JSON object");
	check_unreadable(STR("null"), "an event must be a JSON object");
}

TEST(a_depth_bomb_is_unreadable)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 100000; i++)
		buf_add_cstr(&b, "[");
	check_unreadable(buf_str(&b), "nested too deeply");
	buf_done(&b);
}

static struct str
many(struct buf *b, int n)
{
	buf_init(b, 1 << 20);
	for (int i = 0; i < n; i++)
		buf_printf(b, "%c{\"n\":%d}", i == 0 ? '[' : ',', i);
	buf_add_cstr(b, "]");
	return buf_str(b);
}

TEST(a_batch_has_a_limit)
{
	struct buf b;

	CHECK_INT(parse(many(&b, EVENT_BATCH_MAX)).n, EVENT_BATCH_MAX);
	buf_done(&b);
	check_unreadable(many(&b, EVENT_BATCH_MAX + 1), "the batch has more than 10000 events");
	buf_done(&b);
}

/* What a tree of it would cost is known before one is made. */
TEST(too_many_values_are_unreadable)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_add_cstr(&b, "{\"alertName\":\"x\",\"list\":[0");
	for (int i = 0; i < EVENT_VALUES_MAX; i++)
		buf_add_cstr(&b, ",0");
	buf_add_cstr(&b, "]}");
	check_unreadable(buf_str(&b), "JSON with more than 250000 values at byte");
	buf_done(&b);
}

TEST(an_event_with_too_many_members_is_unreadable_and_the_others_are_not)
{
	struct event_batch batch;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_add_cstr(&b, "[" ALERT("a-1") ",{\"alertName\":\"x\",\"more\":{\"k\":0");
	for (int i = 0; i < 20000; i++)
		buf_printf(&b, ",\"k%d\":0", i);
	buf_add_cstr(&b, "}},{\"alertName\":\"x\"");
	for (int i = 0; i < 20000; i++)
		buf_printf(&b, ",\"k%d\":0", i);
	buf_add_cstr(&b, "}," ALERT("a-2") "]");
	CHECK(!b.over);
	batch = parse(buf_str(&b));
	CHECK_INT(batch.n, 4);
	CHECK_INT(batch.events[0].kind, EVENT_NOTIFICATION);
	for (int i = 1; i < 3; i++) {
		CHECK_INT(batch.events[i].kind, EVENT_UNREADABLE);
		CHECK_STR(batch.events[i].reason, "an object in it has more than 4000 members");
	}
	CHECK_INT(batch.events[3].kind, EVENT_NOTIFICATION);
	buf_done(&b);
}

/* ---- identity ---- */

TEST(source_type_id_and_body_together_are_an_events_identity)
{
	static const unsigned char key[HASH_KEY_SIZE] = { 1, 2, 3 };
	struct event ev = parse_one(STR(ALERT("a-1"))), other;
	struct hash128 x, y;

	event_hash(&ev, key, &x);
	event_hash(&ev, key, &y);
	CHECK(memcmp(&x, &y, sizeof(x)) == 0);
	for (int i = 0; i < 4; i++) {
		other = ev;
		*(i == 0     ? &other.id
		    : i == 1 ? &other.type
		    : i == 2 ? &other.source
			     : &other.raw) = STR("changed");
		event_hash(&other, key, &y);
		CHECK(memcmp(&x, &y, sizeof(x)) != 0);
	}
}

/* One that is not allowed must not swallow what the allowed one brings. */
TEST(the_same_event_of_another_event_subscription_is_another)
{
	static const unsigned char key[HASH_KEY_SIZE] = { 1, 2, 3 };
	struct event_headers h = { .aeg_subscription_name = STR("soc-alerts") };
	struct hash128 plain, soc, evil;
	struct event ev = parse_one(STR(ALERT("a-1")));

	CHECK_STR(ev.subscription, "");
	event_hash(&ev, key, &plain);
	ev = parse_with(STR(ALERT("a-1")), &h).events[0];
	CHECK_STR(ev.subscription, "soc-alerts");
	event_hash(&ev, key, &soc);
	h.aeg_subscription_name = STR("evil");
	ev = parse_with(STR(ALERT("a-1")), &h).events[0];
	event_hash(&ev, key, &evil);
	CHECK(memcmp(&plain, &soc, sizeof(soc)) != 0);
	CHECK(memcmp(&evil, &soc, sizeof(soc)) != 0);
}

TEST(the_name_of_an_event_subscription_is_text_before_the_journal_too)
{
	static const unsigned char key[HASH_KEY_SIZE] = { 1, 2, 3 };
	struct event_headers h = { .aeg_subscription_name = STR("soc\x96") }, again;
	struct event first = parse_with(STR(ALERT("a-1")), &h).events[0];
	struct event_batch second;
	struct hash128 x, y;

	CHECK_STR(first.subscription, "soc\xef\xbf\xbd");
	event_headers_read(event_headers_print(&h, arena), arena, &again);
	event_batch_parse(STR(ALERT("a-1")), &again, arena, &second);
	event_hash(&first, key, &x);
	event_hash(&second.events[0], key, &y);
	CHECK(memcmp(&x, &y, sizeof(x)) == 0);
}

TEST(schemas_and_kinds_have_names)
{
	CHECK_CSTR(event_schema_name(SCHEMA_EVENT_GRID), "event_grid");
	CHECK_CSTR(event_schema_name(SCHEMA_CLOUD_EVENTS), "cloud_events");
	CHECK_CSTR(event_schema_name(SCHEMA_CUSTOM), "custom");
	CHECK_CSTR(event_schema_name(SCHEMA_UNKNOWN), "unknown");
	CHECK_CSTR(event_kind_name(EVENT_NOTIFICATION), "notification");
	CHECK_CSTR(event_kind_name(EVENT_VALIDATION), "validation");
	CHECK_CSTR(event_kind_name(EVENT_DELETION), "deletion");
	CHECK_CSTR(event_kind_name(EVENT_UNREADABLE), "unreadable");
}
