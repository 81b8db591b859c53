#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "test.h"

static struct err e;

static void
refused(const char *text, size_t n, const char *words)
{
	CHECK(!json_check((struct str){ text, n }, &e));
	CHECK_HAS(e.text, words);
}

#define REFUSED(text, words) refused(text, sizeof(text) - 1, words)

TEST(what_cjson_lets_pass_is_refused_before_it)
{
	REFUSED("[01]", "leading zero at byte 2");
	REFUSED("[-2.]", "behind the point");
	REFUSED("[1e]", "exponent");
	REFUSED("[+1]", "without digits");
	REFUSED("[\"a\nb\"]", "raw control byte");
	REFUSED("[\"\\u00\"]", "four hex digits");
	REFUSED("[\"\\u0000\"]", "\\u0000");
	REFUSED("[\"\\ud800\"]", "surrogate");
	REFUSED("[\"\\udc00\\ud800\"]", "surrogate");
	REFUSED("[\"\\x41\"]", "unknown escape");
	REFUSED("[\"\xc0\xaf\"]", "invalid UTF-8");
	REFUSED("[\"\xed\xa0\x80\"]", "invalid UTF-8");
	REFUSED("[\"\xff\"]", "invalid UTF-8");
	REFUSED("[1,]", "number without digits");
	REFUSED("{\"a\":1,}", "member name");
	REFUSED("{a:1}", "member name");
	REFUSED("{\"a\" 1}", "':' expected");
	REFUSED("[1 2]", "',' or ']'");
	REFUSED("[1", "array without end");
	REFUSED("{\"a\":1", "object without end");
	REFUSED("\"abc", "string without end");
	REFUSED("", "the text ends");
	REFUSED("  ", "the text ends");
	REFUSED("{} {}", "behind the value at byte 3");
	REFUSED("nul", "unknown word");
	REFUSED("\xef\xbb\xbf{}", "without digits at byte 0");
	REFUSED("[1]\0", "behind the value");
}

TEST(nesting_has_a_limit)
{
	char text[2 * (JSON_DEPTH_MAX + 1)];
	size_t n = JSON_DEPTH_MAX + 1;

	memset(text, '[', n);
	memset(text + n, ']', n);
	refused(text, 2 * n, "nested too deeply");
	CHECK(json_check((struct str){ text + 1, 2 * (n - 1) }, &e));
}

/* ---- limits ---- */

/* {"k0":0,"k1":0,...} */
static struct str
object_of(struct buf *b, int n)
{
	buf_init(b, 1 << 20);
	for (int i = 0; i < n; i++)
		buf_printf(b, "%c\"k%d\":0", i == 0 ? '{' : ',', i);
	buf_add_cstr(b, "}");
	return buf_str(b);
}

TEST(an_object_has_so_many_members_and_no_more)
{
	struct buf b;
	struct str text = object_of(&b, JSON_MEMBERS_MAX);

	CHECK(json_check(text, &e));
	buf_done(&b);
	text = object_of(&b, JSON_MEMBERS_MAX + 1);
	refused(text.p, text.n, "JSON with more than 4000 members in an object at byte");
	buf_done(&b);
}

TEST(members_are_counted_object_by_object)
{
	struct str inner;
	struct buf b, all;

	buf_init(&all, 1 << 20);
	inner = object_of(&b, JSON_MEMBERS_MAX);
	buf_printf(&all, "[%.*s,%.*s]", STR_ARG(inner), STR_ARG(inner));
	CHECK(json_check(buf_str(&all), &e));
	buf_done(&all);
	buf_done(&b);
}

TEST(a_text_has_so_many_values_and_no_more)
{
	struct arena *a = arena_new();

	CHECK(json_parse_within(STR("[1,{\"a\":[]},null]"), 5, a, &e) != NULL);
	CHECK(json_parse_within(STR("[1,{\"a\":[]},null]"), 4, a, &e) == NULL);
	CHECK_CSTR(e.text, "JSON with more than 4 values at byte 12");
	arena_free(a);
}

/* ---- properties of the scan ---- */

#define RICH                                                                                    \
	"{\"id\":\"2517538088322968242_0f6e\",\"n\":[0,-1.5e+10,12E-2,true,false,null,{},[ ]]," \
	"\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\":\"C:\\\\Windows\\\\\\\"x\\\" \\u00e9 "   \
	"\\ud83d\\ude00 \\/\\b\\f\\n\\r\\t end of a longer text\", \"deep\" : [ [ { \"a\" : [ " \
	"\"\" ] } ] ] }"

TEST(every_prefix_of_an_object_is_refused)
{
	struct str text = STR(RICH);

	CHECK(json_check(text, &e));
	for (size_t n = 0; n < text.n; n++)
		CHECK(!json_check(str_slice(text, 0, n), &e));
}

