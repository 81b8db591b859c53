#include "settings_text.h"

struct str
settings_path(struct str path, const char *folder, struct arena *a)
{
	if (path.n == 0 || path.p[0] == '/')
		return arena_str(a, path);
	return arena_printf(a, "%s/%.*s", folder, STR_ARG(path));
}

struct str
settings_readable(struct str path, const char *folder, struct arena *a)
{
	return str_starts_nocase(path, STR("credential:")) ? arena_str(a, path)
							   : settings_path(path, folder, a);
}

struct str *
settings_texts(const struct json *list, struct arena *a, size_t *n)
{
	struct str *out = arena_alloc(a, json_count(list) * sizeof(*out));

	*n = 0;
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i))
		out[(*n)++] = arena_str(a, json_text(i));
	return out;
}
