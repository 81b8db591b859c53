#include "cmd/list.h"
#include "cmd/trace_print.h"

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
	trace_print(json_get(alert, "why"), true);
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
