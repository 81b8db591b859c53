#include "test_coverage.h"

#include "base/buf.h"
#include "core/trace.h"

#define PHRASE_MAX 1000

struct tally {
	int64_t rules, answers, seen;
	struct json *without_test, *never_fire, *conditions;
	struct arena *arena;
};

static struct json *
place(const struct rule *rule, int line, int col, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_str(j, "rule", rule->name, a);
	json_set_str(j, "file", rule->file, a);
	json_set_int(j, "line", line, a);
	json_set_int(j, "column", col, a);
	return j;
}

static void
count_condition(
    struct tally *c, const struct rule *rule, size_t i, const struct rule_coverage *coverage)
{
	struct rule_condition written = rule_condition(rule, i);
	struct condition_seen seen = coverage->seen[i];
	struct json *j;

	c->answers += 2;
	c->seen += seen.yes + seen.no;
	if ((seen.yes && seen.no) || coverage->tests == 0)
		return;
	j = place(rule, written.line, written.col, c->arena);
	if (written.selection.n > 0)
		json_set_str(j, "selection", written.selection, c->arena);
	json_set_str(j, "field", written.field, c->arena);
	json_set_str(j, "wanted", written.wanted, c->arena);
	json_set_bool(j, "yes", seen.yes, c->arena);
	json_set_bool(j, "no", seen.no, c->arena);
	json_add(c->conditions, j, c->arena);
}

static void
count_rule(struct tally *c, const struct rule *rule, const struct rule_coverage *coverage)
{
	c->rules++;
	if (coverage->tests == 0)
		json_add(c->without_test, place(rule, rule->line, rule->col, c->arena), c->arena);
	else if (!coverage->fired)
		json_add(c->never_fire, place(rule, rule->line, rule->col, c->arena), c->arena);
	for (size_t i = 0; i < rule_conditions(rule); i++)
		count_condition(c, rule, i, coverage);
}

struct json *
coverage_json(const struct rules *rules, const struct rule_tests *t, struct arena *a)
{
	struct tally c = { 0, 0, 0, json_array(a), json_array(a), json_array(a), a };
	struct json *j = json_object(a);

	for (size_t i = 0; i < rules_count(rules); i++)
		if (rules_at(rules, i)->mode != RULE_OFF)
			count_rule(&c, rules_at(rules, i), &t->coverage[i]);
	json_set_int(j, "percent", c.answers == 0 ? 100 : 100 * c.seen / c.answers, a);
	json_set_int(j, "answers", c.answers, a);
	json_set_int(j, "answers_seen", c.seen, a);
	json_set_int(j, "rules", c.rules, a);
	json_set(j, "without_test", c.without_test, a);
	json_set(j, "never_fire", c.never_fire, a);
	json_set(j, "conditions", c.conditions, a);
	return j;
}

/* ---- for a table ---- */

static void
add_row(
    struct json *rows, const struct json *of, const char *result, struct str text, struct arena *a)
{
	static const char *const copied[] = { "file", "line", "column", "rule" };
	struct json *row = json_object(a);

	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		json_set(row, copied[i], json_copy(json_get(of, copied[i]), a), a);
	json_set_cstr(row, "result", result, a);
	json_set_str(row, "text", text, a);
	json_add(rows, row, a);
}

static void
add_rules(struct json *rows, const struct json *list, const char *result, struct arena *a)
{
	for (const struct json *r = json_first(list); r != NULL; r = json_next(r))
		add_row(rows, r, result, json_text(json_get(r, "rule")), a);
}

static void
add_condition(struct json *rows, const struct json *c, struct arena *a)
{
	bool yes = json_true(json_get(c, "yes")), no = json_true(json_get(c, "no"));
	struct str selection = json_text(json_get(c, "selection"));
	struct buf b;

	buf_init(&b, PHRASE_MAX);
	if (selection.n > 0)
		buf_printf(&b, "%.*s: ", STR_ARG(selection));
	trace_phrase(json_text(json_get(c, "field")), json_text(json_get(c, "wanted")), &b);
	add_row(rows, c,
	    yes	 ? "never no"
	    : no ? "never yes"
		 : "never asked",
	    buf_to_arena(&b, a), a);
}

struct json *
coverage_rows(const struct json *coverage, struct arena *a)
{
	struct json *rows = json_array(a);

	add_rules(rows, json_get(coverage, "without_test"), "no test", a);
	add_rules(rows, json_get(coverage, "never_fire"), "never fires", a);
	for (const struct json *c = json_first(json_get(coverage, "conditions")); c != NULL;
	     c = json_next(c))
		add_condition(rows, c, a);
	return rows;
}
