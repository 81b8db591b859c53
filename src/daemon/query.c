#include "daemon/query.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Empty when an escape is broken or stands for a control byte: no parameter of ours holds one. */
static struct str
percent_decode(struct str in, struct arena *a)
{
	char *out = arena_alloc(a, in.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		int c = (unsigned char)in.p[i];

		if (c == '%') {
			int high = i + 2 < in.n ? hex_digit(in.p[i + 1]) : -1;
			int low = i + 2 < in.n ? hex_digit(in.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return STR_EMPTY;
			c = high << 4 | low;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return STR_EMPTY;
		out[n++] = (char)c;
	}
	return (struct str){ out, n };
}

struct str
query_value(struct str query, const char *name, struct arena *a)
{
	struct str rest = query, pair, key;

	while (query.n > 0 && str_next(&rest, '&', &pair)) {
		struct str value = pair;

		(void)str_next(&value, '=', &key);
		if (str_is(percent_decode(key, a), name))
			return value.p == NULL ? STR_EMPTY : percent_decode(value, a);
	}
	return STR_EMPTY;
}
