#include "jose.h"

static bool
is_new(const struct jose *o, struct str name)
{
	for (size_t i = 0; i < o->n; i++)
		if (str_eq(o->members[i].name, name))
			return false;
	return true;
}

bool
jose_read(struct str text, size_t max, struct arena *a, struct jose *out)
{
	struct jose o = { arena_alloc(a, max * sizeof(*o.members)), 0 };
	struct json_reader r;
	struct json_level l;
	struct str key, value;
	struct err ignored;

	json_reader_init(&r, text, JSON_VALUES_MAX, &ignored);
	if (json_read_peek(&r) != '{' || !json_read_open(&r, &l))
		return false;
	while (json_read_next(&r, &l, &key)) {
		/* Names are compared by what they mean, not by how they are escaped. */
		key = json_text_decode(key, a);
		if (o.n == max || !is_new(&o, key) || !json_read_value(&r, &value))
			return false;
		o.members[o.n++] = (struct jose_member){ key, value };
	}
	if (r.failed || !json_read_end(&r))
		return false;
	*out = o;
	return true;
}

struct str
jose_value(const struct jose *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (str_is(o->members[i].name, name))
			return o->members[i].value;
	return STR_EMPTY;
}

struct str
jose_text(const struct jose *o, const char *name, struct arena *a)
{
	return json_text_string(jose_value(o, name), a);
}

bool
jose_has(const struct jose *o, const char *name)
{
	return jose_value(o, name).n > 0;
}

bool
jose_list(struct str text, size_t max, struct arena *a, struct str **out, size_t *n)
{
	struct str *list = arena_alloc(a, max * sizeof(*list)), key;
	struct json_reader r;
	struct json_level l;
	struct err ignored;
	size_t found = 0;

	json_reader_init(&r, text, JSON_VALUES_MAX, &ignored);
	if (json_read_peek(&r) != '[' || !json_read_open(&r, &l))
		return false;
	while (json_read_next(&r, &l, &key))
		if (found == max || !json_read_value(&r, &list[found++]))
			return false;
	*out = list;
	*n = found;
	return !r.failed;
}