/* Eight bytes are looked at in one go: each byte value at each place among them. */
TEST(each_byte_in_a_string_is_judged_alike_wherever_it_stands)
{
	char text[40];

	for (size_t n = 0; n < 20; n++) {
		for (size_t at = 0; at < n; at++) {
			for (int c = 0; c < 256; c++) {
				bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

				memset(text, 'a', n + 2);
				text[0] = text[n + 1] = '"';
				text[1 + at] = (char)c;
				CHECK(json_check((struct str){ text, n + 2 }, &e) == plain);
			}
		}
	}
}

static size_t
naive_plain(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x80 && p[i] != '"' &&
	       p[i] != '\\')
		i++;
	return i;
}

/* Two bytes that stop the scan may confuse each other's arithmetic. */
TEST(the_first_of_two_stops_counts)
{
	static const unsigned char some[] = { 0x00, 0x1f, 0x20, '!', '"', '#', '[', '\\', ']', 0x7f,
		0x80, 0xa2, 0xdc, 0xff };
	char text[11], to[JSON_WRITE_FACTOR * sizeof(text)];

	for (size_t x = 0; x < sizeof(some); x++)
		for (size_t y = 0; y < sizeof(some); y++)
			for (size_t at = 0; at + 1 < sizeof(text); at++) {
				memset(text, 'a', sizeof(text));
				text[at] = (char)some[x];
				text[at + 1] = (char)some[y];
				CHECK(json_text_write(to, (struct str){ text, sizeof(text) }) >=
				      sizeof(text));
				CHECK(memcmp(to, text, naive_plain(text, sizeof(text))) == 0);
			}
}

/* A flipped byte may leave a text valid; then it must be read to its end like any other. */
TEST(a_flipped_byte_is_refused_with_its_place_or_read_as_a_tree)
{
	struct arena *a = arena_new();
	struct str text = STR(RICH);
	char copy[sizeof(RICH)];
	size_t valid = 0;

	for (size_t i = 0; i < text.n; i++) {
		for (int c = 0; c < 256; c++) {
			memcpy(copy, text.p, text.n);
			copy[i] = (char)c;
			if (json_check((struct str){ copy, text.n }, &e)) {
				valid++;
				CHECK(json_parse((struct str){ copy, text.n }, a, &e) != NULL);
				arena_reset(a);
			} else {
				CHECK_HAS(e.text, " at byte ");
			}
		}
	}
	CHECK(valid > text.n && valid < 256 * text.n);
	arena_free(a);
}

/* ---- the reader ---- */

TEST(a_reader_hands_out_members_as_they_stand)
{
	static const char *const keys[] = { "a", "b", "d" };
	static const char *const values[] = { "1.50", "[1,{\"c\":\"}\\\"\"}]", "null" };
	struct json_reader r;
	struct json_level l;
	struct str key, v;
	size_t n = 0;

	json_reader_init(
	    &r, STR(" { \"a\" : 1.50 , \"b\":[1,{\"c\":\"}\\\"\"}] ,\"d\":null} "), 99, &e);
	CHECK_INT(json_read_peek(&r), '{');
	CHECK(json_read_open(&r, &l));
	for (; json_read_next(&r, &l, &key); n++) {
		CHECK(json_read_value(&r, &v));
		CHECK(n < 3 && str_is(key, keys[n]) && str_is(v, values[n]));
	}
	CHECK_INT(n, 3);
	CHECK(!r.failed);
	CHECK(json_read_end(&r));
}

static size_t
count_elements(struct str text)
{
	struct json_reader r;
	struct json_level l;
	struct str none, v;
	size_t n = 0;

	json_reader_init(&r, text, 99, &e);
	CHECK_INT(json_read_peek(&r), '[');
	CHECK(json_read_open(&r, &l));
	for (; json_read_next(&r, &l, &none); n++)
		CHECK(json_read_value(&r, &v));
	return r.failed ? 1000 : n;
}

TEST(a_reader_hands_out_elements_and_empty_arrays_have_none)
{
	CHECK_INT(count_elements(STR("[1, \"x\", [], {}]")), 4);
	CHECK_INT(count_elements(STR(" [ ] ")), 0);
	CHECK_INT(count_elements(STR("[1 2]")), 1000);
	CHECK_CSTR(e.text, "not JSON: ',' or ']' expected at byte 3");
}

TEST(a_reader_tells_what_is_behind_the_value)
{
	struct json_reader r;
	struct str v;

	json_reader_init(&r, STR("{} x"), 99, &e);
	CHECK(json_read_value(&r, &v));
	CHECK_STR(v, "{}");
	CHECK(!json_read_end(&r));
	CHECK_HAS(e.text, "something behind the value at byte 3");
}

