#include "value_list.h"

#include <inttypes.h>
#include <string.h>

#include "base/ascii.h"
#include "base/clock.h"

#define DAY_MS INT64_C(86400000)
/* Who keeps the list is told in time. */
#define SOON_DAYS 14
/* One old list is not to hide the mistakes of other files. */
#define WARNINGS_MAX 10

struct reader {
	const struct source *src;
	struct arena *a;
	struct diags *d;
	int64_t now_ms;
	struct str line; /* without its end */
	int number;
	size_t at;	 /* bytes of it that are read */
	size_t warnings; /* also those that are not shown */
};

/* ---- places ---- */

static int
column(const struct reader *r, size_t at)
{
	int col = 1;

	for (size_t i = 0; i < at; i++)
		col += ((unsigned char)r->line.p[i] & 0xc0) != 0x80;
	return col;
}

static bool
wrong(struct reader *r, size_t at, const char *what)
{
	diags_add(r->d, DIAG_ERROR, r->src, r->number, column(r, at), "%s", what);
	return false;
}

/* ---- a line ---- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
skip_blanks(struct reader *r)
{
	while (r->at < r->line.n && is_blank(r->line.p[r->at]))
		r->at++;
}

static struct str
left(const struct reader *r)
{
	return str_slice(r->line, r->at, r->line.n);
}

static bool
is_text(struct reader *r)
{
	for (size_t i = 0; i < r->line.n;) {
		size_t n = utf8_sequence(str_slice(r->line, i, r->line.n));

		if (n == 0)
			return wrong(r, i, "not UTF-8");
		if (((unsigned char)r->line.p[i] < 0x20 && r->line.p[i] != '\t') ||
		    r->line.p[i] == 0x7f)
			return wrong(r, i, "a control character");
		i += n;
	}
	return true;
}

/* "until" as a word stands here. */
static bool
at_until(const struct reader *r)
{
	struct str rest = left(r);

	return str_starts_nocase(rest, STR("until")) &&
	       (rest.n == strlen("until") || is_blank(rest.p[strlen("until")]));
}

static bool
read_quoted(struct reader *r, struct str *out)
{
	size_t from = r->at++, n = 0;
	char *text = arena_alloc(r->a, r->line.n);

	for (; r->at < r->line.n; r->at++) {
		if (r->line.p[r->at] == '"') {
			if (r->at + 1 == r->line.n || r->line.p[r->at + 1] != '"')
				break;
			r->at++;
		}
		text[n++] = r->line.p[r->at];
	}
	if (r->at == r->line.n)
		return wrong(r, from, "the quote is not closed");
	r->at++;
	if (r->at < r->line.n && !is_blank(r->line.p[r->at]))
		return wrong(r, r->at, "behind the quote a blank was expected");
	*out = (struct str){ text, n };
	return true;
}

static void
read_plain(struct reader *r, struct str *out)
{
	size_t from = r->at, end = r->at;

	while (r->at < r->line.n) {
		size_t before = r->at;

		skip_blanks(r);
		if (r->at == r->line.n ||
		    (before < r->at && (r->line.p[r->at] == '#' || at_until(r))))
			break;
		while (r->at < r->line.n && !is_blank(r->line.p[r->at]))
			r->at++;
		end = r->at;
	}
	*out = arena_str(r->a, str_slice(r->line, from, end));
}

static bool
read_until(struct reader *r, struct list_entry *e)
{
	size_t from, end;
	struct str date;

	r->at += strlen("until");
	skip_blanks(r);
	for (from = end = r->at; end < r->line.n && !is_blank(r->line.p[end]);)
		end++;
	date = str_slice(r->line, from, end);
	r->at = end;
	e->until = arena_str(r->a, date);
	if (clock_parse(date, &e->until_ms))
		return true;
	if (date.n == strlen("2026-12-31") &&
	    clock_parse(arena_printf(r->a, "%.*sT00:00:00Z", STR_ARG(date)), &e->until_ms)) {
		e->until_ms += DAY_MS;
		return true;
	}
	return wrong(r, from,
	    "behind 'until' stands a date such as 2026-12-31 or 2026-12-31T18:00:00Z; a value that "
	    "has this word in it is put into double quotes");
}

