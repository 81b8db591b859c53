/*
 * What came out, for people: the verdict first, then what changes by resource, whom it tells, what
 * budgets hold back, which rules say nothing.  Long lists end with how much they leave out; -o json
 * has all of it.
 */
#include <inttypes.h>
#include <string.h>

#include "backtest.h"

#define RESOURCES_SHOWN 40
#define RULES_SHOWN 40
#define THEN_SHOWN 10
#define THEN_CASES 2

static struct str
text_at(const struct json *j, const char *path)
{
	return json_text(json_at(j, path));
}

static int64_t
number_at(const struct json *j, const char *path)
{
	int64_t n = 0;

	json_int(json_at(j, path), &n);
	return n;
}

static void
more(size_t all, size_t shown, const char *what)
{
	if (all > shown)
		printf("  ... and %zu %s more, see -o json\n", all - shown, what);
}

/* ---- resources ---- */

/* "done by isolate-vm", "refused by isolate-vm (protected by ...)" */
static void
print_side(const struct json *side)
{
	printf("%.*s", STR_ARG(text_at(side, "effect")));
	if (text_at(side, "rule").n > 0) {
		fputs(" by ", stdout);
		output_text(stdout, text_at(side, "rule"));
	}
	if (text_at(side, "reason").n > 0) {
		fputs(" (", stdout);
		output_text(stdout, text_at(side, "reason"));
		putchar(')');
	}
}

static void
print_case(const struct json *c, const char *before, const char *after)
{
	printf(
	    "      alert %" PRId64 ", %.*s, ", number_at(c, "id"), STR_ARG(text_at(c, "received")));
	output_text(stdout, text_at(c, "name"));
	printf("\n        %s: ", before);
	print_side(json_get(c, "before"));
	printf("; %s: ", after);
	print_side(json_get(c, "after"));
	puts(json_true(json_get(c, "other_parameters")) ? ", with other parameters" : "");
}

static void
print_cases(const struct json *row, size_t most, const char *before, const char *after)
{
	size_t all = (size_t)number_at(row, "differ"), shown = 0;

	for (const struct json *c = json_first(json_get(row, "alerts")); c != NULL && shown < most;
	     c = json_next(c), shown++)
		print_case(c, before, after);
	if (all > shown)
		printf("      ... and %zu more\n", all - shown);
}

/* "3 done, 1 refused" */
static struct str
effects_words(const struct json *effects, struct arena *a)
{
	struct str words = json_first(effects) == NULL ? STR("nothing") : STR_EMPTY;

	for (const struct json *e = json_first(effects); e != NULL; e = json_next(e)) {
		int64_t n = 0;

		json_int(e, &n);
		words = arena_printf(a, "%.*s%s%" PRId64 " %.*s", STR_ARG(words),
		    words.n == 0 ? "" : ", ", n, STR_ARG(json_name(e)));
	}
	return words;
}

static void
print_resource(const struct json *row, struct arena *a)
{
	struct str change = text_at(row, "change");

	printf("  %s %.*s ",
	    str_is(change, "added")	? "+"
	    : str_is(change, "removed") ? "-"
					: "~",
	    STR_ARG(text_at(row, "action")));
	output_text(stdout, text_at(row, "target"));
	putchar('\n');
	if (json_count(json_get(row, "alerts")) < (size_t)number_at(row, "differ")) {
		printf("      in all now: %.*s; new: %.*s\n",
		    STR_ARG(effects_words(json_get(row, "before"), a)),
		    STR_ARG(effects_words(json_get(row, "after"), a)));
	}
	print_cases(row, DIFFERENCE_CASES_MAX, "now", "new");
}

static void
print_resources(const struct json *report, struct arena *a)
{
	const struct json *rows = json_get(report, "actions");
	size_t shown = 0;

	if (json_count(rows) == 0)
		return;
	puts("\nWhat would be done otherwise (+ only by the new rules, - no longer, ~ otherwise)");
	for (const struct json *r = json_first(rows); r != NULL && shown < RESOURCES_SHOWN;
	     r = json_next(r), shown++)
		print_resource(r, a);
	more(json_count(rows), shown, "resources");
}

