#include <arpa/inet.h>
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

/* ---- addresses ---- */

/* IPv4 in its place in IPv6, so that one comparison serves both. */
static bool
address_parse(struct str text, unsigned char out[16], bool *v4)
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char host[INET6_ADDRSTRLEN];

	if (text.n == 0 || text.n >= sizeof(host))
		return false;
	memcpy(host, text.p, text.n);
	host[text.n] = '\0';
	if (inet_pton(AF_INET6, host, out) == 1) {
		*v4 = memcmp(out, mapped, sizeof(mapped)) == 0;
		return true;
	}
	memcpy(out, mapped, sizeof(mapped));
	*v4 = true;
	return inet_pton(AF_INET, host, out + 12) == 1;
}

bool
cidr_parse(struct str text, struct cidr *out)
{
	struct str rest = text, address = STR_EMPTY;
	int64_t bits;

	str_next(&rest, '/', &address);
	if (!address_parse(address, out->bytes, &out->v4))
		return false;
	/* ::ffff:10.0.0.0/104 is an IPv4 range with its length counted as in IPv6. */
	bits = memchr(address.p, ':', address.n) == NULL ? 32 : 128;
	out->bits = bits == 32 ? 96 : 0;
	if (rest.p != NULL && !str_to_int(rest, 0, bits, &bits))
		return false;
	out->bits += (int)bits;
	out->v4 = out->v4 && out->bits >= 96;
	return true;
}

enum answer
cidr_holds(const struct cidr *range, struct str text)
{
	unsigned char bytes[16], mask;
	int whole = range->bits / 8;
	bool v4;

	if (!address_parse(str_trim(text), bytes, &v4))
		return ANSWER_UNSURE;
	if (v4 != range->v4 || memcmp(bytes, range->bytes, (size_t)whole) != 0)
		return ANSWER_NO;
	if (range->bits % 8 == 0)
		return ANSWER_YES;
	mask = (unsigned char)(0xff << (8 - range->bits % 8));
	return (bytes[whole] & mask) == (range->bytes[whole] & mask) ? ANSWER_YES : ANSWER_NO;
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
