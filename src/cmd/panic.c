/*
 * panic: nothing destructive from now on; with --release-all, all machines free again.
 *
 * What is just being done has to come to its end first: a way back that overtook it would free a
 * machine that is cut off a moment later.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/cmd.h"

/* A call to Azure is cut off after this or earlier. */
#define CALLS_MAX_MS 60000

struct request {
	const char *socket, *config;
	enum format format;
	bool end, release_all;
};

static const struct option_row options[] = { { "end", 'E', false }, { "release-all", 'R', false },
	{ "output", 'o', true }, { "socket", 'S', true }, { "config", 'c', true },
	{ NULL, 0, false } };

static int64_t
number(const struct json *answer, const char *name)
{
	int64_t n = 0;

	json_int(json_get(answer, name), &n);
	return n;
}

static const struct json *
say(const struct request *r, bool release_all, struct arena *a, int *code)
{
	struct json *q = json_object(a);

	json_set_cstr(q, "command", r->end ? "panic.end" : "panic", a);
	if (release_all)
		json_set_bool(q, "release_all", true, a);
	return client_ask(r->socket, r->config, q, a, code);
}

/* All that was stopped by the questions together. */
static const struct json *
stop(const struct request *r, int64_t *stopped, struct arena *a, int *code)
{
	int64_t until = clock_mono_ms() + CALLS_MAX_MS;
	const struct json *answer = say(r, false, a, code);

	*stopped = number(answer, "stopped");
	while (answer != NULL && number(answer, "running") > 0 && clock_mono_ms() < until) {
		client_pause();
		answer = say(r, false, a, code);
		*stopped += number(answer, "stopped");
	}
	return answer;
}

static void
print(const struct request *r, const struct json *answer, int64_t stopped, struct arena *a)
{
	size_t releasing = json_count(json_get(answer, "releasing"));

	if (r->format != FORMAT_TABLE) {
		output_object(answer, r->format, a);
		return;
	}
	if (r->end) {
		puts("panic is over: rules act again");
		return;
	}
	printf("panic: no destructive step is begun or goes on; %" PRId64 " stopped", stopped);
	if (number(answer, "running") > 0)
		printf(", %" PRId64 " still under way", number(answer, "running"));
	if (r->release_all)
		printf(", %zu being taken back", releasing);
	puts("\nIt stays so, also after a restart, until: gridwarden panic --end");
}

static int
panic(const struct request *r, struct arena *a)
{
	const struct json *answer;
	int code = EXIT_OK;
	int64_t stopped = 0;

	if (r->end)
		answer = say(r, false, a, &code);
	else
		answer = stop(r, &stopped, a, &code);
	if (answer != NULL && r->release_all)
		answer = say(r, true, a, &code);
	if (answer != NULL)
		print(r, answer, stopped, a);
	return code;
}

static int
run(const struct command *self, int argc, char **argv)
{
	struct request r = { .format = FORMAT_TABLE };
	struct arena *a;
	const char *value;
	int key, code;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key == 'E')
			r.end = true;
		else if (key == 'R')
			r.release_all = true;
		else if (key == 'S')
			r.socket = value;
		else if (key == 'c')
			r.config = value;
		else if (key != 'o' || !format_parse(self, value, &r.format))
			return EXIT_USAGE;
	}
	if (argc != options_end())
		return usage_error(self, "takes no argument");
	if (r.end && r.release_all)
		return usage_error(self, "takes --end or --release-all, not both");
	a = arena_new();
	code = panic(&r, a);
	arena_free(a);
	return code;
}

const struct command cmd_panic = {
	.name = "panic",
	.summary = "stop all destructive steps at once, until it is ended",
	.usage = "[OPTION]...\n"
		 "\n"
		 "      --release-all    take back all that was done: every machine is free again\n"
		 "      --end            rules act again\n"
		 "  -o, --output FORMAT  table, json, yaml or tsv\n"
		 "  -c, --config FILE    settings that name the daemon's socket\n"
		 "      --socket PATH    the daemon's socket\n",
	.run = run,
};
