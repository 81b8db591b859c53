/*
 * Lists of values in files: their grammar, their mistakes, and what a condition with in_file makes
 * of them.
 */
#include "judge_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/cidr.h"
#include "core/matcher.h"

#define ASKS(field) "rules: [{name: r, actions: [{notify: soc}], match: {" field ": l/a.txt}}]"

static int64_t
at(const char *time)
{
	int64_t ms = 0;

	CHECK(clock_parse(str_of(time), &ms));
	return ms;
}

static void
check_line(const char *line, const char *words)
{
	list_text = line;
	CHECK(rules_of(ASKS("severity|in_file")) == NULL);
	CHECK_HAS(complaints(), words);
}

static enum answer
ask(const char *condition, const char *list)
{
	char match[100];

	list_text = list;
	snprintf(match, sizeof(match), "{%s|in_file: l/a.txt}", condition);
	return judge(match, ATTACK);
}

TEST(a_line_is_a_value_a_date_and_a_comment)
{
	static const char list[] = "# all of it a comment\n"
				   "\n"
				   "  low \t# a comment\r\n"
				   "a value with blanks   until 2026-12-31   # pentest, Ann\n"
				   "a#b\n"
				   "C:\\Temp\\*\n"
				   "\"quoted # until \"\"now\"\"\" until 2027-01-31T18:00:00Z\n"
				   "until 2026-12-31\n"
				   "runtil until 2026-12-31#\n"
				   "last";
	struct source src = { "l/a.txt", str_of(list) };
	struct value_list l;
	struct diags d;

	arena_free(arena);
	arena = arena_new();
	diags_init(&d, arena);
	CHECK(!value_list_parse(&src, STR("a.txt"), 0, arena, &l, &d)); /* of the 9th line */
	CHECK_INT(d.errors, 1);
	CHECK_STR(d.list[1].text,
	    "behind 'until' stands a date such as 2026-12-31 or "
	    "2026-12-31T18:00:00Z; a value that has this word in it is put into "
	    "double quotes");
	CHECK_INT(d.list[1].line, 9);
	CHECK_INT(d.list[1].col, 14);
	CHECK_INT(l.n, 7);
	CHECK_STR(l.entries[0].value, "low");
	CHECK_STR(l.entries[0].comment, "a comment");
	CHECK_INT(l.entries[0].line, 3);
	CHECK(l.entries[0].until_ms == INT64_MAX);
	CHECK_STR(l.entries[1].value, "a value with blanks");
	CHECK_STR(l.entries[1].until, "2026-12-31");
	CHECK_STR(l.entries[1].comment, "pentest, Ann");
	CHECK(l.entries[1].until_ms == at("2027-01-01T00:00:00Z"));
	CHECK_STR(l.entries[2].value, "a#b");
	CHECK_STR(l.entries[3].value, "C:\\Temp\\*");
	CHECK_STR(l.entries[4].value, "quoted # until \"now\"");
	CHECK(l.entries[4].until_ms == at("2027-01-31T18:00:00Z"));
	CHECK_STR(l.entries[5].value, "until 2026-12-31"); /* no value would stand before it */
	CHECK_STR(l.entries[6].value, "last");
}

TEST(a_mistake_of_a_list_is_told_at_its_place)
{
	check_line("ok\nx until tomorrow", "./l/a.txt:2:9: error: behind 'until' stands a date");
	check_line("x until 2026-02-30", "a.txt:1:9: error: behind 'until' stands a date");
	check_line("x until", "a.txt:1:8: error: behind 'until' stands a date");
	check_line("\"x", "a.txt:1:1: error: the quote is not closed");
	check_line("\"x\"y", "a.txt:1:4: error: behind the quote a blank was expected");
	check_line("\"x\" y", "a.txt:1:5: error: 'until DATE', '# comment' or the end of the line");
	check_line("x until 2026-12-31 y", "a.txt:1:20: error: 'until DATE', '# comment'");
	check_line("\"\"", "a.txt:1:3: error: an empty value");
	check_line("\u00e9\u00e9\x01", "a.txt:1:3: error: a control character");
	check_line("a\xff", "a.txt:1:2: error: not UTF-8");
	check_line(NULL, "r.yaml:1:71: error: there is no ./l/a.txt");
	list_text = "10.0.0.0/8\nten.0.0.0\n";
	CHECK(rules_of(ASKS("x|cidr|in_file")) == NULL);
	CHECK_HAS(complaints(), "a.txt:2:1: error: 'ten.0.0.0' is no address range such as");
}

