#include "core/text.h"
#include "test.h"

static struct arena *a;

static struct str
tame(const char *text, size_t max)
{
	if (a == NULL)
		a = arena_new();
	return text_tame(str_of(text), max, a);
}

TEST(plain_text_stays_as_it_is)
{
	CHECK_STR(tame("/bin/sh -c 'id' & C:\\Temp\\a.exe #1 *x* _y_", 256),
	    "/bin/sh -c 'id' & C:\\Temp\\a.exe #1 *x* _y_");
	CHECK_STR(tame("Übermäßig 日本語 😀", 256), "Übermäßig 日本語 😀");
	CHECK_STR(tame("", 256), "");
}

TEST(control_characters_are_left_out)
{
	CHECK_STR(tame("a\x01\x1b[31mb\x7f"
		       "c\xc2\x9b"
		       "d",
		      256),
	    "a[31mbcd");
}

TEST(a_nul_does_not_end_the_text)
{
	a = a == NULL ? arena_new() : a;
	CHECK_STR(text_tame(STR("a\0b"), 256, a), "ab");
}

TEST(white_space_of_any_kind_is_one_blank)
{
	CHECK_STR(tame("  a\r\n\t b\xc2\xa0\xe2\x80\xa8\xe3\x80\x80"
		       "c \n",
		      256),
	    "a b c");
	CHECK_STR(tame(" \n\t ", 256), "");
}

TEST(bidirectional_and_zero_width_characters_are_left_out)
{
	/* "exe" turned round by a right-to-left override, then the rest of their kind */
	CHECK_STR(tame("photo\xe2\x80\xae"
		       "gpj.exe",
		      256),
	    "photogpj.exe");
	CHECK_STR(tame("a\xe2\x80\x8b\xe2\x80\x8c\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f"
		       "b\xe2\x81\xa0\xe2\x81\xa6\xe2\x81\xa9\xef\xbb\xbf"
		       "c\xd8\x9c\xc2\xad"
		       "d\xf3\xa0\x81\x81"
		       "e",
		      256),
	    "abcde");
}

TEST(what_is_not_utf8_is_shown_as_such)
{
	CHECK_STR(tame("a\xff"
		       "b\xc3",
		      256),
	    "a\xef\xbf\xbd"
	    "b\xef\xbf\xbd");
	CHECK_STR(tame("\xc0\xaf\xed\xa0\x80", 256),
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(what_a_chat_client_would_act_on_is_broken_up)
{
	CHECK_STR(tame("<at>SOC</at> <AT id=1>", 256), "< at>SOC< /at> < at id=1>");
	CHECK_STR(tame("[click](https://evil.example)", 256), "[click] (hxxps://evil.example)");
	CHECK_STR(tame("HTTP://evil.example", 256), "hxxp://evil.example");
	CHECK_STR(tame("{{DATE(2026-01-01T00:00:00Z)}} {{{", 256),
	    "{ {DATE(2026-01-01T00:00:00Z)}} { { {");
}

TEST(hidden_characters_do_not_save_a_mention)
{
	CHECK_STR(tame("<\xe2\x80\x8b"
		       "at>x",
		      256),
	    "< at>x");
	CHECK_STR(tame("]\x01(", 256), "] (");
}

TEST(a_long_text_loses_its_tail)
{
	char text[1001] = { 0 };

	CHECK_STR(tame("abcdefghij", 10), "abcdefghij");
	CHECK_STR(tame("abcdefghijk", 10), "abcdefg...");
	CHECK_STR(tame("ääääääääääk", 10), "äääääää...");
	memset(text, 'x', 1000);
	CHECK_INT(tame(text, 256).n, 256);
	CHECK_STR(tame("abc", 0), "...");
}
