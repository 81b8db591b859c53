/*
 * Happy path: one strict scan of the body, then each object is known by the names in its envelope.
 * What can go wrong: not JSON, too many, an envelope with a hole; each is an unreadable event with
 * its reason, because what was delivered must be shown even when nobody can read it.
 */
#include "core/event.h"

#include "event_parts.h"

#define TYPE_VALIDATION "Microsoft.EventGrid.SubscriptionValidationEvent"
#define TYPE_DELETION "Microsoft.EventGrid.SubscriptionDeletedEvent"

const char *
event_schema_name(enum event_schema s)
{
	static const char *const names[] = { [SCHEMA_EVENT_GRID] = "event_grid",
		[SCHEMA_CLOUD_EVENTS] = "cloud_events",
		[SCHEMA_CUSTOM] = "custom",
		[SCHEMA_UNKNOWN] = "unknown" };

	return names[s];
}

const char *
event_kind_name(enum event_kind k)
{
	static const char *const names[] = { [EVENT_NOTIFICATION] = "notification",
		[EVENT_VALIDATION] = "validation",
		[EVENT_DELETION] = "deletion",
		[EVENT_UNREADABLE] = "unreadable" };

	return names[k];
}

void
event_hash(const struct event *ev, const unsigned char key[16], struct hash128 *out)
{
	const struct str parts[] = { ev->source, ev->type, ev->id, ev->raw };

	siphash_parts(key, parts, sizeof(parts) / sizeof(parts[0]), out);
}

static struct event
event_of(struct str raw)
{
	return (struct event){ .kind = EVENT_NOTIFICATION,
		.schema = SCHEMA_UNKNOWN,
		.id = STR_EMPTY,
		.source = STR_EMPTY,
		.type = STR_EMPTY,
		.subject = STR_EMPTY,
		.time = STR_EMPTY,
		.data = STR_EMPTY,
		.raw = raw,
		.validation_code = STR_EMPTY,
		.reason = STR_EMPTY };
}

static void
unreadable(struct event *ev, struct str reason)
{
	ev->kind = EVENT_UNREADABLE;
	ev->reason = reason;
}

/* ---- one object ---- */

/* A member that is a string, decoded; empty otherwise. */
static bool
member_text(struct str object, const char *name, struct arena *a, struct str *out)
{
	struct str value;

	if (!json_text_find(object, name, &value) || json_text_type(value) != JSON_STRING)
		return false;
	*out = json_text_string(value, a);
	return true;
}

static bool
has(struct str object, const char *name)
{
	struct str value;

	return json_text_find(object, name, &value) && json_text_type(value) != JSON_NULL;
}

/* null says the same as nothing. */
static struct str
member_data(struct str object)
{
	struct str value;

	if (!json_text_find(object, "data", &value) || json_text_type(value) == JSON_NULL)
		return STR_EMPTY;
	return value;
}

/* Two of its names make an envelope: one alone may be the publisher's own. */
static bool
looks_like_event_grid(struct str object)
{
	static const char *const names[] = { "eventType", "eventTime", "subject", "data", "topic",
		"dataVersion", "metadataVersion" };
	int found = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		found += has(object, names[i]);
	return found >= 2;
}

static void
read_event_grid(struct event *ev, struct arena *a)
{
	struct {
		const char *name;
		struct str *to;
		bool may_be_empty;
	} members[] = { { "id", &ev->id, false }, { "eventType", &ev->type, false },
		{ "subject", &ev->subject, true }, { "eventTime", &ev->time, false } };

	ev->schema = SCHEMA_EVENT_GRID;
	member_text(ev->raw, "topic", a, &ev->source);
	ev->data = member_data(ev->raw);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!member_text(ev->raw, members[i].name, a, members[i].to) ||
		    (members[i].to->n == 0 && !members[i].may_be_empty))
			unreadable(
			    ev, arena_printf(a, "Event Grid event without '%s'", members[i].name));
}

