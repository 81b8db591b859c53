/*
 * Happy path: a name that Azure's forms do not agree on is answered from the alert as it was read;
 * every other name is a path through the fields.
 * What can go wrong: more values or references than the limits allow; the answer says `cut`.
 */
#include <stddef.h>

#include "alert_parts.h"
#include "base/buf.h"
#include "core/alert.h"

const char *const alert_field_names[] = { "alertDisplayName", "alertName", "alertType", "severity",
	"status", "compromisedEntity", "description", "startTimeUtc", "productName", "alertUri",
	"systemAlertId", "intent", "tactics", "techniques", "subTechniques", "subscriptionId",
	"resourceGroup", "resourceName", "resourceType", "resourceId", "event.id", "event.type",
	"event.source", "event.subject", "event.time" };
const size_t alert_field_count = sizeof(alert_field_names) / sizeof(alert_field_names[0]);

/* Reading JSON inside of a text, for each byte of it: time and memory. */
#define PARSE_WORK 20

struct walk {
	struct field_values *out;
	struct arena *arena;
	const struct json *graph; /* where "$ref" points into; NULL = not followed */
	size_t capacity;
	int refs, nodes; /* spent */
};

static void
add(struct walk *w, struct str value)
{
	struct field_values *out = w->out;

	if (out->n == FIELD_VALUES_MAX) {
		out->cut = true;
		return;
	}
	if (out->n == w->capacity) {
		struct str *grown;

		w->capacity = w->capacity == 0 ? 4 : w->capacity * 2;
		grown = arena_alloc(w->arena, w->capacity * sizeof(*grown));
		for (size_t i = 0; i < out->n; i++)
			grown[i] = out->values[i];
		out->values = grown;
	}
	out->values[out->n++] = value;
}

/* ---- paths ---- */

static void
add_leaf(struct walk *w, const struct json *j)
{
	w->out->present = true;
	switch (json_type(j)) {
	case JSON_STRING:
	case JSON_NUMBER:
	case JSON_BOOL:
		add(w, json_scalar(j, w->arena));
		break;
	case JSON_ARRAY:
		for (const struct json *c = json_first(j); c != NULL && !w->out->cut;
		     c = json_next(c))
			add_leaf(w, c);
		break;
	case JSON_NULL:
	case JSON_OBJECT:
		break;
	}
}

/* The object with that "$id", wherever it was written out in full. */
static const struct json *
find_id(struct walk *w, const struct json *j, struct str id)
{
	const struct json *found = NULL;

	w->out->work++;
	if (++w->nodes > FIELD_NODES_MAX) {
		w->out->cut = true;
		return NULL;
	}
	if (json_is(j, JSON_OBJECT) && str_eq(json_text(json_get(j, "$id")), id))
		return j;
	if (json_type(j) != JSON_OBJECT && json_type(j) != JSON_ARRAY)
		return NULL;
	for (const struct json *c = json_first(j); c != NULL && found == NULL && !w->out->cut;
	     c = json_next(c))
		found = find_id(w, c, id);
	return found;
}

static const struct json *
follow_ref(struct walk *w, const struct json *object)
{
	struct str id = json_text(json_get(object, "$ref"));

	if (w->graph == NULL || id.n == 0)
		return NULL;
	if (++w->refs > FIELD_REFS_MAX) {
		w->out->cut = true;
		return NULL;
	}
	return find_id(w, w->graph, id);
}

static bool walk(struct walk *w, const struct json *j, struct str path);

/* Names may hold dots themselves: the longest name that is there wins. */
static bool
walk_object(struct walk *w, const struct json *object, struct str path)
{
	for (size_t i = path.n; i > 0; i--) {
		const struct json *child;

		if (i < path.n && (path.p[i] != '.' || i + 1 == path.n))
			continue;
		child = json_get_nocase(object, str_slice(path, 0, i));
		if (child != NULL && walk(w, child, str_slice(path, i + 1, path.n)))
			return true;
	}
	return walk(w, follow_ref(w, object), path);
}

static bool
walk_array(struct walk *w, const struct json *array, struct str path)
{
	bool found = false;

	for (const struct json *c = json_first(array); c != NULL && !w->out->cut; c = json_next(c))
		found |= walk(w, c, path);
	return found;
}

/* True when something is there; its values are added. */
static bool
walk(struct walk *w, const struct json *j, struct str path)
{
	if (j == NULL)
		return false;
	if (path.n == 0) {
		add_leaf(w, j);
		return true;
	}
	if (json_is(j, JSON_STRING))
		w->out->work += PARSE_WORK * (int64_t)json_text(j).n;
	j = look_inside(j, w->arena);
	if (json_is(j, JSON_ARRAY))
		return walk_array(w, j, path);
	return json_is(j, JSON_OBJECT) && walk_object(w, j, path);
}

/* ---- names with a meaning ---- */

static void
give(struct walk *w, struct str value)
{
	if (value.n == 0)
		return;
	w->out->present = true;
	add(w, value);
}

