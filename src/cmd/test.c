/*
 * The tests in the rule files, run as the daemon runs them before it puts rules in force.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/trace_print.h"
#include "daemon/load.h"
#include "test_coverage.h"

#define WRITTEN "(in the rule file)"

struct test {
	struct settings *settings; /* NULL when only rules were named */
	struct rules *rules;
	struct rule_tests tests;
	const char *rule; /* only of this one; NULL = all */
	bool coverage;
	int64_t required; /* percent; 0 = any */
	enum format format;
	struct arena *arena;
};

/* Without a letter; 1000 and 1001 are taken. */
#define COVERAGE 1002
#define REQUIRE 1003

static const struct option_row options[] = { { "output", 'o', true }, { "config", 'c', true },
	{ "rules", 'r', true }, { "rule", 'R', true }, { "coverage", COVERAGE, false },
	{ "require-coverage", REQUIRE, true }, { NULL, 0, false } };

/* ---- as JSON ---- */

static struct json *
condition_json(const struct trace_line *line, struct arena *a)
{
	struct json *j = json_object(a);

	if (line->selection.n > 0)
		json_set_str(j, "selection", line->selection, a);
	json_set_str(j, "field", line->field, a);
	json_set_str(j, "wanted", line->wanted, a);
	json_set_str(j, "seen", line->seen, a);
	json_set_cstr(j, "answer", answer_name(line->answer), a);
	if (line->problem.n > 0)
		json_set_str(j, "problem", line->problem, a);
	return j;
}

/* What a table has in one column. */
static struct str
text_of(const struct rule_test_outcome *o, struct arena *a)
{
	if (o->state == RULE_TEST_FAILED)
		return arena_printf(a, "expected: %.*s; happened: %.*s", STR_ARG(o->expected),
		    STR_ARG(o->happened));
	return o->problem;
}

static struct json *
outcome_json(const struct rule_test_outcome *o, struct arena *a)
{
	bool at_alert = o->state == RULE_TEST_UNUSABLE;
	struct json *j = json_object(a), *conditions = json_array(a);

	json_set_str(j, "file", o->rule->file, a);
	json_set_int(j, "line", at_alert ? o->test->alert_line : o->test->line, a);
	json_set_int(j, "column", at_alert ? o->test->alert_col : o->test->col, a);
	json_set_str(j, "rule", o->rule->name, a);
	json_set_cstr(j, "result", rule_test_state_name(o->state), a);
	json_set_str(j, "alert", o->alert.n == 0 ? STR(WRITTEN) : o->alert, a);
	json_set_str(j, "text", text_of(o, a), a);
	if (o->state != RULE_TEST_FAILED)
		return j;
	json_set_str(j, "expected", o->expected, a);
	json_set_str(j, "happened", o->happened, a);
	for (size_t i = 0; i < o->n_decided; i++)
		json_add(conditions, condition_json(&o->decided[i], a), a);
	json_set(j, "conditions", conditions, a);
	return j;
}

static bool
is_meant(const struct test *t, const struct rule_test_outcome *o)
{
	return t->rule == NULL || str_is(o->rule->name, t->rule);
}

static struct json *
tests_json(const struct test *t)
{
	struct json *list = json_array(t->arena);

	for (size_t i = 0; i < t->tests.n; i++)
		if (is_meant(t, &t->tests.list[i]))
			json_add(list, outcome_json(&t->tests.list[i], t->arena), t->arena);
	return list;
}

static int64_t
count(const struct test *t, enum rule_test_state state)
{
	int64_t n = 0;

	for (size_t i = 0; i < t->tests.n; i++)
		n += t->tests.list[i].state == state && is_meant(t, &t->tests.list[i]);
	return n;
}

static struct json *
report_json(const struct test *t, struct json *tests, struct json *coverage)
{
	static const char *const names[RULE_TEST_STATES] = { "passed", "failed", "unusable",
		"left_out", "skipped" };
	struct json *j = json_object(t->arena);

	for (int s = 0; s < RULE_TEST_STATES; s++)
		json_set_int(j, names[s], count(t, (enum rule_test_state)s), t->arena);
	json_set(j, "tests", tests, t->arena);
	if (coverage != NULL)
		json_set(j, "coverage", coverage, t->arena);
	return j;
}

/* ---- for people ---- */

static struct str
text_at(const struct json *j, const char *name)
{
	return json_text(json_get(j, name));
}

