/*
 * Happy path: the text is read as a delivery is, overrides are put into its payload, and the alert
 * is made of that. What can go wrong: the text is no alert, or an override names what is not there
 * - the error says which.
 */
#include <string.h>

#include "core/event.h"
#include "core/rule_test.h"

/* ---- the alert ---- */

static bool
read_event(struct str text, struct arena *a, struct event *out, struct err *e)
{
	struct event_headers headers;
	struct event_batch batch;

	event_headers_read(STR("{}"), a, &headers);
	event_batch_parse(text, &headers, a, &batch);
	if (batch.n != 1)
		return fail(e, ERR_INPUT, "it holds %zu events, a test is about one", batch.n);
	if (batch.events[0].kind == EVENT_UNREADABLE)
		return fail(e, ERR_INPUT, "%.*s", STR_ARG(batch.events[0].reason));
	if (batch.events[0].kind != EVENT_NOTIFICATION)
		return fail(e, ERR_INPUT, "it is no alert, but a notice of Event Grid (%s)",
		    event_kind_name(batch.events[0].kind));
	*out = batch.events[0];
	return true;
}

/* ---- overrides ---- */

static struct json *
member_nocase(struct json *object, struct str name)
{
	for (struct json *c = json_child(object); c != NULL; c = json_sibling(c))
		if (str_eq_nocase(json_name(c), name))
			return c;
	return NULL;
}

static void
put(struct json *object, struct str name, const struct json *value, struct arena *a)
{
	if (json_type(value) == JSON_NULL)
		json_remove(object, arena_cstr(a, name));
	else
		json_set(object, arena_cstr(a, name), json_copy(value, a), a);
}

/* In each element of a list.  False: it is not there. */
static bool
override_at(
    struct json *node, struct str path, const struct json *value, bool below, struct arena *a)
{
	struct str rest = path, name;
	struct json *member;
	bool any = false;

	if (json_is(node, JSON_ARRAY)) {
		for (struct json *c = json_child(node); c != NULL; c = json_sibling(c))
			any = override_at(c, path, value, below, a) || any;
		return any;
	}
	if (!json_is(node, JSON_OBJECT))
		return false;
	str_next(&rest, '.', &name);
	member = member_nocase(node, name);
	if (name.n < path.n && override_at(member, rest, value, true, a))
		return true;
	/* Names have dots in them, too. */
	member = member_nocase(node, path);
	if (member == NULL && (!below || name.n < path.n))
		return false;
	put(node, member == NULL ? path : json_name(member), value, a);
	return true;
}

/* Of the event around the alert. */
static bool
override_event(struct event *ev, struct str path, const struct json *value)
{
	const struct {
		const char *name;
		struct str *field;
	} rows[] = { { "event.type", &ev->type }, { "event.source", &ev->source },
		{ "event.subject", &ev->subject }, { "event.id", &ev->id },
		{ "event.time", &ev->time } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_is_nocase(path, rows[i].name)) {
			*rows[i].field = json_text(value);
			return true;
		}
	return false;
}

/* Where the fields of an alert are in its payload, as core/alert.h lists the places. */
static const char *const places[] = { "properties", "object.properties", "Body.properties", "Body",
	"data.properties", "data" };
#define PLACES (sizeof(places) / sizeof(places[0]))

static bool
override_payload(struct json *data, struct str path, const struct json *value, struct arena *a)
{
	if (str_starts_nocase(path, STR("event.data.")))
		path = str_slice(path, strlen("event.data."), path.n);
	for (size_t i = 0; i < PLACES; i++)
		if (override_at(json_path(data, places[i]), path, value, false, a))
			return true;
	return override_at(data, path, value, false, a);
}

/* A field of alerts that this one has not; whether its form has a place for it is seen later. */
static bool
add_field(struct json *data, struct str name, const struct json *value, struct arena *a)
{
	struct json *place = data;
	bool known = false;

	for (size_t i = 0; i < alert_field_count; i++)
		known = known || str_is_nocase(name, alert_field_names[i]);
	if (!known)
		return false;
	for (size_t i = 0; i < PLACES && place == data; i++)
		if (json_is(json_path(data, places[i]), JSON_OBJECT))
			place = json_path(data, places[i]);
	put(place, name, value, a);
	return true;
}

static bool
no_such_field(struct json *data, struct str path, struct arena *a, struct err *e)
{
	const char **names = arena_alloc(a, json_count(data) * sizeof(*names)), *near;
	size_t n = 0;

	for (const struct json *c = json_first(data); c != NULL; c = json_next(c))
		names[n++] = arena_cstr(a, json_name(c));
	near = str_nearest(path, names, n);
	if (near == NULL)
		near = str_nearest(path, alert_field_names, alert_field_count);
	return fail(e, ERR_INPUT,
	    "overrides: the alert has no '%.*s' that could be otherwise%s%s%s", STR_ARG(path),
	    NEAR_ARG(near));
}

/* *added: those that the alert did not have. */
static bool
override_all(struct event *ev, const struct json *overrides, struct json *added, struct arena *a,
    struct err *e)
{
	struct json *data = json_parse(ev->data.n == 0 ? STR("{}") : ev->data, a, e);

	if (data == NULL)
		return false;
	for (const struct json *o = json_first(overrides); o != NULL; o = json_next(o)) {
		struct str path = json_name(o);

		if (override_event(ev, path, o) || override_payload(data, path, o, a))
			continue;
		if (!add_field(data, path, o, a))
			return no_such_field(data, path, a, e);
		json_set(added, arena_cstr(a, path), json_copy(o, a), a);
	}
	ev->data = json_print(data, a);
	return true;
}

/* Is it there as a rule sees it?  resourceGroup, for one, comes from the resource's id. */
static bool
added_is_seen(const struct alert *al, const struct json *added, struct arena *a, struct err *e)
{
	for (const struct json *o = json_first(added); o != NULL; o = json_next(o)) {
		struct field_values v;

		alert_field(al, json_name(o), a, &v);
		if (v.n != 1 || !str_eq(v.values[0], json_scalar(o, a)))
			return fail(e, ERR_INPUT,
			    "overrides: '%.*s' is no field of its own in an alert of the form %s",
			    STR_ARG(json_name(o)), al->form);
	}
	return true;
}

struct str
rule_test_path(const struct rule *rule, const struct rule_test *test, struct arena *a)
{
	if (test->alert.n == 0 || test->alert.p[0] == '/')
		return test->alert;
	return arena_printf(a, "%.*s/%.*s", STR_ARG(str_folder(rule->file)), STR_ARG(test->alert));
}

const struct alert *
rule_test_alert(struct str text, const struct json *overrides, struct arena *a, struct err *e)
{
	struct event *ev = arena_alloc(a, sizeof(*ev));
	struct alert *al = arena_alloc(a, sizeof(*al));
	struct json *added = json_object(a);

	if (!read_event(text, a, ev, e) ||
	    (overrides != NULL && !override_all(ev, overrides, added, a, e)) ||
	    !alert_parse(ev, a, al, e) || !added_is_seen(al, added, a, e))
		return NULL;
	return al;
}
