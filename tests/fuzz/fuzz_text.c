/*
 * Encodings of text: Base64 and percent-encoding of CloudEvents, base64url of tokens, and taming
 * for people.
 *
 * What must hold: what was decoded encodes to what was read, of base64url to the byte, so that
 * padding, white space and stray bits are refused; a header's text is UTF-8; tamed text
 * is one line of UTF-8 no longer than asked for, without anything that a chat client makes
 * something of.
 */
#include "core/text.h"

#include "base/base64.h"
#include "base64url.h"
#include "event_parts.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static struct str
encode(struct str s, struct arena *a)
{
	char *out = arena_alloc(a, (s.n + 2) / 3 * 4 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i += 3) {
		unsigned bits = (unsigned)(unsigned char)s.p[i] << 16;

		bits |= i + 1 < s.n ? (unsigned)(unsigned char)s.p[i + 1] << 8 : 0;
		bits |= i + 2 < s.n ? (unsigned)(unsigned char)s.p[i + 2] : 0;
		out[n++] = digits[bits >> 18 & 63];
		out[n++] = digits[bits >> 12 & 63];
		out[n++] = i + 1 < s.n ? digits[bits >> 6 & 63] : '=';
		out[n++] = i + 2 < s.n ? digits[bits & 63] : '=';
	}
	return (struct str){ out, n };
}

static void
check_base64(struct str text, struct arena *a)
{
	struct str decoded, encoded = encode(text, a);

	MUST(base64_decode(encoded, a, &decoded) && str_eq(decoded, text));
	if (!base64_decode(text, a, &decoded))
		return;
	encoded = encode(decoded, a);
	MUST(encoded.n == text.n);
	/* The last digit before the padding may hold bits that stand for nothing. */
	MUST(text.n == 0 || memcmp(encoded.p, text.p, text.n - 4) == 0);
}

static void
check_base64url(struct str text, struct arena *a)
{
	struct str decoded, slow, encoded = slow_base64url(text, a);
	bool ok = base64url_decode(text, a, &decoded);

	MUST(ok == slow_base64url_decode(text, a, &slow));
	MUST(!ok || (str_eq(decoded, slow) && str_eq(slow_base64url(decoded, a), text)));
	MUST(base64url_decode(encoded, a, &decoded) && str_eq(decoded, text));
	MUST(!base64url_decode(arena_printf(a, "%.*s=", STR_ARG(encoded)), a, &decoded));
	MUST(!base64url_decode(arena_printf(a, "%.*s\n", STR_ARG(encoded)), a, &decoded));
}

static size_t
characters(struct str s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return count;
}

static void
check_tame(struct str text, size_t max, struct arena *a)
{
	struct str s = text_tame(text, max, a);

	MUST(is_utf8(s) && characters(s) <= max);
	for (size_t i = 0; i < s.n; i++)
		MUST((unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f);
	MUST(!str_has_nocase(s, STR("<at>")) && !str_has_nocase(s, STR("](")));
	MUST(!str_has_nocase(s, STR("{{")) && !str_has_nocase(s, STR("https://")));
	MUST(!str_has_nocase(s, STR("\xe2\x80\xae")) && !str_has_nocase(s, STR("\xe2\x80\x8b")));
	MUST(!str_has_nocase(s, STR("\xe2\x81\xa6")) && !str_has_nocase(s, STR("\xf3\xa0\x81")));
}

FUZZ(input)
{
	struct str text = header_text(input, arena);

	check_base64(input, arena);
	check_base64url(input, arena);
	MUST(is_utf8(text));
	MUST(memchr(text.p, '\0', text.n) == NULL);
	check_tame(input, 200, arena);
	check_tame(input, 7, arena);
	check_tame(input, 3, arena);
}
