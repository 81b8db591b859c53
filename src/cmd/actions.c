#include "cmd/list.h"

static const struct column columns[] = {
	{ "ID", "id", 0, false },
	{ "CREATED", "created", 0, false },
	{ "ALERT", "alert", 0, false },
	{ "ACTION", "action", 0, false },
	{ "STATE", "state", 0, false },
	{ "MACHINE", "containment.state", 0, false },
	{ "TARGET", "target", 40, true },
	{ "RULE", "rule", 32, false },
	{ "REASON", "reason", 80, false },
};

static const char *const states[] = { "waiting", "running", "approval", "done", "failed", "refused",
	"suppressed", "shadow", NULL };

static void
print(const struct json *step, struct arena *a)
{
	static const struct column calls[] = {
		{ "TIME", "time", 0, false },
		{ "CALL", "method", 0, false },
		{ "STATUS", "status", 0, false },
		{ "PATH", "path", 80, true },
		{ "REQUEST ID", "request_id", 0, false },
		{ "ERROR", "error", 60, false },
	};
	static const struct column approvals[] = {
		{ "TIME", "time", 0, false },
		{ "ANSWER", "answer", 0, false },
		{ "NAME", "name", 0, false },
		{ "WAY", "way", 0, false },
		{ "SEAT", "seat", 0, false },
		{ "ADDRESS", "address", 0, false },
		{ "BROWSER", "agent", 40, false },
	};
	const struct json *result = json_get(step, "result");

	output_object(step, FORMAT_TABLE, a);
	if (result != NULL) {
		printf("%-12s  ", "result");
		output_text(stdout, json_print(result, a));
		putchar('\n');
	}
	if (json_count(json_get(step, "approvals")) > 0) {
		putchar('\n');
		output_rows(json_get(step, "approvals"), approvals,
		    sizeof(approvals) / sizeof(approvals[0]), FORMAT_TABLE);
	}
	if (json_count(json_get(step, "calls")) > 0) {
		putchar('\n');
		output_rows(
		    json_get(step, "calls"), calls, sizeof(calls) / sizeof(calls[0]), FORMAT_TABLE);
	}
}

static int
run(const struct command *self, int argc, char **argv)
{
	const struct list_command lc = { self, "actions.list", "actions.show", columns,
		sizeof(columns) / sizeof(columns[0]), states, true, "no actions", print };

	return list_run(&lc, argc, argv);
}

const struct command cmd_actions = {
	.name = "actions",
	.summary = "list what was done about alerts, or show one with every call to Azure",
	.usage =
	    "[list] [OPTION]...\n"
	    "   or: gridwarden actions show ID [OPTION]...\n"
	    "\n"
	    "  -n, --limit N        newest N (default 50)\n"
	    "  -s, --since TIME     not older than this: 30m, 8h, 2d\n"
	    "  -t, --state STATE    waiting, running, approval, done, failed, refused or shadow\n"
	    "  -a, --action NAME    isolate_vm, enable_jit, notify, ...\n"
	    "      --alert ID       of this alert\n"
	    "  -o, --output FORMAT  table, json, yaml or tsv\n"
	    "  -c, --config FILE    settings that name the daemon's socket\n"
	    "      --socket PATH    the daemon's socket\n"
	    "      --no-color\n",
	.run = run,
};
