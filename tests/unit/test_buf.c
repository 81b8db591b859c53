#include "base/buf.h"

#include <stdlib.h>

#include "test.h"

TEST(text_is_appended_in_order)
{
	struct buf b;

	buf_init(&b, 100);
	CHECK_CSTR(buf_cstr(&b), "");
	CHECK_STR(buf_str(&b), "");
	buf_add(&b, STR("a"));
	buf_add_cstr(&b, "bc");
	buf_add_char(&b, 'd');
	buf_printf(&b, "-%d-%s", 7, "e");
	CHECK_CSTR(buf_cstr(&b), "abcd-7-e");
	CHECK_STR(buf_str(&b), "abcd-7-e");
	CHECK(!buf_over(&b));
	buf_done(&b);
}

TEST(a_text_may_hold_zero_bytes)
{
	struct buf b;

	buf_init(&b, 100);
	buf_add(&b, STR("a\0b"));
	buf_add_char(&b, '\0');
	CHECK_INT(buf_str(&b).n, 4);
	CHECK(memcmp(buf_str(&b).p, "a\0b\0", 5) == 0);
	buf_done(&b);
}

TEST(a_buffer_grows_up_to_its_ceiling_exactly)
{
	struct buf b;

	buf_init(&b, 5000);
	for (int i = 0; i < 5000; i++)
		buf_add_char(&b, 'x');
	CHECK(!buf_over(&b));
	CHECK_INT(buf_str(&b).n, 5000);
	CHECK_INT(strlen(buf_cstr(&b)), 5000);
	buf_add_char(&b, 'x');
	CHECK(buf_over(&b));
	CHECK_INT(buf_str(&b).n, 5000);
	buf_done(&b);
}

TEST(over_the_ceiling_nothing_more_is_stored)
{
	struct buf b;

	buf_init(&b, 4);
	buf_add_cstr(&b, "ab");
	buf_add_cstr(&b, "cde");
	CHECK(buf_over(&b));
	buf_add_cstr(&b, "c");
	buf_printf(&b, "%d", 1);
	CHECK(buf_over(&b));
	CHECK_CSTR(buf_cstr(&b), "ab");
	buf_done(&b);
}

TEST(printed_text_counts_against_the_ceiling)
{
	struct buf b;

	buf_init(&b, 4);
	buf_printf(&b, "%s", "abcd");
	CHECK(!buf_over(&b));
	buf_reset(&b);
	buf_printf(&b, "%s", "abcde");
	CHECK(buf_over(&b));
	CHECK_CSTR(buf_cstr(&b), "");
	buf_done(&b);
}

TEST(a_reset_buffer_is_empty_and_may_be_filled_again)
{
	struct buf b;

	buf_init(&b, 3);
	buf_add_cstr(&b, "abcd");
	buf_reset(&b);
	CHECK(!buf_over(&b));
	buf_add_cstr(&b, "abc");
	CHECK_CSTR(buf_cstr(&b), "abc");
	buf_reset(&b);
	CHECK_CSTR(buf_cstr(&b), "");
	buf_done(&b);
}

TEST(a_finished_buffer_keeps_only_its_ceiling)
{
	struct buf b;

	buf_init(&b, 3);
	buf_add_cstr(&b, "abc");
	buf_done(&b);
	CHECK_STR(buf_str(&b), "");
	buf_add_cstr(&b, "abcd");
	CHECK(buf_over(&b));
	buf_done(&b);
	buf_done(&b);
}

TEST(taken_text_belongs_to_the_caller)
{
	struct buf b;
	char *text, *empty;

	buf_init(&b, 10);
	buf_add_cstr(&b, "abc");
	text = buf_take(&b);
	empty = buf_take(&b);
	buf_add_cstr(&b, "xyz");
	CHECK_CSTR(text, "abc");
	CHECK_CSTR(empty, "");
	CHECK_CSTR(buf_cstr(&b), "xyz");
	free(text);
	free(empty);
	buf_done(&b);
}
