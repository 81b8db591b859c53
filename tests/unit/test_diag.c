#include "test.h"

#include <stdio.h>

#include "base/diag.h"

static struct arena *arena;
static struct diags d;
static struct buf out;

static void
start(void)
{
	arena = arena_new();
	diags_init(&d, arena);
	buf_init(&out, 1024 * 1024);
}

static void
finish(void)
{
	buf_done(&out);
	arena_free(arena);
}

static const char *
printed(void)
{
	diags_print(&d, &out);
	return buf_cstr(&out);
}

TEST(a_mistake_is_shown_with_its_place_its_line_and_a_caret)
{
	struct source src = { "rules.d/10-vm.yaml", STR("rules:\n  - isolat_vm: {}\n") };

	start();
	diags_add(&d, DIAG_ERROR, &src, 2, 5, "unknown action '%s'", "isolat_vm");
	CHECK_CSTR(printed(), "rules.d/10-vm.yaml:2:5: error: unknown action 'isolat_vm'\n"
			      "  - isolat_vm: {}\n"
			      "    ^\n");
	finish();
}

TEST(a_mistake_of_the_whole_file_has_no_line)
{
	struct source src = { "a.yaml", STR("a: 1\n") };

	start();
	diags_add(&d, DIAG_ERROR, &src, 0, 0, "the file is too large");
	diags_add(&d, DIAG_ERROR, NULL, 0, 0, "no file at all");
	CHECK_CSTR(printed(), "error: no file at all\na.yaml: error: the file is too large\n");
	finish();
}

TEST(mistakes_are_sorted_by_file_line_and_column_and_stay_in_order_at_one_place)
{
	struct source a = { "a", STR("") }, b = { "b", STR("") };
	const char *text;

	start();
	diags_add(&d, DIAG_ERROR, &b, 9, 1, "sixth");
	diags_add(&d, DIAG_ERROR, &a, 3, 2, "fourth");
	diags_add(&d, DIAG_ERROR, &a, 3, 1, "second");
	diags_add(&d, DIAG_ERROR, &a, 3, 1, "third");
	diags_add(&d, DIAG_WARNING, &a, 2, 7, "first");
	diags_add(&d, DIAG_ERROR, &b, 2, 8, "fifth");
	text = printed();
	CHECK_CSTR(text, "a:2:7: warning: first\na:3:1: error: second\na:3:1: error: third\n"
			 "a:3:2: error: fourth\nb:2:8: error: fifth\nb:9:1: error: sixth\n");
	CHECK_INT(d.errors, 5);
	CHECK_INT(d.warnings, 1);
	finish();
}

TEST(the_caret_stands_below_a_column_counted_in_characters)
{
	struct source src = { "a", STR("n\u00e4me: gr\u00fc\u00dfe x\n") };

	start();
	diags_add(&d, DIAG_ERROR, &src, 1, 13, "x");
	CHECK_CSTR(printed(), "a:1:13: error: x\nn\u00e4me: gr\u00fc\u00dfe x\n            ^\n");
	finish();
}

TEST(a_tab_before_the_place_is_a_tab_above_the_caret)
{
	struct source src = { "a", STR("{\n\t\"a\":\tx}\n") };

	start();
	diags_add(&d, DIAG_ERROR, &src, 2, 7, "x");
	CHECK_CSTR(printed(), "a:2:7: error: x\n\t\"a\":\tx}\n\t    \t^\n");
	finish();
}

TEST(a_place_behind_the_line_gets_its_caret_there)
{
	struct source src = { "a", STR("ab\n") };

	start();
	diags_add(&d, DIAG_ERROR, &src, 1, 3, "x");
	diags_add(&d, DIAG_ERROR, &src, 7, 3, "y");
	CHECK_CSTR(printed(), "a:1:3: error: x\nab\n  ^\na:7:3: error: y\n");
	finish();
}

TEST(lines_end_with_lf_crlf_or_cr)
{
	struct source src = { "a", STR("one\r\ntwo\rthree") };

	start();
	diags_add(&d, DIAG_ERROR, &src, 2, 1, "x");
	diags_add(&d, DIAG_ERROR, &src, 3, 1, "y");
	CHECK_CSTR(printed(), "a:2:1: error: x\ntwo\n^\na:3:1: error: y\nthree\n^\n");
	finish();
}

TEST(a_long_line_is_cut_around_the_caret)
{
	char text[1001];
	struct source src = { "a", { text, 1000 } };
	const char *shown, *caret;

	start();
	memset(text, '.', 1000);
	memcpy(text + 499, "HERE", 4);
	diags_add(&d, DIAG_ERROR, &src, 1, 500, "x");
	shown = strchr(printed(), '\n') + 1;
	caret = strchr(shown, '\n') + 1;
	CHECK(caret - shown < 120);
	CHECK(strncmp(shown, "\u2026", 3) == 0);
	CHECK(strncmp(caret - 4, "\u2026\n", 4) == 0);
	/* The cut mark is one column and three bytes. */
	CHECK_INT(strstr(shown, "HERE") - shown - 2, strchr(caret, '^') - caret);
	finish();
}

TEST(control_characters_never_reach_the_terminal)
{
	struct source src = { "a", STR("a: \x1b[31m\xff\xc2\x9b x\n") };

	start();
	diags_add(&d, DIAG_ERROR, &src, 1, 1, "unknown '%s'", "\x1b]0;x\x07\n");
	CHECK_CSTR(printed(), "a:1:1: error: unknown '?]0;x?\?'\na: ?[31m?\? x\n^\n");
	finish();
}

TEST(a_long_message_loses_its_tail)
{
	char word[2001];
	struct str text;

	start();
	memset(word, 'w', 2000);
	word[2000] = '\0';
	diags_add(&d, DIAG_ERROR, NULL, 0, 0, "unknown key '%s'", word);
	text = d.list[0].text;
	CHECK(text.n < 600);
	CHECK(str_ends_nocase(text, STR("w...")));
	finish();
}

TEST(beyond_the_cap_mistakes_are_counted_and_not_kept)
{
	struct source src = { "a", STR("") };

	start();
	for (int i = 0; i < DIAGS_MAX + 35; i++)
		diags_add(&d, DIAG_ERROR, &src, i + 1, 1, "x");
	CHECK_INT(d.n, DIAGS_MAX);
	CHECK_INT(d.errors, DIAGS_MAX + 35);
	CHECK_HAS(printed(), "a:200:1: error: x\n35 more are not shown\n");
	finish();
}

TEST(the_first_error_stands_for_all)
{
	struct source src = { "a.yaml", STR("") };
	struct err e;

	start();
	diags_add(&d, DIAG_WARNING, &src, 1, 1, "careful");
	diags_add(&d, DIAG_ERROR, &src, 8, 1, "later");
	CHECK(!diags_fail(&d, &e));
	CHECK_CSTR(e.text, "a.yaml:8:1: later");
	CHECK_INT(e.kind, ERR_INPUT);
	diags_add(&d, DIAG_ERROR, &src, 3, 4, "sooner");
	diags_add(&d, DIAG_ERROR, &src, 4, 4, "between");
	CHECK(!diags_fail(&d, &e));
	CHECK_CSTR(e.text, "a.yaml:3:4: sooner (and 2 more)");
	finish();
}
