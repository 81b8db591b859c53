/*
 * GLib reads the zone files of the system, and goes on behind the last transition that they name.
 * It keeps a zone that somebody holds: a new tzdata counts from the next start.
 */
#include "base/zone.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wundef"
#include <glib.h>
#pragma GCC diagnostic pop

#include "base/file.h"

#define FOLDER "/usr/share/zoneinfo/"
/* All names, in lines "Z Europe/Berlin ..." and "L Europe/Berlin Europe/Oslo". */
#define NAMES_FILE FOLDER "tzdata.zi"
#define NAMES_BYTES_MAX ((size_t)1024 * 1024)
#define NAMES_MAX 2000

struct zone {
	GTimeZone *glib;
};

static bool
name_fits(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '_' || c == '-' || c == '+' || (c == '/' && i > 0)))
			return false;
	}
	return name.n > 0 && name.n <= ZONE_NAME_MAX;
}

/* GLib takes more for a zone than the names of files: "EST5EDT4", "+01:00". */
static bool
is_file(const char *name)
{
	char path[sizeof(FOLDER) + ZONE_NAME_MAX] = FOLDER;
	struct stat st;

	memcpy(path + strlen(FOLDER), name, strlen(name) + 1);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static const char *
nearest(struct str word, struct arena *a)
{
	const char **names = arena_alloc(a, NAMES_MAX * sizeof(*names));
	struct str rest, line, field;
	struct err ignored;
	size_t n = 0;

	if (!file_read(NAMES_FILE, NAMES_BYTES_MAX, a, &rest, &ignored))
		return NULL;
	while (n < NAMES_MAX && str_next(&rest, '\n', &line)) {
		bool link = line.n > 2 && line.p[0] == 'L';

		if (line.n < 3 || line.p[1] != ' ' || (line.p[0] != 'Z' && !link))
			continue;
		for (int i = link ? 3 : 2; i > 0; i--)
			(void)str_next(&line, ' ', &field);
		names[n++] = arena_cstr(a, field);
	}
	return str_nearest(word, names, n);
}

static void
unknown(struct str name, struct err *e)
{
	struct arena *a = arena_new();
	const char *near = nearest(name, a);

	if (near != NULL)
		fail(e, ERR_INPUT, "there is no time zone '%.*s', did you mean '%s'?",
		    STR_ARG(name), near);
	else
		fail(e, ERR_INPUT,
		    "there is no time zone '%.*s' on this system, such as Europe/Berlin",
		    STR_ARG(name));
	arena_free(a);
}

struct zone *
zone_open(struct str name, struct err *e)
{
	char text[ZONE_NAME_MAX + 1] = "";
	struct zone *z;
	GTimeZone *glib = NULL;

	if (name_fits(name)) {
		memcpy(text, name.p, name.n);
		glib = is_file(text) ? g_time_zone_new_identifier(text) : NULL;
	}
	if (glib == NULL) {
		unknown(name, e);
		return NULL;
	}
	z = xcalloc(1, sizeof(*z));
	z->glib = glib;
	return z;
}

void
zone_close(struct zone *z)
{
	if (z == NULL)
		return;
	g_time_zone_unref(z->glib);
	free(z);
}

int32_t
zone_offset_s(const struct zone *z, int64_t utc_s)
{
	return g_time_zone_get_offset(
	    z->glib, g_time_zone_find_interval(z->glib, G_TIME_TYPE_UNIVERSAL, utc_s));
}
