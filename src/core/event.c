/*
 * Happy path: one strict pass over the body, which notes the members of each envelope on its way;
 * each object is known by their names.
 * What can go wrong: not JSON, too many, an envelope with a hole; each is an unreadable event with
 * its reason, because what was delivered must be shown even when nobody can read it.
 */
#include "core/event.h"

#include <string.h>

#include "base/base64.h"
#include "core/text.h"
#include "event_envelope.h"
#include "event_names.h"
#include "event_parts.h"

/* Characters of it in a reason: it comes from outside. */
#define NAME_SHOWN_MAX 60
#define VERSION_SHOWN_MAX 20

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
event_hash(const struct event *ev, const unsigned char key[HASH_KEY_SIZE], struct hash128 *out)
{
	const struct str parts[] = { ev->source, ev->type, ev->id, ev->raw, ev->subscription };
	size_t n = sizeof(parts) / sizeof(parts[0]);

	hash128_parts(key, parts, ev->subscription.n > 0 ? n : n - 1, out);
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
		.subscription = STR_EMPTY,
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

static struct str
member_data(const struct envelope *en)
{
	return en->values[MEMBER_DATA].n == 0 ? STR_EMPTY : en->values[MEMBER_DATA];
}

static void
read_event_grid(struct event *ev, const struct envelope *en, struct arena *a)
{
	struct {
		enum member member;
		struct str *to;
		bool may_be_empty;
	} members[] = { { MEMBER_ID, &ev->id, false }, { MEMBER_EVENT_TYPE, &ev->type, false },
		{ MEMBER_SUBJECT, &ev->subject, true }, { MEMBER_EVENT_TIME, &ev->time, false } };

	ev->schema = SCHEMA_EVENT_GRID;
	envelope_text(en, MEMBER_TOPIC, a, &ev->source);
	ev->data = member_data(en);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!envelope_text(en, members[i].member, a, members[i].to) ||
		    (members[i].to->n == 0 && !members[i].may_be_empty))
			unreadable(ev, arena_printf(a, "Event Grid event without '%s'",
					   member_name(members[i].member)));
}

/* Sets data to what data_base64 holds.  We act on JSON only, whatever datacontenttype says. */
static void
read_base64(struct event *ev, const struct envelope *en, struct arena *a)
{
	struct json_reader r;
	struct str text = STR_EMPTY;
	struct err e;

	if (ev->data.n > 0) {
		unreadable(ev, STR("CloudEvents event with both 'data' and 'data_base64'"));
		return;
	}
	if (!envelope_text(en, MEMBER_DATA_BASE64, a, &text) || !base64_decode(text, a, &text)) {
		unreadable(ev, STR("CloudEvents event whose 'data_base64' is not Base64"));
		return;
	}
	json_reader_init(&r, text, EVENT_VALUES_MAX, &e);
	if (json_read_value(&r, &text) && json_read_end(&r))
		ev->data = text;
	else
		unreadable(ev, arena_printf(a, "data_base64: %s", e.text));
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
			    STR_ARG(text_tame(version, VERSION_SHOWN_MAX, a))));
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (required[i].value.n == 0)
			unreadable(ev,
			    arena_printf(a, "CloudEvents event without '%s'", required[i].name));
}

static void
read_cloud_event(struct event *ev, const struct envelope *en, struct arena *a)
{
	struct str version = STR_EMPTY;

	ev->schema = SCHEMA_CLOUD_EVENTS;
	envelope_text(en, MEMBER_SPECVERSION, a, &version);
	envelope_text(en, MEMBER_ID, a, &ev->id);
	envelope_text(en, MEMBER_SOURCE, a, &ev->source);
	envelope_text(en, MEMBER_TYPE, a, &ev->type);
	envelope_text(en, MEMBER_SUBJECT, a, &ev->subject);
	envelope_text(en, MEMBER_TIME, a, &ev->time);
	ev->data = member_data(en);
	if (en->values[MEMBER_DATA_BASE64].n > 0)
		read_base64(ev, en, a);
	check_cloud_event(ev, version, a);
}

static void
read_custom(struct event *ev)
{
	ev->schema = SCHEMA_CUSTOM;
	ev->data = ev->raw;
}

