#include "base/str.h"

#include "test.h"

TEST(absent_text_is_empty_and_never_null)
{
	CHECK(str_of(NULL).p != NULL);
	CHECK_INT(str_of(NULL).n, 0);
	CHECK_STR(str_of("abc"), "abc");
	CHECK(str_eq(STR_EMPTY, STR("")));
}

TEST(letters_fold_and_nothing_else_does)
{
	CHECK(str_eq_nocase(STR("Microsoft.Compute"), STR("MICROSOFT.compute")));
	CHECK(!str_eq_nocase(STR("a"), STR("ab")));
	CHECK(!str_eq_nocase(STR("@"), STR("`")));
	CHECK(!str_eq_nocase(STR("["), STR("{")));
	CHECK(!str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
	CHECK(!str_eq(STR("a"), STR("A")));
	CHECK(str_is(STR("a"), "a"));
	CHECK(!str_is(STR("ab"), "a"));
	CHECK(str_is_nocase(STR("HIGH"), "High"));
	CHECK(str_eq(STR("a\0b"), STR("a\0b")));
	CHECK(!str_eq(STR("a\0b"), STR("a\0c")));
}

TEST(parts_of_a_text_are_found_without_case)
{
	CHECK(str_starts_nocase(STR("Bearer x"), STR("bearer ")));
	CHECK(!str_starts_nocase(STR("Bear"), STR("bearer")));
	CHECK(str_ends_nocase(STR("10-vm.YAML"), STR(".yaml")));
	CHECK(!str_ends_nocase(STR("yaml"), STR(".yaml")));
	CHECK(str_has_nocase(STR("Suspicious Process Executed"), STR("process")));
	CHECK(str_has_nocase(STR("abc"), STR("C")));
	CHECK(!str_has_nocase(STR("abc"), STR("abcd")));
	CHECK(str_has_nocase(STR("abc"), STR("")));
	CHECK(str_starts_nocase(STR(""), STR("")));
}

TEST(texts_are_ordered_by_bytes_then_length)
{
	CHECK(str_cmp(STR("a"), STR("b")) < 0);
	CHECK(str_cmp(STR("b"), STR("a")) > 0);
	CHECK(str_cmp(STR("a"), STR("ab")) < 0);
	CHECK(str_cmp(STR("ab"), STR("a")) > 0);
	CHECK_INT(str_cmp(STR("ab"), STR("ab")), 0);
	CHECK(str_cmp(STR("a"), STR("\xc3")) < 0);
}

TEST(white_space_is_trimmed_at_both_ends_only)
{
	CHECK_STR(str_trim(STR(" \t a b\r\n")), "a b");
	CHECK_STR(str_trim(STR(" \r\n")), "");
	CHECK_STR(str_trim(STR("")), "");
}

TEST(a_slice_never_leaves_its_text)
{
	CHECK_STR(str_slice(STR("abcdef"), 2, 4), "cd");
	CHECK_STR(str_slice(STR("abc"), 1, 99), "bc");
	CHECK_STR(str_slice(STR("abc"), 5, 9), "");
	CHECK_STR(str_slice(STR("abc"), 2, 1), "");
}

TEST(splitting_hands_out_every_field_once)
{
	struct str rest = STR("a,,b,"), field;

	CHECK(str_next(&rest, ',', &field));
	CHECK_STR(field, "a");
	CHECK(str_next(&rest, ',', &field));
	CHECK_STR(field, "");
	CHECK(str_next(&rest, ',', &field));
	CHECK_STR(field, "b");
	CHECK(str_next(&rest, ',', &field));
	CHECK_STR(field, "");
	CHECK(!str_next(&rest, ',', &field));
	CHECK(!str_next(&rest, ',', &field));
}

TEST(the_empty_text_has_one_field)
{
	struct str rest = STR_EMPTY, field = STR("before");

	CHECK(str_next(&rest, ',', &field));
	CHECK_STR(field, "");
	CHECK(!str_next(&rest, ',', &field));
}

TEST(whole_numbers_are_read_within_their_range)
{
	int64_t n = 7;

	CHECK(str_to_int(STR("0"), 0, 9, &n) && n == 0);
	CHECK(str_to_int(STR("-12"), -20, 20, &n) && n == -12);
	CHECK(str_to_int(STR("999999999999999999"), 0, INT64_MAX, &n) && n == 999999999999999999);
	n = 7;
	CHECK(!str_to_int(STR("10"), 0, 9, &n));
	CHECK(!str_to_int(STR("-1"), 0, 9, &n));
	CHECK(!str_to_int(STR(""), 0, 9, &n));
	CHECK(!str_to_int(STR("-"), -9, 9, &n));
	CHECK(!str_to_int(STR("+1"), 0, 9, &n));
	CHECK(!str_to_int(STR(" 1"), 0, 9, &n));
	CHECK(!str_to_int(STR("1x"), 0, 9, &n));
	CHECK(!str_to_int(STR("1.0"), 0, 9, &n));
	CHECK(!str_to_int(STR("9999999999999999999999"), INT64_MIN, INT64_MAX, &n));
	CHECK_INT(n, 7);
}

TEST(durations_have_units)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "250ms", 250 }, { "30s", 30000 }, { "5m", 300000 }, { "8h", 28800000 },
		{ "2d", 172800000 }, { "0s", 0 } };
	struct err e;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int64_t ms = -1;

		CHECK_OK(str_to_duration_ms(str_of(good[i].text), &ms, &e));
		CHECK_INT(ms, good[i].ms);
	}
}

