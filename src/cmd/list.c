#include "cmd/list.h"

#include <string.h>

#include "action/action.h"
#include "base/clock.h"

struct list_call {
	const char *socket, *config;
	enum format format;
	struct json *question;
};

/* The first two are for actions alone. */
static const struct option_row options[] = { { "action", 'a', true }, { "alert", 'A', true },
	{ "output", 'o', true }, { "limit", 'n', true }, { "since", 's', true },
	{ "state", 't', true }, { "socket", 'S', true }, { "config", 'c', true },
	{ NULL, 0, false } };

static bool
set_number(const struct command *self, struct json *q, const char *name, const char *value,
    struct arena *a)
{
	int64_t n;

	if (!str_to_int(str_of(value), 1, 1000000000, &n)) {
		usage_error(self, "'%s' is not a number above 0", value);
		return false;
	}
	json_set_int(q, name, n, a);
	return true;
}

static bool
set_since(const struct command *self, struct json *q, const char *value, struct arena *a)
{
	struct err e;
	int64_t ms;

	if (!str_to_duration_ms(str_of(value), &ms, &e)) {
		usage_error(self, "--since: %s", e.text);
		return false;
	}
	json_set_int(q, "since_ms", clock_now_ms() - ms, a);
	return true;
}

static bool
is_state(const struct list_command *lc, const char *value)
{
	const char *near;
	size_t n = 0;

	for (; lc->states[n] != NULL; n++)
		if (strcmp(lc->states[n], value) == 0)
			return true;
	near = str_nearest(str_of(value), lc->states, n);
	usage_error(lc->self, "there is no state '%s'%s%s%s", value, NEAR_ARG(near));
	return false;
}

static bool
is_action(const struct list_command *lc, const char *value)
{
	const char *near = action_nearest(str_of(value));

	if (action_find(str_of(value)) != NULL)
		return true;
	usage_error(lc->self, "there is no action '%s'%s%s%s", value, NEAR_ARG(near));
	return false;
}

/* One option; false after a message. */
static bool
take(
    const struct list_command *lc, struct list_call *c, int key, const char *value, struct arena *a)
{
	switch (key) {
	case 'o':
		return format_parse(lc->self, value, &c->format);
	case 'n':
		return set_number(lc->self, c->question, "limit", value, a);
	case 'A':
		return set_number(lc->self, c->question, "alert", value, a);
	case 's':
		return set_since(lc->self, c->question, value, a);
	case 't':
		json_set_cstr(c->question, "state", value, a);
		return is_state(lc, value);
	case 'a':
		json_set_cstr(c->question, "action", value, a);
		return is_action(lc, value);
	case 'S':
		c->socket = value;
		return true;
	case 'c':
		c->config = value;
		return true;
	default:
		return false;
	}
}

static int
list(const struct list_command *lc, struct list_call *c, struct arena *a)
{
	const struct json *rows;
	int code;

	json_set_cstr(c->question, "command", lc->list, a);
	rows = client_ask(c->socket, c->config, c->question, a, &code);
	if (rows == NULL)
		return code;
	if (json_count(rows) == 0 && c->format == FORMAT_TABLE)
		fprintf(stderr, "%s\n", lc->nothing);
	else
		output_rows(rows, lc->columns, lc->n_columns, c->format);
	return EXIT_OK;
}

static int
show(const struct list_command *lc, struct list_call *c, const char *id, struct arena *a)
{
	const struct json *object;
	int code;

	if (!set_number(lc->self, c->question, "id", id, a))
		return EXIT_USAGE;
	json_set_cstr(c->question, "command", lc->show, a);
	object = client_ask(c->socket, c->config, c->question, a, &code);
	if (object == NULL)
		return code;
	if (c->format == FORMAT_TABLE)
		lc->print(object, a);
	else
		output_object(object, c->format, a);
	return EXIT_OK;
}

static int
dispatch(const struct list_command *lc, struct list_call *c, int argc, char **argv, struct arena *a)
{
	const char *verb = options_end() < argc ? argv[options_end()] : "list";
	int operands = argc - options_end();

	if (strcmp(verb, "list") == 0 && operands <= 1)
		return list(lc, c, a);
	if (strcmp(verb, "show") == 0 && operands == 2)
		return show(lc, c, argv[options_end() + 1], a);
	if (strcmp(verb, "show") == 0)
		return usage_error(lc->self, "show takes one id");
	return usage_error(lc->self, "'%s' is neither list nor show", verb);
}

int
list_run(const struct list_command *lc, int argc, char **argv)
{
	struct arena *a = arena_new();
	struct list_call c = { .format = FORMAT_TABLE, .question = json_object(a) };
	const struct option_row *known = options + (lc->of_actions ? 0 : 2);
	const char *value;
	int key, code = -1;

	while (code < 0 && (key = options_next(lc->self, known, argc, argv, &value)) != -1) {
		if (key == 'h')
			code = EXIT_OK;
		else if (!take(lc, &c, key, value, a))
			code = EXIT_USAGE;
	}
	if (code < 0)
		code = dispatch(lc, &c, argc, argv, a);
	arena_free(a);
	return code;
}
