/*
 * Deliveries as C texts, and what they are read as.
 */
#ifndef TESTS_UNIT_EVENT_TEXT_H
#define TESTS_UNIT_EVENT_TEXT_H

#include "core/event.h"
#include "test.h"

#define VALIDATION                                                                               \
	"{\"id\":\"v-1\",\"topic\":\"/subscriptions/s\",\"subject\":\"\","                       \
	"\"data\":{\"validationCode\":\"512D38B6\",\"validationUrl\":\"https://rp.example/x\"}," \
	"\"eventType\":\"Microsoft.EventGrid.SubscriptionValidationEvent\","                     \
	"\"eventTime\":\"2026-01-25T22:12:19.4556811Z\",\"metadataVersion\":\"1\","              \
	"\"dataVersion\":\"1\"}"

#define ALERT(id)                                                                          \
	"{\"id\":\"" id "\",\"topic\":\"/t\",\"subject\":\"alerts/1\",\"data\":{\"n\":1}," \
	"\"eventType\":\"Contoso.Alert\",\"eventTime\":\"2026-01-25T22:12:19Z\","          \
	"\"dataVersion\":\"1\"}"

#define CLOUD                                                                                 \
	"{\"specversion\":\"1.0\",\"id\":\"c-1\",\"source\":\"/relay\",\"type\":\"x.alert\"," \
	"\"subject\":\"s\",\"time\":\"2026-01-25T22:12:19Z\",\"data\":{\"n\":2}}"

static const struct event_headers no_headers; /* all lengths are 0 */

static struct arena *arena;

/* What is given stays valid until the next call. */
static inline struct event_batch
parse_with(struct str body, const struct event_headers *h)
{
	struct event_batch batch;

	arena_free(arena);
	arena = arena_new();
	event_batch_parse(body, h, arena, &batch);
	CHECK(batch.n >= 1);
	return batch;
}

static inline struct event_batch
parse(struct str body)
{
	return parse_with(body, &no_headers);
}

static inline struct event
parse_one(struct str body)
{
	struct event_batch batch = parse(body);

	CHECK_INT(batch.n, 1);
	return batch.events[0];
}

static inline void
check_unreadable(struct str body, const char *words)
{
	struct event ev = parse_one(body);

	CHECK_INT(ev.kind, EVENT_UNREADABLE);
	CHECK(ev.id.n > 0);
	CHECK_HAS(arena_cstr(arena, ev.reason), words);
}

#endif