/* Sets data to what data_base64 holds.  We act on JSON only, whatever datacontenttype says. */
static void
read_base64(struct event *ev, struct arena *a)
{
	struct str text = STR_EMPTY;
	struct err e;

	if (ev->data.n > 0) {
		unreadable(ev, STR("CloudEvents event with both 'data' and 'data_base64'"));
		return;
	}
	if (!member_text(ev->raw, "data_base64", a, &text) || !base64_decode(text, a, &text)) {
		unreadable(ev, STR("CloudEvents event whose 'data_base64' is not Base64"));
		return;
	}
	if (!json_check(text, &e)) {
		unreadable(ev, arena_printf(a, "data_base64: %s", e.text));
		return;
	}
	ev->data = str_trim(text);
}

static void
check_cloud_event(struct event *ev, struct str version, struct arena *a)
{
	const struct {
		const char *name;
		struct str value;
	} required[] = { { "id", ev->id }, { "source", ev->source }, { "type", ev->type } };

	if (!str_starts_nocase(version, STR("1.")))
		unreadable(
		    ev, arena_printf(a, "CloudEvents version '%.*s' is not known, 1.0 is expected",
			    STR_ARG(str_slice(version, 0, 20))));
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (required[i].value.n == 0)
			unreadable(ev,
			    arena_printf(a, "CloudEvents event without '%s'", required[i].name));
}

static void
read_cloud_event(struct event *ev, struct arena *a)
{
	struct str version = STR_EMPTY;

	ev->schema = SCHEMA_CLOUD_EVENTS;
	member_text(ev->raw, "specversion", a, &version);
	member_text(ev->raw, "id", a, &ev->id);
	member_text(ev->raw, "source", a, &ev->source);
	member_text(ev->raw, "type", a, &ev->type);
	member_text(ev->raw, "subject", a, &ev->subject);
	member_text(ev->raw, "time", a, &ev->time);
	ev->data = member_data(ev->raw);
	if (has(ev->raw, "data_base64"))
		read_base64(ev, a);
	check_cloud_event(ev, version, a);
}

static void
read_custom(struct event *ev)
{
	ev->schema = SCHEMA_CUSTOM;
	ev->data = ev->raw;
}

/* ---- the kinds that Event Grid itself makes ---- */

static void
read_validation(struct event *ev, struct arena *a)
{
	struct str data = ev->data;
	struct err e;

	/* Under CloudEvents it was seen as JSON inside a string. */
	if (json_text_type(data) == JSON_STRING) {
		data = json_text_string(data, a);
		if (!json_check(data, &e))
			data = STR_EMPTY;
	}
	if (member_text(data, "validationCode", a, &ev->validation_code) &&
	    ev->validation_code.n > 0)
		ev->kind = EVENT_VALIDATION;
	else
		unreadable(ev, STR("validation event without 'validationCode'"));
}

static bool
headers_say_deletion(const struct event_headers *h)
{
	return str_is_nocase(h->aeg_event_type, "SubscriptionDeletion") ||
	       str_is_nocase(h->aeg_event_type, "Unsubscribe");
}

/* What every event goes through last, however it came. */
static void
settle(struct event *ev, const struct event_headers *h, struct arena *a)
{
	char id[UUID_MAX];

	if (ev->kind == EVENT_NOTIFICATION && str_is_nocase(ev->type, TYPE_VALIDATION))
		read_validation(ev, a);
	else if (ev->kind == EVENT_NOTIFICATION && str_is_nocase(ev->type, TYPE_DELETION))
		ev->kind = EVENT_DELETION;
	else if (ev->type.n == 0 && headers_say_deletion(h))
		ev->kind = EVENT_DELETION;
	if (ev->id.n == 0)
		ev->id = arena_str(a, str_of(uuid_from(ev->raw, id)));
}

static struct event
read_element(struct str raw, const struct event_headers *h, struct arena *a)
{
	struct event ev = event_of(raw);

	if (json_text_type(raw) != JSON_OBJECT)
		unreadable(&ev, STR("an event must be a JSON object"));
	else if (has(raw, "specversion"))
		read_cloud_event(&ev, a);
	else if (looks_like_event_grid(raw))
		read_event_grid(&ev, a);
	else
		read_custom(&ev);
	settle(&ev, h, a);
	return ev;
}

