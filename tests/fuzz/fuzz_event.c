/*
 * core/event.c: lines of headers that it knows, then the body of a delivery.
 *
 * What must hold: each slice lies in the body, a payload is JSON, a reason stands where nothing
 * could be read, and what the journal keeps (body and printed headers) gives the same events again,
 * as does a notification's `raw`.  Beside headers of Event Grid those of CloudEvents say nothing,
 * and nothing is believed when one came twice.
 */
#include "core/event.h"
#include "fuzz.h"

static const struct {
	const char *name;
	size_t offset;
} names[] = {
	{ "content-type", offsetof(struct event_headers, content_type) },
	{ "aeg-event-type", offsetof(struct event_headers, aeg_event_type) },
	{ "aeg-subscription-name", offsetof(struct event_headers, aeg_subscription_name) },
	{ "aeg-delivery-count", offsetof(struct event_headers, aeg_delivery_count) },
	{ "aeg-data-version", offsetof(struct event_headers, aeg_data_version) },
	{ "ce-id", offsetof(struct event_headers, ce_id) },
	{ "ce-source", offsetof(struct event_headers, ce_source) },
	{ "ce-type", offsetof(struct event_headers, ce_type) },
	{ "ce-subject", offsetof(struct event_headers, ce_subject) },
	{ "ce-time", offsetof(struct event_headers, ce_time) },
	{ "ce-specversion", offsetof(struct event_headers, ce_specversion) },
	{ "repeated", offsetof(struct event_headers, repeated) },
};
#define NAMES (sizeof(names) / sizeof(names[0]))

static struct str *
header(struct event_headers *h, size_t i)
{
	return (struct str *)(void *)((char *)h + names[i].offset);
}

/* What framing_check() lets pass: no control byte but a tab. */
static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool
set_header(struct event_headers *h, struct str line)
{
	struct str value = line, name;

	str_next(&value, ':', &name);
	for (size_t i = 0; value.p != NULL && i < NAMES; i++) {
		if (!str_is_nocase(name, names[i].name))
			continue;
		value = str_trim(value);
		if (!is_value(value))
			return false;
		*header(h, i) = value.n == 0 ? STR_EMPTY : value;
		return true;
	}
	return false;
}

static struct event_headers
take_headers(struct str *rest)
{
	struct event_headers h;
	struct str after = *rest;

	for (size_t i = 0; i < NAMES; i++)
		*header(&h, i) = STR_EMPTY;
	while (set_header(&h, take_line(&after)))
		*rest = after;
	return h;
}

static void
check_event(const struct event *ev, size_t n, struct str body)
{
	struct err e;

	MUST(is_within(ev->raw, body));
	MUST(is_utf8(ev->id) && is_utf8(ev->source) && is_utf8(ev->type));
	MUST(is_utf8(ev->subject) && is_utf8(ev->time) && is_utf8(ev->reason));
	MUST(ev->id.n > 0);
	MUST(ev->data.n == 0 || json_check(ev->data, &e));
	MUST(ev->kind != EVENT_UNREADABLE || ev->reason.n > 0);
	MUST(ev->kind != EVENT_VALIDATION || n == 1);
	MUST(event_schema_name(ev->schema)[0] != '\0' && event_kind_name(ev->kind)[0] != '\0');
}

static void
check_same(const struct event *x, const struct event *y)
{
	static const unsigned char key[HASH_KEY_SIZE] = "0123456789abcde";
	struct hash128 hx, hy;

	MUST(x->kind == y->kind && x->schema == y->schema);
	MUST(str_eq(x->id, y->id) && str_eq(x->source, y->source) && str_eq(x->type, y->type));
	MUST(str_eq(x->subject, y->subject) && str_eq(x->time, y->time));
	MUST(str_eq(x->raw, y->raw) && str_eq(x->data, y->data));
	MUST(str_eq(x->reason, y->reason) && str_eq(x->validation_code, y->validation_code));
	event_hash(x, key, &hx);
	event_hash(y, key, &hy);
	MUST(memcmp(&hx, &hy, sizeof(hx)) == 0);
}

static bool
has_headers(struct event_headers *h, const char *family)
{
	bool found = false;

	for (size_t i = 0; i < NAMES; i++)
		found |=
		    header(h, i)->n > 0 && str_starts_nocase(str_of(names[i].name), str_of(family));
	return found;
}

static void
check_forged(
    struct event_headers h, struct str body, const struct event_batch *batch, struct arena *a)
{
	struct event_batch again;

	if (!has_headers(&h, "aeg-"))
		return;
	for (size_t i = 0; i < NAMES; i++)
		if (str_starts_nocase(str_of(names[i].name), STR("ce-")))
			*header(&h, i) = STR_EMPTY;
	event_batch_parse(body, &h, a, &again);
	MUST(again.n == batch->n);
	for (size_t i = 0; i < batch->n; i++)
		check_same(&batch->events[i], &again.events[i]);
}

FUZZ(input)
{
	struct str body = input;
	struct event_headers h = take_headers(&body), kept;
	struct event_batch batch, again;

	event_batch_parse(body, &h, arena, &batch);
	MUST(batch.n >= 1 && batch.n <= EVENT_BATCH_MAX);
	event_headers_read(event_headers_print(&h, arena), arena, &kept);
	event_batch_parse(body, &kept, arena, &again);
	MUST(again.n == batch.n);
	for (size_t i = 0; i < batch.n; i++) {
		check_event(&batch.events[i], batch.n, body);
		MUST(h.repeated.n == 0 || batch.events[i].kind == EVENT_UNREADABLE);
		check_same(&batch.events[i], &again.events[i]);
	}
	check_forged(h, body, &batch, arena);
	for (size_t i = 0; i < batch.n && i < 20; i++) {
		if (batch.events[i].kind != EVENT_NOTIFICATION)
			continue;
		event_batch_parse(batch.events[i].raw, &kept, arena, &again);
		MUST(again.n == 1);
		check_same(&batch.events[i], &again.events[0]);
	}
}
