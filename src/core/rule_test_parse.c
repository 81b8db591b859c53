/*
 * Happy path: each entry of `tests` is read by a table; an alert that is written in the test
 * becomes the JSON that a file would hold. What can go wrong: a mistake is reported at its place;
 * so is an action that the rule does not have, which could never be done.
 */
#include "rule_test_parse.h"

#include "base/clock.h"
#include "rule_params.h"

static const struct param expect_params[] = {
	{ .name = "fires",
	    .type = PARAM_CHOICE,
	    .choices = "true|false|unsure",
	    .help = "What the rule says; unsure: it cannot be decided." },
	{ .name = "actions",
	    .type = PARAM_TEXT,
	    .list = true,
	    .help = "The actions that are done, exactly these; [] for none." },
	{ .name = "held",
	    .type = PARAM_TEXT,
	    .list = true,
	    .help = "The actions that wait for approval, exactly these." },
	{ .name = "refused",
	    .type = PARAM_TEXT,
	    .list = true,
	    .help = "The actions that a guard refuses, exactly these." },
	{ .name = "reason",
	    .type = PARAM_TEXT,
	    .help = "A part of the reason of each that is held or refused." },
	{ .name = NULL },
};

const struct param rule_test_params[] = {
	{ .name = "alert",
	    .type = PARAM_TEXT_OR_TREE,
	    .required = true,
	    .help = "File with an alert, relative to the rule file; or the alert itself." },
	{ .name = "overrides",
	    .type = PARAM_TREE,
	    .help = "Fields of the alert that are otherwise; null: without it." },
	{ .name = "at",
	    .type = PARAM_TEXT,
	    .help = "When it comes, such as 2026-03-14T09:00:00Z; else now." },
	{ .name = "expect",
	    .type = PARAM_GROUP,
	    .group = expect_params,
	    .required = true,
	    .help = "What is to happen." },
	{ .name = NULL },
};

struct parsing {
	const struct rule *rule;
	struct arena *arena;
	struct diags *d;
};

/* ---- expect ---- */

static bool
has_action(const struct rule *rule, struct str name)
{
	for (size_t i = 0; i < rule->n_actions; i++)
		if (str_eq(rule->actions[i].name, name))
			return true;
	return false;
}

static const char *
near_action(const struct parsing *p, struct str name)
{
	const struct rule *rule = p->rule;
	const char **names = arena_alloc(p->arena, rule->n_actions * sizeof(*names));

	for (size_t i = 0; i < rule->n_actions; i++)
		names[i] = arena_cstr(p->arena, rule->actions[i].name);
	return str_nearest(name, names, rule->n_actions);
}

/* NULL: nothing is said of it. */
static const struct json *
read_names(
    const struct parsing *p, const struct yaml *expect, const struct json *values, const char *key)
{
	const struct yaml *y = yaml_get(expect, key);
	const struct json *list = json_get(values, key);
	size_t i = 0;

	if (y == NULL)
		return NULL;
	for (const struct json *name = json_first(list); name != NULL; name = json_next(name)) {
		const struct yaml *at = yaml_entry(y, i++);
		struct str text = json_text(name);
		const char *near;

		if (has_action(p->rule, text))
			continue;
		near = near_action(p, text);
		yaml_error(
		    p->d, at, "the rule has no action '%.*s'%s%s%s", STR_ARG(text), NEAR_ARG(near));
	}
	return list;
}

static void
read_expect(const struct parsing *p, const struct yaml *y, const struct json *values,
    struct rule_expect *out)
{
	struct str fires = json_text(json_get(values, "fires"));

	if (y == NULL || y->type != YAML_MAPPING)
		return;
	out->says_fires = yaml_get(y, "fires") != NULL;
	out->fires = str_is(fires, "true")    ? ANSWER_YES
		     : str_is(fires, "false") ? ANSWER_NO
					      : ANSWER_UNSURE;
	out->actions = read_names(p, y, values, "actions");
	out->held = read_names(p, y, values, "held");
	out->refused = read_names(p, y, values, "refused");
	out->reason = json_text(json_get(values, "reason"));
	if (!out->says_fires && out->actions == NULL && out->held == NULL && out->refused == NULL)
		yaml_error(p->d, y,
		    "nothing is expected: fires, actions, held or refused says what is to happen");
	if (out->reason.n > 0 && out->held == NULL && out->refused == NULL)
		yaml_error(p->d, yaml_get(y, "reason"),
		    "a reason is that of what is held or refused: say which actions are");
}

/* ---- a test ---- */

static void
read_at(const struct parsing *p, const struct yaml *y, struct str text, struct rule_test *out)
{
	if (text.n > 0 && !clock_parse(text, &out->at_ms))
		yaml_error(p->d, yaml_get(y, "at"),
		    "'%.*s' is no time such as 2026-03-14T09:00:00Z", STR_ARG(text));
}

static void
read_test(const struct parsing *p, const struct yaml *y, struct rule_test *out)
{
	const struct yaml *alert = yaml_get(y, "alert"), *expect = yaml_get(y, "expect");
	bool written = alert != NULL && alert->type == YAML_MAPPING;
	struct json *j = params_read(rule_test_params, y, p->arena, p->d);

	*out = (struct rule_test){ .line = y->line, .col = y->col };
	if (alert != NULL) {
		out->alert_line = alert->line;
		out->alert_col = alert->col;
	}
	out->alert = written ? STR_EMPTY : json_text(json_get(j, "alert"));
	out->written = written ? json_print(json_get(j, "alert"), p->arena) : STR_EMPTY;
	out->overrides = json_get(j, "overrides");
	read_at(p, y, json_text(json_get(j, "at")), out);
	read_expect(p, expect, json_get(j, "expect"), &out->expect);
}

void
rule_tests_parse(const struct yaml *list, struct rule *rule, struct arena *a, struct diags *d)
{
	const struct parsing p = { rule, a, d };

	if (list == NULL)
		return;
	if (list->type != YAML_SEQUENCE) {
		yaml_error(d, list, "tests are a list, not %s", yaml_type_name(list));
		return;
	}
	rule->tests = arena_alloc(a, list->n * sizeof(*rule->tests));
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i]->type == YAML_MAPPING)
			read_test(&p, list->items[i], &rule->tests[rule->n_tests++]);
		else
			yaml_error(d, list->items[i],
			    "a test is {alert: file, expect: {fires: true}}, not %s",
			    yaml_type_name(list->items[i]));
	}
}