static void
refuse_two_envelopes(
    struct event *ev, const struct envelope *en, enum member of_event_grid, struct arena *a)
{
	envelope_text(en, MEMBER_ID, a, &ev->id);
	unreadable(ev, arena_printf(a,
			   "an event in two envelopes, of CloudEvents ('specversion') and of Event "
			   "Grid ('%s')",
			   member_name(of_event_grid)));
}

/*
 * Two readers could see two different events in one text.  The object of the custom schema is the
 * alert itself, whose members are looked up without case.
 */
static void
refuse_twice(struct event *ev, struct names *names, struct arena *a)
{
	struct str name;

	if (names_twice(names, ev->schema == SCHEMA_CUSTOM, &name))
		unreadable(ev, arena_printf(a, "the event has the member '%.*s' twice",
				   STR_ARG(text_tame(name, NAME_SHOWN_MAX, a))));
}

/* ---- the kinds that Event Grid itself makes ---- */

/* The members of the object that a validation event carries; false when it is not one. */
static bool
read_validation_data(struct str data, struct arena *a, struct names *names, struct str *code)
{
	struct json_reader r;
	struct json_level l;
	struct str key, value;
	struct err e;

	names_init(names, a);
	json_reader_init(&r, data, EVENT_VALUES_MAX, &e);
	if (json_read_peek(&r) != '{' || !json_read_open(&r, &l))
		return false;
	while (json_read_next(&r, &l, &key)) {
		if (!json_read_value(&r, &value))
			return false;
		key = json_text_decode(key, a);
		names_add(names, key);
		if (str_is(key, "validationCode"))
			*code = json_text_string(value, a);
	}
	return !r.failed && json_read_end(&r);
}

static void
read_validation(struct event *ev, struct arena *a)
{
	struct str code = STR_EMPTY, twice;
	struct names names;

	/* Under CloudEvents it was seen as JSON inside a string. */
	if (!read_validation_data(
		json_text_type(ev->data) == JSON_STRING ? json_text_string(ev->data, a) : ev->data,
		a, &names, &code) ||
	    code.n == 0) {
		unreadable(ev, STR("validation event without 'validationCode'"));
	} else if (names_twice(&names, false, &twice)) {
		unreadable(ev,
		    arena_printf(a, "the data of the validation event has the member '%.*s' twice",
			STR_ARG(text_tame(twice, NAME_SHOWN_MAX, a))));
	} else {
		ev->validation_code = code;
		ev->kind = EVENT_VALIDATION;
	}
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

	if (h->aeg_subscription_name.n > 0)
		ev->subscription = header_mended(h->aeg_subscription_name, a);
	if (ev->kind == EVENT_NOTIFICATION && str_is_nocase(ev->type, TYPE_VALIDATION))
		read_validation(ev, a);
	else if (ev->kind == EVENT_NOTIFICATION && str_is_nocase(ev->type, TYPE_DELETION))
		ev->kind = EVENT_DELETION;
	else if (ev->type.n == 0 && headers_say_deletion(h))
		ev->kind = EVENT_DELETION;
	if (ev->id.n == 0)
		ev->id = arena_str(a, str_of(uuid_from(ev->raw, id)));
}

static bool
read_object(struct json_reader *r, struct arena *a, struct event *ev)
{
	struct envelope en;
	enum member of_event_grid;

	if (!envelope_read(r, a, &en))
		return false;
	ev->raw = en.raw;
	switch (envelope_schema(&en, &of_event_grid)) {
	case SCHEMA_EVENT_GRID:
		read_event_grid(ev, &en, a);
		break;
	case SCHEMA_CLOUD_EVENTS:
		read_cloud_event(ev, &en, a);
		break;
	case SCHEMA_CUSTOM:
		read_custom(ev);
		break;
	case SCHEMA_UNKNOWN:
		refuse_two_envelopes(ev, &en, of_event_grid, a);
		break;
	}
	if (r->wide == NULL)
		refuse_twice(ev, &en.names, a);
	return true;
}

/* The next value of the body, in one pass; false when the body is refused. */
static bool
read_element(
    struct json_reader *r, const struct event_headers *h, struct arena *a, struct event *ev)
{
	*ev = event_of(STR_EMPTY);
	if (json_read_peek(r) == '{') {
		if (!read_object(r, a, ev))
			return false;
	} else {
		if (!json_read_value(r, &ev->raw))
			return false;
		unreadable(ev, STR("an event must be a JSON object"));
	}
	if (r->wide != NULL) {
		unreadable(ev,
		    arena_printf(a, "an object in it has more than %d members", JSON_MEMBERS_MAX));
		r->wide = NULL; /* the others of the batch are not to blame */
	}
	settle(ev, h, a);
	return true;
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

/* Whatever the headers say about the kind of event: one of them said it twice. */
static void
give_repeated(
    struct event_batch *out, struct str body, const struct event_headers *h, struct arena *a)
{
	struct str name = text_tame(header_mended(h->repeated, a), NAME_SHOWN_MAX, a);

