#include <string.h>

#include "cmd/cmd.h"
#include "daemon/load.h"

static const struct option_row options[] = { { "output", 'o', true }, { "config", 'c', true },
	{ "rules", 'r', true }, { NULL, 0, false } };

static void
print(struct diags *d, enum format format, struct arena *a)
{
	static const struct column columns[] = { { "FILE", "file", 0, false },
		{ "LINE", "line", 0, false }, { "COLUMN", "column", 0, false },
		{ "LEVEL", "level", 0, false }, { "TEXT", "text", 0, false } };
	struct str text;

	if (format == FORMAT_TABLE) {
		text = mistakes_text(d, a);
		fwrite(text.p, 1, text.n, stdout);
	} else {
		output_rows(
		    mistakes_json(d, a), columns, sizeof(columns) / sizeof(columns[0]), format);
	}
}

static void
say(size_t n, const char *what)
{
	fprintf(stderr, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

static int
check(const char *config, const char *rules_path, enum format format, struct arena *a)
{
	struct settings *settings = NULL;
	struct rules *rules = NULL;
	struct rule_tests tests;
	struct diags d;
	size_t count, passed = 0;

	diags_init(&d, a);
	if (config != NULL)
		settings = load_settings_and_try(config, a, &d);
	if (rules_path == NULL && settings != NULL)
		rules_path = arena_cstr(a, settings->rules);
	if (rules_path != NULL)
		rules = load_rules_and_test(rules_path, settings, a, &d, &tests);
	if (rules != NULL)
		passed = tests.counts[RULE_TEST_PASSED];
	print(&d, format, a);
	count = rules == NULL ? 0 : rules_count(rules);
	rules_free(rules);
	settings_free(settings);
	if (d.errors == 0) {
		fputs("ok: ", stderr);
		say(count, "rule");
		fputs(passed == 1 ? ", 1 test passes" : "", stderr);
		if (passed > 1)
			fprintf(stderr, ", %zu tests pass", passed);
	} else {
		say(d.errors, "error");
	}
	if (d.errors > 0 || d.warnings > 0) {
		fputs(", ", stderr);
		say(d.warnings, "warning");
	}
	fputc('\n', stderr);
	return d.errors == 0 ? EXIT_OK : EXIT_FAILED;
}

static int
run(const struct command *self, int argc, char **argv)
{
	const char *config = NULL, *rules = NULL, *value;
	enum format format = FORMAT_TABLE;
	struct arena *a;
	int key, code;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key == 'c')
			config = value;
		else if (key == 'r')
			rules = value;
		else if (key != 'o' || !format_parse(self, value, &format))
			return EXIT_USAGE;
	}
	if (argc - options_end() > 1 || (config != NULL && options_end() < argc))
		return usage_error(self, "takes one settings file");
	if (options_end() < argc)
		config = argv[options_end()];
	if (config == NULL && rules == NULL)
		config = CONFIG_DEFAULT;
	a = arena_new();
	code = check(config, rules, format, a);
	arena_free(a);
	return code;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "find every mistake in settings and rules",
	.usage =
	    "[FILE] [OPTION]...\n"
	    "\n"
	    "Checks the settings FILE and the rules it names, and runs their tests; with --rules "
	    "alone\n"
	    "only those rules.\n"
	    "Prints every mistake as file:line:column and ends with 1 when there is one.\n"
	    "\n"
	    "  -c, --config FILE    settings (default " CONFIG_DEFAULT ")\n"
	    "  -r, --rules PATH     a rule file or folder in place of the one in the settings\n"
	    "  -o, --output FORMAT  table, json, yaml or tsv\n"
	    "      --no-color\n",
	.run = run,
};
