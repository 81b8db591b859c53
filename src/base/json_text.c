/*
 * Happy path: json_check() scans the text once; the walkers then step over values they can trust.
 * What can go wrong: every refusal names the byte; depth has a limit, so the recursion is bounded.
 */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"

struct scan {
	const unsigned char *start, *p, *end;
	int depth;
	struct err *e;
};

static bool value(struct scan *s);

static bool
bad(struct scan *s, const char *what)
{
	return fail(s->e, ERR_INPUT, "not JSON: %s at byte %zu", what, (size_t)(s->p - s->start));
}

static void
spaces(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static int
hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at p, or -1. */
static int
hex4(const unsigned char *p, const unsigned char *end)
{
	int n = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(p[i]);

		if (d < 0)
			return -1;
		n = n << 4 | d;
	}
	return n;
}

/* Behind a backslash. */
static bool
escape(struct scan *s)
{
	int unit;

	if (s->p < s->end && strchr("\"\\/bfnrt", *s->p) != NULL && *s->p != '\0') {
		s->p++;
		return true;
	}
	if (s->p == s->end || *s->p != 'u')
		return bad(s, "unknown escape");
	unit = hex4(s->p + 1, s->end);
	if (unit < 0)
		return bad(s, "\\u without four hex digits");
	if (unit == 0)
		return bad(s, "\\u0000 is not accepted");
	s->p += 5;
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return bad(s, "half of a surrogate pair");
	if (unit < 0xd800 || unit > 0xdbff)
		return true;
	if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
		return bad(s, "half of a surrogate pair");
	unit = hex4(s->p + 2, s->end);
	if (unit < 0xdc00 || unit > 0xdfff)
		return bad(s, "half of a surrogate pair");
	s->p += 6;
	return true;
}

static bool
string(struct scan *s)
{
	s->p++;
	while (s->p < s->end) {
		unsigned char c = *s->p;

		if (c == '"') {
			s->p++;
			return true;
		}
		if (c == '\\') {
			s->p++;
			if (!escape(s))
				return false;
		} else if (c < 0x20) {
			return bad(s, "raw control byte in a string");
		} else if (c < 0x80) {
			s->p++;
		} else {
			size_t n = utf8_sequence(
			    (struct str){ (const char *)s->p, (size_t)(s->end - s->p) });

			if (n == 0)
				return bad(s, "invalid UTF-8");
			s->p += n;
		}
	}
	return bad(s, "string without end");
}

static size_t
digits(struct scan *s)
{
	const unsigned char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - from);
}

static bool
number(struct scan *s)
{
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0') {
		s->p++;
		if (s->p < s->end && *s->p >= '0' && *s->p <= '9')
			return bad(s, "number with a leading zero");
	} else if (digits(s) == 0) {
		return bad(s, "number without digits");
	}
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (digits(s) == 0)
			return bad(s, "number without digits behind the point");
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (digits(s) == 0)
			return bad(s, "number without digits in the exponent");
	}
	return true;
}

static bool
word(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
		return bad(s, "unknown word");
	s->p += n;
	return true;
}

/* Behind an element: true with *more, or the closing byte was taken. */
static bool
separator(struct scan *s, unsigned char close, bool *more)
{
	spaces(s);
	if (s->p == s->end)
		return bad(s, close == '}' ? "object without end" : "array without end");
	*more = *s->p == ',';
	if (!*more && *s->p != close)
		return bad(s, close == '}' ? "',' or '}' expected" : "',' or ']' expected");
	s->p++;
	return true;
}

static bool
member(struct scan *s)
{
	spaces(s);
	if (s->p == s->end || *s->p != '"')
		return bad(s, "member name expected");
	if (!string(s))
		return false;
	spaces(s);
	if (s->p == s->end || *s->p != ':')
		return bad(s, "':' expected");
	s->p++;
	return value(s);
}

static bool
container(struct scan *s, unsigned char close)
{
	bool more = true;

	if (++s->depth > JSON_DEPTH_MAX)
		return bad(s, "nested too deeply");
	s->p++;
	spaces(s);
	if (s->p < s->end && *s->p == close) {
		s->p++;
		more = false;
	}
	while (more)
		if (!(close == '}' ? member(s) : value(s)) || !separator(s, close, &more))
			return false;
	s->depth--;
	return true;
}

static bool
value(struct scan *s)
{
	spaces(s);
	if (s->p == s->end)
		return bad(s, "value expected, the text ends");
	switch (*s->p) {
	case '{':
		return container(s, '}');
	case '[':
		return container(s, ']');
	case '"':
		return string(s);
	case 't':
		return word(s, "true");
	case 'f':
		return word(s, "false");
	case 'n':
		return word(s, "null");
	default:
		return number(s);
	}
}

