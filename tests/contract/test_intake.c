/* The public route, from bytes on a socket to what the pipeline is given. */
#include "intake_world.h"

TEST(an_event_is_handed_over_and_answered_200_without_a_body)
{
	struct intake_figures f;
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, EVENTS "|aeg-subscription-name: SOC-ALERTS\r\n", EVENT);
	CHECK(answers(a, 200));
	CHECK_CSTR(body_of(a), "");
	CHECK_INT(p.n, 1);
	CHECK_INT(p.kind, EVENT_NOTIFICATION);
	CHECK_CSTR(p.id, "e1");
	CHECK_CSTR(p.body, EVENT);
	CHECK_HAS(p.headers, "SOC-ALERTS");
	intake_figures(p.intake, &f);
	CHECK_INT(f.deliveries, 1);
	CHECK_INT(f.events, 1);
	CHECK_INT(f.bytes, sizeof(EVENT) - 1);
	stop(&p);
}

TEST(the_same_event_has_the_same_hash_and_another_one_another)
{
	static const struct hash128 zero;
	struct hash128 first;
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, EVENTS, EVENT), 200));
	first = p.hash;
	CHECK(memcmp(&first, &zero, sizeof(first)) != 0);
	CHECK(answers(post(&p, EVENTS, EVENT), 200));
	CHECK(memcmp(&first, &p.hash, sizeof(first)) == 0);
	CHECK(answers(post(&p, EVENTS, "[{\"id\":\"e2\"}]"), 200));
	CHECK(memcmp(&first, &p.hash, sizeof(first)) != 0);
	stop(&p);
}

TEST(a_batch_is_one_delivery_of_several_events)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, EVENTS, "[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}]"), 200));
	CHECK_INT(p.n, 3);
	stop(&p);
}

TEST(a_binary_cloud_event_is_read_from_its_headers)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(
	    post(&p, EVENTS "|ce-specversion: 1.0\r\nce-id: c1\r\nce-type: t\r\nce-source: /s\r\n",
		"{\"a\":1}"),
	    200));
	CHECK_INT(p.kind, EVENT_NOTIFICATION);
	CHECK_CSTR(p.id, "c1");
	stop(&p);
}

TEST(a_header_of_the_event_that_came_twice_makes_the_delivery_unreadable)
{
	static const char *const names[] = { "content-type", "aeg-event-type",
		"aeg-subscription-name", "aeg-delivery-count", "aeg-data-version", "ce-id",
		"ce-source", "ce-type", "ce-subject", "ce-time", "ce-specversion" };
	struct pipeline p;
	char head[400], kept[100];

	start(&p);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(
		    head, sizeof(head), EVENTS "|%s: a\r\nX: y\r\n%s: a\r\n", names[i], names[i]);
		CHECK(answers(post(&p, head, EVENT), 200));
		CHECK_INT(p.kind, EVENT_UNREADABLE);
		snprintf(kept, sizeof(kept), "\"repeated\":\"%s\"", names[i]);
		CHECK_HAS(p.headers, kept);
	}
	CHECK(answers(post(&p, EVENTS "|X: a\r\nX: a\r\n", EVENT), 200));
	CHECK_INT(p.kind, EVENT_NOTIFICATION);
	stop(&p);
}

TEST(an_unreadable_body_is_handed_over_and_answered_200)
{
	static const char *const bodies[] = { "", "no json", "[", "\"text\"", "[]", "\xff\xfe" };
	struct intake_figures f;
	struct pipeline p;

	start(&p);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		CHECK(answers(post(&p, EVENTS, bodies[i]), 200));
		CHECK_INT(p.kind, EVENT_UNREADABLE);
		CHECK_CSTR(p.body, bodies[i]);
	}
	intake_figures(p.intake, &f);
	CHECK_INT(f.unreadable, sizeof(bodies) / sizeof(bodies[0]));
	stop(&p);
}