static void
print_place(const struct json *j)
{
	int64_t line = 0, column = 0;

	json_int(json_get(j, "line"), &line);
	json_int(json_get(j, "column"), &column);
	output_text(stdout, text_at(j, "file"));
	printf(":%" PRId64 ":%" PRId64 ": ", line, column);
}

static void
print_line(const char *title, struct str text)
{
	printf("  %-9s ", title);
	output_text(stdout, text);
	putchar('\n');
}

/* As explain does. */
static void
print_condition(const struct json *c, struct arena *a)
{
	printf("  %-9s ", arena_cstr(a, text_at(c, "answer")));
	trace_print_phrase(c);
	fputs("; saw ", stdout);
	output_text(stdout, text_at(c, "seen"));
	if (text_at(c, "problem").n > 0) {
		fputs(" (", stdout);
		output_text(stdout, text_at(c, "problem"));
		putchar(')');
	}
	putchar('\n');
}

static void
print_test(const struct json *j, struct arena *a)
{
	struct str result = text_at(j, "result");

	if (str_is(result, rule_test_state_name(RULE_TEST_PASSED)) ||
	    str_is(result, rule_test_state_name(RULE_TEST_SKIPPED)))
		return;
	print_place(j);
	output_text(stdout, result);
	fputs(": ", stdout);
	output_text(stdout, text_at(j, "rule"));
	fputs(" on ", stdout);
	output_text(stdout, text_at(j, "alert"));
	putchar('\n');
	if (json_get(j, "expected") == NULL) {
		print_line("because", text_at(j, "text"));
		return;
	}
	print_line("expected", text_at(j, "expected"));
	print_line("happened", text_at(j, "happened"));
	for (const struct json *c = json_first(json_get(j, "conditions")); c != NULL;
	     c = json_next(c))
		print_condition(c, a);
}

static void
print_coverage(const struct json *coverage, struct arena *a)
{
	struct json *rows = coverage_rows(coverage, a);

	for (const struct json *r = json_first(rows); r != NULL; r = json_next(r)) {
		print_place(r);
		output_text(stdout, text_at(r, "result"));
		fputs(": ", stdout);
		output_text(stdout, text_at(r, "text"));
		if (!str_eq(text_at(r, "text"), text_at(r, "rule"))) {
			fputs("  [", stdout);
			output_text(stdout, text_at(r, "rule"));
			putchar(']');
		}
		putchar('\n');
	}
}

static void
say_summary(const struct test *t, const struct json *coverage)
{
	int64_t passed = count(t, RULE_TEST_PASSED), all = 0, n = 0, seen = 0, percent = 0;

	for (int s = 0; s < RULE_TEST_STATES; s++)
		all += count(t, (enum rule_test_state)s);
	fprintf(stderr, "%" PRId64 " test%s: %" PRId64 " passed", all, all == 1 ? "" : "s", passed);
	for (int s = RULE_TEST_FAILED; s < RULE_TEST_STATES; s++)
		if (count(t, (enum rule_test_state)s) > 0)
			fprintf(stderr, ", %" PRId64 " %s", count(t, (enum rule_test_state)s),
			    rule_test_state_name((enum rule_test_state)s));
	fputc('\n', stderr);
	if (coverage == NULL)
		return;
	json_int(json_get(coverage, "answers"), &n);
	json_int(json_get(coverage, "answers_seen"), &seen);
	json_int(json_get(coverage, "percent"), &percent);
	fprintf(stderr,
	    "coverage %" PRId64 " %%: of the yes and no of each condition, %" PRId64 " of %" PRId64
	    " were seen\n",
	    percent, seen, n);
}

static void
print(const struct test *t, struct json *coverage)
{
	static const struct column columns[] = { { "FILE", "file", 0, false },
		{ "LINE", "line", 0, false }, { "COLUMN", "column", 0, false },
		{ "RULE", "rule", 0, false }, { "RESULT", "result", 0, false },
		{ "TEXT", "text", 0, false } };
	struct json *tests = tests_json(t);

	if (t->format == FORMAT_TSV) {
		struct json *rows = coverage == NULL ? NULL : coverage_rows(coverage, t->arena);

		for (const struct json *r = json_first(rows); r != NULL; r = json_next(r))
			json_add(tests, json_copy(r, t->arena), t->arena);
		output_rows(tests, columns, sizeof(columns) / sizeof(columns[0]), FORMAT_TSV);
	} else if (t->format != FORMAT_TABLE) {
		output_object(report_json(t, tests, coverage), t->format, t->arena);
	} else {
		for (const struct json *j = json_first(tests); j != NULL; j = json_next(j))
			print_test(j, t->arena);
		if (coverage != NULL)
			print_coverage(coverage, t->arena);
	}
	fflush(stdout); /* what follows is on the other stream */
	say_summary(t, coverage);
}

