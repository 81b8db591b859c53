/*
 * daemon/framing.c and query.c: a target, a version, then header lines.
 *
 * What must hold: a head that is taken tells the end of its body once and without doubt, as a
 * second reading of the same lines here says; a query's value comes out as it was escaped.
 */
#include "daemon/framing.h"
#include "daemon/query.h"
#include "fuzz.h"

#define HEADERS_MAX 64

static size_t
count(const struct header *headers, size_t n, const char *name, struct str *value)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!str_is_nocase(headers[i].name, name))
			continue;
		found++;
		*value = headers[i].value;
	}
	return found;
}

static bool
all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

static void
check_taken(const struct framing *f, struct str target, struct str version,
    const struct header *headers, size_t n)
{
	struct str length = STR_EMPTY, coding = STR_EMPTY, host = STR_EMPTY;
	size_t lengths = count(headers, n, "content-length", &length);
	size_t codings = count(headers, n, "transfer-encoding", &coding);
	size_t hosts = count(headers, n, "host", &host);
	int64_t told = 0;

	MUST(target.n > 0 && target.p[0] == '/');
	MUST(memchr(target.p, ' ', target.n) == NULL && memchr(target.p, '\r', target.n) == NULL);
	MUST(lengths + codings <= 1 && hosts <= 1);
	MUST(str_is(version, "HTTP/1.1") || str_is(version, "HTTP/1.0"));
	MUST(hosts == 1 || str_is(version, "HTTP/1.0"));
	MUST(f->has_length == (lengths == 1) && f->chunked == (codings == 1));
	MUST(!f->chunked || (str_is_nocase(coding, "chunked") && str_is(version, "HTTP/1.1")));
	MUST(!f->has_length || (all_digits(length) && str_to_int(length, 0, INT64_MAX, &told)));
	MUST(f->length == told);
	for (size_t i = 0; i < n; i++) {
		MUST(memchr(headers[i].name.p, ' ', headers[i].name.n) == NULL);
		MUST(memchr(headers[i].name.p, '\t', headers[i].name.n) == NULL);
		MUST(memchr(headers[i].value.p, '\r', headers[i].value.n) == NULL);
	}
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static void
check_query(struct str target, struct arena *a)
{
	struct str rest = target, path, value, escaped;

	str_next(&rest, '?', &path);
	if (rest.p != NULL)
		MUST(!has_control(query_value(rest, "code", a)));
	escaped = http_escape(target, a);
	value =
	    query_value(arena_printf(a, "x=1&c%%6Fde=%.*s&code=2", STR_ARG(escaped)), "code", a);
	MUST(has_control(target) ? value.n == 0 : str_eq(value, target));
}

FUZZ(input)
{
	struct header headers[HEADERS_MAX];
	struct str rest = input, target = take_line(&rest), version = take_line(&rest);
	struct framing f;
	struct err e = { .kind = ERR_SYSTEM };
	size_t n = 0;

	while (rest.n > 0 && n < HEADERS_MAX) {
		struct str value = take_line(&rest), name = STR_EMPTY;

		str_next(&value, ':', &name);
		value = value.p == NULL ? STR_EMPTY : str_trim(value);
		headers[n++] = (struct header){ name, value.n == 0 ? STR_EMPTY : value };
	}
	if (framing_check(target, version, headers, n, &f, &e))
		check_taken(&f, target, version, headers, n);
	else
		MUST(e.kind == ERR_INPUT && e.text[0] != '\0');
	check_query(target, arena);
}
