#include "cmd/cmd.h"

static int
run(const struct command *self, int argc, char **argv)
{
	static const struct option_row options[] = { { "output", 'o', true }, { NULL, 0, false } };
	enum format format = FORMAT_TABLE;
	struct arena *a;
	struct json *j;
	const char *value;
	int key;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key != 'o' || !format_parse(self, value, &format))
			return EXIT_USAGE;
	}
	if (options_end() != argc)
		return usage_error(self, "takes no argument");
	if (format == FORMAT_TABLE) {
		puts("gridwarden " GRIDWARDEN_VERSION);
		return EXIT_OK;
	}
	a = arena_new();
	j = json_object(a);
	json_set_cstr(j, "name", "gridwarden", a);
	json_set_cstr(j, "version", GRIDWARDEN_VERSION, a);
	output_object(j, format, a);
	arena_free(a);
	return EXIT_OK;
}

const struct command cmd_version = {
	.name = "version",
	.summary = "print the version",
	.usage = "[-o FORMAT]\n"
		 "\n"
		 "  -o, --output FORMAT  table, json, yaml or tsv\n",
	.run = run,
};
