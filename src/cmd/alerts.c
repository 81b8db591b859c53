#include "cmd/list.h"

static const struct column columns[] = {
	{ "ID", "id", 0, false },
	{ "RECEIVED", "received", 0, false },
	{ "SEVERITY", "severity", 0, false },
	{ "ALERT", "name", 48, false },
	{ "ENTITY", "entity", 24, false },
	{ "STATE", "state", 0, false },
	{ "ACTIONS", "steps", 0, false },
};

static const char *const states[] = { "decided", "unreadable", "damaged", "notice", "refused",
	NULL };

static void
print_condition(const struct json *c)
{
	printf("    %-6.*s  ", STR_ARG(json_text(json_get(c, "answer"))));
	output_phrase(stdout, c);
	fputs("; saw ", stdout);
	output_text(stdout, json_text(json_get(c, "seen")));
	putchar('\n');
}

/* Rules that fired or were unsure, with their conditions. */
static void
print_why(const struct json *why)
{
	for (const struct json *r = json_first(json_get(why, "rules")); r != NULL;
	     r = json_next(r)) {
		if (str_is(json_text(json_get(r, "answer")), "no"))
			continue;
		fputs("\n  rule ", stdout);
		output_text(stdout, json_text(json_get(r, "rule")));
		printf(" said %.*s\n", STR_ARG(json_text(json_get(r, "answer"))));
		for (const struct json *c = json_first(json_get(r, "conditions")); c != NULL;
		     c = json_next(c))
			print_condition(c);
	}
}

static void
print(const struct json *alert, struct arena *a)
{
	static const struct column actions[] = {
		{ "ACTION", "id", 0, false },
		{ "WHAT", "action", 0, false },
		{ "STATE", "state", 0, false },
		{ "TARGET", "target", 40, true },
		{ "REASON", "reason", 80, false },
	};

	output_object(alert, FORMAT_TABLE, a);
	if (json_count(json_get(alert, "actions")) > 0) {
		putchar('\n');
		output_rows(json_get(alert, "actions"), actions,
		    sizeof(actions) / sizeof(actions[0]), FORMAT_TABLE);
	}
	print_why(json_get(alert, "why"));
}

static int
run(const struct command *self, int argc, char **argv)
{
	const struct list_command lc = { self, "alerts.list", "alerts.show", columns,
		sizeof(columns) / sizeof(columns[0]), states, false, "no alerts", print };

	return list_run(&lc, argc, argv);
}

const struct command cmd_alerts = {
	.name = "alerts",
	.summary = "list the alerts that were received, or show one with its reasons",
	.usage = "[list] [OPTION]...\n"
		 "   or: gridwarden alerts show ID [OPTION]...\n"
		 "\n"
		 "  -n, --limit N        newest N (default 50)\n"
		 "  -s, --since TIME     not older than this: 30m, 8h, 2d\n"
		 "  -t, --state STATE    decided, unreadable, damaged, notice or refused\n"
		 "  -o, --output FORMAT  table, json, yaml or tsv\n"
		 "  -c, --config FILE    settings that name the daemon's socket\n"
		 "      --socket PATH    the daemon's socket\n"
		 "      --no-color\n",
	.run = run,
};
