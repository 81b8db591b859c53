/*
 * Data on standard output in four formats.  Everything shown may have come from an attacker, so
 * control bytes never reach a terminal.
 */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/paragraph.h"

/* Takes the next character off the text; a byte that is not UTF-8 is given as it is, n = 0. */
static uint32_t
take(struct str *s, size_t *n)
{
	uint32_t c = (unsigned char)s->p[0];

	*n = utf8_sequence(*s);
	if (*n > 1)
		c &= 0x7fu >> *n;
	for (size_t i = 1; i < *n; i++)
		c = c << 6 | ((unsigned char)s->p[i] & 0x3fu);
	*s = str_slice(*s, *n == 0 ? 1 : *n, s->n);
	return c;
}

/* DEL and C1 command a terminal; marks, embeddings and isolates make it show a line in disorder. */
static bool
is_hostile(uint32_t c)
{
	return (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Control bytes become \xNN, what is not UTF-8 too; characters that turn the line \uNNNN. */
void
output_visible(struct buf *b, struct str s)
{
	while (s.n > 0) {
		struct str rest = s;
		size_t n;
		uint32_t c = take(&rest, &n);

		if (n == 0 || c < 0x20 || is_hostile(c))
			buf_printf(b, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
		else
			buf_add(b, str_slice(s, 0, n));
		s = rest;
	}
}

/* JSON as it is printed: C0 is escaped already where it stands for itself; the others here. */
static void
put_json(struct str s)
{
	while (s.n > 0) {
		struct str rest = s;
		size_t n;
		uint32_t c = take(&rest, &n);

		if (n > 0 && is_hostile(c))
			printf("\\u%04x", (unsigned)c);
		else
			fwrite(s.p, 1, s.n - rest.n, stdout);
		s = rest;
	}
}

void
output_text(FILE *f, struct str s)
{
	struct buf b;

	buf_init(&b, 4 * s.n);
	output_visible(&b, s);
	fwrite(buf_cstr(&b), 1, b.n, f);
	buf_done(&b);
}

/* ---- cells ---- */

static struct str
cell(const struct json *row, const char *path, struct arena *a)
{
	const struct json *j = json_at(row, path);
	struct str raw;
	struct buf b;

	if (j == NULL || json_is(j, JSON_NULL))
		return STR_EMPTY;
	raw = json_is(j, JSON_OBJECT) || json_is(j, JSON_ARRAY) ? json_print(j, a)
								: json_scalar(j, a);
	buf_init(&b, 4 * raw.n);
	output_visible(&b, raw);
	return buf_to_arena(&b, a);
}

/* Without its first n characters. */
static struct str
behind(struct str s, int n)
{
	for (; n > 0; n--)
		s = str_slice(s, utf8_sequence(s), s.n);
	return s;
}

/* On a terminal a wide cell loses its end, or its front where the end is what matters. */
static struct str
fit(struct str s, const struct column *c, bool narrow, struct arena *a)
{
	int width = print_width(s);
	struct str rest;

	if (!narrow || c->width == 0 || width <= c->width)
		return s;
	if (c->tail)
		return arena_printf(a, "…%.*s", STR_ARG(behind(s, width - c->width + 1)));
	rest = behind(s, c->width - 1);
	return arena_printf(a, "%.*s…", (int)(s.n - rest.n), s.p);
}

static void
put_padded(struct str s, int width, bool last)
{
	fwrite(s.p, 1, s.n, stdout);
	for (int pad = last ? 0 : width - print_width(s) + 2; pad > 0; pad--)
		putchar(' ');
}

/* ---- tables ---- */

static void
measure(struct output *o, bool narrow)
{
	for (size_t i = 0; i < o->n; i++) {
		int least = o->begun ? o->widths[i] : (int)strlen(o->columns[i].title);

		for (const struct json *r = json_first(o->held); r != NULL; r = json_next(r)) {
			struct str s = cell(r, o->columns[i].path, o->a);
			int w = print_width(fit(s, &o->columns[i], narrow, o->a));

			least = w > least ? w : least;
		}
		o->widths[i] = least;
	}
}

static void
put_titles(const struct output *o)
{
	for (size_t i = 0; i < o->n; i++)
		put_padded(str_of(o->columns[i].title), o->widths[i], i + 1 == o->n);
	putchar('\n');
}

static void
table(struct output *o)
{
	bool narrow = isatty(STDOUT_FILENO);

	measure(o, narrow);
	if (!o->begun)
		put_titles(o);
	for (const struct json *r = json_first(o->held); r != NULL; r = json_next(r)) {
		for (size_t i = 0; i < o->n; i++) {
			struct str s = cell(r, o->columns[i].path, o->a);

			put_padded(
			    fit(s, &o->columns[i], narrow, o->a), o->widths[i], i + 1 == o->n);
		}
		putchar('\n');
	}
}

static void
tsv(const struct output *o, const struct json *row)
{
	for (size_t i = 0; i < o->n; i++) {
		struct str s = cell(row, o->columns[i].path, o->a);

		fwrite(s.p, 1, s.n, stdout);
		putchar(i + 1 == o->n ? '\n' : '\t');
	}
}

/* ---- YAML: block style; strings are JSON strings, which are YAML ---- */

static void yaml(const struct json *j, int indent, struct arena *a);

static void
spaces(int n)
{
	for (; n > 0; n--)
		putchar(' ');
}

static bool
is_block(const struct json *j)
{
	return json_first(j) != NULL;
}

static void
yaml_member(const struct json *child, int indent, struct arena *a)
{
	put_json(json_print(json_string(json_name(child), a), a));
	putchar(':');
	if (is_block(child)) {
		putchar('\n');
		spaces(indent + 2);
		yaml(child, indent + 2, a);
	} else {
		putchar(' ');
		yaml(child, indent, a);
	}
}

/* The cursor is at column `indent` already; ends with a newline. */
static void
yaml(const struct json *j, int indent, struct arena *a)
{
	if (!is_block(j)) {
		put_json(json_print(j, a));
		putchar('\n');
		return;
	}
	for (const struct json *c = json_first(j); c != NULL; c = json_next(c)) {
		if (c != json_first(j))
			spaces(indent);
		if (json_is(j, JSON_ARRAY)) {
			fputs("- ", stdout);
			yaml(c, indent + 2, a);
		} else {
			yaml_member(c, indent, a);
		}
	}
}

static void
json_out(const struct json *j, struct arena *a)
{
	put_json(json_print_pretty(j, a));
	putchar('\n');
}

/* ---- rows, as they come ---- */

void
output_begin(struct output *o, const struct column *columns, size_t n, enum format format)
{
	*o = (struct output){ .columns = columns, .n = n, .format = format, .a = arena_new() };
	o->held = json_array(o->a);
}

void
output_put(struct output *o, const struct json *row)
{
	switch (o->format) {
	case FORMAT_TABLE:
		json_add(o->held, json_copy(row, o->a), o->a);
		return;
	case FORMAT_JSON:
		fputs(o->begun ? ",\n" : "[", stdout);
		put_json(json_print_pretty(row, o->a));
		break;
	case FORMAT_YAML:
		fputs("- ", stdout);
		yaml(row, 2, o->a);
		break;
	case FORMAT_TSV:
		tsv(o, row);
		break;
	}
	o->begun = true;
	arena_reset(o->a);
}

void
output_flush(struct output *o)
{
	if (o->format == FORMAT_TABLE && json_first(o->held) != NULL) {
		table(o);
		o->begun = true;
		arena_reset(o->a);
		o->held = json_array(o->a);
	}
	fflush(stdout);
}

void
output_end(struct output *o)
{
	output_flush(o);
	if (o->format == FORMAT_TABLE && !o->begun)
		table(o); /* its titles */
	if (o->format == FORMAT_JSON)
		fputs(o->begun ? "]\n" : "[]\n", stdout);
	if (o->format == FORMAT_YAML && !o->begun)
		fputs("[]\n", stdout);
	fflush(stdout); /* what is said on standard error comes behind it */
	arena_free(o->a);
}

void
output_rows(const struct json *rows, const struct column *columns, size_t n, enum format format)
{
	struct output o;

	output_begin(&o, columns, n, format);
	for (const struct json *r = json_first(rows); r != NULL; r = json_next(r))
		output_put(&o, r);
	output_end(&o);
}

void
output_object(const struct json *object, enum format format, struct arena *a)
{
	if (format == FORMAT_JSON) {
		json_out(object, a);
		return;
	}
	if (format == FORMAT_YAML) {
		yaml(object, 0, a);
		return;
	}
	for (const struct json *c = json_first(object); c != NULL; c = json_next(c)) {
		struct str name = json_name(c), value;

		if (json_is(c, JSON_ARRAY) || json_is(c, JSON_OBJECT))
			continue;
		value = json_scalar(c, a);
		if (value.n == 0)
			continue;
		printf(format == FORMAT_TSV ? "%.*s\t" : "%-12.*s  ", STR_ARG(name));
		output_text(stdout, value);
		putchar('\n');
	}
}