TEST(strings_are_decoded)
{
	struct arena *a = arena_new();

	CHECK_STR(
	    json_text_string(STR("\"\\ud83d\\ude00\\n\\/\\u0061\""), a), "\xf0\x9f\x98\x80\n/a");
	CHECK_STR(json_text_string(STR("\"\""), a), "");
	CHECK_STR(json_text_string(STR("12"), a), "");
	CHECK_STR(json_text_decode(STR("\\u0061b"), a), "ab");
	arena_free(a);
}

TEST(what_is_written_is_read_back)
{
	static const char *const texts[] = { "", "plain", "a\"b\\c", "\x01\x1f\t\n", "caf\xc3\xa9",
		"\xf0\x9f\x98\x80 and more than eight bytes" };
	struct arena *a = arena_new();
	char line[512];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct str text = str_of(texts[i]);
		size_t n = json_text_write(line + 1, text);

		line[0] = line[n + 1] = '"';
		CHECK(n <= JSON_WRITE_FACTOR * text.n);
		CHECK(json_check((struct str){ line, n + 2 }, &e));
		CHECK_STR(json_text_string((struct str){ line, n + 2 }, a), texts[i]);
	}
	line[json_text_write(line, STR("a\xff\xc3(\xed\xa0\x80"))] = '\0';
	CHECK_CSTR(line, "a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	arena_free(a);
}

TEST(a_tree_is_read_changed_and_printed)
{
	struct arena *a = arena_new();
	struct json *j = json_parse(STR("{\"p\":{\"n\":[{\"id\":\"x\"}]},\"Q\":true}"), a, &e);
	int64_t n;

	CHECK(j != NULL);
	CHECK_STR(json_text(json_get(json_first(json_at(j, "p.n")), "id")), "x");
	CHECK(json_get(j, "q") == NULL);
	CHECK(json_true(json_get_nocase(j, STR("q"))));
	json_set_int(j, "k", 7, a);
	json_set_cstr(json_path(j, "p"), "n", "gone", a);
	json_remove(j, "Q");
	CHECK_STR(json_print(j, a), "{\"p\":{\"n\":\"gone\"},\"k\":7}");
	CHECK(json_int(json_get(j, "k"), &n));
	CHECK_INT(n, 7);
	arena_free(a);
}

TEST(absent_nodes_are_harmless)
{
	struct arena *a = arena_new();

	CHECK(json_at(NULL, "a.b") == NULL);
	CHECK_STR(json_text(NULL), "");
	CHECK_INT(json_count(NULL), 0);
	CHECK(json_first(NULL) == NULL);
	CHECK_STR(json_print(NULL, a), "null");
	arena_free(a);
}

TEST(text_that_is_not_utf8_is_mended_when_written)
{
	struct arena *a = arena_new();

	CHECK_STR(json_print(json_string(STR("a\xff\"b"), a), a), "\"a\xef\xbf\xbd\\\"b\"");
	arena_free(a);
}

TEST(a_number_that_is_not_whole_is_no_integer)
{
	struct arena *a = arena_new();
	int64_t n;

	CHECK(!json_int(json_parse(STR("1.5"), a, &e), &n));
	CHECK(!json_int(json_parse(STR("1e300"), a, &e), &n));
	CHECK(!json_int(json_parse(STR("\"1\""), a, &e), &n));
	arena_free(a);
}

TEST(a_nul_does_not_end_a_text_early)
{
	struct arena *a = arena_new();

	CHECK_STR(json_text(json_string((struct str){ "a\0b", 3 }, a)), "a\xef\xbf\xbd"
									"b");
	arena_free(a);
}

/* 2^60 steps, when each level looks at the next one twice. */
TEST(deep_trees_are_compared_at_once)
{
	struct arena *a = arena_new();
	struct json *x = json_object(a), *outer;

	for (int i = 0; i < 60; i++) {
		outer = json_object(a);
		json_set(outer, "in", x, a);
		x = outer;
	}
	CHECK(json_equal(x, json_copy(x, a)));
	arena_free(a);
}

TEST(a_tree_with_a_name_twice_equals_its_copy)
{
	struct arena *a = arena_new();
	struct json *x = json_parse(STR("{\"a\":1,\"a\":2,\"b\":[1,{}]}"), a, &e);

	CHECK(json_equal(x, json_copy(x, a)));
	CHECK(!json_equal(x, json_parse(STR("{\"a\":2,\"b\":[1,{}]}"), a, &e)));
	CHECK(!json_equal(x, json_parse(STR("{\"a\":1,\"b\":[1]}"), a, &e)));
	CHECK(!json_equal(x, json_parse(STR("{\"a\":1,\"b\":[1,{}],\"c\":3}"), a, &e)));
	arena_free(a);
}