TEST(a_deletion_notice_is_handed_over_and_answered_200)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, EVENTS "|aeg-event-type: SubscriptionDeletion\r\n",
			  "[{\"id\":\"d1\",\"topic\":\"/t\",\"subject\":\"\",\"eventType\":"
			  "\"Microsoft.EventGrid.SubscriptionDeletedEvent\",\"eventTime\":"
			  "\"2026-11-23T20:00:00Z\",\"data\":{\"eventSubscriptionId\":\"x\"},"
			  "\"dataVersion\":\"1\"}]"),
	    200));
	CHECK_INT(p.kind, EVENT_DELETION);
	stop(&p);
}

TEST(no_key_and_a_wrong_key_are_answered_401_and_nothing_is_handed_over)
{
	struct intake_figures f;
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, "POST /api/events", EVENT), 401));
	CHECK(answers(post(&p, "POST /api/events?code=wrong", EVENT), 401));
	CHECK(answers(post(&p, "POST /api/events|X-Key: wrong\r\n", EVENT), 401));
	CHECK_INT(p.n, 0);
	intake_figures(p.intake, &f);
	CHECK_INT(f.no_credential, 1);
	CHECK_INT(f.bad_credential, 2);
	stop(&p);
}

TEST(the_key_may_come_in_the_header_of_the_settings)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, "POST /api/events|x-key: " KEY "\r\n", EVENT), 200));
	stop(&p);
}

TEST(a_reload_changes_the_key)
{
	struct pipeline p;

	start(&p);
	intake_set_auth(p.intake, auth("a-new-key-0123456789", false));
	CHECK(answers(post(&p, EVENTS, EVENT), 401));
	CHECK(answers(post(&p, "POST /api/events?code=a-new-key-0123456789", EVENT), 200));
	CHECK(answers(post(&p, "POST /api/events|X-Key: a-new-key-0123456789\r\n", EVENT), 401));
	stop(&p);
}

/* The validation of soc-alerts needs no credential. */
TEST(other_paths_and_methods_are_answered_404_and_405)
{
	static const char *const paths[] = { "POST /", "POST /api/events/", "POST /api/event",
		"POST /api%2fevents", "GET /metrics", "POST //api/events" };
	static const char *const methods[] = { "GET", "PUT", "DELETE", "HEAD", "PATCH", "TRACE" };
	struct pipeline p;
	char head[100];

	start(&p);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(head, sizeof(head), "%s?code=" KEY, paths[i]);
		CHECK(answers(post(&p, head, ""), 404));
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		snprintf(head, sizeof(head), "%s /api/events?code=" KEY, methods[i]);
		CHECK(answers(post(&p, head, ""), 405));
		CHECK_HAS(post(&p, head, ""), "Allow: POST, OPTIONS\r\n");
	}
	stop(&p);
}

TEST(no_room_and_a_failing_disk_are_answered_503_with_retry_after)
{
	struct intake_figures f;
	struct pipeline p;
	const char *a;

	start(&p);
	p.full = true;
	a = post(&p, EVENTS, EVENT);
	CHECK(answers(a, 503));
	CHECK_HAS(a, "Retry-After: 30\r\n");
	p.full = false;
	p.kept = KEPT_LATER;
	a = post(&p, EVENTS, EVENT);
	CHECK(answers(a, 503));
	CHECK_HAS(a, "Retry-After: 30\r\n");
	intake_figures(p.intake, &f);
	CHECK_INT(f.overload, 2);
	CHECK_INT(f.deliveries, 0);
	stop(&p);
}

TEST(a_body_over_the_cap_is_answered_413_only_to_a_caller_who_is_known)
{
	char body[BODY_MAX + 2];
	struct pipeline p;

	start(&p);
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	CHECK(answers(post(&p, EVENTS, body), 413));
	CHECK(answers(post(&p, "POST /api/events", body), 401));
	CHECK(answers(post(&p, "POST /elsewhere", body), 404));
	CHECK_INT(p.n, 0);
	stop(&p);
}
