#include "base/base64.h"

/* The two digits in which the forms differ. */
static const char url_last[2] = { '-', '_' }, plain_last[2] = { '+', '/' };

static int
value_of(char c, const char last[2])
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == last[0] ? 62 : c == last[1] ? 63 : -1;
}

bool
base64url_decode(struct str text, struct arena *a, struct str *out)
{
	size_t n = text.n / 4 * 3 + (text.n % 4 == 0 ? 0 : text.n % 4 - 1);
	unsigned char *bytes = arena_alloc(a, n + 1);
	unsigned bits = 0, left = 0;
	size_t at = 0;

	if (text.n % 4 == 1)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int v = value_of(text.p[i], url_last);

		if (v < 0)
			return false;
		bits = (bits << 6 | (unsigned)v) & 0xffff;
		left += 6;
		if (left >= 8) {
			left -= 8;
			bytes[at++] = (unsigned char)(bits >> left);
		}
	}
	if ((bits & ((1u << left) - 1)) != 0)
		return false;
	*out = (struct str){ (const char *)bytes, at };
	return true;
}

static struct str
encode(struct str bytes, const char last[2], bool padding, struct arena *a)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const unsigned char *p = (const unsigned char *)bytes.p;
	char *out = arena_alloc(a, bytes.n / 3 * 4 + 5);
	size_t at = 0;

	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		unsigned bits = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
				(left > 2 ? p[i + 2] : 0u);

		for (size_t k = 0; k < 4; k++) {
			unsigned digit = bits >> (18 - 6 * k) & 63;

			if (k <= left)
				out[at++] = digit < 62 ? digits[digit] : last[digit - 62];
			else if (padding)
				out[at++] = '=';
		}
	}
	return (struct str){ out, at };
}

struct str
base64url_encode(struct str bytes, struct arena *a)
{
	return encode(bytes, url_last, false, a);
}

struct str
base64_encode(struct str bytes, struct arena *a)
{
	return encode(bytes, plain_last, true, a);
}

bool
base64_decode(struct str text, struct arena *a, struct str *out)
{
	char *p = arena_alloc(a, text.n / 4 * 3 + 1);
	size_t padding = 0, n = 0;

	while (padding < 2 && padding < text.n && text.p[text.n - 1 - padding] == '=')
		padding++;
	if (text.n % 4 != 0)
		return false;
	for (size_t i = 0; i < text.n; i += 4) {
		unsigned int bits = 0;

		for (size_t k = i; k < i + 4; k++) {
			int digit = k < text.n - padding ? value_of(text.p[k], plain_last) : 0;

			if (digit < 0)
				return false;
			bits = bits << 6 | (unsigned int)digit;
		}
		p[n++] = (char)(bits >> 16 & 0xff);
		p[n++] = (char)(bits >> 8 & 0xff);
		p[n++] = (char)(bits & 0xff);
	}
	*out = (struct str){ p, n - padding };
	return true;
}
