/*
 * Happy path: one strict pass; what the caller walks is checked in the same pass as it is handed
 * out, what it does not walk is checked and stepped over.
 * What can go wrong: every refusal names the byte; depth has a limit, so the recursion is bounded;
 * members and values have limits, so that a tree made of the text is bounded too.
 */
#include <endian.h>
#include <string.h>

#include "base/json.h"
#include "json_parts.h"

static bool
bad(struct json_reader *r, const char *what)
{
	r->failed = true;
	return fail(r->e, ERR_INPUT, "not JSON: %s at byte %zu", what, (size_t)(r->p - r->start));
}

static bool
too_much(struct json_reader *r, size_t max, const char *what)
{
	r->failed = true;
	return fail(r->e, ERR_INPUT, "JSON with more than %zu %s at byte %zu", max, what,
	    (size_t)(r->p - r->start));
}

static inline void
spaces(struct json_reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

/* ---- strings ---- */

#define EACH_BYTE(c) (0x0101010101010101ull * (c))

/*
 * Bit 7 of each byte of w that a string cannot hold as it is: a quote, a backslash, a control byte
 * or one that is not ASCII.  Only the lowest such bit counts: a borrow may set bits above it.
 */
static inline uint64_t
stops(uint64_t w)
{
	uint64_t quote = (w ^ EACH_BYTE('"')) - EACH_BYTE(1);
	uint64_t backslash = (w ^ EACH_BYTE('\\')) - EACH_BYTE(1);
	uint64_t control = w - EACH_BYTE(0x20);

	return (quote | backslash | control | w) & EACH_BYTE(0x80);
}

/* The first byte that is not plain, or end: eight at a time, the tail one by one. */
static inline const unsigned char *
skip_plain(const unsigned char *p, const unsigned char *end)
{
	uint64_t w, found;

	for (; end - p >= 8; p += 8) {
		memcpy(&w, p, sizeof(w));
		found = stops(le64toh(w));
		if (found != 0)
			return p + __builtin_ctzll(found) / 8;
	}
	while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

size_t
json_plain_length(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	return (size_t)(skip_plain(p, p + s.n) - p);
}

/* The second half of a pair at p; -1 when it is not that. */
static int
low_half(const unsigned char *p, const unsigned char *end)
{
	int unit = end - p < 6 || p[0] != '\\' || p[1] != 'u' ? -1 : json_hex4(p + 2, end);

	return unit >= 0xdc00 && unit <= 0xdfff ? unit : -1;
}

/* At the u of "\uXXXX". */
static bool
unicode(struct json_reader *r)
{
	int unit = json_hex4(r->p + 1, r->end);

	if (unit < 0)
		return bad(r, "\\u without four hex digits");
	if (unit == 0)
		return bad(r, "\\u0000 is not accepted");
	r->p += 5;
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	if (unit >= 0xdc00 || low_half(r->p, r->end) < 0)
		return bad(r, "half of a surrogate pair");
	r->p += 6;
	return true;
}

/* At what a string cannot hold as it is, but no quote: stepped over when it is well formed. */
static bool
special(struct json_reader *r)
{
	size_t n;

	if (*r->p < 0x20)
		return bad(r, "raw control byte in a string");
	if (*r->p != '\\') {
		n = utf8_sequence((struct str){ (const char *)r->p, (size_t)(r->end - r->p) });
		r->p += n;
		return n > 0 || bad(r, "invalid UTF-8");
	}
	r->p++;
	switch (r->p == r->end ? '\0' : *r->p) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		r->p++;
		return true;
	case 'u':
		return unicode(r);
	default:
		return bad(r, "unknown escape");
	}
}

static inline bool
string(struct json_reader *r)
{
	r->p++;
	for (;;) {
		r->p = skip_plain(r->p, r->end);
		if (r->p == r->end)
			return bad(r, "string without end");
		if (*r->p == '"')
			break;
		if (!special(r))
			return false;
	}
	r->p++;
	return true;
}

/* ---- numbers and words ---- */

static size_t
digits(struct json_reader *r)
{
	const unsigned char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return (size_t)(r->p - from);
}

static bool
number(struct json_reader *r)
{
	if (*r->p == '-')
		r->p++;
	if (r->p < r->end && *r->p == '0') {
		r->p++;
		if (r->p < r->end && *r->p >= '0' && *r->p <= '9')
			return bad(r, "number with a leading zero");
	} else if (digits(r) == 0) {
		return bad(r, "number without digits");
	}
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (digits(r) == 0)
			return bad(r, "number without digits behind the point");
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (digits(r) == 0)
			return bad(r, "number without digits in the exponent");
	}
	return true;
}

static bool
word(struct json_reader *r, struct str text)
{
	if ((size_t)(r->end - r->p) < text.n || memcmp(r->p, text.p, text.n) != 0)
		return bad(r, "unknown word");
	r->p += text.n;
	return true;
}

