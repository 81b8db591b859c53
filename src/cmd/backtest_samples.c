/*
 * The rules on one alert of each type that Defender for Cloud is known to raise: what a new
 * installation can try before the first alert.  Each is decided by itself: no budget is used up.
 */
#include <inttypes.h>
#include <string.h>

#include "action/action.h"
#include "backtest.h"
#include "base/clock.h"
#include "core/alert_types.h"
#include "core/decide.h"
#include "core/ledger.h"

#define TYPES_SHOWN 10
#define EFFECT_SHOWN 40
#define SEVERITIES_MAX 4
#define MACHINE "Microsoft.Compute/virtualMachines"
#define NO_MACHINE "tried, and fail: it is no machine"
#define ISOLATED(how) "isolate_" how " would be done"

struct trial {
	const struct settings *settings;
	const struct rules *rules;
	struct arena *arena;   /* of what comes out */
	struct arena *scratch; /* of one alert */
	struct json *types;
};

/* A list of texts, each once. */
static void
add_once(struct json *list, struct str text, struct arena *a)
{
	if (!json_has_text(list, text))
		json_add(list, json_string(text, a), a);
}

static struct json *
list_in(struct json *j, const char *name, struct arena *a)
{
	if (json_member(j, name) == NULL)
		json_set(j, name, json_array(a), a);
	return json_member(j, name);
}

/* Actions on machines need rights on them; what is none they refuse once they look at it. */
static bool
needs_machine(struct str action)
{
	const struct action *found = action_find(action);

	for (const char *const *p = found == NULL ? NULL : found->permissions;
	     p != NULL && *p != NULL; p++)
		if (str_starts_nocase(str_of(*p), STR(MACHINE "/")))
			return true;
	return false;
}

/* "isolate_vm would be done", "isolate_vm would be refused: protected by ..." */
static struct str
effect_words(const struct step *s, const struct alert *al, struct arena *a)
{
	bool machine = resource_id_is(&al->resource, "Microsoft.Compute", "virtualMachines");

	if (s->state == STEP_WAITING)
		return arena_printf(a, "%.*s would be %s", STR_ARG(s->action),
		    machine || !needs_machine(s->action) ? "done" : NO_MACHINE);
	return arena_printf(a, "%.*s would be %s: %.*s", STR_ARG(s->action),
	    s->state == STEP_APPROVAL ? "held"
	    : s->state == STEP_SHADOW ? "only recorded"
				      : "refused",
	    STR_ARG(s->reason));
}

static void
try_one(struct trial *t, const struct alert_type *type, const char *severity, struct json *row)
{
	const struct event_headers headers = { 0 };
	struct ledger *nothing = ledger_new(0);
	const struct guard_facts facts = ledger_facts(nothing, clock_now_ms());
	const struct decide_by by = {
		.settings = t->settings, .rules = t->rules, .facts = &facts, .only = STR_EMPTY
	};
	struct event_batch batch;
	struct decided d;

	event_batch_parse(
	    alert_type_sample(type, severity, t->scratch), &headers, t->scratch, &batch);
	decide_event(&by, &batch.events[0], t->scratch, &d);
	for (size_t i = 0; i < d.n; i++)
		if (d.verdicts[i].answer != ANSWER_NO)
			add_once(
			    list_in(row, d.verdicts[i].answer == ANSWER_YES ? "rules" : "unsure",
				t->arena),
			    d.verdicts[i].rule->name, t->arena);
	for (size_t i = 0; i < d.plan.n; i++)
		if (d.plan.steps[i].disruptive)
			add_once(list_in(row, "actions", t->arena),
			    effect_words(&d.plan.steps[i], d.alert, t->scratch), t->arena);
	ledger_free(nothing);
}

static void
try_type(struct trial *t, const struct alert_type *type)
{
	const char *severities[SEVERITIES_MAX];
	size_t n = alert_type_severities(type, severities);
	struct json *row = json_object(t->arena), *list = json_array(t->arena);

	json_set_cstr(row, "type", type->type, t->arena);
	json_set_cstr(row, "name", type->name, t->arena);
	json_set_cstr(row, "kind", sample_kind_name(type->kind), t->arena);
	json_set_bool(row, "retired", type->retired, t->arena);
	for (size_t i = 0; i < n; i++)
		json_add(list, json_string(str_of(severities[i]), t->arena), t->arena);
	json_set(row, "severities", list, t->arena);
	for (size_t i = 0; i < n; i++) {
		arena_reset(t->scratch);
		try_one(t, type, severities[i], row);
	}
	json_add(t->types, row, t->arena);
}

/* ---- for people ---- */

static bool
is_isolated(const struct json *type)
{
	const struct json *list = json_get(type, "actions");

	return json_has_text(list, STR(ISOLATED("vm"))) ||
	       json_has_text(list, STR(ISOLATED("machine")));
}

