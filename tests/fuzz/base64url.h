/*
 * base64url without padding, slowly and once more: what src/base/base64.c is compared with.
 */
#ifndef TESTS_FUZZ_BASE64URL_H
#define TESTS_FUZZ_BASE64URL_H

#include "fuzz.h"

static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Bit `at` of some bytes, the highest of the first one first; 0 behind them. */
static inline unsigned
bit_of(struct str s, size_t at)
{
	return at / 8 < s.n ? (unsigned char)s.p[at / 8] >> (7 - at % 8) & 1u : 0;
}

static inline struct str
slow_base64url(struct str s, struct arena *a)
{
	size_t n = (s.n * 8 + 5) / 6;
	char *out = arena_alloc(a, n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned value = 0;

		for (size_t bit = 0; bit < 6; bit++)
			value = value << 1 | bit_of(s, i * 6 + bit);
		out[i] = base64url_digits[value];
	}
	return (struct str){ out, n };
}

/* Whatever has more than one spelling, or none, is false. */
static inline bool
slow_base64url_decode(struct str text, struct arena *a, struct str *out)
{
	size_t n = text.n * 6 / 8;
	char *bytes = arena_alloc(a, n + 1);

	for (size_t i = 0; i < text.n * 6; i++) {
		const char *at =
		    text.p[i / 6] == '\0' ? NULL : strchr(base64url_digits, text.p[i / 6]);

		if (at == NULL)
			return false;
		if (((at - base64url_digits) >> (5 - i % 6) & 1) == 0)
			continue;
		if (i / 8 >= n)
			return false;
		bytes[i / 8] = (char)(bytes[i / 8] | 0x80 >> i % 8);
	}
	*out = (struct str){ bytes, n };
	return text.n % 4 != 1;
}

#endif