TEST(what_goes_with_in_file_is_checked)
{
	list_text = "x\n";
	CHECK(rules_of(ASKS("x|re|in_file")) == NULL);
	CHECK_HAS(complaints(), "'in_file' goes with contains, startswith, endswith and cidr, not "
				"with 're'");
	CHECK(rules_of(ASKS("x|all|in_file")) == NULL);
	CHECK_HAS(complaints(), "'all' does not go with 'in_file'");
	CHECK(rules_of(ASKS("x|contains|cased|in_file")) == NULL);
	CHECK_HAS(complaints(), "'cased' does not go with 'contains' and 'in_file'");
	CHECK(rules_of("rules: [{name: r, actions: [{notify: soc}], match: {x|in_file: ''}}]") ==
	      NULL);
	CHECK_HAS(complaints(), "'in_file' takes the name of a file");
}

TEST(a_field_is_looked_for_in_a_list)
{
	CHECK_INT(ask("severity", "low\nhigh\n"), ANSWER_YES);
	CHECK_INT(ask("severity", "low\nhi\nhighest\n"), ANSWER_NO);
	CHECK_INT(ask("severity|cased", "high\n"), ANSWER_NO);
	CHECK_INT(ask("severity|cased", "High\n"), ANSWER_YES);
	CHECK_INT(ask("severity", "Hi*\n"), ANSWER_NO); /* no wildcards */
	CHECK_INT(ask("alertType|startswith", "sql_\nvm_\n"), ANSWER_YES);
	CHECK_INT(ask("alertType|startswith", "sql_\nsuspicious\n"), ANSWER_NO);
	CHECK_INT(ask("alertType|startswith|cased", "vm_\n"), ANSWER_NO);
	CHECK_INT(ask("alertType|endswith", "access\nProcess\n"), ANSWER_YES);
	CHECK_INT(ask("alertType|endswith", "VM_\n"), ANSWER_NO);
	CHECK_INT(ask("alertType|contains", "sql\nPROC\n"), ANSWER_YES);
	CHECK_INT(ask("alertType|contains", "sql\nx\n"), ANSWER_NO);
	CHECK_INT(ask("entities.address", "10.1.2.3\n"), ANSWER_YES);
	CHECK_INT(ask("entities.address|cidr", "192.0.2.0/24\n10.1.2.3/8\n"), ANSWER_YES);
	CHECK_INT(ask("entities.address|cidr", "192.0.2.0/24\n10.1.2.4\n"), ANSWER_NO);
	CHECK_INT(ask("entities.v6|cidr", "2001:db8::/32\n"), ANSWER_YES);
	CHECK_INT(ask("entities.v6|cidr", "::/0\n"), ANSWER_YES);
	CHECK_INT(ask("entities.v6|cidr", "0.0.0.0/0\n"), ANSWER_NO);
	CHECK_INT(ask("entities.name|cidr", "10.0.0.0/8\n"), ANSWER_UNSURE);
	CHECK_INT(ask("nowhere", "x\n"), ANSWER_NO);
	CHECK_INT(ask("severity", "# nothing\n"), ANSWER_NO);
	CHECK_HAS(complaints(), "warning: the list has no values: nothing is in it");
}