static bool
is_touched(const struct json *type)
{
	return json_get(type, "rules") != NULL || json_get(type, "unsure") != NULL;
}

/* "Suspicious process executed (VM_SuspiciousProcess, Windows machine, High)" */
static void
print_type(const struct json *t)
{
	fputs("  ", stdout);
	output_text(stdout, json_text(json_get(t, "name")));
	fputs("  (", stdout);
	if (json_text(json_get(t, "type")).n > 0)
		printf("%.*s, ", STR_ARG(json_text(json_get(t, "type"))));
	printf("%.*s", STR_ARG(json_text(json_get(t, "kind"))));
	for (const struct json *s = json_first(json_get(t, "severities")); s != NULL;
	     s = json_next(s))
		printf("%s%.*s", s == json_first(json_get(t, "severities")) ? ", " : "/",
		    STR_ARG(json_text(s)));
	puts(")");
}

static void
print_rules(const struct json *types, const struct rules *rules)
{
	puts("\nRules, and of how many types they fire");
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);
		size_t fires = 0, unsure = 0;

		for (const struct json *t = json_first(types); t != NULL; t = json_next(t)) {
			fires += json_has_text(json_get(t, "rules"), rule->name);
			unsure += json_has_text(json_get(t, "unsure"), rule->name);
		}
		printf("  %5zu  %.*s", fires, STR_ARG(rule->name));
		if (unsure > 0)
			printf(" (unsure of %zu)", unsure);
		puts(rule->mode == RULE_OFF ? " (off)" : "");
	}
}

/* Types of which this would come, under it. */
static void
print_effect(const struct json *types, struct str effect)
{
	size_t n = 0;

	for (const struct json *t = json_first(types); t != NULL; t = json_next(t)) {
		if (!json_has_text(json_get(t, "actions"), effect))
			continue;
		if (n++ == 0) {
			fputs("\n", stdout);
			output_text(stdout, effect);
			puts(", on");
		}
		if (n <= EFFECT_SHOWN)
			print_type(t);
	}
	if (n > EFFECT_SHOWN)
		printf("  ... and %zu types more, see -o json\n", n - EFFECT_SHOWN);
}

static void
print_effects(const struct json *types, struct arena *a)
{
	struct json *effects = json_array(a);

	for (const struct json *t = json_first(types); t != NULL; t = json_next(t))
		for (const struct json *x = json_first(json_get(t, "actions")); x != NULL;
		     x = json_next(x))
			add_once(effects, json_text(x), a);
	for (const struct json *x = json_first(effects); x != NULL; x = json_next(x))
		print_effect(types, json_text(x));
}

static bool
is_overlooked(const struct json *type)
{
	return !is_touched(type) && !json_true(json_get(type, "retired"));
}

static struct str
severity_of(const struct json *type)
{
	return json_text(json_first(json_get(type, "severities")));
}

/* The gravest first. */
static void
print_untouched(const struct json *types)
{
	size_t n = 0;

	for (int level = SEVERITY_HIGH; level > SEVERITY_UNKNOWN; level--)
		for (const struct json *t = json_first(types); t != NULL; t = json_next(t)) {
			if (!is_overlooked(t) ||
			    !str_is(severity_of(t), severity_name((enum severity)level)))
				continue;
			if (n++ == 0)
				puts("\nTypes that no rule is about");
			if (n <= TYPES_SHOWN)
				print_type(t);
		}
	if (n > TYPES_SHOWN)
		printf("  ... and %zu types more, see -o json\n", n - TYPES_SHOWN);
}

static void
print_table(const struct json *types, const struct rules *rules, struct arena *a)
{
	size_t touched = 0, isolated = 0;

	for (const struct json *t = json_first(types); t != NULL; t = json_next(t)) {
		touched += is_touched(t);
		isolated += is_isolated(t);
	}
	printf("Of %zu alerts that Defender for Cloud is known to raise, rules fire on %zu; on "
	       "%zu a machine would be isolated.\n",
	    json_count(types), touched, isolated);
	print_rules(types, rules);
	print_effects(types, a);
	print_untouched(types);
}

void
backtest_samples(
    const struct settings *settings, const struct rules *rules, enum format format, struct arena *a)
{
	static const struct column columns[] = { { "TYPE", "type", 0, false },
		{ "NAME", "name", 0, false }, { "KIND", "kind", 0, false },
		{ "SEVERITIES", "severities", 0, false }, { "RULES", "rules", 0, false },
		{ "UNSURE", "unsure", 0, false }, { "ACTIONS", "actions", 0, false } };
	struct trial t = { settings, rules, a, arena_new(), json_array(a) };

	for (size_t i = 0; i < alert_types_n; i++)
		try_type(&t, &alert_types[i]);
	arena_free(t.scratch);
	if (format == FORMAT_TABLE)
		print_table(t.types, rules, a);
	else
		output_rows(t.types, columns, sizeof(columns) / sizeof(columns[0]), format);
}