/* ---- the command ---- */

static bool
has_rule(const struct test *t)
{
	for (size_t i = 0; i < rules_count(t->rules); i++)
		if (is_meant(t, &(struct rule_test_outcome){ .rule = rules_at(t->rules, i) }))
			return true;
	return false;
}

static int
run_tests(struct test *t)
{
	struct json *coverage = NULL;
	int64_t percent = 100;

	if (!has_rule(t) && t->rule != NULL) {
		fprintf(stderr, "gridwarden test: there is no rule '%s'\n", t->rule);
		return EXIT_NOT_FOUND;
	}
	rule_tests_run(t->rules, t->settings, INT64_MAX, t->arena, &t->tests);
	if (t->coverage) {
		coverage = coverage_json(t->rules, &t->tests, t->arena);
		json_int(json_get(coverage, "percent"), &percent);
	}
	print(t, coverage);
	if (percent < t->required)
		fprintf(stderr, "that is less than the %" PRId64 " %% that are required\n",
		    t->required);
	return count(t, RULE_TEST_FAILED) + count(t, RULE_TEST_UNUSABLE) +
			       count(t, RULE_TEST_LEFT_OUT) >
			   0 ||
		       percent < t->required
		   ? EXIT_FAILED
		   : EXIT_OK;
}

static bool
is_there(const char *path, int *code)
{
	if (path == NULL || access(path, F_OK) == 0)
		return true;
	fprintf(stderr, "gridwarden test: %s: %s\n", path, strerror(errno));
	*code = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
	return false;
}

static int
load_and_run(struct test *t, const char *config, const char *rules)
{
	struct diags d;
	int code = EXIT_FAILED;

	if (!is_there(config, &code) || !is_there(rules, &code))
		return code;
	diags_init(&d, t->arena);
	if (config != NULL)
		t->settings = load_settings(config, t->arena, &d);
	if (rules == NULL && t->settings != NULL)
		rules = arena_cstr(t->arena, t->settings->rules);
	if (rules != NULL)
		t->rules = load_rules(rules, t->settings, t->arena, &d);
	if (d.errors == 0)
		return run_tests(t);
	mistakes_show(&d);
	return EXIT_FAILED;
}

static int
run(const struct command *self, int argc, char **argv)
{
	struct test t = { .format = FORMAT_TABLE };
	const char *config = NULL, *rules = NULL, *value;
	int key, code;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key == 'c')
			config = value;
		else if (key == 'r')
			rules = value;
		else if (key == 'R')
			t.rule = value;
		else if (key == COVERAGE)
			t.coverage = true;
		else if (key == REQUIRE && str_to_int(str_of(value), 0, 100, &t.required))
			t.coverage = true;
		else if (key == REQUIRE)
			return usage_error(
			    self, "--require-coverage takes 0 to 100, not '%s'", value);
		else if (key != 'o' || !format_parse(self, value, &t.format))
			return EXIT_USAGE;
	}
	if (argc - options_end() > 1 || (config != NULL && options_end() < argc))
		return usage_error(self, "takes one settings file");
	if (options_end() < argc)
		config = argv[options_end()];
	if (config == NULL && rules == NULL)
		config = CONFIG_DEFAULT;
	t.arena = arena_new();
	code = load_and_run(&t, config, rules);
	rules_free(t.rules);
	settings_free(t.settings);
	arena_free(t.arena);
	return code;
}

const struct command cmd_test = {
	.name = "test",
	.summary = "run the tests in the rule files",
	.usage =
	    "[FILE] [OPTION]...\n"
	    "\n"
	    "Runs the tests of the rules that the settings FILE names; with --rules alone those,\n"
	    "without guards.  Shows each that fails with its place, what was expected, what "
	    "happened,\n"
	    "and the conditions that decided, and ends with 1.  The daemon refuses rules of which "
	    "a\n"
	    "test fails.\n"
	    "\n"
	    "  -c, --config FILE         settings (default " CONFIG_DEFAULT ")\n"
	    "  -r, --rules PATH          a rule file or folder in place of the one in the "
	    "settings\n"
	    "      --rule NAME           only the tests of this rule\n"
	    "      --coverage            also which rules and conditions no test reaches\n"
	    "      --require-coverage N  the same, and end with 1 below N percent\n"
	    "  -o, --output FORMAT       table, json, yaml or tsv\n"
	    "      --no-color\n",
	.run = run,
};