TEST(the_line_that_said_yes_is_in_the_trace)
{
	CHECK_INT(ask("entities.address|cidr",
		      "198.51.100.0/24\n203.0.113.0/24 until 2026-12-31 # pentest, Ann\n"),
	    ANSWER_YES);
	CHECK_STR(verdict[0].lines[0].wanted, "a range of l/a.txt");
	CHECK_STR(verdict[0].lines[0].note, "l/a.txt:2 until 2026-12-31: pentest, Ann");
	CHECK_INT(ask("severity", "High\n"), ANSWER_YES);
	CHECK_STR(verdict[0].lines[0].wanted, "a line of l/a.txt");
	CHECK_STR(verdict[0].lines[0].note, "l/a.txt:1");
	CHECK_INT(ask("severity", "Low\n"), ANSWER_NO);
	CHECK_STR(verdict[0].lines[0].note, "");
}

TEST(a_value_holds_to_the_end_of_its_last_day)
{
	static const char list[] = "high until 2026-12-31 # for the move\n";

	rules_now_ms = at("2026-12-31T23:59:59Z");
	CHECK_INT(ask("severity", list), ANSWER_YES);
	rules_now_ms = at("2027-01-01T00:00:00Z");
	CHECK_INT(ask("severity", list), ANSWER_NO);
	CHECK_STR(verdict[0].lines[0].note, "l/a.txt:1 ended 2026-12-31: for the move");
	CHECK_INT(ask("severity", "high until 2027-01-01T00:00:00Z\n"), ANSWER_NO);
	CHECK_INT(ask("severity", "high until 2027-01-01T00:00:01Z\n"), ANSWER_YES);
	CHECK_INT(ask("alertType|startswith", "v until 2026-01-01\nvm\n"), ANSWER_YES);
	CHECK_INT(ask("alertType|startswith", "v\nvm until 2026-01-01\n"), ANSWER_YES);
	CHECK_INT(ask("alertType|contains", "process\nproc until 2026-01-01\n"), ANSWER_YES);
	CHECK_INT(
	    ask("entities.address|cidr", "10.0.0.0/8\n10.1.0.0/16 until 2026-01-01\n"), ANSWER_YES);
	CHECK_INT(ask("severity", "high until 2026-01-01\nHIGH\n"), ANSWER_YES);
	CHECK_INT(ask("severity", "HIGH\nhigh until 2026-01-01\n"), ANSWER_YES);
	rules_now_ms = 0;
}

