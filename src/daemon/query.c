#include "daemon/query.h"

#include "base/ascii.h"

/* False when an escape is broken or stands for a control byte: nothing of ours holds one. */
static bool
percent_decode(struct str in, bool plus_is_blank, struct arena *a, struct str *decoded)
{
	char *out = arena_alloc(a, in.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		int c = (unsigned char)in.p[i];

		if (c == '+' && plus_is_blank)
			c = ' ';
		if (c == '%') {
			int high = i + 2 < in.n ? ascii_hex(in.p[i + 1]) : -1;
			int low = i + 2 < in.n ? ascii_hex(in.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = high << 4 | low;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return false;
		out[n++] = (char)c;
	}
	*decoded = (struct str){ out, n };
	return true;
}

static struct str
decoded_or_empty(struct str in, struct arena *a)
{
	struct str out;

	return percent_decode(in, false, a, &out) ? out : STR_EMPTY;
}

struct str
query_value(struct str query, const char *name, struct arena *a)
{
	struct str rest = query, pair, key;

	while (query.n > 0 && str_next(&rest, '&', &pair)) {
		struct str value = pair;

		(void)str_next(&value, '=', &key);
		if (str_is(decoded_or_empty(key, a), name))
			return value.p == NULL ? STR_EMPTY : decoded_or_empty(value, a);
	}
	return STR_EMPTY;
}

static bool
is_utf8(struct str s)
{
	size_t n;

	for (size_t i = 0; i < s.n; i += n)
		if ((n = utf8_sequence(str_slice(s, i, s.n))) == 0)
			return false;
	return true;
}

static struct form_field *
find(struct form_field *fields, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(name, fields[i].name))
			return &fields[i];
	return NULL;
}

bool
form_read(struct str body, struct form_field *fields, size_t n, struct arena *a)
{
	bool *seen = arena_alloc(a, n * sizeof(*seen));
	struct str rest = body, value, key, name;

	while (body.n > 0 && str_next(&rest, '&', &value)) {
		struct form_field *f;

		(void)str_next(&value, '=', &key);
		if (value.p == NULL || !percent_decode(key, true, a, &name))
			return false;
		f = find(fields, n, name);
		if (f == NULL || seen[f - fields])
			return false;
		seen[f - fields] = true;
		if (!percent_decode(value, true, a, &f->value) || !is_utf8(f->value))
			return false;
	}
	return true;
}
