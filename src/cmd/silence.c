/*
 * silence: hold notifications back for a while, with an owner and a reason.
 *
 * Matchers are looked at here first, so that a slip is shown at its place; the daemon looks again.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "core/silence.h"

struct request {
	const struct command *self;
	const char *socket, *config;
	const char *duration, *until, *start, *reason, *owner;
	bool all;
	enum format format;
	struct arena *arena;
};

static const struct option_row options[] = { { "for", 'f', true }, { "until", 'u', true },
	{ "start", 'T', true }, { "reason", 'r', true }, { "owner", 'O', true },
	{ "all", 'a', false }, { "output", 'o', true }, { "socket", 'S', true },
	{ "config", 'c', true }, { NULL, 0, false } };

static const struct column columns[] = {
	{ "ID", "id", 0, false },
	{ "STATE", "state", 0, false },
	{ "OWNER", "owner", 24, false },
	{ "STARTS", "starts", 0, false },
	{ "ENDS", "ends", 0, false },
	{ "HELD BACK", "held_back", 0, false },
	{ "LAST", "last", 0, false },
	{ "MATCHERS", "matchers", 48, false },
	{ "REASON", "reason", 48, false },
};

static const struct column record[] = {
	{ "TIME", "time", 0, false },
	{ "WHAT", "what", 0, false },
	{ "NAME", "name", 0, false },
	{ "SEAT", "seat", 0, false },
	{ "ENDS", "ends", 0, false },
};

/* ---- what is asked ---- */

static struct json *
question(const struct request *r, const char *command)
{
	struct json *q = json_object(r->arena);

	json_set_cstr(q, "command", command, r->arena);
	return q;
}

static const struct json *
ask(const struct request *r, const struct json *q, int *code)
{
	return client_ask(r->socket, r->config, q, r->arena, code);
}

static int
show(const struct request *r, const struct json *silence)
{
	if (r->format != FORMAT_TABLE) {
		output_object(silence, r->format, r->arena);
		return EXIT_OK;
	}
	output_object(silence, FORMAT_TABLE, r->arena);
	putchar('\n');
	output_rows(
	    json_get(silence, "record"), record, sizeof(record) / sizeof(record[0]), FORMAT_TABLE);
	return EXIT_OK;
}

/* "silence 3 is active until ...; end it with: ..." */
static int
report(const struct request *r, const struct json *silence)
{
	int64_t id = 0;

	if (r->format != FORMAT_TABLE) {
		output_object(silence, r->format, r->arena);
		return EXIT_OK;
	}
	json_int(json_get(silence, "id"), &id);
	printf("silence %" PRId64 " is %.*s", id, STR_ARG(json_text(json_get(silence, "state"))));
	if (str_is(json_text(json_get(silence, "state")), "expired")) {
		puts(": people are told again");
		return EXIT_OK;
	}
	printf(", from %.*s until %.*s\n", STR_ARG(json_text(json_get(silence, "starts"))),
	    STR_ARG(json_text(json_get(silence, "ends"))));
	printf("What is isolated, or waits for approval, is told all the same.  End it with: "
	       "gridwarden silence expire %" PRId64 "\n",
	    id);
	return EXIT_OK;
}

/* ---- times ---- */

static bool
read_time(const struct request *r, const char *option, const char *text, int64_t *ms)
{
	if (clock_parse(str_of(text), ms))
		return true;
	usage_error(r->self, "--%s: '%s' is no time such as 2026-11-29T18:00:00Z", option, text);
	return false;
}

/* From --for or --until: one of them. */
static bool
read_end(const struct request *r, int64_t from_ms, int64_t *ms)
{
	struct err e;

	if ((r->duration == NULL) == (r->until == NULL)) {
		usage_error(r->self, "takes --for or --until%s",
		    r->duration == NULL ? ": no silence is for ever" : ", not both");
		return false;
	}
	if (r->until != NULL)
		return read_time(r, "until", r->until, ms);
	if (!str_to_duration_ms(str_of(r->duration), ms, &e)) {
		usage_error(r->self, "--for: %s", e.text);
		return false;
	}
	*ms += from_ms;
	return true;
}

/* ---- verbs ---- */

static int
list(const struct request *r)
{
	struct json *q = question(r, "silence.list");
	const struct json *rows;
	int code;

	json_set_bool(q, "all", r->all, r->arena);
	rows = ask(r, q, &code);
	if (rows == NULL)
		return code;
	if (json_count(rows) == 0 && r->format == FORMAT_TABLE)
		fprintf(stderr, "no silences%s\n", r->all ? "" : " in force or to come");
	else
		output_rows(rows, columns, sizeof(columns) / sizeof(columns[0]), r->format);
	return EXIT_OK;
}

/* A slip in a matcher is shown with its place; warnings too. */
static bool
looks_well(const struct request *r, const struct silence *s, int64_t now_ms)
{
	struct diags d;
	struct err e;
	bool ok;

	diags_init(&d, r->arena);
	ok = silence_check(s, now_ms, r->arena, &d, &e);
	if (!ok && d.errors == 0)
		usage_error(r->self, "%s", e.text);
	mistakes_show(&d);
	return ok;
}

