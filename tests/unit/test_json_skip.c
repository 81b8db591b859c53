/*
 * json_skip() against the reader that goes by steps: on texts that are made at random, most of them
 * with a byte or two changed, both accept the same and end at the same place.
 */
#include "base/json_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "test.h"

#define ROUNDS 15000
#define ROOM 4096

static struct err e;
static unsigned seed;

static unsigned
pick(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

/*
 * In memory that ends with the text, so that AddressSanitizer sees who reads on.  What stands
 * behind a good value may keep json_skip() from seeing that it is good, but not from seeing its
 * end.
 */
static bool
agree(struct str text, bool *accepted)
{
	unsigned char *copy = malloc(text.n + 1) /* never 0 */, *p = copy + 1;
	const unsigned char *behind, *early;
	struct json_reader r;
	size_t values = 0, again;
	bool good, same;

	memcpy(p, text.p, text.n);
	json_reader_init(&r, (struct str){ (const char *)p, text.n }, JSON_VALUES_MAX, &e);
	good = json_read_by_steps(&r) && r.wide == NULL;
	behind = json_skip(p, good ? r.p : p + text.n, JSON_DEPTH_MAX, &values);
	early = json_skip(p, p + text.n, JSON_DEPTH_MAX, &again);
	same = good && json_skip_possible() ? behind == r.p && values == r.values : behind == NULL;
	same = same && (early == NULL || (early == behind && again == values));
	if (!same)
		print_error("%.*s\n", STR_ARG(text));
	free(copy);
	*accepted = behind != NULL;
	return same;
}

static bool
accepts(const char *text)
{
	bool accepted;

	CHECK(agree(str_of(text), &accepted));
	return accepted;
}

/* ---- texts made at random ---- */

static void
add_string(struct buf *b)
{
	static const char *const parts[] = { "a", "name", "\\\\", "\\\"", "\\u00e9",
		"\\ud83d\\ude00", "\xc3\xa9", "\xf0\x9f\x98\x80", "\\n", "/subscriptions/0000-11",
		"{[,:]}", " ", "C:\\\\Windows\\\\System32\\\\", "\x7f", "\xe2\x82\xac" };

	buf_add_char(b, '"');
	for (unsigned n = pick(9); n > 0; n--)
		buf_add_cstr(b, parts[pick(sizeof(parts) / sizeof(parts[0]))]);
	buf_add_char(b, '"');
}

static void
add_blank(struct buf *b)
{
	static const char *const blanks[] = { "", "", "", " ", "\n    ", "\t", "\r\n" };

	buf_add_cstr(b, blanks[pick(sizeof(blanks) / sizeof(blanks[0]))]);
}

static void
add_scalar(struct buf *b)
{
	static const char *const scalars[] = { "0", "-1", "12.5", "1e9", "-0.0E-10", "true",
		"false", "null", "1234567890123456789" };

	if (pick(2) == 0)
		add_string(b);
	else
		buf_add_cstr(b, scalars[pick(sizeof(scalars) / sizeof(scalars[0]))]);
}

static void
add_value(struct buf *b, int depth)
{
	bool object = pick(2) == 0;

	if (depth > 0 && (depth > 5 || pick(3) == 0)) {
		add_scalar(b);
		return;
	}
	buf_add_char(b, object ? '{' : '[');
	for (unsigned n = pick(7), i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		add_blank(b);
		if (object) {
			add_string(b);
			add_blank(b);
			buf_add_char(b, ':');
			add_blank(b);
		}
		add_value(b, depth + 1);
		add_blank(b);
	}
	buf_add_char(b, object ? '}' : ']');
}

/* Of the text: a byte becomes another, goes, or comes in; or the text ends early. */
static struct str
spoil(struct str text, char *out)
{
	static const char bytes[] = "\"\\{}[]:,0u \n\x01\x0c\x1a\x80\xc3\xed\xff-e.tn";
	size_t n = text.n < ROOM ? text.n : ROOM, at = pick((unsigned)n - 1) + 1;
	char c = bytes[pick(sizeof(bytes) - 1)];

	memcpy(out, text.p, n);
	switch (pick(4)) {
	case 0:
		memmove(out + at, out + at + 1, n - at - 1);
		return (struct str){ out, n - 1 };
	case 1:
		memmove(out + at + 1, out + at, n - at);
		out[at] = c;
		return (struct str){ out, n + 1 };
	case 2:
		return (struct str){ out, at };
	default:
		out[at] = c;
		return (struct str){ out, n };
	}
}

TEST(both_readers_agree_on_texts_made_at_random)
{
	static char spoilt[ROOM + 8];
	int good = 0, bad = 0;
	bool accepted;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (seed = 1; seed <= ROUNDS;) {
		unsigned round = seed;

		buf_reset(&b);
		add_value(&b, 0);
		add_blank(&b);
		buf_add_cstr(&b, pick(2) == 0 ? "" : ",{\"next\": [1]}");
		CHECK(agree(buf_str(&b), &accepted));
		good += accepted;
		CHECK(agree(spoil(buf_str(&b), spoilt), &accepted));
		bad += !accepted;
		seed = round + 1;
	}
	buf_done(&b);
	if (json_skip_possible()) {
		CHECK_INT(good, ROUNDS);
		CHECK(bad > ROUNDS / 4 && bad < ROUNDS);
	}
}

/* ---- what random texts rarely meet ---- */

/* The text between 0 to 130 blanks and a bracket: each of its bytes meets each place of a block. */
static bool
agree_everywhere(const char *text, bool good)
{
	char shifted[512];
	bool same = true, accepted;

	for (int by = 0; by <= 130; by++) {
		int n = snprintf(shifted, sizeof(shifted), "[%*s%s]", by, "", text);

		same = same && agree((struct str){ shifted, (size_t)n }, &accepted) &&
		       accepted == (good && json_skip_possible());
	}
	return same;
}

TEST(every_token_may_lie_across_two_blocks)
{
	CHECK(agree_everywhere("\"\\\\\\\\\\\\\"", true));
	CHECK(agree_everywhere("\"\\\\\\\\\\\"", false));
	CHECK(agree_everywhere("\"\\ud83d\\ude00\"", true));
	CHECK(agree_everywhere("\"\\ud83d\\ude0\"", false));
	CHECK(agree_everywhere("\"\\ud83d\\\\ude00\"", false));
	CHECK(agree_everywhere("\"\\ud83d\\ud83d\\ude00\"", false));
	CHECK(agree_everywhere("\"\\ude00\"", false));
	CHECK(agree_everywhere("\"\\u0000\"", false));
	CHECK(agree_everywhere("\"\\x41\"", false));
	CHECK(agree_everywhere("\"\xf0\x9f\x98\x80\"", true));
	CHECK(agree_everywhere("\"\xf0\x9f\x98\"", false));
	CHECK(agree_everywhere("\"\xf0\x9f\x98\x80\x80\"", false));
	CHECK(agree_everywhere("\"\xed\xa0\x80\"", false));
	CHECK(agree_everywhere("\"\x1f\"", false));
	CHECK(agree_everywhere("-12.50e+3", true));
	CHECK(agree_everywhere("-12.50e+", false));
	CHECK(agree_everywhere("012", false));
	CHECK(agree_everywhere("12\"a\"", false));
	CHECK(agree_everywhere("\"a\"12", false));
	CHECK(agree_everywhere("true", true));
	CHECK(agree_everywhere("truex", false));
	CHECK(agree_everywhere("1 2", false));
	CHECK(agree_everywhere("\x0c", false));
	CHECK(agree_everywhere("1\x0c 2", false));
	CHECK(agree_everywhere("{\"a\"\x1a 2}", false));
	CHECK(agree_everywhere("\xc2\xa0", false));
	CHECK(agree_everywhere("1,", false));
	CHECK(agree_everywhere(",1", false));
	CHECK(agree_everywhere("{}, [], {\"\": {}}", true));
	CHECK(agree_everywhere("{\"a\"}", false));
	CHECK(agree_everywhere("{\"a\":}", false));
	CHECK(agree_everywhere("{\"a\":1,}", false));
	CHECK(agree_everywhere("{1:1}", false));
	CHECK(agree_everywhere("{\"a\":1]", false));
	CHECK(agree_everywhere("\\\"", false));
}

TEST(the_end_of_the_text_is_the_end)
{
	CHECK(accepts("[]") == json_skip_possible());
	CHECK(!accepts("["));
	CHECK(!accepts("{\"a"));
	CHECK(!accepts("[1"));
	CHECK(!accepts("[\"\\u00"));
	CHECK(!accepts("[\"\\"));
	CHECK(!accepts("[\"\xf0\x9f"));
}

TEST(depth_and_members_have_their_limits)
{
	char deep[2 * (JSON_DEPTH_MAX + 1)];
	bool accepted;
	struct buf b;

	for (int n = JSON_DEPTH_MAX; n <= JSON_DEPTH_MAX + 1; n++) {
		memset(deep, '[', (size_t)n);
		memset(deep + n, ']', (size_t)n);
		CHECK(agree((struct str){ deep, 2 * (size_t)n }, &accepted));
		CHECK(accepted == (n == JSON_DEPTH_MAX && json_skip_possible()));
	}
	for (int n = JSON_MEMBERS_MAX; n <= JSON_MEMBERS_MAX + 1; n++) {
		buf_init(&b, 1 << 20);
		buf_add_cstr(&b, "[{\"a\":0");
		for (int i = 1; i < n; i++)
			buf_add_cstr(&b, ",\"a\":0");
		buf_add_cstr(&b, "}]");
		CHECK(agree(buf_str(&b), &accepted));
		CHECK(accepted == (n == JSON_MEMBERS_MAX && json_skip_possible()));
		buf_done(&b);
	}
}
