/*
 * The decision, shown: the same code as the daemon's, touching nothing.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/trace_print.h"
#include "core/decide.h"
#include "core/source_list.h"
#include "core/trace.h"
#include "daemon/admin.h"
#include "daemon/load.h"

#define FILE_MAX ((size_t)8 * 1024 * 1024)

struct explain {
	struct settings *settings; /* NULL when only rules were named */
	struct rules *rules;
	const char *rule;	  /* only this one; NULL = all */
	int64_t now_ms;		  /* when all of it is received */
	const char *subscription; /* that delivers it; NULL = one that may */
	struct arena *arena;
	struct past_memory *past; /* what stands before in the file */
};

static const struct option_row options[] = { { "output", 'o', true }, { "config", 'c', true },
	{ "rules", 'r', true }, { "rule", 'R', true }, { "at", 'a', true },
	{ "subscription", 's', true }, { NULL, 0, false } };

/* ---- the explanation as JSON ---- */

/* Budgets cannot be known without the daemon: as if nothing had been done in the last hour. */
static int64_t
nothing_done(void *ctx, const struct step_filter *which)
{
	(void)ctx, (void)which;
	return 0;
}

static struct json *
alert_json(const struct alert *al, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_str(j, "name", al->name, a);
	json_set_str(j, "type", al->type, a);
	json_set_str(j, "severity", al->severity, a);
	json_set_str(j, "status", al->status, a);
	json_set_str(j, "start", al->start_time, a);
	json_set_str(j, "entity", al->compromised_entity, a);
	json_set_str(j, "resource", al->resource_text, a);
	if (al->resource_problem.n > 0)
		json_set_str(j, "resource_problem", al->resource_problem, a);
	json_set_str(j, "id", al->id, a);
	json_set_cstr(j, "form", al->form, a);
	json_set_bool(j, "sample", al->sample, a);
	return j;
}

static struct json *
plan_json(const struct plan *plan, const struct settings *settings, struct arena *a)
{
	struct json *list = json_array(a);

	for (size_t i = 0; i < plan->n; i++) {
		const struct step *s = &plan->steps[i];
		struct json *j = json_object(a);
		struct err e;

		json_set_str(j, "action", s->action, a);
		json_set_cstr(j, "state", step_state_name(s->state), a);
		json_set_str(j, "target", s->target, a);
		json_set_str(j, "rule", s->rule, a);
		json_set_str(j, "reason", s->reason, a);
		if (s->state == STEP_APPROVAL)
			json_set_int(j, "quorum", settings->approvals.quorum, a);
		json_set(j, "params", json_parse(s->params, a, &e), a);
		if (settings->confirm_at_source && s->disruptive && s->state == STEP_WAITING)
			json_set_bool(j, "confirm_at_source", true, a);
		json_add(list, j, a);
	}
	return list;
}

/* As it would be stored, with what is told beside it. */
static void
set_trace(struct json *j, const struct json *trace, struct arena *a)
{
	for (const struct json *part = json_first(trace); part != NULL; part = json_next(part))
		json_set(j, arena_cstr(a, json_name(part)), json_copy(part, a), a);
}

static struct json *
explain_event(const struct explain *x, const struct event *ev)
{
	const struct settings none = { .mode = GUARD_ENFORCE, .approvals = { .quorum = 1 } };
	const struct settings *settings = x->settings == NULL ? &none : x->settings;
	const struct guard_facts facts = { .now_ms = x->now_ms, .count = nothing_done };
	const struct past past = past_in_memory(x->past, x->now_ms);
	const struct decide_by by = { .settings = settings,
		.rules = x->rules,
		.facts = &facts,
		.past = &past,
		.explains = true,
		.only = str_of(x->rule) };
	struct json *j = json_object(x->arena);
	struct decided d;

	decide_event(&by, ev, x->arena, &d);
	json_set_cstr(j, "kind",
	    event_kind_name(d.state == EVENT_STATE_UNREADABLE ? EVENT_UNREADABLE : ev->kind),
	    x->arena);
	json_set_cstr(j, "schema", event_schema_name(ev->schema), x->arena);
	json_set_str(j, "event_id", ev->id, x->arena);
	json_set_str(j, "event_type", ev->type, x->arena);
	if (d.state == EVENT_STATE_UNREADABLE)
		json_set_str(j, "reason", d.reason, x->arena);
	if (d.state == EVENT_STATE_REFUSED)
		json_set_str(j, "refused", d.reason, x->arena);
	if (d.state != EVENT_STATE_DECIDED)
		return j;
	past_memory_add(x->past, &d.counted, d.alert->id, 0, x->now_ms);
	json_set(j, "alert", alert_json(d.alert, x->arena), x->arena);
	set_trace(j, trace_of(&d, x->rules, x->arena), x->arena);
	json_set(j, "plan", plan_json(&d.plan, settings, x->arena), x->arena);
	return j;
}

