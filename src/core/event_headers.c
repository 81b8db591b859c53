/*
 * What an event needs besides its body: the headers, kept as one line of JSON, and the
 * encoding in which CloudEvents hides text in them.
 */
#include <stddef.h>
#include <string.h>

#include "base/ascii.h"
#include "base/buf.h"
#include "base/json.h"
#include "core/event.h"
#include "event_parts.h"

/* Stored with every delivery: names may be added, never changed. */
static const struct {
	const char *name;
	size_t offset;
} members[] = {
	{ "content-type", offsetof(struct event_headers, content_type) },
	{ "aeg-event-type", offsetof(struct event_headers, aeg_event_type) },
	{ "aeg-subscription-name", offsetof(struct event_headers, aeg_subscription_name) },
	{ "aeg-delivery-count", offsetof(struct event_headers, aeg_delivery_count) },
	{ "aeg-data-version", offsetof(struct event_headers, aeg_data_version) },
	{ "ce-id", offsetof(struct event_headers, ce_id) },
	{ "ce-source", offsetof(struct event_headers, ce_source) },
	{ "ce-type", offsetof(struct event_headers, ce_type) },
	{ "ce-subject", offsetof(struct event_headers, ce_subject) },
	{ "ce-time", offsetof(struct event_headers, ce_time) },
	{ "ce-specversion", offsetof(struct event_headers, ce_specversion) },
	{ "repeated", offsetof(struct event_headers, repeated) },
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))
_Static_assert(sizeof(struct event_headers) == MEMBERS * sizeof(struct str),
    "each of them has its place in the table");

static struct str *
member(struct event_headers *h, size_t i)
{
	return (struct str *)(void *)((char *)h + members[i].offset);
}

/* {"name":"value",...}: written in place, because each delivery pays for it. */
struct str
event_headers_print(const struct event_headers *h, struct arena *a)
{
	struct event_headers copy = *h;
	size_t n = 2, name;
	char *p, *to;

	for (size_t i = 0; i < MEMBERS; i++)
		n += strlen(members[i].name) + JSON_WRITE_FACTOR * member(&copy, i)->n + 6;
	p = to = arena_alloc(a, n);
	*to++ = '{';
	for (size_t i = 0; i < MEMBERS; i++) {
		if (member(&copy, i)->n == 0)
			continue;
		if (to - p > 1)
			*to++ = ',';
		*to++ = '"';
		name = strlen(members[i].name);
		memcpy(to, members[i].name, name);
		to += name;
		memcpy(to, "\":\"", 3);
		to += 3;
		to += json_text_write(to, *member(&copy, i));
		*to++ = '"';
	}
	*to++ = '}';
	return (struct str){ p, (size_t)(to - p) };
}

/* False when the text is no object. */
static bool
read_members(struct str text, struct arena *a, struct event_headers *out)
{
	struct json_reader r;
	struct json_level l;
	struct str key, value;
	struct err e;

	json_reader_init(&r, text, JSON_VALUES_MAX, &e);
	if (json_read_peek(&r) != '{' || !json_read_open(&r, &l))
		return false;
	while (json_read_next(&r, &l, &key)) {
		if (!json_read_value(&r, &value))
			return false;
		for (size_t i = 0; i < MEMBERS; i++)
			if (str_is(key, members[i].name))
				*member(out, i) = json_text_string(value, a);
	}
	return !r.failed && json_read_end(&r);
}

static void
clear(struct event_headers *out)
{
	for (size_t i = 0; i < MEMBERS; i++)
		*member(out, i) = STR_EMPTY;
}

void
event_headers_read(struct str text, struct arena *a, struct event_headers *out)
{
	clear(out);
	if (!read_members(text, a, out))
		clear(out);
}

/* ---- encodings ---- */

/* "%C3" at the front of s to its byte; -1 when it is not that.  %00 stays as it is written. */
static int
percent_byte(struct str s)
{
	int high, low;

	if (s.n < 3 || s.p[0] != '%')
		return -1;
	high = ascii_hex(s.p[1]);
	low = ascii_hex(s.p[2]);
	return high < 0 || low < 0 || (high == 0 && low == 0) ? -1 : high * 16 + low;
}

/* Most are ASCII, and each delivery pays for it. */
struct str
header_mended(struct str value, struct arena *a)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] >= 0x80)
			return json_text(json_string(value, a));
	return value;
}

/* Mended before and after: what is percent-encoded need not be UTF-8. */
struct str
header_text(struct str value, struct arena *a)
{
	struct str mended = header_mended(value, a), out;
	struct buf b;

	buf_init(&b, mended.n);
	for (size_t i = 0; i < mended.n; i++) {
		int c = percent_byte(str_slice(mended, i, mended.n));

		buf_add_char(&b, c < 0 ? mended.p[i] : (char)c);
		i += c < 0 ? 0 : 2;
	}
	out = json_text(json_string(buf_str(&b), a));
	buf_done(&b);
	return out;
}
