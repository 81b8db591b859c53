/*
 * release, approve and deny: one id, one answer.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd/cmd.h"

struct one_id {
	const char *socket, *config;
	enum format format;
};

static const struct option_row options[] = { { "output", 'o', true }, { "socket", 'S', true },
	{ "config", 'c', true }, { NULL, 0, false } };

static int
ask(const struct command *self, const struct one_id *o, int64_t id, struct arena *a)
{
	struct json *q = json_object(a);
	const struct json *step;
	int64_t number = 0;
	int code;

	json_set_cstr(q, "command", self->name, a);
	json_set_int(q, "id", id, a);
	step = client_ask(o->socket, o->config, q, a, &code);
	if (step == NULL)
		return code;
	if (o->format != FORMAT_TABLE) {
		output_object(step, o->format, a);
		return EXIT_OK;
	}
	json_int(json_get(step, "id"), &number);
	printf("action %" PRId64 " is %.*s; follow it with: gridwarden actions show %" PRId64 "\n",
	    number, STR_ARG(json_text(json_get(step, "state"))), number);
	return EXIT_OK;
}

static int
run(const struct command *self, int argc, char **argv)
{
	struct one_id o = { NULL, NULL, FORMAT_TABLE };
	struct arena *a;
	const char *value;
	int64_t id;
	int key, code;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key == 'S')
			o.socket = value;
		else if (key == 'c')
			o.config = value;
		else if (key != 'o' || !format_parse(self, value, &o.format))
			return EXIT_USAGE;
	}
	if (argc - options_end() != 1 ||
	    !str_to_int(str_of(argv[options_end()]), 1, INT32_MAX, &id))
		return usage_error(self, "takes the id of one action, see 'gridwarden actions'");
	a = arena_new();
	code = ask(self, &o, id, a);
	arena_free(a);
	return code;
}

#define OPTIONS                                                           \
	"\n"                                                              \
	"  -o, --output FORMAT  table, json, yaml or tsv\n"               \
	"  -c, --config FILE    settings that name the daemon's socket\n" \
	"      --socket PATH    the daemon's socket\n"

const struct command cmd_release = {
	.name = "release",
	.summary = "take an action back: give an isolated machine its network again",
	.usage = "ID [OPTION]...\n" OPTIONS,
	.run = run,
};

const struct command cmd_approve = {
	.name = "approve",
	.summary = "let an action go on that is held for approval",
	.usage = "ID [OPTION]...\n" OPTIONS,
	.run = run,
};

const struct command cmd_deny = {
	.name = "deny",
	.summary = "refuse an action that is held for approval",
	.usage = "ID [OPTION]...\n" OPTIONS,
	.run = run,
};