static int
add(const struct request *r, char **matchers, size_t n)
{
	struct json *q = question(r, "silence.add"), *words = json_array(r->arena);
	int64_t now_ms = clock_now_ms(), starts_ms = now_ms, ends_ms;
	const struct json *made;
	struct silence s;
	int code;

	if (r->reason == NULL)
		return usage_error(r->self, "add needs a --reason");
	if (n == 0)
		return usage_error(r->self, "add takes matchers, such as resourceGroup=rg-lab");
	if ((r->start != NULL && !read_time(r, "start", r->start, &starts_ms)) ||
	    !read_end(r, starts_ms, &ends_ms))
		return EXIT_USAGE;
	for (size_t i = 0; i < n; i++)
		json_add(words, json_string(str_of(matchers[i]), r->arena), r->arena);
	json_set(q, "matchers", words, r->arena);
	json_set_cstr(q, "reason", r->reason, r->arena);
	if (r->owner != NULL)
		json_set_cstr(q, "owner", r->owner, r->arena);
	json_set_int(q, "starts_ms", starts_ms, r->arena);
	json_set_int(q, "ends_ms", ends_ms, r->arena);
	silence_read(q, r->arena, &s);
	if (!looks_well(r, &s, now_ms))
		return EXIT_USAGE;
	made = ask(r, q, &code);
	return made == NULL ? code : report(r, made);
}

/* show, extend and expire take one id. */
static int
about_one(const struct request *r, const char *verb, const char *id)
{
	struct json *q =
	    question(r, arena_cstr(r->arena, arena_printf(r->arena, "silence.%s", verb)));
	const struct json *answer;
	int64_t number, ends_ms;
	int code;

	if (!str_to_int(str_of(id), 1, INT64_MAX, &number))
		return usage_error(r->self, "'%s' is not the id of a silence", id);
	json_set_int(q, "id", number, r->arena);
	if (strcmp(verb, "extend") == 0) {
		if (!read_end(r, clock_now_ms(), &ends_ms))
			return EXIT_USAGE;
		json_set_int(q, "ends_ms", ends_ms, r->arena);
	}
	answer = ask(r, q, &code);
	if (answer == NULL)
		return code;
	return strcmp(verb, "show") == 0 ? show(r, answer) : report(r, answer);
}

static int
dispatch(const struct request *r, int n, char **operands)
{
	static const char *const verbs[] = { "add", "list", "show", "extend", "expire" };
	const char *verb = n > 0 ? operands[0] : "list", *near;

	if (strcmp(verb, "add") == 0)
		return add(r, operands + 1, (size_t)n - 1);
	if (strcmp(verb, "list") == 0 && n <= 1)
		return list(r);
	for (size_t i = 2; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i]) == 0)
			return n == 2
				   ? about_one(r, verb, operands[1])
				   : usage_error(r->self, "%s takes the id of one silence", verb);
	near = str_nearest(str_of(verb), verbs, sizeof(verbs) / sizeof(verbs[0]));
	return usage_error(r->self, "'%s' is none of add, list, show, extend and expire%s%s%s",
	    verb, NEAR_ARG(near));
}

/* False after a message. */
static bool
take(struct request *r, int key, const char *value)
{
	switch (key) {
	case 'f':
		r->duration = value;
		return true;
	case 'u':
		r->until = value;
		return true;
	case 'T':
		r->start = value;
		return true;
	case 'r':
		r->reason = value;
		return true;
	case 'O':
		r->owner = value;
		return true;
	case 'a':
		r->all = true;
		return true;
	case 'S':
		r->socket = value;
		return true;
	case 'c':
		r->config = value;
		return true;
	case 'o':
		return format_parse(r->self, value, &r->format);
	default:
		return false;
	}
}

static int
run(const struct command *self, int argc, char **argv)
{
	struct request r = { .self = self, .format = FORMAT_TABLE };
	const char *value;
	int key, code;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (!take(&r, key, value))
			return EXIT_USAGE;
	}
	r.arena = arena_new();
	code = dispatch(&r, argc - options_end(), argv + options_end());
	arena_free(r.arena);
	return code;
}

const struct command cmd_silence = {
	.name = "silence",
	.summary = "hold notifications back for a while, with an owner and a reason",
	.usage =
	    "add MATCHER... --reason TEXT (--for TIME | --until TIME) [OPTION]...\n"
	    "   or: gridwarden silence [list] [--all] [OPTION]...\n"
	    "   or: gridwarden silence show ID [OPTION]...\n"
	    "   or: gridwarden silence extend ID (--for TIME | --until TIME) [OPTION]...\n"
	    "   or: gridwarden silence expire ID [OPTION]...\n"
	    "\n"
	    "A MATCHER is a condition as rules have it: resourceGroup=rg-lab,\n"
	    "'alertDisplayName|contains=Brute force', 'severity|lte=Medium'.  All must hold.\n"
	    "Only notifications are held back; what is isolated, or waits for approval, is told.\n"
	    "\n"
	    "  -r, --reason TEXT    why; people see it wherever the silence acts\n"
	    "  -f, --for TIME       until so long from now or from its start: 30m, 8h, 2d\n"
	    "  -u, --until TIME     until then: 2026-11-29T18:00:00Z, at most 30 days\n"
	    "      --start TIME     not before then\n"
	    "  -O, --owner NAME     whom to ask about it (default: who says this)\n"
	    "  -a, --all            those that have ended, too\n"
	    "  -o, --output FORMAT  table, json, yaml or tsv\n"
	    "  -c, --config FILE    settings that name the daemon's socket\n"
	    "      --socket PATH    the daemon's socket\n",
	.run = run,
};
