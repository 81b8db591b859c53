/*
 * core/source_list.c: a line each with the subscription, the source and the type of an event
 * (before the source a line "notice" makes it a notice of Event Grid's own, one with the name of a
 * schema an event of that), then entries: "s:", "t:" or "e:" and a pattern for a source, type or
 * event subscription, "m:" and a schema.
 *
 * What must hold: an event is let in if and only if a table of all prefixes, as in fuzz_pattern.c,
 * finds an entry for it in each list that has any; what an entry gives as its example it names;
 * "none" names what is absent and nothing else; case makes no difference.
 */
#include "core/source_list.h"

#include "fuzz.h"

#define ENTRIES_MAX 16

/* A text as its characters; false when it is not UTF-8, which no setting and no event is. */
static bool
split(struct str s, struct arena *a, struct str **out, size_t *n)
{
	struct str *list = arena_alloc(a, (s.n + 1) * sizeof(*list));

	*n = 0;
	for (size_t i = 0, len; i < s.n; i += len) {
		if ((len = utf8_sequence(str_slice(s, i, s.n))) == 0)
			return false;
		list[(*n)++] = str_slice(s, i, i + len);
	}
	*out = list;
	return true;
}

/* at[t]: the pattern so far takes the first t characters of the text. */
static bool
naive(struct str pattern, struct str text, struct arena *a)
{
	struct str *p = NULL, *s = NULL;
	size_t n_p, n;
	bool *at, *next, *swap;

	MUST(split(pattern, a, &p, &n_p) && split(text, a, &s, &n));
	at = arena_alloc(a, n + 1);
	next = arena_alloc(a, n + 1);
	at[0] = true;
	for (size_t i = 0; i < n_p; i++) {
		memset(next, 0, n + 1);
		for (size_t t = 0; t <= n; t++) {
			if (str_is(p[i], "*"))
				next[t] = at[t] || (t > 0 && next[t - 1]);
			else if (at[t] && t < n && (str_is(p[i], "?") || str_eq_nocase(p[i], s[t])))
				next[t + 1] = true;
		}
		swap = at;
		at = next;
		next = swap;
	}
	return at[n];
}

static bool
naive_fits(struct str entry, struct str value, struct arena *a)
{
	return str_is_nocase(entry, "none") ? value.n == 0 : naive(entry, value, a);
}

static bool
naive_lists(const struct str *list, size_t n, struct str value, struct arena *a)
{
	for (size_t i = 0; i < n; i++)
		if (naive_fits(list[i], value, a))
			return true;
	return n == 0;
}

/* With capitals for small letters and the other way round. */
static struct str
other_case(struct str s, struct arena *a)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++) {
		bool letter = (s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z';

		p[i] = (char)(letter ? s.p[i] ^ 0x20 : s.p[i]);
	}
	return (struct str){ p, s.n };
}

static void
check_entry(struct str entry, struct str value, struct arena *a)
{
	bool fits = source_list_fits(entry, value);

	MUST(fits == naive_fits(entry, value, a));
	MUST(source_list_fits(other_case(entry, a), value) == fits);
	MUST(source_list_fits(entry, other_case(value, a)) == fits);
	MUST(source_list_fits(entry, source_list_example(entry, a)));
	MUST(source_list_fits(STR("*"), value) &&
	     source_list_fits(STR("nOnE"), value) == (value.n == 0));
	MUST(source_list_fits(value, value) || str_is_nocase(value, "none"));
	(void)source_list_problem(entry, true);
	if (source_list_problem(entry, false) == NULL)
		for (size_t i = 0; i < entry.n; i++)
			MUST((unsigned char)entry.p[i] > ' ');
}

static void
check_event(const struct settings_auth *auth, const struct event *ev, struct arena *a)
{
	bool notice = ev->kind != EVENT_NOTIFICATION, want, got;
	bool subscription =
	    naive_lists(auth->subscriptions, auth->n_subscriptions, ev->subscription, a);
	bool source = (notice && ev->source.n == 0) ||
		      naive_lists(auth->sources, auth->n_sources, ev->source, a);
	bool type = notice || naive_lists(auth->event_types, auth->n_event_types, ev->type, a);
	bool schema = notice || naive_lists(auth->schemas, auth->n_schemas,
				    str_of(event_schema_name(ev->schema)), a);
	struct str why = STR_EMPTY, again = STR_EMPTY;

	want = subscription && schema && source && type;
	got = source_list_allows(auth, ev, a, &why);
	MUST(got == want);
	MUST(source_list_allows(auth, ev, a, &again) == got && str_eq(why, again));
	if (got)
		MUST(why.n == 0);
	else
		MUST(str_has_nocase(why, !subscription ? STR("auth.subscriptions")
					 : !schema     ? STR("auth.schemas")
					 : !source     ? STR("auth.sources")
						       : STR("auth.event_types")));
}

static bool
is_schema(struct str name, enum event_schema *out)
{
	for (enum event_schema s = SCHEMA_EVENT_GRID; s < SCHEMA_UNKNOWN; s++)
		if (str_is(name, event_schema_name(s))) {
			*out = s;
			return true;
		}
	return false;
}

FUZZ(input)
{
	struct str lists[4][ENTRIES_MAX];
	struct settings_auth auth = { .subscriptions = lists[0],
		.sources = lists[1],
		.event_types = lists[2],
		.schemas = lists[3] };
	enum event_schema schema;
	struct str rest = input;
	struct event ev = { .kind = EVENT_NOTIFICATION };

	/* Neither settings nor events hold anything else. */
	if (!is_utf8(input) || memchr(input.p, '\0', input.n) != NULL)
		return;
	ev.subscription = take_line(&rest);
	ev.source = take_line(&rest);
	if (str_is(ev.source, "notice")) {
		ev.kind = EVENT_DELETION;
		ev.source = take_line(&rest);
	}
	if (is_schema(ev.source, &ev.schema))
		ev.source = take_line(&rest);
	ev.type = take_line(&rest);
	while (rest.n > 0) {
		struct str line = take_line(&rest), entry = str_slice(line, 2, line.n);

		/* An entry of a list is never empty: the settings refuse it. */
		if (line.n < 3 || line.p[1] != ':')
			continue;
		check_entry(entry, ev.source, arena);
		if (line.p[0] == 'e' && auth.n_subscriptions < ENTRIES_MAX)
			auth.subscriptions[auth.n_subscriptions++] = entry;
		if (line.p[0] == 's' && auth.n_sources < ENTRIES_MAX)
			auth.sources[auth.n_sources++] = entry;
		if (line.p[0] == 't' && auth.n_event_types < ENTRIES_MAX)
			auth.event_types[auth.n_event_types++] = entry;
		if (line.p[0] == 'm' && auth.n_schemas < ENTRIES_MAX && is_schema(entry, &schema))
			auth.schemas[auth.n_schemas++] = entry;
	}
	check_event(&auth, &ev, arena);
}