TEST(a_duration_without_a_unit_is_refused)
{
	int64_t ms = 7;
	struct err e;

	CHECK(!str_to_duration_ms(STR("30"), &ms, &e));
	CHECK_CSTR(e.text, "'30' has no unit, write 30s, 5m, 8h or 2d");
	CHECK(!str_to_duration_ms(STR("30 s"), &ms, &e));
	CHECK(!str_to_duration_ms(STR("1w"), &ms, &e));
	CHECK(!str_to_duration_ms(STR("-5s"), &ms, &e));
	CHECK_CSTR(e.text, "'-5s' is not a duration, write 30s, 5m, 8h or 2d");
	CHECK(!str_to_duration_ms(STR(""), &ms, &e));
	CHECK(!str_to_duration_ms(STR("10000000000d"), &ms, &e));
	CHECK_INT(ms, 7);
}

TEST(the_nearest_name_is_suggested_and_nothing_far)
{
	static const char *const names[] = { "isolate_vm", "enable_jit", "notify", "tag" };

	CHECK_CSTR(str_nearest(STR("isolat_vm"), names, 4), "isolate_vm");
	CHECK_CSTR(str_nearest(STR("isolate-VM"), names, 4), "isolate_vm");
	CHECK_CSTR(str_nearest(STR("noitfy"), names, 4), "notify");
	CHECK_CSTR(str_nearest(STR("tga"), names, 4), "tag");
	CHECK_CSTR(str_nearest(STR("notify"), names, 4), "notify");
	CHECK(str_nearest(STR("reboot"), names, 4) == NULL);
	CHECK(str_nearest(STR("x"), names, 4) == NULL);
	CHECK(str_nearest(STR(""), names, 4) == NULL);
	CHECK(
	    str_nearest(STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
		names, 4) == NULL);
}

TEST(utf8_is_well_formed_or_it_is_not_utf8)
{
	static const struct {
		struct str bytes;
		size_t length;
	} cases[] = {
		{ STR("a"), 1 },
		{ STR("\x7f"), 1 },
		{ STR("\xc2\x80"), 2 },
		{ STR("\xdf\xbf"), 2 },
		{ STR("\xe0\xa0\x80"), 3 },
		{ STR("\xed\x9f\xbf"), 3 },
		{ STR("\xef\xbf\xbf"), 3 },
		{ STR("\xf0\x90\x80\x80"), 4 },
		{ STR("\xf4\x8f\xbf\xbf"), 4 },
		{ STR("\xc3\xa9 and more"), 2 },
		{ STR(""), 0 },
		{ STR("\x80"), 0 },	/* a tail alone */
		{ STR("\xc0\xaf"), 0 }, /* overlong '/' */
		{ STR("\xc1\xbf"), 0 },
		{ STR("\xe0\x9f\xbf"), 0 },
		{ STR("\xf0\x8f\xbf\xbf"), 0 },
		{ STR("\xed\xa0\x80"), 0 },	/* a surrogate */
		{ STR("\xf4\x90\x80\x80"), 0 }, /* above U+10FFFF */
		{ STR("\xf5\x80\x80\x80"), 0 },
		{ STR("\xff"), 0 },
		{ STR("\xc3"), 0 }, /* cut off */
		{ STR("\xe2\x82"), 0 },
		{ STR("\xe2\x82("), 0 },
		{ STR("\xf0\x9f\x98("), 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_INT(utf8_sequence(cases[i].bytes), cases[i].length);
}

TEST(secrets_are_compared_whole)
{
	CHECK(str_eq_secret(STR("abc"), STR("abc")));
	CHECK(!str_eq_secret(STR("abc"), STR("abd")));
	CHECK(!str_eq_secret(STR("abc"), STR("ab")));
	CHECK(!str_eq_secret(STR("abc"), STR("abcd")));
	CHECK(!str_eq_secret(STR("abc"), STR("ABC")));
	CHECK(str_eq_secret(STR(""), STR("")));
}

TEST(a_question_mark_in_a_pattern_is_one_character)
{
	CHECK(str_fits_nocase(STR("gr?n"), STR("gr\xc3\xbcn")));
	CHECK(str_fits_nocase(STR("*?"), STR("\xe2\x82\xac")));
	CHECK(!str_fits_nocase(STR("??"), STR("\xc3\xbc")));
	CHECK(!str_fits_nocase(STR("*??"), STR("\xe2\x82\xac")));
	CHECK(str_fits_nocase(STR("*?n"), STR("\xc3\xbcn\xc3\xbcn")));
	CHECK(str_fits_nocase(STR("?"), STR("\xff")));
}

TEST(a_pattern_fits_without_case)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} cases[] = { { "", "", true }, { "", "a", false }, { "*", "", true }, { "a*", "A", true },
		{ "a?c", "aBC", true }, { "a?c", "ac", false }, { "*b*", "abc", true },
		{ "*bc", "abcabc", true }, { "a*c*e", "abcde", true }, { "a*c*e", "abcd", false },
		{ "?", "", false }, { "**", "x", true }, { "x", "xx", false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_INT(str_fits_nocase(str_of(cases[i].pattern), str_of(cases[i].text)),
		    cases[i].fits);
}

TEST(the_folder_of_a_path_is_in_front_of_its_last_slash)
{
	CHECK_STR(str_folder(STR("/var/lib/inbox")), "/var/lib");
	CHECK_STR(str_folder(STR("state/inbox")), "state");
	CHECK_STR(str_folder(STR("/inbox")), "/");
	CHECK_STR(str_folder(STR("inbox")), ".");
	CHECK_STR(str_folder(STR("")), ".");
}
