/*
 * Pieces of checked JSON text: what kind a value is, what a string says, and a string written.
 */
#include <string.h>

#include "base/ascii.h"
#include "base/buf.h"
#include "base/json.h"
#include "json_parts.h"

int
json_hex4(const unsigned char *p, const unsigned char *end)
{
	int n = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = ascii_hex((char)p[i]);

		if (d < 0)
			return -1;
		n = n << 4 | d;
	}
	return n;
}

enum json_type
json_text_type(struct str v)
{
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

/* A checked "\uXXXX" (or pair) at p, behind the backslash; gives how many bytes it took. */
static size_t
add_unicode(struct buf *b, const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned int c = (unsigned int)json_hex4(u + 1, u + 5);

	if (c < 0xd800 || c > 0xdbff) {
		buf_add_utf8(b, c);
		return 5;
	}
	buf_add_utf8(
	    b, 0x10000 + ((c - 0xd800) << 10) + ((unsigned int)json_hex4(u + 7, u + 11) - 0xdc00));
	return 11;
}

struct str
json_text_decode(struct str s, struct arena *a)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	struct buf b;

	if (s.n == 0)
		return STR_EMPTY;
	if (memchr(s.p, '\\', s.n) == NULL)
		return s;
	buf_init(&b, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\')
			buf_add_char(&b, s.p[i]);
		else if (s.p[++i] == 'u')
			i += add_unicode(&b, s.p + i) - 1;
		else
			buf_add_char(&b, to[strchr(from, s.p[i]) - from]);
	}
	return buf_to_arena(&b, a);
}

struct str
json_text_string(struct str v, struct arena *a)
{
	if (json_text_type(v) != JSON_STRING)
		return STR_EMPTY;
	return json_text_decode(str_slice(v, 1, v.n - 1), a);
}

/* ---- writing ---- */

size_t
json_text_write(char *to, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	char *p = to;

	while (s.n > 0) {
		size_t n = json_plain_length(s);
		unsigned char c;

		memcpy(p, s.p, n);
		p += n;
		s = str_slice(s, n, s.n);
		if (s.n == 0)
			break;
		c = (unsigned char)s.p[0];
		n = utf8_sequence(s);
		if (n > 1) {
			memcpy(p, s.p, n);
			p += n;
		} else if (n == 0) { /* no UTF-8: U+FFFD */
			memcpy(p, "\xef\xbf\xbd", 3);
			p += 3;
		} else if (c < 0x20) {
			memcpy(p, "\\u00", 4);
			p[4] = hex[c >> 4];
			p[5] = hex[c & 15];
			p += 6;
		} else { /* a quote or a backslash */
			*p++ = '\\';
			*p++ = (char)c;
		}
		s = str_slice(s, n == 0 ? 1 : n, s.n);
	}
	return (size_t)(p - to);
}