bool
json_check(struct str text, struct err *e)
{
	const unsigned char *p = (const unsigned char *)text.p;
	struct scan s = { .start = p, .p = p, .end = p + text.n, .e = e };

	if (!value(&s))
		return false;
	spaces(&s);
	if (s.p != s.end)
		return bad(&s, "something behind the value");
	return true;
}

/* ---- walking checked text ---- */

enum json_type
json_text_type(struct str v)
{
	v = str_trim(v);
	switch (v.n == 0 ? 'n' : v.p[0]) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

/* Steps over what does not matter between values. */
static size_t
gap(struct str s, size_t at)
{
	while (at < s.n && strchr(" \t\r\n,:", s.p[at]) != NULL && s.p[at] != '\0')
		at++;
	return at;
}

static size_t
skip_string(struct str s, size_t at)
{
	for (at++; at < s.n && s.p[at] != '"'; at++)
		if (s.p[at] == '\\')
			at++;
	return at + 1;
}

static size_t
skip_value(struct str s, size_t at)
{
	int depth = 0;

	do {
		if (s.p[at] == '"') {
			at = skip_string(s, at);
			continue;
		}
		if (s.p[at] == '{' || s.p[at] == '[')
			depth++;
		else if (s.p[at] == '}' || s.p[at] == ']')
			depth--;
		else if (depth == 0)
			while (at + 1 < s.n && strchr(" \t\r\n,]}", s.p[at + 1]) == NULL)
				at++;
		at++;
	} while (depth > 0 && at < s.n);
	return at;
}

/* The next value at *at, or false at the closing bracket. */
static bool
take(struct str s, size_t *at, struct str *out)
{
	size_t from = *at;

	if (from == 0) /* the opening bracket */
		from = gap(s, 0) + 1;
	from = gap(s, from);
	if (from >= s.n || s.p[from] == '}' || s.p[from] == ']')
		return false;
	*at = skip_value(s, from);
	*out = str_slice(s, from, *at);
	return true;
}

bool
json_text_element(struct str array, size_t *at, struct str *v)
{
	return take(array, at, v);
}

bool
json_text_member(struct str object, size_t *at, struct str *key, struct str *v)
{
	if (!take(object, at, key))
		return false;
	*key = str_slice(*key, 1, key->n - 1);
	return take(object, at, v);
}

/* A checked "\uXXXX" (or pair) at p, behind the backslash; gives how many bytes it took. */
static size_t
add_unicode(struct buf *b, const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned int c = (unsigned int)hex4(u + 1, u + 5);

	if (c < 0xd800 || c > 0xdbff) {
		buf_add_utf8(b, c);
		return 5;
	}
	buf_add_utf8(
	    b, 0x10000 + ((c - 0xd800) << 10) + ((unsigned int)hex4(u + 7, u + 11) - 0xdc00));
	return 11;
}

/* Unescape what stands between the quotes. */
static struct str
decode(struct str s, struct arena *a)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	struct buf b;
	struct str out;

	if (s.n == 0)
		return STR_EMPTY;
	if (memchr(s.p, '\\', s.n) == NULL)
		return arena_str(a, s);
	buf_init(&b, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\')
			buf_add_char(&b, s.p[i]);
		else if (s.p[++i] == 'u')
			i += add_unicode(&b, s.p + i) - 1;
		else
			buf_add_char(&b, to[strchr(from, s.p[i]) - from]);
	}
	out = arena_str(a, buf_str(&b));
	buf_done(&b);
	return out;
}

struct str
json_text_string(struct str v, struct arena *a)
{
	v = str_trim(v);
	if (json_text_type(v) != JSON_STRING)
		return STR_EMPTY;
	return decode(str_slice(v, 1, v.n - 1), a);
}

/* Names are nearly always free of escapes; the few others are decoded to be compared. */
static bool
name_is(struct str key, struct str name)
{
	struct arena *a;
	bool same;

	if (key.n == 0 || memchr(key.p, '\\', key.n) == NULL)
		return str_eq(key, name);
	a = arena_new();
	same = str_eq(decode(key, a), name);
	arena_free(a);
	return same;
}

bool
json_text_find(struct str object, const char *name, struct str *v)
{
	struct str key, found;
	size_t at = 0;

	if (json_text_type(object) != JSON_OBJECT)
		return false;
	while (json_text_member(object, &at, &key, &found)) {
		if (name_is(key, str_of(name))) {
			*v = found;
			return true;
		}
	}
	return false;
}
