#include <inttypes.h>

#include "cmd/cmd.h"

static const struct option_row options[] = { { "output", 'o', true }, { "config", 'c', true },
	{ "socket", 'S', true }, { NULL, 0, false } };

static struct str
text_at(const struct json *j, const char *name)
{
	return json_text(json_get(j, name));
}

static void
print_list(const struct json *rows, enum format format)
{
	static const struct column columns[] = { { "VERSION", "version", 0, false },
		{ "FIRST", "first", 0, false }, { "LAST", "last", 0, false },
		{ "IN FORCE", "in_force", 0, false }, { "BYTES", "bytes", 0, false } };

	output_rows(rows, columns, sizeof(columns) / sizeof(columns[0]), format);
	if (json_count(rows) == 0)
		fputs("no rules have decided anything yet\n", stderr);
}

/* Each file behind a line with its name: what it was, to be read or compared. */
static void
print_files(const struct json *version)
{
	const struct json *files = json_get(version, "files");

	for (const struct json *f = json_first(files); f != NULL; f = json_next(f)) {
		struct str text = text_at(f, "text");

		fputs("# file: ", stdout);
		output_text(stdout, text_at(f, "name"));
		putchar('\n');
		for (struct str line; str_next(&text, '\n', &line);) {
			if (text.n == 0 && line.n == 0)
				break;
			output_text(stdout, line);
			putchar('\n');
		}
	}
	if (json_count(files) == 0)
		fputs("the text of this version is not kept: it was too much\n", stderr);
}

static int
rules(const char *socket, const char *config, const char *version, enum format format,
    struct arena *a)
{
	struct json *question = json_object(a);
	const struct json *result;
	int code;

	json_set_cstr(question, "command", version == NULL ? "rules.list" : "rules.show", a);
	if (version != NULL)
		json_set_cstr(question, "version", version, a);
	result = client_ask(socket, config, question, a, &code);
	if (result == NULL)
		return code;
	if (version == NULL)
		print_list(result, format);
	else if (format == FORMAT_TABLE)
		print_files(result);
	else
		output_object(result, format == FORMAT_TSV ? FORMAT_JSON : format, a);
	return EXIT_OK;
}

static int
run(const struct command *self, int argc, char **argv)
{
	const char *config = NULL, *socket = NULL, *value;
	enum format format = FORMAT_TABLE;
	struct arena *a;
	int key, code, n;
	bool shows;

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
	n = argc - options_end();
	shows = n == 2 && str_is(str_of(argv[options_end()]), "show");
	if (n != 0 && !shows && !(n == 1 && str_is(str_of(argv[options_end()]), "list")))
		return usage_error(self, "takes list, or show and a version");
	a = arena_new();
	code = rules(socket, config, shows ? argv[options_end() + 1] : NULL, format, a);
	arena_free(a);
	return code;
}

const struct command cmd_rules = {
	.name = "rules",
	.summary = "which versions of the rules decided alerts, and what they said",
	.usage = "[list | show VERSION] [OPTION]...\n"
		 "\n"
		 "'gridwarden alerts show' names the version that decided an alert.\n"
		 "\n"
		 "  -o, --output FORMAT  table, json, yaml or tsv\n"
		 "  -c, --config FILE    settings that name the daemon's socket\n"
		 "      --socket PATH    the daemon's socket\n",
	.run = run,
};
