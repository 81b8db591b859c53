/*
 * The rules on one alert of each type that Defender for Cloud is known to raise: what a new
 * installation can try before the first alert.  Each is decided by itself: no budget is used up.
 */
#include <inttypes.h>
#include <string.h>

#include "backtest.h"
#include "base/clock.h"
#include "core/alert_types.h"
#include "core/decide.h"
#include "core/ledger.h"

#define TYPES_SHOWN 10
#define SEVERITIES_MAX 4

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

/* "isolate_vm done", "isolate_vm refused: protected by ..." */
static struct str
effect_words(const struct step *s, struct arena *a)
{
	return arena_printf(a, "%.*s %s%s%.*s", STR_ARG(s->action),
	    s->state == STEP_WAITING	? "done"
	    : s->state == STEP_APPROVAL ? "held"
					: step_state_name(s->state),
	    s->reason.n > 0 ? ": " : "", STR_ARG(s->reason));
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
			    effect_words(&d.plan.steps[i], t->scratch), t->arena);
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

static size_t
count_with(const struct json *types, const char *list, const char *part)
{
	size_t n = 0;

	for (const struct json *t = json_first(types); t != NULL; t = json_next(t))
		for (const struct json *x = json_first(json_get(t, list)); x != NULL;
		     x = json_next(x))
			if (str_has_nocase(json_text(x), str_of(part))) {
				n++;
				break;
			}
	return n;
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

/* All that would change something: an admin wants to see each of them. */
static void
print_actions(const struct json *types)
{
	bool any = false;

	for (const struct json *t = json_first(types); t != NULL; t = json_next(t)) {
		const struct json *actions = json_get(t, "actions");

		if (actions == NULL)
			continue;
		if (!any)
			puts("\nWhat would be done");
		any = true;
		print_type(t);
		for (const struct json *x = json_first(actions); x != NULL; x = json_next(x)) {
			fputs("      ", stdout);
			output_text(stdout, json_text(x));
			putchar('\n');
		}
	}
}

static void
print_untouched(const struct json *types)
{
	size_t n = 0;

	for (const struct json *t = json_first(types); t != NULL; t = json_next(t)) {
		if (is_touched(t) || json_true(json_get(t, "retired")))
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
print_table(const struct json *types, const struct rules *rules)
{
	size_t touched = 0, isolated = count_with(types, "actions", "isolate_");

	for (const struct json *t = json_first(types); t != NULL; t = json_next(t))
		touched += is_touched(t);
	printf("Of %zu alerts that Defender for Cloud is known to raise, rules fire on %zu; on "
	       "%zu a machine would be isolated.\n",
	    json_count(types), touched, isolated);
	print_rules(types, rules);
	print_actions(types);
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
		print_table(t.types, rules);
	else
		output_rows(t.types, columns, sizeof(columns) / sizeof(columns[0]), format, a);
}
