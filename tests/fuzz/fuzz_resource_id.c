/*
 * core/resource_id.c: what is taken can be rebuilt, and the rebuilt text cannot bend a URL.
 */
#include "core/resource_id.h"
#include "fuzz.h"

#define GUID "00000000-0000-0000-0000-000000000001"

static bool
bends_urls(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("%?#\\:@;&=+", s.p[i]) != NULL)
			return true;
		if (s.p[i] != '/')
			continue;
		if (str_starts_nocase(str_slice(s, i, s.n), STR("/../")) ||
		    str_starts_nocase(str_slice(s, i, s.n), STR("/./")) ||
		    str_starts_nocase(str_slice(s, i, s.n), STR("//")))
			return true;
	}
	return str_ends_nocase(s, STR("/..")) || str_ends_nocase(s, STR("/."));
}

static void
check_text(struct str text, const struct resource_id *want)
{
	struct resource_id again;
	struct err e;

	MUST(text.n <= RESOURCE_ID_MAX && !bends_urls(text));
	MUST(resource_id_parse(text, &again, &e));
	MUST(resource_id_eq(want, &again) && resource_id_eq(&again, want));
}

static void
check(struct str text)
{
	struct resource_id id, owner;
	struct buf b, key;
	struct err e;

	if (!resource_id_parse(text, &id, &e)) {
		MUST(e.kind == ERR_INPUT && e.text[0] != '\0');
		return;
	}
	buf_init(&b, RESOURCE_ID_MAX);
	buf_init(&key, RESOURCE_ID_MAX);
	resource_id_format(&id, &b);
	MUST(str_eq_nocase(buf_str(&b), text));
	check_text(buf_str(&b), &id);
	resource_id_format_key(&id, &key);
	MUST(str_eq_nocase(buf_str(&key), buf_str(&b)));
	buf_reset(&b);
	resource_id_format_owner(&id, &b);
	owner = id;
	owner.rest = STR_EMPTY;
	check_text(buf_str(&b), &owner);
	buf_done(&b);
	buf_done(&key);
}

/* As received, and in the place of a machine's name. */
FUZZ(input)
{
	check(input);
	check(arena_printf(arena,
	    "/subscriptions/" GUID "/resourceGroups/rg/providers/Microsoft.Compute/"
	    "virtualMachines/%.*s",
	    STR_ARG(input)));
}
