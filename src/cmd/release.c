/*
 * release, approve and deny: one id, one answer; with --wait, what came of it.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/cmd.h"

/* Azure takes some seconds for each change; what takes longer goes on without us. */
#define WAIT_MAX_MS 300000

struct one_id {
	const char *socket, *config;
	const char *if_changed; /* NULL = not said */
	int64_t after_ms;	/* -1 = now */
	bool wait;
	enum format format;
};

/* The first are for release alone. */
#define OF_RELEASE 3
static const struct option_row options[] = { { "force", 'F', false }, { "merge", 'M', false },
	{ "after", 'A', true }, { "output", 'o', true }, { "socket", 'S', true },
	{ "config", 'c', true }, { "wait", 'w', false }, { NULL, 0, false } };

static bool
has_state(const struct json *step, const char *state)
{
	return str_is(json_text(json_get(step, "state")), state);
}

/* What was waited for; to be refused is what was asked for by deny. */
static int
code_of(const struct json *step)
{
	if (has_state(step, "refused"))
		return EXIT_REFUSED;
	if (!has_state(step, "failed"))
		return EXIT_OK;
	return json_count(json_at(step, "result.drifted")) > 0 ? EXIT_CONFLICT : EXIT_FAILED;
}

/* Until it is settled; what was last seen when that takes too long, NULL when the daemon is away.
 */
static const struct json *
wait_for(const struct one_id *o, const struct json *step, struct arena *a, int *code)
{
	int64_t until = clock_mono_ms() + WAIT_MAX_MS;
	struct json *q = json_object(a);

	json_set_cstr(q, "command", "actions.show", a);
	json_set(q, "id", json_copy(json_get(step, "id"), a), a);
	while (step != NULL && (has_state(step, "waiting") || has_state(step, "running")) &&
	       clock_mono_ms() < until) {
		client_pause();
		step = client_ask(o->socket, o->config, q, a, code);
	}
	return step;
}

/* What a person has to decide: each thing that somebody changed since, as it was and as it is. */
static void
print_drift(const struct json *step)
{
	static const struct column columns[] = { { "CHANGED SINCE", "id", 0, true },
		{ "WAS", "was", 0, true }, { "IS NOW", "now", 0, true } };
	const struct json *drifted = json_at(step, "result.drifted");

	if (json_is(json_first(drifted), JSON_OBJECT))
		output_rows(drifted, columns, 3, FORMAT_TABLE);
}

static void
print_step(const struct json *step)
{
	struct str state = json_text(json_get(step, "state"));
	struct str reason = json_text(json_get(step, "reason"));
	int64_t number = 0, missing;

	json_int(json_get(step, "id"), &number);
	printf("action %" PRId64 " is %.*s", number, STR_ARG(state));
	if (has_state(step, "waiting") || has_state(step, "running"))
		printf("; follow it with: gridwarden actions show %" PRId64, number);
	if (json_int(json_get(step, "missing"), &missing) && missing > 0)
		printf(", %" PRId64 " more must approve it", missing);
	if (reason.n > 0 && !has_state(step, "waiting")) {
		fputs(": ", stdout);
		output_text(stdout, reason);
	}
	putchar('\n');
	print_drift(step);
}

static int
ask(const struct command *self, const struct one_id *o, int64_t id, struct arena *a)
{
	struct json *q = json_object(a);
	const struct json *step;
	int code;

	json_set_cstr(q, "command", self->name, a);
	json_set_int(q, "id", id, a);
	if (o->if_changed != NULL)
		json_set_cstr(q, "if_changed", o->if_changed, a);
	if (o->after_ms >= 0)
		json_set_int(q, "after_ms", o->after_ms, a);
	step = client_ask(o->socket, o->config, q, a, &code);
	if (step != NULL && o->wait)
		step = wait_for(o, step, a, &code);
	if (step == NULL)
		return code;
	if (o->format != FORMAT_TABLE)
		output_object(step, o->format, a);
	else
		print_step(step);
	return o->wait && self != &cmd_deny ? code_of(step) : EXIT_OK;
}

static bool
take_after(const struct command *self, struct one_id *o, const char *value)
{
	struct err e;

	if (str_to_duration_ms(str_of(value), &o->after_ms, &e))
		return true;
	usage_error(self, "--after: %s", e.text);
	return false;
}

/* They exclude each other. */
static bool
take_if_changed(const struct command *self, struct one_id *o, const char *how)
{
	if (o->if_changed != NULL && strcmp(o->if_changed, how) != 0)
		usage_error(self, "takes --force or --merge, not both");
	else
		o->if_changed = how;
	return o->if_changed == how;
}

static int
run(const struct command *self, int argc, char **argv)
{
	const struct option_row *rows = self == &cmd_release ? options : options + OF_RELEASE;
	struct one_id o = { .format = FORMAT_TABLE, .after_ms = -1 };
	struct arena *a;
	const char *value;
	int64_t id;
	int key, code;

	while ((key = options_next(self, rows, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key == 'S')
			o.socket = value;
		else if (key == 'c')
			o.config = value;
		else if (key == 'w')
			o.wait = true;
		else if (key == 'F' || key == 'M') {
			if (!take_if_changed(self, &o, key == 'F' ? "force" : "merge"))
				return EXIT_USAGE;
		} else if (key == 'A') {
			if (!take_after(self, &o, value))
				return EXIT_USAGE;
		} else if (key != 'o' || !format_parse(self, value, &o.format))
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
	"  -w, --wait           until it is done or has failed\n"         \
	"  -o, --output FORMAT  table, json, yaml or tsv\n"               \
	"  -c, --config FILE    settings that name the daemon's socket\n" \
	"      --socket PATH    the daemon's socket\n"

const struct command cmd_release = {
	.name = "release",
	.summary = "take an action back: give an isolated machine its network again",
	.usage =
	    "ID [OPTION]...\n"
	    "\n"
	    "      --after TIME     not now but then, sooner or later than it was due: 30m, 8h\n"
	    "      --force          put back also what somebody changed since\n"
	    "      --merge          leave what somebody changed since as it is now\n" OPTIONS,
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
