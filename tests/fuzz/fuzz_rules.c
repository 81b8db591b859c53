/*
 * core/rules.c, match_parse.c, param.c with the real actions: a rule file, judged over one alert.
 *
 * What must hold: rules come out if and only if there is no error; each has its place, a name of
 * its own and parameters that are JSON; judging ends.
 */
#include "action/action.h"
#include "core/event.h"
#include "core/trace.h"
#include "fuzz.h"

static const char alert_text[] =
    "{\"id\":\"1\",\"eventType\":\"Microsoft.Security/alerts\",\"subject\":\"s\",\"dataVersion\":"
    "\"1\",\"eventTime\":\"2026-01-01T00:00:00Z\",\"topic\":\"t\",\"data\":{\"properties\":{"
    "\"systemAlertId\":\"a-1\",\"alertDisplayName\":\"Suspicious process executed\","
    "\"severity\":\"High\",\"status\":\"Active\",\"alertType\":\"VM_SuspiciousProcess\","
    "\"description\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\",\"entities\":[{\"$id\":\"1\","
    "\"address\":\"10.1.2.3\",\"type\":\"ip\"},{\"$id\":\"2\",\"hostName\":\"web-01\"}],"
    "\"extendedProperties\":{\"count\":\"7\"},\"resourceIdentifiers\":[{\"azureResourceId\":"
    "\"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/"
    "Microsoft.Compute/virtualMachines/web-01\",\"type\":\"AzureResource\"}]}}}";

static void
read_alert(struct arena *a, struct alert *al)
{
	struct event_headers h;
	struct event_batch batch;
	struct err e;

	event_headers_read(STR("{}"), a, &h);
	event_batch_parse(str_of(alert_text), &h, a, &batch);
	MUST(alert_parse(&batch.events[0], a, al, &e) && al->has_resource);
}

static void
judge(const struct rules *r, struct arena *a)
{
	struct verdict *verdicts;
	struct verdict_text *reasons;
	struct alert al;
	struct json *trace;
	struct err e;
	size_t n, n_reasons;

	read_alert(a, &al);
	rules_judge(r, &al, 0, a, &verdicts, &n);
	MUST(n <= rules_count(r));
	trace = json_parse(json_print(trace_json(verdicts, n, 0, a), a), a, &e);
	MUST(trace != NULL);
	trace_reasons(trace, a, &reasons, &n_reasons);
	MUST(n_reasons <= n);
}

static void
check_rules(const struct rules *r, struct arena *a)
{
	struct err e;

	MUST(rules_hash(r).n == 12);
	for (size_t i = 0; i < rules_count(r); i++) {
		const struct rule *one = rules_at(r, i);

		MUST(one->name.n > 0 && one->line >= 1 && str_is(one->file, "r.yaml"));
		for (size_t k = 0; k < i; k++)
			MUST(!str_eq(one->name, rules_at(r, k)->name));
		for (size_t k = 0; k < one->n_actions; k++)
			MUST(json_check(one->actions[k].params, &e));
	}
	judge(r, a);
}

static bool
is_action(struct str name)
{
	return action_find(name) != NULL;
}

/* Every file that a rule names. */
static bool
read_list(struct str folder, struct str path, struct arena *a, struct source *out, struct err *e)
{
	(void)folder, (void)e;
	*out = (struct source){ arena_cstr(a, path),
		STR("203.0.113.0/24 until 2099-12-31 # pentest\nHigh\nVM_ until 2000-01-01\n") };
	return true;
}

FUZZ(input)
{
	struct source src = { "r.yaml", input };
	struct diags d;
	struct rules *r;
	struct buf text;

	diags_init(&d, arena);
	r = rules_parse(&src, 1,
	    &(const struct rules_outside){
		.check = action_check, .is_action = is_action, .read = read_list },
	    &d);
	MUST((r != NULL) == (d.errors == 0));
	if (r != NULL)
		check_rules(r, arena);
	rules_free(r);
	buf_init(&text, 1024 * 1024);
	diags_print(&d, &text);
	buf_done(&text);
}
