#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/json.h"
#include "matcher.h"

static void
add(struct pattern *p, enum element_kind kind, char c)
{
	p->elements[p->n].kind = kind;
	p->elements[p->n++].c = c;
}

static struct str
longest_piece(const struct pattern *p, struct arena *a)
{
	size_t best = 0, n = 0, run = 0;
	char *text;

	for (size_t i = 0; i < p->n; i++) {
		run = p->elements[i].kind == ELEMENT_CHAR ? run + 1 : 0;
		if (run > n) {
			n = run;
			best = i + 1 - run;
		}
	}
	text = arena_alloc(a, n + 1);
	for (size_t i = 0; i < n; i++)
		text[i] = ascii_lower(p->elements[best + i].c);
	return (struct str){ text, n };
}

/* Knuth, Morris and Pratt: how many bytes at the front of the piece end here, too. */
static uint32_t *
way_back(struct str piece, struct arena *a)
{
	uint32_t *back = arena_alloc(a, (piece.n + 1) * sizeof(*back)), fits = 0;

	for (size_t i = 1; i < piece.n; i++) {
		while (fits > 0 && piece.p[i] != piece.p[fits])
			fits = back[fits - 1];
		fits += piece.p[i] == piece.p[fits];
		back[i] = fits;
	}
	return back;
}

static bool
has_piece(const struct pattern *p, struct str text)
{
	size_t fits = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = ascii_lower(text.p[i]);

		while (fits > 0 && c != p->piece.p[fits])
			fits = p->back[fits - 1];
		fits += c == p->piece.p[fits];
		if (fits == p->piece.n)
			return true;
	}
	return false;
}

/*
 * Sigma: "\*" and "\?" are the characters, "\\" is one backslash, a backslash before anything else
 * is itself.
 */
void
pattern_parse(struct str text, bool open_front, bool open_end, struct arena *a, struct pattern *out)
{
	out->elements = arena_alloc(a, (text.n + 2) * sizeof(*out->elements));
	out->n = 0;
	if (open_front)
		add(out, ELEMENT_ANY, 0);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : 'x';

		if (c == '\\' && (next == '*' || next == '?' || next == '\\')) {
			add(out, ELEMENT_CHAR, next);
			i++;
		} else if (c == '*') {
			add(out, ELEMENT_ANY, 0);
		} else if (c == '?') {
			add(out, ELEMENT_ONE, 0);
		} else {
			add(out, ELEMENT_CHAR, c);
		}
	}
	if (open_end)
		add(out, ELEMENT_ANY, 0);
	out->piece = longest_piece(out, a);
	out->back = way_back(out->piece, a);
	out->open = open_front && open_end && out->n == out->piece.n + 2;
}

/* Bytes of text that this element takes at its front; 0 = it does not fit. */
static size_t
takes(const struct element *el, struct str text, bool cased)
{
	size_t n;

	if (el->kind == ELEMENT_ONE) {
		n = utf8_sequence(text);
		return n == 0 ? 1 : n;
	}
	if (cased)
		return el->c == text.p[0];
	return ascii_lower(el->c) == ascii_lower(text.p[0]);
}

/* Goes back to the last * only, which is enough: quadratic at worst, and counted. */
enum answer
pattern_match(const struct pattern *p, struct str text, bool cased, int64_t *work)
{
	size_t i = 0, t = 0, star = SIZE_MAX, mark = 0;

	if (p->piece.n == p->n && text.n != p->n)
		return ANSWER_NO; /* without wildcards */
	if (p->piece.n > 0) {
		*work -= (int64_t)text.n;
		if (*work < 0)
			return ANSWER_UNSURE;
		if (!has_piece(p, text))
			return ANSWER_NO;
		if (!cased && (p->open || p->piece.n == p->n))
			return ANSWER_YES; /* the piece was all of it */
	}
	while (t < text.n) {
		size_t n = 0;

		if (--*work < 0)
			return ANSWER_UNSURE;
		if (i < p->n && p->elements[i].kind == ELEMENT_ANY) {
			star = i++;
			mark = t;
			continue;
		}
		if (i < p->n)
			n = takes(&p->elements[i], str_slice(text, t, text.n), cased);
		if (n > 0) {
			i++;
			t += n;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			t = ++mark;
		} else {
			return ANSWER_NO;
		}
	}
	while (i < p->n && p->elements[i].kind == ELEMENT_ANY)
		i++;
	return i == p->n ? ANSWER_YES : ANSWER_NO;
}

/* ---- numbers ---- */

#define NUMBER_TEXT_MAX 64

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
number_parse(struct str text, double *out)
{
	char copy[NUMBER_TEXT_MAX];
	struct err e;

	/* No blanks around it, which json_check() lets pass. */
	if (text.n == 0 || text.n >= sizeof(copy) || (text.p[0] != '-' && !is_digit(text.p[0])) ||
	    !is_digit(text.p[text.n - 1]) || !json_check(text, &e))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	*out = strtod(copy, NULL);
	return true;
}
