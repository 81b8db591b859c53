/*
 * The running daemon reads its settings, rules, keys and certificate again, and says what it found.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/cmd.h"

static const struct option_row options[] = { { "output", 'o', true }, { "config", 'c', true },
	{ "socket", 'S', true }, { NULL, 0, false } };

static struct str
text_at(const struct json *j, const char *path)
{
	return json_text(json_at(j, path));
}

static void
print_change(const struct json *result, const char *what, struct arena *a)
{
	struct str old = text_at(result, arena_printf(a, "%s.old", what).p);
	struct str new = text_at(result, arena_printf(a, "%s.new", what).p);

	if (str_eq(old, new))
		printf("%-9s %.*s, as before\n", what, STR_ARG(new));
	else
		printf("%-9s %.*s, before %.*s\n", what, STR_ARG(new), STR_ARG(old));
}

static void
print_taken(const struct json *result, struct arena *a)
{
	int64_t rules = 0, tests = 0;

	json_int(json_get(result, "count"), &rules);
	json_int(json_get(result, "tests"), &tests);
	print_change(result, "settings", a);
	print_change(result, "rules", a);
	fflush(stdout);
	fprintf(stderr, "reloaded: %" PRId64 " rule%s", rules, rules == 1 ? "" : "s");
	if (tests > 0)
		fprintf(stderr, ", %" PRId64 " test%s", tests, tests == 1 ? " passes" : "s pass");
	fputc('\n', stderr);
}

/* The mistakes as check prints them; what is no mistake in a file has only its reason. */
static void
print_refused(const struct json *answer)
{
	struct str shown = text_at(answer, "report.shown");

	fwrite(shown.p, 1, shown.n, stdout);
	fflush(stdout);
	fputs("gridwarden: not reloaded, the old configuration stays in force: ", stderr);
	output_text(stderr, text_at(answer, "error"));
	fputc('\n', stderr);
}

static int
ask(const char *socket, const char *config, enum format format, struct arena *a)
{
	struct json *question = json_object(a), *shown;
	const struct json *answer;
	int code;

	json_set_cstr(question, "command", "reload", a);
	answer = client_talk(socket, config, question, -1, a, &code);
	if (answer == NULL)
		return code;
	if (format != FORMAT_TABLE) {
		shown = json_copy(answer, a);
		json_remove(json_member(shown, "report"), "shown");
		output_object(shown, format == FORMAT_TSV ? FORMAT_JSON : format, a);
	} else if (code == EXIT_OK) {
		print_taken(json_get(answer, "result"), a);
	} else {
		print_refused(answer);
	}
	return code == EXIT_OK ? EXIT_OK : EXIT_FAILED;
}

static int
run(const struct command *self, int argc, char **argv)
{
	const char *config = NULL, *socket = NULL, *value;
	enum format format = FORMAT_TABLE;
	struct arena *a;
	int key, code;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key == 'c')
			config = value;
		else if (key == 'S')
			socket = value;
		else if (key != 'o' || !format_parse(self, value, &format))
			return EXIT_USAGE;
	}
	if (options_end() != argc)
		return usage_error(self, "takes no argument");
	a = arena_new();
	code = ask(socket, config, format, a);
	arena_free(a);
	return code;
}

const struct command cmd_reload = {
	.name = "reload",
	.summary = "let the daemon read settings, rules, keys and certificate again",
	.usage = "[OPTION]...\n"
		 "\n"
		 "Prints the versions of settings and rules that are in force now; or every "
		 "mistake, as\n"
		 "check does, and ends with 1: then all of the old stays in force.\n"
		 "\n"
		 "  -o, --output FORMAT  table, json or yaml\n"
		 "  -c, --config FILE    settings that name the daemon's socket\n"
		 "      --socket PATH    the daemon's socket\n",
	.run = run,
};
