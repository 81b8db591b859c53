/*
 * From an alert to a card: a line "field: NAME" or none, then the body of a delivery.
 *
 * What must hold: whatever the alert says, a card is JSON that fits and holds nothing that a chat
 * client makes something of; a plan acts on resource ids that were rebuilt from their parts; and
 * the stored trace reads back.
 */
#include "action/action.h"
#include "core/event.h"
#include "core/plan.h"
#include "core/trace.h"
#include "fuzz.h"

#define NOW_MS INT64_C(1764000000000)

static const char rules_text[] =
    "rules:\n"
    "  - name: isolate\n"
    "    match: {severity: [High, Medium], alertDisplayName|contains: suspicious}\n"
    "    actions: [isolate_vm: {}, notify: soc]\n"
    "  - name: brute\n"
    "    match:\n"
    "      a: {alertType|endswith: BruteForce*}\n"
    "      b: {entities.address|cidr: 10.0.0.0/8}\n"
    "      c: {extendedProperties.count|gte: 5, description|re: 'x+y'}\n"
    "      condition: a or (b and not c)\n"
    "    actions: [enable_jit: {ports: [22], sources: 10.0.0.0/8}, notify: soc]\n"
    "  - name: everything\n"
    "    match: {systemAlertId|exists: true}\n"
    "    actions: [notify: soc]\n";

static const char settings_text[] =
    "listen: {address: '127.0.0.1:0'}\n"
    "auth: {insecure: true}\n"
    "channels: {soc: {url_file: /nowhere}}\n"
    "guards:\n"
    "  mode: enforce\n"
    "  protected: [{resource_group: rg-identity}, {resource: '*/virtualMachines/dc*'}]\n";

static struct rules *rules;
static struct settings *settings;

static void
complain(struct diags *d)
{
	struct buf text;

	buf_init(&text, 65536);
	diags_print(d, &text);
	fputs(buf_cstr(&text), stderr);
	buf_done(&text);
}

/* Read once: both are immutable. */
static void
prepare(void)
{
	static const struct source rule_file = { "rules", { rules_text, sizeof(rules_text) - 1 } };
	static const struct source settings_file = { "settings",
		{ settings_text, sizeof(settings_text) - 1 } };
	struct arena *a = arena_new();
	struct diags d;

	diags_init(&d, a);
	settings = settings_parse(&settings_file, &d);
	rules = rules_parse(&rule_file, 1,
	    &(const struct rules_outside){ .check = action_check, .ctx = settings }, &d);
	complain(&d);
	MUST(settings != NULL && rules != NULL);
	arena_free(a);
}

static int64_t
count_none(void *ctx, const struct step_filter *which)
{
	(void)ctx;
	(void)which;
	return 0;
}

static void
check_field(const struct alert *al, struct str name, struct arena *a)
{
	struct field_values v;

	alert_field(al, name, a, &v);
	MUST(v.n <= FIELD_VALUES_MAX);
	MUST(v.n == 0 || v.present);
	for (size_t i = 0; i < v.n; i++)
		MUST(is_utf8(v.values[i]));
}

static void
check_plan(const struct plan *plan, const struct alert *al)
{
	struct resource_id id;
	struct err e;

	for (size_t i = 0; i < plan->n; i++) {
		const struct step *s = &plan->steps[i];

		MUST(s->key.n > 0 && s->action.n > 0);
		if (!s->disruptive || s->state == STEP_REFUSED)
			continue;
		MUST(s->state == STEP_WAITING);
		MUST(!al->sample);
		MUST(al->has_resource && resource_id_parse(s->target, &id, &e));
		MUST(!str_is_nocase(id.resource_group, "rg-identity"));
		MUST(!str_starts_nocase(id.name, STR("dc")) ||
		     !str_is_nocase(id.type, "virtualMachines"));
	}
}

/* Control characters, and those that turn the direction of text. */
static void
check_tame(const struct json *j)
{
	struct str s = json_text(j);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		MUST((c >= 0x20 || c == '\n') && c != 0x7f);
		if (i + 2 >= s.n || c != 0xe2)
			continue;
		MUST(memcmp(s.p + i, "\xe2\x80\xae", 3) != 0);
		MUST(memcmp(s.p + i, "\xe2\x80\x8b", 3) != 0);
		MUST(memcmp(s.p + i, "\xe2\x81\xa6", 3) != 0);
	}
	for (const struct json *child = json_first(j); child != NULL; child = json_next(child))
		check_tame(child);
}

static void
check_card(const struct card *c, enum channel_format format, struct arena *a)
{
	struct str text = card_print(c, format, a);
	const struct json *j;
	struct err e;

	MUST(text.n <= CARD_MAX);
	j = json_parse(text, a, &e);
	MUST(j != NULL);
	check_tame(j);
	MUST(!str_has_nocase(text, STR("<at>")) && !str_has_nocase(text, STR("](http")));
}

static void
check_cards(
    const struct alert *al, const struct plan *plan, const struct json *trace, struct arena *a)
{
	struct verdict_text *reasons;
	struct card c = card_about(al);

	trace_reasons(trace, a, &reasons, &c.n_reasons);
	c.reasons = reasons;
	c.steps = plan->steps;
	c.n_steps = plan->n;
	check_card(&c, FORMAT_ADAPTIVE_CARD, a);
	check_card(&c, FORMAT_MESSAGE_CARD, a);
}

static void
decide(const struct alert *al, struct arena *a)
{
	struct guard_facts facts = { .now_ms = NOW_MS, .count = count_none };
	struct verdict *verdicts;
	struct plan plan;
	struct json *trace;
	struct str stored;
	struct err e;
	size_t n;

	rules_judge(rules, al, NOW_MS, a, &verdicts, &n);
	MUST(n >= 1 && n <= rules_count(rules));
	plan_build(settings, verdicts, n, al, &facts, a, &plan);
	check_plan(&plan, al);
	stored = json_print(trace_json(verdicts, n, 0, a), a);
	trace = json_parse(stored, a, &e);
	MUST(trace != NULL);
	check_cards(al, &plan, trace, a);
}

static void
check_alert(const struct alert *al, struct str field, struct arena *a)
{
	struct resource_id id;
	struct err e;

	MUST(al->id.n > 0 && al->id.n <= ALERT_ID_MAX);
	MUST(al->fields != NULL && al->n_remediation <= REMEDIATION_MAX);
	MUST(is_utf8(al->name) && is_utf8(al->description) && is_utf8(al->resource_text));
	MUST(al->has_resource ==
	     (al->resource_text.n > 0 && resource_id_parse(al->resource_text, &id, &e)));
	check_field(al, field, a);
	for (size_t i = 0; i < alert_field_count; i++)
		check_field(al, str_of(alert_field_names[i]), a);
	decide(al, a);
}

FUZZ(input)
{
	struct str body = input, field = STR("entities.address");
	struct event_headers h;
	struct event_batch batch;
	struct alert al;
	struct err e;

	if (rules == NULL)
		prepare();
	if (str_starts_nocase(input, STR("field: "))) {
		field = str_trim(str_slice(take_line(&body), strlen("field: "), input.n));
		field = field.n == 0 ? STR_EMPTY : field;
	}
	event_headers_read(STR("{}"), arena, &h);
	event_batch_parse(body, &h, arena, &batch);
	for (size_t i = 0; i < batch.n && i < 5; i++)
		if (batch.events[i].kind == EVENT_NOTIFICATION &&
		    alert_parse(&batch.events[i], arena, &al, &e))
			check_alert(&al, field, arena);
}