/* ---- a delivery ---- */

static void
give_one(struct event_batch *out, struct event ev, struct arena *a)
{
	out->events = arena_alloc(a, sizeof(ev));
	out->events[0] = ev;
	out->n = 1;
}

static void
give_unreadable(struct event_batch *out, struct str body, struct str reason,
    const struct event_headers *h, struct arena *a)
{
	struct event ev = event_of(body);

	unreadable(&ev, reason);
	settle(&ev, h, a);
	give_one(out, ev, a);
}

/*
 * CloudEvents in binary mode (its HTTP binding, 3.1): attributes in ce-* headers, the body is the
 * data.
 */
static void
read_binary(
    struct str body, const struct event_headers *h, struct arena *a, struct event_batch *out)
{
	struct event ev = event_of(body);
	struct err e;

	ev.schema = SCHEMA_CLOUD_EVENTS;
	ev.id = header_text(h->ce_id, a);
	ev.source = header_text(h->ce_source, a);
	ev.type = header_text(h->ce_type, a);
	ev.subject = header_text(h->ce_subject, a);
	ev.time = header_text(h->ce_time, a);
	if (body.n > 0 && !json_check(body, &e))
		unreadable(
		    &ev, arena_printf(a, "data of a binary CloudEvents delivery: %s", e.text));
	else
		ev.data = body;
	check_cloud_event(&ev, h->ce_specversion, a);
	settle(&ev, h, a);
	give_one(out, ev, a);
}

static bool
is_binary(const struct event_headers *h)
{
	return (h->ce_specversion.n > 0 || h->ce_type.n > 0 || h->ce_id.n > 0) &&
	       !str_starts_nocase(h->content_type, STR("application/cloudevents"));
}

static void
read_array(struct str body, const struct event_headers *h, struct arena *a, struct event_batch *out)
{
	struct str element;
	size_t at = 0, n = 0;

	while (n <= EVENT_BATCH_MAX && json_text_element(body, &at, &element))
		n++;
	if (n == 0) {
		give_unreadable(out, body, STR("the batch is empty"), h, a);
		return;
	}
	if (n > EVENT_BATCH_MAX) {
		give_unreadable(out, body,
		    arena_printf(a, "the batch has more than %d events", EVENT_BATCH_MAX), h, a);
		return;
	}
	out->events = arena_alloc(a, n * sizeof(*out->events));
	out->n = n;
	at = n = 0;
	while (json_text_element(body, &at, &element))
		out->events[n++] = read_element(element, h, a);
}

/* A code hidden among events is never echoed: Event Grid sends validation events alone. */
static void
refuse_hidden_validation(struct event_batch *batch)
{
	for (size_t i = 0; batch->n > 1 && i < batch->n; i++) {
		struct event *ev = &batch->events[i];

		if (ev->kind != EVENT_VALIDATION)
			continue;
		ev->validation_code = STR_EMPTY;
		unreadable(ev, STR("a validation event must be alone in its delivery"));
	}
}

void
event_batch_parse(
    struct str body, const struct event_headers *h, struct arena *a, struct event_batch *out)
{
	struct err e;

	if (str_starts_nocase(body, STR("\xef\xbb\xbf"))) /* a byte order mark, RFC 8259 8.1 */
		body = str_slice(body, 3, body.n);
	body = str_trim(body);
	if (is_binary(h))
		read_binary(body, h, a, out);
	else if (body.n == 0)
		give_unreadable(out, body, STR("the body is empty"), h, a);
	else if (!json_check(body, &e))
		give_unreadable(out, body, arena_str(a, str_of(e.text)), h, a);
	else if (json_text_type(body) == JSON_ARRAY)
		read_array(body, h, a, out);
	else
		give_one(out, read_element(body, h, a), a);
	refuse_hidden_validation(out);
}
