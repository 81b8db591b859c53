/*
 * Happy path: diags_add() keeps a mistake, diags_print() shows all in the order of the file.
 *
 * What can go wrong: the file is not text (shown as '?'), a line is a screenful (cut around the
 * caret), the place is behind the end of the file (the line below the text is left out).
 */
#include "base/diag.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"

/* A message quotes what was written, and what was written may be long. */
#define DIAG_TEXT_MAX 512
/* Characters of a source line that are shown; the rest is cut away on both sides of the caret. */
#define LINE_SHOWN 100
#define LINE_BEFORE 60
#define CUT "\u2026"

void
diags_init(struct diags *d, struct arena *a)
{
	*d = (struct diags){ .arena = a };
	d->list = arena_alloc(a, DIAGS_MAX * sizeof(*d->list));
}

/* Bytes of the character at the front; a byte that is not text counts as one. */
static size_t
character(struct str s)
{
	size_t n = utf8_sequence(s);

	return n == 0 ? 1 : n;
}

static bool
printable(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];

	/* C1 controls are two bytes, 0xc2 0x80 to 0xc2 0x9f: terminals obey them. */
	return utf8_sequence(s) > 0 && c >= ' ' && c != 0x7f &&
	       !(c == 0xc2 && (unsigned char)s.p[1] < 0xa0);
}

static void
add_visible(struct buf *out, struct str s)
{
	while (s.n > 0) {
		size_t n = character(s);

		buf_add(out, printable(s) ? str_slice(s, 0, n) : STR("?"));
		s = str_slice(s, n, s.n);
	}
}

/* The text of a message: on one line, without bytes that a terminal would obey. */
static struct str
clean(struct str text, struct arena *a)
{
	struct buf b;

	buf_init(&b, 2 * DIAG_TEXT_MAX);
	add_visible(&b, text);
	return buf_to_arena(&b, a);
}

void
diags_add(struct diags *d, enum diag_level level, const struct source *src, int line, int col,
    const char *fmt, ...)
{
	char text[DIAG_TEXT_MAX];
	size_t n;
	va_list ap;

	d->errors += level == DIAG_ERROR;
	d->warnings += level == DIAG_WARNING;
	if (d->n == DIAGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (n == sizeof(text) - 1)
		memcpy(text + n - 3, "...", 3);
	d->list[d->n++] =
	    (struct diag){ level, src, line, col, clean((struct str){ text, n }, d->arena) };
}

/* ---- order ---- */

static const char *
source_name(const struct diag *g)
{
	return g->source == NULL ? "" : g->source->name;
}

static int
compare(const struct diag *x, const struct diag *y)
{
	int order = strcmp(source_name(x), source_name(y));

	if (order != 0)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return (x->col > y->col) - (x->col < y->col);
}

/* By insertion: mistakes come nearly sorted, and those at one place must keep their order. */
void
diags_sort(struct diags *d)
{
	for (size_t i = 1; i < d->n; i++) {
		struct diag moving = d->list[i];
		size_t at = i;

		for (; at > 0 && compare(&moving, &d->list[at - 1]) < 0; at--)
			d->list[at] = d->list[at - 1];
		d->list[at] = moving;
	}
}

/* ---- the source line and its caret ---- */

static bool
source_line(struct str text, int line, struct str *out)
{
	size_t at = place_offset(text, (struct place){ line, 1 }), end = at;

	while (end < text.n && text.p[end] != '\n' && text.p[end] != '\r')
		end++;
	*out = str_slice(text, at, end);
	return place_of(text, at).line == line;
}

static struct str
skip_characters(struct str s, int n)
{
	for (; n > 0 && s.n > 0; n--)
		s = str_slice(s, character(s), s.n);
	return s;
}

static void
print_line(struct str line, int col, struct buf *out)
{
	int first = col > LINE_BEFORE ? col - LINE_BEFORE : 0; /* characters cut off in front */
	int shown = 0;
	bool short_enough = skip_characters(line, LINE_SHOWN).n == 0;
	struct buf caret;

	if (short_enough)
		first = 0;
	buf_init(&caret, LINE_SHOWN * 2);
	line = skip_characters(line, first);
	if (first > 0) {
		buf_add_cstr(out, CUT);
		buf_add_char(&caret, ' ');
	}
	for (; line.n > 0 && shown < LINE_SHOWN; shown++) {
		size_t n = character(line);
		bool tab = line.p[0] == '\t';

		if (tab)
			buf_add_char(out, '\t');
		else
			add_visible(out, str_slice(line, 0, n));
		/* A tab above a tab keeps the caret in place whatever the terminal's tab stops. */
		if (first + shown + 1 < col)
			buf_add_char(&caret, tab ? '\t' : ' ');
		line = str_slice(line, n, line.n);
	}
	buf_add_cstr(out, line.n > 0 ? CUT "\n" : "\n");
	/* The end of the line may be the place: something is missing there. */
	for (; first + shown + 1 < col && shown < LINE_SHOWN; shown++)
		buf_add_char(&caret, ' ');
	buf_add(out, buf_str(&caret));
	buf_add_cstr(out, "^\n");
	buf_done(&caret);
}

static void
print_place(const struct diag *g, struct buf *out)
{
	if (g->source == NULL)
		return;
	buf_add_cstr(out, g->source->name);
	if (g->line > 0)
		buf_printf(out, ":%d:%d", g->line, g->col);
	buf_add_cstr(out, ": ");
}

void
diags_print(struct diags *d, struct buf *out)
{
	struct str line;

	diags_sort(d);
	for (size_t i = 0; i < d->n; i++) {
		const struct diag *g = &d->list[i];

		print_place(g, out);
		buf_printf(out, "%s: %.*s\n", g->level == DIAG_ERROR ? "error" : "warning",
		    STR_ARG(g->text));
		if (g->source != NULL && g->line > 0 &&
		    source_line(g->source->text, g->line, &line))
			print_line(line, g->col, out);
	}
	if (d->errors + d->warnings > d->n)
		buf_printf(out, "%zu more are not shown\n", d->errors + d->warnings - d->n);
}

bool
diags_fail(const struct diags *d, struct err *e)
{
	const struct diag *first = NULL;
	struct buf place;

	assert(d->errors > 0);
	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].level == DIAG_ERROR &&
		    (first == NULL || compare(&d->list[i], first) < 0))
			first = &d->list[i];
	if (first == NULL) /* two hundred warnings came before it */
		return fail(e, ERR_INPUT, "%zu errors", d->errors);
	buf_init(&place, ERR_TEXT_MAX);
	print_place(first, &place);
	fail(e, ERR_INPUT, "%s%.*s", buf_cstr(&place), STR_ARG(first->text));
	if (d->errors > 1)
		fail(e, ERR_INPUT, "%s%.*s (and %zu more)", buf_cstr(&place), STR_ARG(first->text),
		    d->errors - 1);
	buf_done(&place);
	return false;
}
