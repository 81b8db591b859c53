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
