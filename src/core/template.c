#include "core/template.h"

#include <string.h>

#define ALERT "alert."
#define TICKET "ticket."

static const char *const ticket_fields[] = { "event", "key", "title", "text" };
#define TICKET_FIELDS (sizeof(ticket_fields) / sizeof(ticket_fields[0]))

/* What stands between the braces; empty when the text is none as a whole. */
static struct str
placeholder(struct str text)
{
	if (text.n < 3 || text.p[0] != '{' || text.p[1] == '{' || text.p[text.n - 1] != '}')
		return STR_EMPTY;
	return str_slice(text, 1, text.n - 1);
}

static bool
begins(struct str text, const char *with, struct str *rest)
{
	size_t n = strlen(with);

	if (!str_is(str_slice(text, 0, n), with))
		return false;
	*rest = str_slice(text, n, text.n);
	return true;
}

static bool
has_inside(struct str text, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= text.n; i++)
		if (memcmp(text.p + i, part, n) == 0 && (i == 0 || text.p[i - 1] != '{'))
			return true;
	return false;
}

const char *
template_problem(struct str text, bool ticket, struct arena *a)
{
	struct str inner = placeholder(text), field;
	const char *near;

	if (inner.n == 0 && (has_inside(text, "{" ALERT) || has_inside(text, "{" TICKET)))
		return "a placeholder stands alone in its text: nothing is pasted into another";
	if (inner.n == 0)
		return NULL;
	if (begins(inner, ALERT, &field))
		return field.n > 0 ? NULL : "names no field of the alert";
	if (!ticket)
		return "is no placeholder: {alert.FIELD}; \"{{\" at the front stands for \"{\"";
	if (!begins(inner, TICKET, &field))
		return "is no placeholder: {alert.FIELD} or {ticket.FIELD}; \"{{\" at the front "
		       "stands for \"{\"";
	for (size_t i = 0; i < TICKET_FIELDS; i++)
		if (str_is(field, ticket_fields[i]))
			return NULL;
	near = str_nearest(field, ticket_fields, TICKET_FIELDS);
	if (near == NULL)
		return "is not known: a ticket has event, key, title and text";
	return arena_printf(a, "is not known, did you mean '{ticket.%s}'?", near).p;
}

static struct json *
value_of(struct str s, struct arena *a)
{
	return json_string(str_slice(s, 0, TEMPLATE_VALUE_MAX), a);
}

static struct json *
alert_value(const struct template_facts *f, struct str field, struct arena *a)
{
	struct field_values v;
	struct json *list;

	if (f->alert->fields == NULL) /* a way back, and the event cannot be read any more */
		return json_null(a);
	alert_field(f->alert, field, a, &v);
	if (v.n == 0)
		return json_null(a);
	if (v.n == 1)
		return value_of(v.values[0], a);
	list = json_array(a);
	for (size_t i = 0; i < v.n; i++)
		json_add(list, value_of(v.values[i], a), a);
	return list;
}

static struct json *
fill_text(struct str text, const struct template_facts *f, struct arena *a)
{
	const struct str values[TICKET_FIELDS] = { f->event == NULL ? STR_EMPTY : str_of(f->event),
		f->key, f->title, f->text };
	struct str inner = placeholder(text), field;

	if (begins(inner, ALERT, &field))
		return alert_value(f, field, a);
	if (begins(inner, TICKET, &field))
		for (size_t i = 0; i < TICKET_FIELDS; i++)
			if (str_is(field, ticket_fields[i]))
				return values[i].n == 0 ? json_null(a) : value_of(values[i], a);
	return json_string(
	    str_is(str_slice(text, 0, 2), "{{") ? str_slice(text, 1, text.n) : text, a);
}

struct json *
template_fill(const struct json *template, const struct template_facts *f, struct arena *a)
{
	bool object = json_is(template, JSON_OBJECT);
	struct json *out;

	if (json_is(template, JSON_STRING))
		return fill_text(json_text(template), f, a);
	if (!object && !json_is(template, JSON_ARRAY))
		return json_copy(template, a);
	out = object ? json_object(a) : json_array(a);
	for (const struct json *j = json_first(template); j != NULL; j = json_next(j)) {
		struct json *value = template_fill(j, f, a);

		if (object)
			json_set(out, arena_cstr(a, json_name(j)), value, a);
		else
			json_add(out, value, a);
	}
	return out;
}