TEST(an_end_is_warned_of_before_and_after_it)
{
	static const char list[] = "a\nhigh until 2026-12-31\n";
	static const struct {
		const char *now, *words;
	} cases[] = {
		{ "2026-12-17T23:59:00Z", NULL },
		{ "2026-12-18T00:00:01Z", "./l/a.txt:2:1: warning: 'high' holds until 2026-12-31, "
					  "less than 14 days more" },
		{ "2026-12-31T12:00:00Z", "'high' holds until 2026-12-31, less than 1 day more" },
		{ "2027-01-01T00:00:00Z",
		    "./l/a.txt:2:1: warning: 'high' does not hold any more: it ended 2026-12-31" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rules_now_ms = at(cases[i].now);
		CHECK_INT(ask("severity", list),
		    cases[i].words != NULL && strstr(cases[i].words, "ended") != NULL ? ANSWER_NO
										      : ANSWER_YES);
		if (cases[i].words == NULL)
			CHECK_STR(str_of(complaints()), "");
		else
			CHECK_HAS(complaints(), cases[i].words);
	}
	rules_now_ms = 0;
}

TEST(what_is_odd_in_a_list_is_warned_of)
{
	ask("severity", "a\nb until 2026-12-31\nB\n");
	CHECK_HAS(complaints(), "a.txt:3:1: warning: 'B' is in line 2 too; the later end counts");
	ask("severity", "a\na\n");
	CHECK_HAS(complaints(), "a.txt:2:1: warning: 'a' is in line 1 too\n");
	ask("severity", "10.0.*\n");
	CHECK_HAS(complaints(), "a.txt:1:1: warning: '*' is no wildcard in a list");
}

TEST(a_list_is_part_of_the_version_of_the_rules_and_known_to_who_watches_files)
{
	struct rules *r;
	char *first;

	list_text = "a\n";
	r = rules_of(ASKS("severity|in_file"));
	CHECK_INT(rules_lists(r), 1);
	CHECK_STR(rules_list(r, 0), "./l/a.txt");
	first = xstrndup(rules_hash(r));
	rules_free(r);
	list_text = "b\n";
	r = rules_of(ASKS("severity|in_file"));
	CHECK(!str_is(rules_hash(r), first));
	free(first);
	rules_free(r);
}

/* ---- a set says what asking each value would ---- */

static bool
holds_by_hand(const struct value_list *l, enum list_way way, struct str text)
{
	struct cidr c;

	for (size_t i = 0; i < l->n; i++) {
		struct str v = l->entries[i].value;

		if (l->entries[i].until_ms <= 5)
			continue;
		if ((way == LIST_WHOLE && str_eq_nocase(v, text)) ||
		    (way == LIST_FRONT && str_starts_nocase(text, v)) ||
		    (way == LIST_END && str_ends_nocase(text, v)) ||
		    (way == LIST_INSIDE && str_has_nocase(text, v)) ||
		    (way == LIST_RANGE && cidr_parse(v, &c) && cidr_holds(&c, text) == ANSWER_YES))
			return true;
	}
	return false;
}

static struct str
random_text(enum list_way way, bool value)
{
	char text[16];
	size_t n = (size_t)rand() % 6 + 1;

	if (way == LIST_RANGE)
		return value ? arena_printf(arena, "10.%d.%d.%d/%d", rand() % 4, rand() % 4,
				   rand() % 256, rand() % 33)
			     : arena_printf(
				   arena, "10.%d.%d.%d", rand() % 4, rand() % 4, rand() % 256);
	for (size_t i = 0; i < n; i++)
		text[i] = "abAB"[rand() % 4];
	return arena_str(arena, (struct str){ text, n });
}

TEST(a_set_answers_as_asking_each_value_would)
{
	int yes = 0, no = 0;

	srand(5);
	arena_free(arena);
	arena = arena_new();
	for (int round = 0; round < 500; round++) {
		enum list_way way = (enum list_way)(rand() % 5);
		struct list_entry entries[20];
		struct value_list l = { STR("l"), entries, (size_t)rand() % 20 };
		struct source src = { "l", STR_EMPTY };
		struct value_set *s;
		struct diags d;

		for (size_t i = 0; i < l.n; i++)
			entries[i] = (struct list_entry){ .value = random_text(way, true),
				.until_ms = rand() % 3 == 0 ? 5 : 6 };
		diags_init(&d, arena);
		s = value_set_new(&l, &src, way, false, &d);
		CHECK(s != NULL);
		for (int i = 0; i < 20; i++) {
			struct str text = random_text(way, false);
			struct list_hit hit = { NULL, NULL };
			int64_t work = CONDITION_WORK_MAX;
			bool want = holds_by_hand(&l, way, text);

			CHECK_INT(
			    value_set_ask(s, text, 5, &work, &hit), want ? ANSWER_YES : ANSWER_NO);
			yes += want;
			no += !want;
		}
		value_set_free(s);
	}
	CHECK(yes > 1000 && no > 1000);
}

TEST(a_hundred_thousand_values_are_a_list_like_another)
{
	struct buf text;

	buf_init(&text, 4 * 1024 * 1024);
	for (int i = 0; i < 100000; i++)
		buf_printf(&text, "11.%d.%d.%d\n", i / 65536, i / 256 % 256, i % 256);
	CHECK_INT(ask("entities.address", buf_cstr(&text)), ANSWER_NO);
	CHECK_INT(ask("entities.address|cidr", buf_cstr(&text)), ANSWER_NO);
	buf_add_cstr(&text, "10.1.2.3\n");
	CHECK_INT(ask("entities.address", buf_cstr(&text)), ANSWER_YES);
	CHECK_INT(ask("entities.address|cidr", buf_cstr(&text)), ANSWER_YES);
	buf_reset(&text);
	for (int i = 0; i <= LIST_LINES_MAX; i++)
		buf_add_cstr(&text, "x\n");
	check_line(buf_cstr(&text), "a.txt:200001:1: error: more than 200000 values");
	buf_done(&text);
}
