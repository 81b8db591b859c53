/*
 * Happy path: four lists are asked in turn, an empty one says yes.
 * What can go wrong: nothing; a no has its reason.
 */
#include "core/source_list.h"

#include <string.h>

#include "core/resource_id.h"

/* Of a value in a reason: it comes from outside. */
#define VALUE_SHOWN_MAX 200

bool
source_list_fits(struct str entry, struct str value)
{
	if (str_is_nocase(entry, SOURCE_LIST_NONE))
		return value.n == 0;
	return str_fits_nocase(entry, value);
}

bool
source_list_names(const struct str *list, size_t n, struct str value)
{
	for (size_t i = 0; i < n; i++)
		if (source_list_fits(list[i], value))
			return true;
	return n == 0;
}

bool
source_list_judges(const struct str *schemas, size_t n, enum event_schema schema)
{
	return source_list_names(schemas, n, str_of(event_schema_name(schema)));
}

struct list {
	const char *setting, *what;
	const struct str *entries;
	size_t n;
	struct str value;
	bool asked;
};

static struct str
reason(const struct list *l, struct arena *a)
{
	if (l->value.n == 0)
		return arena_printf(a, "it has no %s, and '" SOURCE_LIST_NONE "' is not in %s",
		    l->what, l->setting);
	return arena_printf(a, "%s '%.*s' is not in %s", l->what,
	    STR_ARG(str_slice(l->value, 0, VALUE_SHOWN_MAX)), l->setting);
}

bool
source_list_allows(
    const struct settings_auth *auth, const struct event *ev, struct arena *a, struct str *why)
{
	bool notice = ev->kind != EVENT_NOTIFICATION;
	const struct list lists[] = {
		{ "auth.subscriptions", "event subscription", auth->subscriptions,
		    auth->n_subscriptions, ev->subscription, true },
		{ "auth.schemas", "schema", auth->schemas, auth->n_schemas,
		    str_of(event_schema_name(ev->schema)), !notice },
		{ "auth.sources", "source", auth->sources, auth->n_sources, ev->source,
		    !notice || ev->source.n > 0 },
		{ "auth.event_types", "event type", auth->event_types, auth->n_event_types,
		    ev->type, !notice },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct list *l = &lists[i];

		if (l->asked && !source_list_names(l->entries, l->n, l->value)) {
			*why = reason(l, a);
			return false;
		}
	}
	return true;
}

struct str
source_list_example(struct str entry, struct arena *a)
{
	struct str out = arena_str(a, STR_EMPTY);

	if (str_is_nocase(entry, SOURCE_LIST_NONE))
		return out;
	for (size_t i = 0; i < entry.n; i++) {
		struct str c = str_slice(entry, i, i + 1);

		if (str_is(c, "*"))
			c = STR("send");
		else if (str_is(c, "?"))
			c = STR("x");
		out = arena_printf(a, "%.*s%.*s", STR_ARG(out), STR_ARG(c));
	}
	return out;
}

/* Of "/subscriptions/11111111-...": can an id of Azure begin so? */
static bool
subscription_fits(struct str entry)
{
	struct str rest = str_slice(entry, strlen("/subscriptions/"), entry.n), segment;
	struct resource_id id;
	struct err e;

	if (!str_next(&rest, '/', &segment) || memchr(segment.p, '*', segment.n) != NULL ||
	    memchr(segment.p, '?', segment.n) != NULL)
		return true;
	return resource_id_parse(
	    str_slice(entry, 0, strlen("/subscriptions/") + segment.n), &id, &e);
}

const char *
source_list_problem(struct str entry, bool is_source)
{
	bool all = entry.n > 0;

	for (size_t i = 0; i < entry.n; i++) {
		all &= entry.p[i] == '*';
		if ((unsigned char)entry.p[i] <= ' ')
			return "has a blank, which no source or type has";
	}
	if (all)
		return "names everything: leave the list out";
	if (!is_source)
		return entry.p[0] == '/' ? "looks like a source, not like an event type" : NULL;
	if (str_starts_nocase(entry, STR("subscriptions/")))
		return "can never be the id of a topic: it begins with /subscriptions/";
	if (!str_starts_nocase(entry, STR("/subscriptions/")))
		return NULL;
	if (!subscription_fits(entry))
		return "can never be the id of a topic: the subscription is no GUID";
	if (entry.p[entry.n - 1] == '/')
		return "can never be the id of a topic: it ends with a slash";
	if (str_has_nocase(entry, STR("/eventSubscriptions/")))
		return "is an event subscription: the topic is what stands before "
		       "/providers/Microsoft.EventGrid/eventSubscriptions";
	return NULL;
}
