/*
 * Happy path: an origin-form target, one Host, at most one of Content-Length and Transfer-Encoding.
 * What can go wrong: each rule has its own words, so that an operator sees which one a client
 * broke.
 */
#include "daemon/framing.h"

#include <string.h>

/* Larger lengths are no lengths: 18 digits still fit an int64_t. */
#define LENGTH_MAX INT64_C(999999999999999999)

static bool
is_token(struct str s)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (c == '\0' || strchr(marks, c) == NULL)
			return false;
	}
	return s.n > 0;
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* Each part must begin where the one before it and its delimiter end; reads nothing else. */
bool
framing_is_plain(const struct head *head, struct str target, const struct header *headers, size_t n,
    struct err *e)
{
	const char *at = head->method + strlen(head->method) + 1;

	if (at != head->target || (at += target.n + 1) != head->version)
		return fail(
		    e, ERR_INPUT, "the request line is not three words with one space between");
	at += strlen(head->version) + 2;
	for (size_t i = 0; i < n; i++) {
		const struct header *h = &headers[i];

		if (h->name.p != at || h->value.p <= at + h->name.n)
			break;
		at = h->value.p + h->value.n + 2;
	}
	if (at + 2 != head->method + head->n)
		return fail(e, ERR_INPUT,
		    "the head holds a NUL, a folded line, a nameless header or a bare line feed");
	return true;
}

static bool
target_ok(struct str target, struct err *e)
{
	if (target.n == 0 || target.p[0] != '/')
		return fail(e, ERR_INPUT, "the request target is not in origin form");
	for (size_t i = 0; i < target.n; i++) {
		unsigned char c = (unsigned char)target.p[i];

		if (c <= 0x20 || c >= 0x7f || c == '#')
			return fail(
			    e, ERR_INPUT, "the request target holds a byte that no URI may hold");
	}
	return true;
}

/* "Content-Length" folded or glued to its value arrives as a longer name. */
static bool
name_ok(struct str name, struct err *e)
{
	static const char *const framing[] = { "Transfer-Encoding", "Content-Length" };

	if (!is_token(name))
		return fail(e, ERR_INPUT, "a header name is not a token");
	for (size_t i = 0; i < 2; i++)
		if (str_starts_nocase(name, str_of(framing[i])) && !str_is_nocase(name, framing[i]))
			return fail(
			    e, ERR_INPUT, "a header name begins with %s and goes on", framing[i]);
	return true;
}

static size_t
find(const struct header *headers, size_t n, const char *name, struct str *value)
{
	struct str wanted = str_of(name);
	size_t count = 0;

	*value = STR_EMPTY;
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(headers[i].name, wanted) && count++ == 0)
			*value = headers[i].value;
	return count;
}

static bool
body_ok(
    struct str version, const struct header *headers, size_t n, struct framing *f, struct err *e)
{
	struct str coding, length, expect;
	size_t codings = find(headers, n, "Transfer-Encoding", &coding);
	size_t lengths = find(headers, n, "Content-Length", &length);
	size_t expects = find(headers, n, "Expect", &expect);

	if (codings + lengths > 1)
		return fail(e, ERR_INPUT, "the length of the body is told more than once");
	if (codings == 1 && !str_is_nocase(coding, "chunked"))
		return fail(e, ERR_INPUT, "the transfer coding is not 'chunked'");
	if (codings == 1 && !str_is(version, "HTTP/1.1"))
		return fail(e, ERR_INPUT, "a transfer coding in %.*s", STR_ARG(version));
	if (lengths == 1 &&
	    (length.n == 0 || length.p[0] == '-' || !str_to_int(length, 0, LENGTH_MAX, &f->length)))
		return fail(e, ERR_INPUT, "the Content-Length is not a number");
	if (expects > 1 || (expects == 1 && !str_is_nocase(expect, "100-continue")))
		return fail(e, ERR_INPUT, "the expectation is not '100-continue'");
	f->chunked = codings == 1;
	f->has_length = lengths == 1;
	f->expects_continue = expects == 1;
	return true;
}

bool
framing_check(struct str target, struct str version, const struct header *headers, size_t n,
    struct framing *out, struct err *e)
{
	struct framing f = { 0 };
	struct str host;
	size_t hosts = find(headers, n, "Host", &host);

	if (!str_is(version, "HTTP/1.1") && !str_is(version, "HTTP/1.0"))
		return fail(e, ERR_INPUT, "the version is not HTTP/1.1 or HTTP/1.0");
	if (!target_ok(target, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!name_ok(headers[i].name, e))
			return false;
		if (has_control(headers[i].value))
			return fail(e, ERR_INPUT, "a header value holds a control byte");
	}
	if (hosts > 1 || (hosts == 0 && str_is(version, "HTTP/1.1")))
		return fail(e, ERR_INPUT, "%s", hosts == 0 ? "no Host" : "more than one Host");
	if (!body_ok(version, headers, n, &f, e))
		return false;
	*out = f;
	return true;
}