static void
give_list(struct walk *w, const struct json *list)
{
	struct str words[FIELD_VALUES_MAX];
	size_t n;

	if (list == NULL)
		return;
	w->out->present = true;
	n = words_of(list, w->arena, words, FIELD_VALUES_MAX);
	for (size_t i = 0; i < n; i++)
		add(w, words[i]);
	w->out->cut |= n == FIELD_VALUES_MAX;
}

static const struct {
	const char *name;
	size_t offset;
} texts[] = {
	{ "alertDisplayName", offsetof(struct alert, name) },
	{ "alertType", offsetof(struct alert, type) },
	{ "severity", offsetof(struct alert, severity) },
	{ "status", offsetof(struct alert, status) },
	{ "compromisedEntity", offsetof(struct alert, compromised_entity) },
	{ "description", offsetof(struct alert, description) },
	{ "startTimeUtc", offsetof(struct alert, start_time) },
	{ "productName", offsetof(struct alert, product) },
	{ "alertUri", offsetof(struct alert, uri) },
	{ "systemAlertId", offsetof(struct alert, id) },
};

static void
give_alert_field(struct walk *w, const struct alert *al, struct str name)
{
	struct str rest = al->intent, word;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (str_is_nocase(name, texts[i].name))
			give(w, *(const struct str *)(const void *)((const char *)al +
								    texts[i].offset));
	if (str_is_nocase(name, "alertName")) {
		give(w, al->name);
		if (!str_eq(al->name, al->type))
			give(w, al->type);
	}
	if (str_is_nocase(name, "intent") || str_is_nocase(name, "tactics"))
		while (str_next(&rest, ',', &word))
			give(w, word);
	if (str_is_nocase(name, "techniques"))
		give_list(w, first_of(al->fields, "techniques"));
	if (str_is_nocase(name, "subTechniques"))
		give_list(w, first_of(al->fields, "subTechniques"));
}

static struct str
formatted(const struct resource_id *id, struct arena *a,
    void (*format)(const struct resource_id *, struct buf *))
{
	struct buf b;

	buf_init(&b, RESOURCE_ID_MAX);
	format(id, &b);
	return buf_to_arena(&b, a);
}

/* True when the resource answers, even when the answer is that it has no such part. */
static bool
give_resource(struct walk *w, const struct alert *al, struct str name)
{
	const struct resource_id *id = &al->resource;

	if (!al->has_resource) {
		if (str_is_nocase(name, "resourceId"))
			give(w, al->resource_text);
		return w->out->present;
	}
	if (str_is_nocase(name, "subscriptionId"))
		give(w, id->subscription);
	else if (str_is_nocase(name, "resourceGroup"))
		give(w, id->resource_group);
	else if (str_is_nocase(name, "resourceName"))
		give(w, id->name);
	else if (str_is_nocase(name, "resourceType"))
		give(w, id->type.n == 0 ? STR_EMPTY
					: arena_printf(w->arena, "%.*s/%.*s", STR_ARG(id->provider),
					      STR_ARG(id->type)));
	else if (str_is_nocase(name, "resourceId")) {
		give(w, formatted(id, w->arena, resource_id_format));
		if (id->rest.n > 0)
			give(w, formatted(id, w->arena, resource_id_format_owner));
	} else
		return false;
	return true;
}

static bool
give_event(struct walk *w, const struct alert *al, struct str name)
{
	const struct event *ev = al->event;
	const struct {
		const char *name;
		struct str value;
	} members[] = { { "event.id", ev->id }, { "event.type", ev->type },
		{ "event.source", ev->source }, { "event.subject", ev->subject },
		{ "event.time", ev->time } };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (str_is_nocase(name, members[i].name)) {
			give(w, members[i].value);
			return true;
		}
	}
	if (!str_starts_nocase(name, STR("event.data.")))
		return false;
	walk(w, al->data, str_slice(name, sizeof("event.data.") - 1, name.n));
	return true;
}

static bool
walk_under(struct walk *w, struct str prefix, const struct json *j, struct str name)
{
	return j != NULL && name.n > prefix.n && str_starts_nocase(name, prefix) &&
	       walk(w, j, str_slice(name, prefix.n, name.n));
}

void
alert_field(const struct alert *al, struct str name, struct arena *a, struct field_values *out)
{
	struct walk w = { .out = out, .arena = a };

	*out = (struct field_values){ .values = NULL };
	if (!str_is(str_of(al->form), "event"))
		give_alert_field(&w, al, name);
	if (out->present || give_resource(&w, al, name) || give_event(&w, al, name) ||
	    walk_under(&w, STR("extendedProperties."), al->extended, name))
		return;
	w.graph = al->entities;
	if (walk_under(&w, STR("entities."), al->entities, name))
		return;
	w.graph = NULL;
	if (name.n > 0 && !walk(&w, al->fields, name) && al->data != al->fields)
		walk(&w, al->data, name);
}