static bool
read_line(struct reader *r, struct list_entry *e)
{
	e->until_ms = INT64_MAX;
	e->until = e->comment = STR_EMPTY;
	e->line = r->number;
	if (r->line.p[r->at] != '"')
		read_plain(r, &e->value);
	else if (!read_quoted(r, &e->value))
		return false;
	if (e->value.n == 0)
		return wrong(r, r->at, "an empty value");
	if (e->value.n > LIST_VALUE_MAX)
		return wrong(r, r->at, "a value is at most 1024 bytes long");
	skip_blanks(r);
	if (r->at < r->line.n && at_until(r) && !read_until(r, e))
		return false;
	skip_blanks(r);
	if (r->at < r->line.n && r->line.p[r->at] != '#')
		return wrong(
		    r, r->at, "'until DATE', '# comment' or the end of the line was expected");
	if (r->at < r->line.n)
		e->comment = arena_str(r->a, str_trim(str_slice(r->line, r->at + 1, r->line.n)));
	return true;
}

/* ---- the list ---- */

static void
warn_of_end(struct reader *r, const struct list_entry *e)
{
	int64_t days = e->until_ms <= r->now_ms ? 0 : (e->until_ms - r->now_ms) / DAY_MS;

	if (e->until.n == 0 || days >= SOON_DAYS || ++r->warnings > WARNINGS_MAX)
		return;
	if (e->until_ms <= r->now_ms)
		diags_add(r->d, DIAG_WARNING, r->src, e->line, 1,
		    "'%.*s' does not hold any more: it ended %.*s", STR_ARG(e->value),
		    STR_ARG(e->until));
	else
		diags_add(r->d, DIAG_WARNING, r->src, e->line, 1,
		    "'%.*s' holds until %.*s, less than %" PRId64 " day%s more", STR_ARG(e->value),
		    STR_ARG(e->until), days + 1, days == 0 ? "" : "s");
}

/* Elsewhere in a rule it would be one. */
static void
warn_of_wildcard(struct reader *r, const struct list_entry *e)
{
	for (size_t i = 0; i < e->value.n; i++)
		if (e->value.p[i] == '*' && ++r->warnings <= WARNINGS_MAX) {
			diags_add(r->d, DIAG_WARNING, r->src, e->line, 1,
			    "'*' is no wildcard in a list: use startswith, endswith, contains or "
			    "cidr with in_file");
			return;
		}
}

static bool
is_room(struct reader *r, const struct value_list *l)
{
	if (l->n < LIST_LINES_MAX)
		return true;
	diags_add(r->d, DIAG_ERROR, r->src, r->number, 1, "more than %d values", LIST_LINES_MAX);
	return false;
}

static size_t
lines_of(struct str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n < LIST_LINES_MAX ? n : LIST_LINES_MAX;
}

bool
value_list_parse(const struct source *src, struct str path, int64_t now_ms, struct arena *a,
    struct value_list *out, struct diags *d)
{
	struct reader r = { .src = src, .a = a, .d = d, .now_ms = now_ms };
	struct str rest = src->text;
	size_t errors = d->errors;

	*out = (struct value_list){ .path = arena_str(a, path) };
	out->entries = arena_alloc(a, lines_of(src->text) * sizeof(*out->entries));
	while (str_next(&rest, '\n', &r.line)) {
		struct list_entry entry;

		r.line = str_trim_end(r.line, '\r');
		r.number++;
		r.at = 0;
		skip_blanks(&r);
		if (!is_text(&r) || r.at == r.line.n || r.line.p[r.at] == '#')
			continue;
		if (!is_room(&r, out))
			break;
		if (!read_line(&r, &entry))
			continue;
		warn_of_end(&r, &entry);
		warn_of_wildcard(&r, &entry);
		out->entries[out->n++] = entry;
	}
	if (r.warnings > WARNINGS_MAX)
		diags_add(d, DIAG_WARNING, src, 0, 0, "%zu more warnings of this list",
		    r.warnings - WARNINGS_MAX);
	return d->errors == errors;
}