/* ---- messages, budgets ---- */

static bool
compares(const struct json *report)
{
	return json_true(json_get(report, "compares"));
}

/* What is new is behind, and left out when nothing new is tried. */
static void
print_rows(const struct json *rows, const struct column *columns, size_t n, size_t n_now,
    const struct json *report)
{
	output_rows(rows, columns, compares(report) ? n : n_now, FORMAT_TABLE);
}

static void
print_messages(const struct json *report)
{
	static const struct column columns[] = { { "ACTION", "action", 0, false },
		{ "TO", "target", 0, false }, { "RULE", "rule", 40, false },
		{ "NOW", "before", 0, false }, { "A DAY", "before_a_day", 0, false },
		{ "NEW", "after", 0, false }, { "A DAY", "after_a_day", 0, false } };
	const struct json *rows = json_get(report, "messages");

	if (json_count(rows) == 0)
		return;
	puts("\nWhom it would tell");
	print_rows(rows, columns, sizeof(columns) / sizeof(columns[0]), 5, report);
}

static void
print_budgets(const struct json *report)
{
	static const struct column columns[] = { { "WHY", "reason", 0, false },
		{ "RULE", "rule", 40, false }, { "NOW", "before", 0, false },
		{ "NEW", "after", 0, false } };
	const struct json *rows = json_get(report, "budgets");

	if (json_count(rows) == 0)
		return;
	puts("\nWhat budgets and cooldowns would hold back");
	print_rows(rows, columns, sizeof(columns) / sizeof(columns[0]), 3, report);
}

/* ---- rules ---- */

/* Asked for by the new rules, and not once with a yes or unsure. */
static bool
never_fires(const struct json *rule)
{
	return json_get(rule, "after") != NULL && number_at(rule, "after") == 0 &&
	       number_at(rule, "after_unsure") == 0 && !str_is(text_at(rule, "mode"), "off");
}

static bool
says_something(const struct json *rule)
{
	return number_at(rule, "before") + number_at(rule, "after") +
		   number_at(rule, "before_unsure") + number_at(rule, "after_unsure") >
	       0;
}

static void
print_fired(const struct json *report, struct arena *a)
{
	static const struct column columns[] = { { "RULE", "rule", 40, false },
		{ "FIRES NOW", "before", 0, false }, { "UNSURE", "before_unsure", 0, false },
		{ "FIRES NEW", "after", 0, false }, { "UNSURE", "after_unsure", 0, false } };
	const struct json *rules = json_get(report, "rules");
	struct json *list = json_array(a);
	size_t n = 0;

	for (const struct json *r = json_first(rules); r != NULL; r = json_next(r))
		if (says_something(r) && n++ < RULES_SHOWN)
			json_add(list, json_copy(r, a), a);
	if (n == 0)
		return;
	puts("\nRules");
	print_rows(list, columns, sizeof(columns) / sizeof(columns[0]), 3, report);
	more(n, RULES_SHOWN, "rules");
}

static void
print_never(const struct json *report)
{
	const struct json *rules = json_get(report, "rules");
	size_t n = 0;

	for (const struct json *r = json_first(rules); r != NULL; r = json_next(r)) {
		if (!never_fires(r))
			continue;
		if (n++ == 0)
			puts("\nRules that would not have fired once");
		if (n > RULES_SHOWN)
			continue;
		fputs("  ", stdout);
		output_text(stdout, text_at(r, "rule"));
		fputs("  (", stdout);
		output_text(stdout, text_at(r, "file"));
		printf(":%" PRId64 ")\n", number_at(r, "line"));
	}
	more(n, RULES_SHOWN, "rules");
}

/* ---- what was decided then, and what is left out ---- */