static bool
scalar(struct json_reader *r)
{
	switch (*r->p) {
	case 't':
		return word(r, STR("true"));
	case 'f':
		return word(r, STR("false"));
	case 'n':
		return word(r, STR("null"));
	default:
		return number(r);
	}
}

const unsigned char *
json_scalar_end(const unsigned char *p, const unsigned char *end)
{
	struct err ignored;
	struct json_reader r = { .start = p, .p = p, .end = end, .e = &ignored };

	return scalar(&r) ? r.p : NULL;
}

/* ---- arrays and objects ---- */

static inline bool
open_level(struct json_reader *r, struct json_level *l)
{
	*l = (struct json_level){ .close = *r->p == '{' ? '}' : ']' };
	if (++r->depth > JSON_DEPTH_MAX)
		return bad(r, "nested too deeply");
	if (r->values++ >= r->values_max)
		return too_much(r, r->values_max, "values");
	r->p++;
	return true;
}

/* "name": up to the value. */
static inline bool
member_name(struct json_reader *r, struct json_level *l, struct str *key)
{
	const unsigned char *from;

	if (l->n > JSON_MEMBERS_MAX && r->wide == NULL)
		r->wide = r->p;
	spaces(r);
	if (r->p == r->end || *r->p != '"')
		return bad(r, "member name expected");
	from = r->p + 1;
	if (!string(r))
		return false;
	*key = (struct str){ (const char *)from, (size_t)(r->p - from) - 1 };
	spaces(r);
	if (r->p == r->end || *r->p != ':')
		return bad(r, "':' expected");
	r->p++;
	return true;
}

static inline bool
next(struct json_reader *r, struct json_level *l, struct str *key)
{
	bool object = l->close == '}';

	spaces(r);
	if (r->p < r->end && *r->p == l->close) {
		r->p++;
		r->depth--;
		return false;
	}
	if (l->n > 0) {
		if (r->p == r->end)
			return bad(r, object ? "object without end" : "array without end");
		if (*r->p != ',')
			return bad(r, object ? "',' or '}' expected" : "',' or ']' expected");
		r->p++;
	}
	l->n++;
	return !object || member_name(r, l, key);
}

static bool
value(struct json_reader *r)
{
	struct json_level l;
	struct str key;

	spaces(r);
	if (r->p == r->end)
		return bad(r, "value expected, the text ends");
	if (*r->p == '{' || *r->p == '[') {
		if (!open_level(r, &l))
			return false;
		while (next(r, &l, &key))
			if (!value(r))
				return false;
		return !r->failed;
	}
	if (r->values++ >= r->values_max)
		return too_much(r, r->values_max, "values");
	return *r->p == '"' ? string(r) : scalar(r);
}

bool
json_read_by_steps(struct json_reader *r)
{
	return value(r);
}

/* An array or object in one go, where that can be done and nothing is wrong with it. */
static bool
skip(struct json_reader *r)
{
	const unsigned char *behind;
	size_t values;

	spaces(r);
	if (r->p == r->end || (*r->p != '{' && *r->p != '['))
		return false;
	behind = json_skip(r->p, r->end, JSON_DEPTH_MAX - r->depth, &values);
	if (behind == NULL || values > r->values_max - r->values)
		return false;
	r->values += values;
	r->p = behind;
	return true;
}

/* ---- the reader ---- */

void
json_reader_init(struct json_reader *r, struct str text, size_t values_max, struct err *e)
{
	const unsigned char *p = (const unsigned char *)text.p;

	*r = (struct json_reader){
		.start = p, .p = p, .end = p + text.n, .values_max = values_max, .e = e
	};
}

bool
json_read_open(struct json_reader *r, struct json_level *l)
{
	return open_level(r, l);
}

bool
json_read_next(struct json_reader *r, struct json_level *l, struct str *key)
{
	return next(r, l, key);
}

bool
json_read_value(struct json_reader *r, struct str *out)
{
	const unsigned char *from;

	spaces(r);
	from = r->p;
	if (!skip(r) && !value(r))
		return false;
	*out = (struct str){ (const char *)from, (size_t)(r->p - from) };
	return true;
}

char
json_read_peek(struct json_reader *r)
{
	spaces(r);
	return r->p == r->end ? '\0' : (char)*r->p;
}

bool
json_read_end(struct json_reader *r)
{
	spaces(r);
	if (r->p != r->end)
		return bad(r, "something behind the value");
	if (r->wide == NULL)
		return true;
	r->p = r->wide;
	return too_much(r, JSON_MEMBERS_MAX, "members in an object");
}

bool
json_check(struct str text, struct err *e)
{
	struct json_reader r;

	json_reader_init(&r, text, JSON_VALUES_MAX, e);
	return (skip(&r) || value(&r)) && json_read_end(&r);
}
