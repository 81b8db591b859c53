#include "jose.h"

bool
jose_is_unambiguous(struct str object, size_t max, struct arena *a)
{
	struct str *names = arena_alloc(a, max * sizeof(*names)), key, value;
	size_t n = 0, at = 0;

	if (json_text_type(object) != JSON_OBJECT)
		return false;
	while (json_text_member(object, &at, &key, &value)) {
		if (n == max)
			return false;
		/* With its quotes back: names are compared by what they mean. */
		names[n] = json_text_string((struct str){ key.p - 1, key.n + 2 }, a);
		for (size_t i = 0; i < n; i++)
			if (str_eq(names[i], names[n]))
				return false;
		n++;
	}
	return true;
}

struct str
jose_text(struct str object, const char *name, struct arena *a)
{
	struct str value;

	return json_text_find(object, name, &value) ? json_text_string(value, a) : STR_EMPTY;
}

bool
jose_has(struct str object, const char *name)
{
	struct str value;

	return json_text_find(object, name, &value);
}