static void
print_then(const struct json *report)
{
	const struct json *then = json_get(report, "then"), *rows = json_get(then, "actions");
	int64_t differ = number_at(then, "events_decided_otherwise");
	int64_t others = number_at(then, "events_by_other_rules");
	size_t shown = 0;

	if (differ == 0 && others == 0)
		return;
	puts("\nWhat was decided then");
	printf("  %" PRId64 " of %" PRId64
	       " events were decided by other rules than those in force now.\n",
	    others, number_at(report, "events"));
	if (differ == 0)
		puts("  Today's rules, settings and program would decide all of them as then.");
	else
		printf("  Today's rules, settings and program would decide %" PRId64
		       " otherwise than then:\n",
		    differ);
	for (const struct json *r = json_first(rows); r != NULL && shown < THEN_SHOWN;
	     r = json_next(r), shown++) {
		printf("    %.*s ", STR_ARG(text_at(r, "action")));
		output_text(stdout, text_at(r, "target"));
		putchar('\n');
		print_cases(r, THEN_CASES, "then", "today");
	}
	more(json_count(rows), shown, "resources");
}

static void
print_left_out(const struct json *report)
{
	static const struct {
		const char *name, *what;
	} rows[] = { { "unreadable", "that nobody can read" },
		{ "refused", "that the lists of auth do not name" },
		{ "damaged", "that ended the program and are not looked into" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (number_at(report, rows[i].name) > 0)
			printf("%s%" PRId64 " events %s were left out.\n", i == 0 ? "\n" : "",
			    number_at(report, rows[i].name), rows[i].what);
	if (number_at(report, "left_out") > 0)
		printf("%" PRId64
		       " times something was counted for no resource: there are more than %d.\n",
		    number_at(report, "left_out"), DIFFERENCE_ROWS_MAX);
}

static void
print_table(const struct json *report, struct arena *a)
{
	output_text(stdout, text_at(report, "verdict"));
	putchar('\n');
	if (compares(report))
		print_resources(report, a);
	print_messages(report);
	print_budgets(report);
	print_fired(report, a);
	print_never(report);
	print_then(report);
	print_left_out(report);
}

/* ---- lines for programs ---- */

static void
set_side(struct json *line, const char *name, const struct json *value, struct arena *a)
{
	if (json_is(value, JSON_OBJECT))
		json_set_str(line, name, effects_words(value, a), a);
	else if (value != NULL)
		json_set(line, name, json_copy(value, a), a);
}

static void
add_line(struct json *lines, const char *kind, const struct json *row, const char *what,
    const char *where, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_cstr(j, "kind", kind, a);
	json_set_str(j, "what", text_at(row, what), a);
	json_set_str(j, "where", text_at(row, where), a);
	json_set_str(j, "rule", text_at(row, "rule"), a);
	set_side(j, "before", json_get(row, "before"), a);
	set_side(j, "after", json_get(row, "after"), a);
	json_add(lines, j, a);
}

static void
print_lines(const struct json *report, struct arena *a)
{
	static const struct column columns[] = { { "KIND", "kind", 0, false },
		{ "WHAT", "what", 0, false }, { "WHERE", "where", 0, false },
		{ "RULE", "rule", 0, false }, { "BEFORE", "before", 0, false },
		{ "AFTER", "after", 0, false } };
	static const struct {
		const char *list, *kind, *what, *where;
	} parts[] = { { "actions", "action", "action", "target" },
		{ "messages", "message", "action", "target" },
		{ "budgets", "budget", "reason", "" }, { "rules", "rule", "mode", "" } };
	struct json *lines = json_array(a);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (const struct json *r = json_first(json_get(report, parts[i].list)); r != NULL;
		     r = json_next(r))
			add_line(lines, parts[i].kind, r, parts[i].what, parts[i].where, a);
	output_rows(lines, columns, sizeof(columns) / sizeof(columns[0]), FORMAT_TSV);
}

void
backtest_print(const struct json *report, enum format format, struct arena *a)
{
	if (format == FORMAT_TABLE)
		print_table(report, a);
	else if (format == FORMAT_TSV)
		print_lines(report, a);
	else
		output_object(report, format, a);
}