	give_unreadable(out, body,
	    arena_printf(a, "the header '%.*s' came more than once", STR_ARG(name)), h, a);
	out->events[0].kind = EVENT_UNREADABLE;
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
	struct json_reader r;
	struct str data = STR_EMPTY;
	struct err e;

	ev.schema = SCHEMA_CLOUD_EVENTS;
	ev.id = header_text(h->ce_id, a);
	ev.source = header_text(h->ce_source, a);
	ev.type = header_text(h->ce_type, a);
	ev.subject = header_text(h->ce_subject, a);
	ev.time = header_text(h->ce_time, a);
	json_reader_init(&r, body, EVENT_VALUES_MAX, &e);
	if (body.n > 0 && !(json_read_value(&r, &data) && json_read_end(&r)))
		unreadable(
		    &ev, arena_printf(a, "data of a binary CloudEvents delivery: %s", e.text));
	else
		ev.data = data;
	check_cloud_event(&ev, header_text(h->ce_specversion, a), a);
	settle(&ev, h, a);
	give_one(out, ev, a);
}

static bool
is_event_grids(const struct event_headers *h)
{
	return h->aeg_event_type.n > 0 || h->aeg_subscription_name.n > 0 ||
	       h->aeg_delivery_count.n > 0 || h->aeg_data_version.n > 0;
}

/*
 * Event Grid sends no binary mode: beside its own headers, those of CloudEvents are delivery
 * properties, whose names and values the owner of the event subscription chose.
 */
static bool
is_binary(const struct event_headers *h)
{
	return (h->ce_specversion.n > 0 || h->ce_type.n > 0 || h->ce_id.n > 0) &&
	       !is_event_grids(h) &&
	       !str_starts_nocase(h->content_type, STR("application/cloudevents"));
}

/* Most deliveries hold one event: room for more is made when they come. */
static struct event *
next_event(struct event_batch *out, struct arena *a)
{
	bool full = (out->n & (out->n - 1)) == 0; /* 0, 1, 2, 4, 8 ... */

	if (full) {
		size_t room = out->n == 0 ? 1 : 2 * out->n;
		struct event *events = arena_alloc(a, room * sizeof(*events));

		if (out->n > 0)
			memcpy(events, out->events, out->n * sizeof(*events));
		out->events = events;
	}
	return &out->events[out->n++];
}

/* False: the body is refused as a whole, with its reason in e. */
static bool
read_array(struct json_reader *r, const struct event_headers *h, struct arena *a,
    struct event_batch *out, struct err *e)
{
	struct json_level l;
	struct str none;

	if (!json_read_open(r, &l))
		return false;
	while (json_read_next(r, &l, &none)) {
		if (out->n == EVENT_BATCH_MAX)
			return fail(
			    e, ERR_INPUT, "the batch has more than %d events", EVENT_BATCH_MAX);
		if (!read_element(r, h, a, next_event(out, a)))
			return false;
	}
	return !r->failed;
}

static bool
read_body(struct str body, const struct event_headers *h, struct arena *a, struct event_batch *out,
    struct err *e)
{
	struct json_reader r;

	*out = (struct event_batch){ .n = 0 };
	json_reader_init(&r, body, EVENT_VALUES_MAX, e);
	if (body.n == 0)
		return fail(e, ERR_INPUT, "the body is empty");
	if (!(json_read_peek(&r) == '[' ? read_array(&r, h, a, out, e)
					: read_element(&r, h, a, next_event(out, a))))
		return false;
	if (!json_read_end(&r))
		return false;
	return out->n > 0 || fail(e, ERR_INPUT, "the batch is empty");
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
	if (h->repeated.n > 0)
		give_repeated(out, body, h, a);
	else if (is_binary(h))
		read_binary(body, h, a, out);
	else if (!read_body(body, h, a, out, &e))
		give_unreadable(out, body, arena_str(a, str_of(e.text)), h, a);
	refuse_hidden_validation(out);
}
