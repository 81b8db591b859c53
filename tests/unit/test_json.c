#include <stdio.h>

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

TEST(members_are_walked_as_they_stand)
{
	struct str text = STR(" { \"a\" : 1.50 , \"b\":[1,{\"c\":\"}\\\"\"}] ,\"d\":null}"), key, v;
	size_t at = 0;

	CHECK(json_check(text, &e));
	CHECK(json_text_member(text, &at, &key, &v));
	CHECK_STR(key, "a");
	CHECK_STR(v, "1.50");
	CHECK(json_text_member(text, &at, &key, &v));
	CHECK_STR(key, "b");
	CHECK_STR(v, "[1,{\"c\":\"}\\\"\"}]");
	CHECK(json_text_member(text, &at, &key, &v));
	CHECK_STR(v, "null");
	CHECK(!json_text_member(text, &at, &key, &v));
}

TEST(elements_are_walked_and_empty_ones_have_none)
{
	struct str text = STR("[1, \"x\", [], {}]"), v;
	size_t at = 0, n = 0;

	while (json_text_element(text, &at, &v))
		n++;
	CHECK_INT(n, 4);
	CHECK_STR(v, "{}");
	at = 0;
	CHECK(!json_text_element(STR(" [ ] "), &at, &v));
	at = 0;
	CHECK(!json_text_element(STR("[]"), &at, &v));
}

TEST(names_and_strings_are_decoded)
{
	struct arena *a = arena_new();
	struct str v;

	CHECK(json_text_find(STR("{\"x\":0,\"\\u0061b\":\"\\ud83d\\ude00\\n\\/\"}"), "ab", &v));
	CHECK_STR(json_text_string(v, a), "\xf0\x9f\x98\x80\n/");
	CHECK(!json_text_find(STR("{\"AB\":1}"), "ab", &v));
	CHECK_STR(json_text_string(STR("12"), a), "");
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
