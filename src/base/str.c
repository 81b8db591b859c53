#include "base/str.h"

#include <string.h>

#include "base/ascii.h"

static bool
same_nocase(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

struct str
str_of(const char *cstr)
{
	return cstr == NULL ? STR_EMPTY : (struct str){ cstr, strlen(cstr) };
}

bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

bool
str_eq_nocase(struct str a, struct str b)
{
	return a.n == b.n && same_nocase(a.p, b.p, a.n);
}

bool
str_is(struct str a, const char *cstr)
{
	return str_eq(a, str_of(cstr));
}

bool
str_is_nocase(struct str a, const char *cstr)
{
	return str_eq_nocase(a, str_of(cstr));
}

bool
str_starts_nocase(struct str text, struct str prefix)
{
	return text.n >= prefix.n && same_nocase(text.p, prefix.p, prefix.n);
}

bool
str_ends_nocase(struct str text, struct str suffix)
{
	return text.n >= suffix.n && same_nocase(text.p + (text.n - suffix.n), suffix.p, suffix.n);
}

bool
str_has_nocase(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (same_nocase(text.p + i, part.p, part.n))
			return true;
	return false;
}

/* The character at `from`, in bytes; a byte that begins none is one. */
static size_t
character(struct str s, size_t from)
{
	size_t n = utf8_sequence(str_slice(s, from, s.n));

	return n == 0 ? 1 : n;
}

/* Iterative, with one place to go back to: text times pattern at worst. */
bool
str_fits_nocase(struct str pattern, struct str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.n && pattern.p[p] == '?') {
			p++;
			t += character(text, t);
		} else if (p < pattern.n && ascii_lower(pattern.p[p]) == ascii_lower(text.p[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = mark += character(text, mark);
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

int
str_cmp(struct str a, struct str b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str
str_trim_end(struct str s, char c)
{
	while (s.n > 0 && s.p[s.n - 1] == c)
		s.n--;
	return s;
}

struct str
str_slice(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){ s.p + from, to - from };
}

bool
str_next(struct str *rest, char sep, struct str *field)
{
	const char *at;

	if (rest->p == NULL)
		return false;
	at = rest->n == 0 ? NULL : memchr(rest->p, sep, rest->n);
	if (at == NULL) {
		*field = *rest;
		*rest = (struct str){ NULL, 0 };
		return true;
	}
	*field = (struct str){ rest->p, (size_t)(at - rest->p) };
	*rest = (struct str){ at + 1, rest->n - field->n - 1 };
	return true;
}

bool
str_to_int(struct str s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	int64_t value = 0;

	if (negative)
		s = str_slice(s, 1, s.n);
	if (s.n == 0 || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		value = value * 10 + (s.p[i] - '0');
	}
	if (negative)
		value = -value;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

bool
str_to_duration_ms(struct str s, int64_t *out_ms, struct err *e)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 } };
	size_t digits = 0;
	int64_t value;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	if (!str_to_int(str_slice(s, 0, digits), 0, 1000000000, &value))
		return fail(
		    e, ERR_INPUT, "'%.*s' is not a duration, write 30s, 5m, 8h or 2d", STR_ARG(s));
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (str_is(str_slice(s, digits, s.n), units[i].unit)) {
			*out_ms = value * units[i].ms;
			return true;
		}
	}
	return fail(e, ERR_INPUT, "'%.*s' has %s unit, write 30s, 5m, 8h or 2d", STR_ARG(s),
	    digits == s.n ? "no" : "an unknown");
}

#define NEAREST_MAX 64

/* Restricted Damerau-Levenshtein; words longer than NEAREST_MAX are far from everything. */
static size_t
distance(struct str a, struct str b)
{
	size_t row[3][NEAREST_MAX + 1];

	if (a.n > NEAREST_MAX || b.n > NEAREST_MAX)
		return NEAREST_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = row[i % 3], *before = row[(i - 1) % 3], *earlier = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			char x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[j - 1]);
			size_t best = before[j - 1] + (x != y);

			if (before[j] + 1 < best)
				best = before[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && x == ascii_lower(b.p[j - 2]) &&
			    ascii_lower(a.p[i - 2]) == y && earlier[j - 2] + 1 < best)
				best = earlier[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[a.n % 3][b.n];
}

const char *
str_nearest(struct str word, const char *const *names, size_t n)
{
	size_t best = word.n <= 3 ? 1 : word.n <= 8 ? 2 : 3;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, str_of(names[i]));

		if (d < best || (d == best && found == NULL)) {
			best = d;
			found = names[i];
		}
	}
	return found;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t
utf8_sequence(struct str s)
{
	static const struct {
		unsigned char first, last, low, high; /* of the lead byte, of the second byte */
		size_t length;
	} forms[] = { { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 } };
	const unsigned char *p = (const unsigned char *)s.p;

	if (s.n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last)
			continue;
		if (s.n < forms[i].length || p[1] < forms[i].low || p[1] > forms[i].high)
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

bool
str_eq_secret(struct str a, struct str b)
{
	unsigned char differs = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		differs |= (unsigned char)(a.p[i] ^ b.p[i]);
	return differs == 0;
}

struct str
str_folder(struct str path)
{
	const char *slash = path.n == 0 ? NULL : memrchr(path.p, '/', path.n);

	if (slash == NULL)
		return STR(".");
	return (struct str){ path.p, slash == path.p ? 1 : (size_t)(slash - path.p) };
}

struct str
str_leaf(struct str path)
{
	const char *slash = path.n == 0 ? NULL : memrchr(path.p, '/', path.n);

	return slash == NULL ? path : str_slice(path, (size_t)(slash - path.p) + 1, path.n);
}
