#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "matcher.h"

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void
add(struct pattern *p, enum element_kind kind, char c)
{
	p->elements[p->n].kind = kind;
	p->elements[p->n++].c = c;
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
	return fold(el->c) == fold(text.p[0]);
}

/* Goes back to the last * only, which is enough: quadratic at worst, and counted. */
enum answer
pattern_match(const struct pattern *p, struct str text, bool cased, int64_t *work)
{
	size_t i = 0, t = 0, star = SIZE_MAX, mark = 0;

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
