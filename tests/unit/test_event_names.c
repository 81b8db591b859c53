#include "base/buf.h"
#include "core/event.h"
#include "test.h"

#define ALERT(id)                                                                          \
	"{\"id\":\"" id "\",\"topic\":\"/t\",\"subject\":\"alerts/1\",\"data\":{\"n\":1}," \
	"\"eventType\":\"Contoso.Alert\",\"eventTime\":\"2026-01-25T22:12:19Z\","          \
	"\"dataVersion\":\"1\"}"

#define EVENT_WITH(more) \
	"{\"id\":\"1\",\"eventType\":\"t\",\"subject\":\"\",\"eventTime\":\"x\"," more "}"

static struct arena *arena;

static struct event_batch
parse(struct str body)
{
	static const struct event_headers no_headers; /* all lengths are 0 */
	struct event_batch batch;

	arena_free(arena);
	arena = arena_new();
	event_batch_parse(body, &no_headers, arena, &batch);
	return batch;
}

static struct event
parse_one(struct str body)
{
	struct event_batch batch = parse(body);

	CHECK_INT(batch.n, 1);
	return batch.events[0];
}

static void
check_unreadable(struct str body, const char *words)
{
	struct event ev = parse_one(body);

	CHECK_INT(ev.kind, EVENT_UNREADABLE);
	CHECK_HAS(arena_cstr(arena, ev.reason), words);
}

TEST(a_member_twice_in_an_envelope_makes_the_event_unreadable)
{
	check_unreadable(STR(EVENT_WITH("\"topic\":\"/a\",\"topic\":\"/b\"")),
	    "the event has the member 'topic' twice");
	check_unreadable(STR(EVENT_WITH("\"id\":\"1\"")), "the member 'id' twice");
	check_unreadable(STR(EVENT_WITH("\"data\":null,\"data\":{}")), "the member 'data' twice");
	check_unreadable(STR(EVENT_WITH("\"mine\":1,\"mine\":1")), "the member 'mine' twice");
	check_unreadable(
	    STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
		"\"source\":\"other\"}"),
	    "the member 'source' twice");
	check_unreadable(STR("{\"alertName\":\"x\",\"severity\":\"Low\",\"severity\":\"High\"}"),
	    "the member 'severity' twice");
}

TEST(an_escape_hides_no_second_member)
{
	check_unreadable(
	    STR(EVENT_WITH("\"topic\":\"/a\",\"\\u0074opic\":\"/b\"")), "the member 'topic' twice");
	CHECK_STR(parse_one(STR(EVENT_WITH("\"\\u0074opic\":\"/b\""))).source, "/b");
}

/* Envelopes are read with case, an alert's own members without. */
TEST(case_makes_another_name_in_an_envelope_but_not_in_a_bare_alert)
{
	CHECK_STR(parse_one(STR(EVENT_WITH("\"Topic\":\"/a\",\"topic\":\"/b\""))).source, "/b");
	check_unreadable(STR("{\"alertName\":\"x\",\"Severity\":\"Low\",\"severity\":\"High\"}"),
	    "the member 'severity' twice");
}

TEST(a_name_twice_deeper_inside_is_left_to_the_alert)
{
	CHECK_INT(
	    parse_one(STR(EVENT_WITH("\"data\":{\"a\":1,\"a\":2}"))).kind, EVENT_NOTIFICATION);
}

TEST(in_a_batch_only_the_event_with_the_name_twice_is_unreadable)
{
	struct event_batch b =
	    parse(STR("[" ALERT("a-1") "," EVENT_WITH("\"id\":\"2\"") "," ALERT("a-2") "]"));

	CHECK_INT(b.n, 3);
	CHECK_INT(b.events[0].kind, EVENT_NOTIFICATION);
	CHECK_INT(b.events[1].kind, EVENT_UNREADABLE);
	CHECK_STR(b.events[1].id, "1");
	CHECK_INT(b.events[2].kind, EVENT_NOTIFICATION);
}

TEST(a_validation_event_with_two_codes_is_never_answered)
{
	struct event ev = parse_one(STR("[{\"id\":\"1\",\"subject\":\"\",\"eventTime\":\"x\","
					"\"eventType\":"
					"\"Microsoft.EventGrid.SubscriptionValidationEvent\","
					"\"data\":{\"validationCode\":\"a\","
					"\"validationCode\":\"b\"}}]"));

	CHECK_INT(ev.kind, EVENT_UNREADABLE);
	CHECK_STR(ev.validation_code, "");
	CHECK_STR(
	    ev.reason, "the data of the validation event has the member 'validationCode' twice");
	check_unreadable(STR("[{\"id\":\"1\",\"subject\":\"\",\"eventTime\":\"x\",\"eventType\":"
			     "\"Microsoft.EventGrid.SubscriptionValidationEvent\","
			     "\"data\":{\"validationCode\":\"a\"},\"id\":\"2\"}]"),
	    "the member 'id' twice");
}

/* Few names are compared in pairs, many are sorted: both ways around the border. */
TEST(a_name_twice_is_found_among_many)
{
	struct buf b;

	for (int n = 25; n < 45; n++) {
		for (int twice = 0; twice < 2; twice++) {
			buf_init(&b, 1 << 16);
			buf_add_cstr(&b, "{\"Name\":1");
			for (int i = 0; i < n; i++)
				buf_printf(&b, ",\"k%d\":%d", i, i);
			buf_add_cstr(&b, twice ? ",\"nAME\":2}" : ",\"nAMES\":2}");
			CHECK_INT(parse_one(buf_str(&b)).kind,
			    twice ? EVENT_UNREADABLE : EVENT_NOTIFICATION);
			buf_done(&b);
		}
	}
}
