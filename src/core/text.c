#include "core/text.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

#define REPLACEMENT 0xfffdu
#define ELLIPSIS "..."

/* More of a text than this is not looked at: its visible front is long enough. */
#define LOOKED_AT_MAX ((size_t)64 * 1024)

/* One character; what is no UTF-8 is one byte long and U+FFFD. */
static uint32_t
take(struct str *s)
{
	size_t n = utf8_sequence(*s);
	uint32_t c = (unsigned char)s->p[0];

	if (n > 1)
		c &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s->p[i] & 0x3fu);
	*s = str_slice(*s, n == 0 ? 1 : n, s->n);
	return n == 0 ? REPLACEMENT : c;
}

static bool
is_blank(uint32_t c)
{
	return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

/* Controls, and what changes the reading of its neighbours without being seen (Unicode Cf). */
static bool
is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f }, { 0x7f, 0x9f }, /* control */
		{ 0xad, 0xad },			/* soft hyphen */
		{ 0x34f, 0x34f },		/* combining grapheme joiner */
		{ 0x61c, 0x61c },		/* Arabic letter mark */
		{ 0x115f, 0x1160 },		/* Hangul fillers */
		{ 0x17b4, 0x17b5 },		/* Khmer inherent vowels */
		{ 0x180b, 0x180f },		/* Mongolian selectors and separator */
		{ 0x200b, 0x200f },		/* zero width, direction marks */
		{ 0x202a, 0x202e },		/* embeddings and overrides */
		{ 0x2060, 0x206f },		/* word joiner, isolates */
		{ 0x3164, 0x3164 },		/* Hangul filler */
		{ 0xfe00, 0xfe0f },		/* variation selectors */
		{ 0xfeff, 0xfeff },		/* byte order mark */
		{ 0xffa0, 0xffa0 },		/* halfwidth Hangul filler */
		{ 0xfff0, 0xfffb },		/* interlinear annotation */
		{ 0xe0000, 0xe0fff },		/* tags */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* Pass 1: visible characters, single blanks, none at the ends.  One more than max tells of a tail.
 */
static struct str
visible(struct str s, size_t max, struct arena *a)
{
	struct buf b;
	bool blank = false;

	buf_init(&b, 3 * s.n + 1); /* a bad byte becomes three */
	for (size_t n = 0; s.n > 0 && n <= max;) {
		uint32_t c = take(&s);

		if (is_blank(c)) {
			blank = b.n > 0;
		} else if (!is_hidden(c)) {
			if (blank)
				buf_add_char(&b, ' ');
			blank = false;
			buf_add_utf8(&b, c);
			n++;
		}
	}
	return buf_to_arena(&b, a);
}

/* Pass 2: nothing that a client would act on.  What stands in the middle keeps the text readable.
 */
static struct str
inert(struct str s, struct arena *a)
{
	static const struct {
		const char *live, *dead;
	} words[] = { { "<at", "< at" }, { "</at", "< /at" }, { "](", "] (" }, { "{{", "{ {" },
		{ "https://", "hxxps://" }, { "http://", "hxxp://" } };
	size_t n = sizeof(words) / sizeof(words[0]);
	struct buf b;

	buf_init(&b, 2 * s.n + 1);
	while (s.n > 0) {
		size_t i = 0;

		while (i < n && !str_starts_nocase(s, str_of(words[i].live)))
			i++;
		if (i < n && words[i].live[0] == words[i].live[1]) {
			/* "{{{": each pair of them */
			buf_add_cstr(&b, "{ ");
			s = str_slice(s, 1, s.n);
		} else if (i < n) {
			buf_add_cstr(&b, words[i].dead);
			s = str_slice(s, strlen(words[i].live), s.n);
		} else {
			buf_add_char(&b, s.p[0]);
			s = str_slice(s, 1, s.n);
		}
	}
	return buf_to_arena(&b, a);
}

/* Pass 3: s is UTF-8. */
static struct str
cut(struct str s, size_t max, struct arena *a)
{
	struct str rest = s;
	size_t n = 0, fits = 0;

	for (; rest.n > 0 && n <= max; n++) {
		if (n + sizeof(ELLIPSIS) - 1 <= max)
			fits = s.n - rest.n;
		(void)take(&rest);
	}
	if (n <= max)
		return s;
	return arena_printf(a, "%.*s" ELLIPSIS, STR_ARG(str_slice(s, 0, fits)));
}

struct str
text_tame(struct str s, size_t max, struct arena *a)
{
	return cut(inert(visible(str_slice(s, 0, LOOKED_AT_MAX), max, a), a), max, a);
}

const char *
text_duration(int64_t ms, struct arena *a)
{
	static const struct {
		int64_t ms;
		char unit;
	} units[] = { { 86400000, 'd' }, { 3600000, 'h' }, { 60000, 'm' }, { 1000, 's' } };
	size_t i = 0;

	while (i < sizeof(units) / sizeof(units[0]) - 1 && ms % units[i].ms != 0)
		i++;
	return arena_printf(a, "%" PRId64 "%c", ms / units[i].ms, units[i].unit).p;
}
