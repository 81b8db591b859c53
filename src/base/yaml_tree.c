#include <stdarg.h>
#include <stdio.h>

#include "base/yaml.h"
#include "place.h"

struct yaml_pair *
yaml_pair(const struct yaml *mapping, const char *key)
{
	if (mapping == NULL || mapping->type != YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < mapping->n; i++)
		if (str_is(mapping->pairs[i].key->text, key))
			return &mapping->pairs[i];
	return NULL;
}

struct yaml *
yaml_get(const struct yaml *mapping, const char *key)
{
	struct yaml_pair *pair = yaml_pair(mapping, key);

	return pair == NULL ? NULL : pair->value;
}

const struct yaml *
yaml_entry(const struct yaml *list, size_t i)
{
	return list != NULL && list->type == YAML_SEQUENCE && i < list->n ? list->items[i] : list;
}

const char *
yaml_type_name(const struct yaml *y)
{
	static const char *const names[] = {
		[YAML_SCALAR] = "a text",
		[YAML_SEQUENCE] = "a list",
		[YAML_MAPPING] = "a mapping",
	};

	return y == NULL || y->null ? "nothing" : names[y->type];
}

static void add(struct diags *d, enum diag_level level, const struct yaml *at, const char *fmt,
    va_list ap) PRINTF_LIKE(4, 0);

static void
add(struct diags *d, enum diag_level level, const struct yaml *at, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	diags_add(d, level, at == NULL ? NULL : at->source, at == NULL ? 0 : at->line,
	    at == NULL ? 0 : at->col, "%s", text);
}

void
yaml_error(struct diags *d, const struct yaml *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_ERROR, at, fmt, ap);
	va_end(ap);
}

void
yaml_warning(struct diags *d, const struct yaml *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_WARNING, at, fmt, ap);
	va_end(ap);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Text and file side by side: equal bytes, and any blank for any run of blanks. */
static size_t
follow(struct str file, size_t at, struct str text, size_t offset)
{
	for (size_t i = 0; i < offset && i < text.n && at < file.n; i++) {
		if (is_blank(text.p[i]) && is_blank(file.p[at])) {
			while (at < file.n && is_blank(file.p[at]))
				at++;
			while (i + 1 < offset && is_blank(text.p[i + 1]))
				i++;
		} else if (text.p[i] == file.p[at]) {
			at++;
		} else {
			break;
		}
	}
	return at;
}

void
yaml_error_inside(struct diags *d, const struct yaml *scalar, size_t offset, const char *fmt, ...)
{
	struct str file = scalar->source->text;
	struct yaml at = *scalar;
	size_t start = place_offset(file, (struct place){ scalar->line, scalar->col });
	struct place place = place_walk(file, (struct place){ scalar->line, scalar->col }, start,
	    follow(file, start, scalar->text, offset));
	va_list ap;

	at.line = place.line;
	at.col = place.col;
	va_start(ap, fmt);
	add(d, DIAG_ERROR, &at, fmt, ap);
	va_end(ap);
}