/* ---- the explanation for people ---- */

static void
line(const char *title, struct str text)
{
	if (text.n == 0)
		return;
	printf("%-10s", title);
	output_text(stdout, text);
	putchar('\n');
}

static struct str
text_at(const struct json *j, const char *path)
{
	return json_text(json_at(j, path));
}

static void
print_alert(const struct json *j)
{
	if (!str_is(text_at(j, "alert.form"), "event")) /* its name is the event's type */
		line("alert", text_at(j, "alert.name"));
	line("type", text_at(j, "alert.type"));
	line("severity", text_at(j, "alert.severity"));
	line("status", text_at(j, "alert.status"));
	line("started", text_at(j, "alert.start"));
	line("entity", text_at(j, "alert.entity"));
	line("resource", text_at(j, "alert.resource"));
	line("", text_at(j, "alert.resource_problem"));
	line("form", text_at(j, "alert.form"));
	if (json_true(json_at(j, "alert.sample")))
		line("sample",
		    STR("yes: nothing is destroyed unless a rule says allow_sample: true"));
}

static void
print_step(const struct json *s)
{
	struct str state = text_at(s, "state"), reason = text_at(s, "reason");
	int64_t quorum;

	printf("  %.*s ", STR_ARG(text_at(s, "action")));
	output_text(stdout, text_at(s, "target"));
	if (str_is(state, "waiting"))
		fputs(" would be done", stdout);
	else if (json_int(json_get(s, "quorum"), &quorum) && quorum > 1)
		printf(" would be held for approval by %" PRId64 " people", quorum);
	else
		printf(" would be %s", str_is(state, "approval") ? "held for approval"
				       : str_is(state, "shadow") ? "only recorded"
								 : "refused");
	if (json_true(json_get(s, "confirm_at_source")))
		fputs(" once Defender for Cloud confirms the alert", stdout);
	if (reason.n > 0) {
		fputs(": ", stdout);
		output_text(stdout, reason);
	}
	fputs("  [", stdout);
	output_text(stdout, text_at(s, "rule"));
	fputs("]\n", stdout);
}

static void
print_event(const struct json *j)
{
	const struct json *plan = json_get(j, "plan");

	line("event", text_at(j, "event_type"));
	if (json_get(j, "alert") == NULL) {
		line("kind", text_at(j, "kind"));
		line("reason", text_at(j, "reason"));
		if (text_at(j, "refused").n > 0) {
			fputs("refused   never judged: ", stdout);
			output_text(stdout, text_at(j, "refused"));
			putchar('\n');
		}
		return;
	}
	print_alert(j);
	trace_print(j, false);
	puts("\nplan");
	if (json_count(plan) == 0)
		puts("  nothing");
	for (const struct json *s = json_first(plan); s != NULL; s = json_next(s))
		print_step(s);
}

/* ---- the command ---- */

/* A file has no headers: as if an event subscription had brought it that may. */
static struct str
subscription_of(const struct settings *s)
{
	for (size_t i = 0; s != NULL && i < s->auth.n_subscriptions; i++)
		if (!str_is_nocase(s->auth.subscriptions[i], SOURCE_LIST_NONE))
			return s->auth.subscriptions[i];
	return STR_EMPTY;
}

