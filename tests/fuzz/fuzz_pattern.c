/*
 * core/pattern.c: a pattern, then a text: as wildcards, as address and range, as number.
 *
 * What must hold: the matcher says what a table of all prefixes says; a range holds its own
 * address; a number is what strtod() reads.
 */
#include <arpa/inet.h>
#include <math.h>

#include "fuzz.h"
#include "matcher.h"

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool
same_char(char x, char y, bool cased)
{
	return cased ? x == y : fold(x) == fold(y);
}

/* at[t]: the elements so far take the first t bytes of the text. */
static bool
naive(const struct pattern *p, struct str text, bool cased, struct arena *a)
{
	bool *at = arena_alloc(a, text.n + 2), *next = arena_alloc(a, text.n + 2), *swap;

	at[0] = true;
	for (size_t i = 0; i < p->n; i++) {
		const struct element *el = &p->elements[i];

		memset(next, 0, text.n + 2);
		for (size_t t = 0; t <= text.n; t++) {
			size_t n = utf8_sequence(str_slice(text, t, text.n));

			if (el->kind == ELEMENT_ANY)
				next[t] = at[t] || (t > 0 && next[t - 1]);
			else if (at[t] && t < text.n && el->kind == ELEMENT_ONE)
				next[t + (n == 0 ? 1 : n)] = true;
			else if (at[t] && t < text.n && same_char(el->c, text.p[t], cased))
				next[t + 1] = true;
		}
		swap = at;
		at = next;
		next = swap;
	}
	return at[text.n];
}

static void
check_pattern(struct str text, struct str value, bool cased, struct arena *a)
{
	int64_t work = CONDITION_WORK_MAX;
	struct pattern p;
	enum answer got;

	pattern_parse(text, false, false, a, &p);
	MUST(p.n <= text.n + 2);
	got = pattern_match(&p, value, cased, &work);
	MUST(got == ANSWER_UNSURE || (got == ANSWER_YES) == naive(&p, value, cased, a));
	work = 3;
	MUST(pattern_match(&p, value, cased, &work) == got || work < 0);
}

static void
check_cidr(struct str range, struct str address)
{
	struct cidr c;
	struct str rest = range, own;

	if (!cidr_parse(range, &c))
		return;
	MUST(c.bits >= 0 && c.bits <= 128);
	str_next(&rest, '/', &own);
	MUST(cidr_holds(&c, own) == ANSWER_YES || (!c.v4 && c.bits < 96));
	(void)cidr_holds(&c, address);
}

static void
check_number(struct str text, struct arena *a)
{
	char *end;
	double got, want;

	if (!number_parse(text, &got))
		return;
	want = strtod(arena_cstr(a, text), &end);
	MUST(*end == '\0' && (want == got || (isnan(want) && isnan(got))) && !isnan(got));
	MUST(memchr(text.p, 'x', text.n) == NULL && memchr(text.p, 'n', text.n) == NULL);
}

FUZZ(input)
{
	struct str rest = input, first = take_line(&rest);

	check_pattern(first, rest, true, arena);
	check_pattern(first, rest, false, arena);
	check_cidr(first, rest);
	check_number(first, arena);
}