static int
explain_file(const struct explain *x, const char *path, enum format format)
{
	struct event_headers headers;
	struct json *list = json_array(x->arena);
	struct event_batch batch;
	struct str text;
	struct err e;

	if (!file_read(path, FILE_MAX, x->arena, &text, &e)) {
		fprintf(stderr, "gridwarden explain: %s\n", e.text);
		return exit_code_of(e.kind);
	}
	event_headers_read(STR("{}"), x->arena, &headers);
	headers.aeg_subscription_name =
	    x->subscription == NULL ? subscription_of(x->settings) : str_of(x->subscription);
	event_batch_parse(text, &headers, x->arena, &batch);
	for (size_t i = 0; i < batch.n; i++)
		json_add(list, explain_event(x, &batch.events[i]), x->arena);
	if (format != FORMAT_TABLE) {
		output_object(list, format == FORMAT_TSV ? FORMAT_JSON : format, x->arena);
		return EXIT_OK;
	}
	for (const struct json *j = json_first(list); j != NULL; j = json_next(j)) {
		if (j != json_first(list))
			puts("\n----");
		print_event(j);
	}
	return EXIT_OK;
}

static bool
load(struct explain *x, const char *config, const char *rules)
{
	struct diags d;

	diags_init(&d, x->arena);
	if (config != NULL)
		x->settings = load_settings(config, x->arena, &d);
	if (rules == NULL && x->settings != NULL)
		rules = arena_cstr(x->arena, x->settings->rules);
	if (rules != NULL)
		x->rules = load_rules(rules, x->settings, x->arena, &d);
	if (d.errors == 0)
		return true;
	mistakes_show(&d);
	return false;
}

static int
run(const struct command *self, int argc, char **argv)
{
	struct explain x = { .now_ms = clock_now_ms() };
	const char *config = NULL, *rules = NULL, *value;
	enum format format = FORMAT_TABLE;
	int key, code = EXIT_FAILED;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key == 'c')
			config = value;
		else if (key == 'r')
			rules = value;
		else if (key == 'R')
			x.rule = value;
		else if (key == 's')
			x.subscription = value;
		else if (key == 'a' && !clock_parse(str_of(value), &x.now_ms))
			return usage_error(self, "--at is a time such as 2026-03-14T09:00:00Z");
		else if (key == 'a')
			continue;
		else if (key != 'o' || !format_parse(self, value, &format))
			return EXIT_USAGE;
	}
	if (argc - options_end() != 1)
		return usage_error(self, "takes one file, or - for standard input");
	if (config == NULL && rules == NULL)
		config = CONFIG_DEFAULT;
	x.arena = arena_new();
	x.past = past_memory_new();
	if (load(&x, config, rules))
		code = explain_file(&x, argv[options_end()], format);
	past_memory_free(x.past);
	rules_free(x.rules);
	settings_free(x.settings);
	arena_free(x.arena);
	return code;
}

const struct command cmd_explain = {
	.name = "explain",
	.summary = "show what would be done about an alert, and why; touches nothing",
	.usage =
	    "FILE [OPTION]...\n"
	    "\n"
	    "FILE is an alert or a delivery in any form, - for standard input.  Shows each rule, "
	    "each\n"
	    "condition with the value it saw, each guard, and the plan; or that the event would "
	    "be\n"
	    "refused, because the lists of auth do not name it.  Budgets count as unused, and\n"
	    "correlations count what stands before in the file.\n"
	    "\n"
	    "  -c, --config FILE    settings (default " CONFIG_DEFAULT ")\n"
	    "  -r, --rules PATH     a rule file or folder in place of the one in the settings\n"
	    "      --rule NAME      only this rule\n"
	    "      --at TIME        as if it was then, 2026-03-14T09:00:00Z\n"
	    "  -s, --subscription N delivered by this event subscription (default: an allowed "
	    "one)\n"
	    "  -o, --output FORMAT  table, json or yaml\n"
	    "      --no-color\n",
	.run = run,
};
