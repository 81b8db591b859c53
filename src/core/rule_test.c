/*
 * All rules are asked, the plan of this one is made, and what is expected is compared with it.
 */
#include "core/rule_test.h"

#include "base/buf.h"

#define WORDS_MAX 1000

/* ---- the rule ---- */

void
rule_test_judge(const struct rules *rules, const struct alert *al, int64_t now_ms, struct arena *a,
    struct rule_test_judged *out)
{
	out->alert = al;
	out->now_ms = now_ms;
	rules_judge(rules, al, now_ms, a, &out->verdicts, &out->n);
}

static const struct verdict *
verdict_of(const struct rule_test_judged *judged, const struct rule *rule)
{
	for (size_t i = 0; i < judged->n; i++)
		if (judged->verdicts[i].rule == rule)
			return &judged->verdicts[i];
	return NULL;
}

/* The last one that was asked, if it kept this one from being asked; rules are in one list. */
static const struct rule *
stopped_by(const struct rule_test_judged *judged, const struct rule *rule)
{
	const struct verdict *last = judged->n == 0 ? NULL : &judged->verdicts[judged->n - 1];

	return last != NULL && last->answer == ANSWER_YES && last->muted.n == 0 &&
		       last->rule->stop && last->rule < rule
		   ? last->rule
		   : NULL;
}

/* Budgets are unused. */
static int64_t
nothing_done(void *ctx, const struct step_filter *which)
{
	(void)ctx, (void)which;
	return 0;
}

/* What the rule would do if it was alone, and enforced. */
static void
plan_alone(const struct rule *rule, enum answer answer, struct str muted,
    const struct trace_line *lines, size_t n, const struct alert *al,
    const struct settings *settings, int64_t now_ms, struct arena *a, struct plan *out)
{
	struct guard_facts facts = { .now_ms = now_ms, .count = nothing_done };
	struct settings enforced = { .approvals = { .quorum = 1 } };
	struct trace_line *copy = arena_alloc(a, n * sizeof(*copy));
	struct rule *alone = arena_alloc(a, sizeof(*alone));
	struct verdict v = {
		.rule = alone, .answer = answer, .muted = muted, .lines = copy, .n_lines = n
	};

	for (size_t i = 0; i < n; i++)
		copy[i] = lines[i];
	if (settings != NULL)
		enforced = *settings;
	enforced.mode = GUARD_ENFORCE;
	*alone = *rule;
	alone->mode = RULE_ENFORCE;
	plan_build(&enforced, &v, 1, al, &facts, a, out);
}

/* ---- what is expected, and what happened ---- */

static bool
has_name(const struct json *names, struct str name)
{
	for (const struct json *n = json_first(names); n != NULL; n = json_next(n))
		if (str_eq(json_text(n), name))
			return true;
	return false;
}

static bool
plan_has(const struct plan *plan, struct str action, enum step_state state)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].state == state && str_eq(plan->steps[i].action, action))
			return true;
	return false;
}

/* Exactly these, and none besides. */
static bool
are(const struct json *names, const struct plan *plan, enum step_state state)
{
	if (names == NULL)
		return true;
	for (const struct json *n = json_first(names); n != NULL; n = json_next(n))
		if (!plan_has(plan, json_text(n), state))
			return false;
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].state == state && !has_name(names, plan->steps[i].action))
			return false;
	return true;
}

static bool
reasons_are(struct str reason, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].state != STEP_WAITING &&
		    !str_has_nocase(plan->steps[i].reason, reason))
			return false;
	return true;
}

static bool
is_as_expected(const struct rule_expect *x, const struct rule_test_result *r, const struct plan *p)
{
	enum answer answer = r->stopped_by != NULL ? ANSWER_NO : r->answer;

	return (!x->says_fires || x->fires == answer) && are(x->actions, p, STEP_WAITING) &&
	       are(x->held, p, STEP_APPROVAL) && are(x->refused, p, STEP_REFUSED) &&
	       (x->reason.n == 0 || reasons_are(x->reason, p));
}

static void
add_part(struct buf *b, const char *text)
{
	if (b->n > 0)
		buf_add_cstr(b, "; ");
	buf_add_cstr(b, text);
}

static const char *
answer_words(enum answer answer)
{
	switch (answer) {
	case ANSWER_YES:
		return "fires";
	case ANSWER_NO:
		return "does not fire";
	case ANSWER_UNSURE:
	case ANSWER_NOT_ASKED:
		break;
	}
	return "cannot be decided";
}

/* "does isolate_vm and notify", "holds nothing" */
static void
add_names(struct buf *b, const char *verb, const struct json *names)
{
	size_t i = 0, n = json_count(names);

	add_part(b, verb);
	if (n == 0)
		buf_add_cstr(b, " nothing");
	for (const struct json *c = json_first(names); c != NULL; c = json_next(c), i++) {
		buf_add_cstr(b, i == 0 ? " " : i + 1 == n ? " and " : ", ");
		buf_add(b, json_text(c));
	}
}

static struct str
expected(const struct rule_expect *x, struct arena *a)
{
	struct buf b;

	buf_init(&b, WORDS_MAX);
	if (x->says_fires)
		add_part(&b, answer_words(x->fires));
	if (x->actions != NULL)
		add_names(&b, "does", x->actions);
	if (x->held != NULL)
		add_names(&b, "holds", x->held);
	if (x->refused != NULL)
		add_names(&b, "refuses", x->refused);
	if (x->reason.n > 0) {
		add_part(&b, "because of '");
		buf_add(&b, x->reason);
		buf_add_char(&b, '\'');
	}
	return buf_to_arena(&b, a);
}

/* Of the plan what is in this state, once for each action. */
static void
add_steps(struct buf *b, const char *verb, const struct plan *plan, enum step_state state,
    struct arena *a)
{
	struct json *names = json_array(a);

	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].state == state && !has_name(names, plan->steps[i].action))
			json_add(names, json_string(plan->steps[i].action, a), a);
	if (json_count(names) > 0)
		add_names(b, verb, names);
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].state == state && plan->steps[i].reason.n > 0) {
			buf_add_cstr(b, ": ");
			buf_add(b, plan->steps[i].reason);
			break;
		}
}

static struct str
happened(const struct rule_test_result *r, const struct plan *plan, struct arena *a)
{
	struct buf b;

	buf_init(&b, WORDS_MAX);
	if (r->stopped_by != NULL) {
		buf_printf(&b, "is not asked: '%.*s' (%.*s:%d) fires, and stops",
		    STR_ARG(r->stopped_by->name), STR_ARG(r->stopped_by->file),
		    r->stopped_by->line);
		return buf_to_arena(&b, a);
	}
	add_part(&b, answer_words(r->answer));
	add_steps(&b, "does", plan, STEP_WAITING, a);
	add_steps(&b, "holds", plan, STEP_APPROVAL, a);
	add_steps(&b, "refuses", plan, STEP_REFUSED, a);
	return buf_to_arena(&b, a);
}

/* Who protects one more machine is not to be refused by a test that does not speak of guards. */
static const struct settings *
guards_for(const struct rule_expect *x, const struct settings *settings)
{
	return x->held != NULL || x->refused != NULL ? settings : NULL;
}

void
rule_test_run(const struct rule *rule, const struct rule_test *test,
    const struct rule_test_judged *judged, const struct settings *settings, struct arena *a,
    struct rule_test_result *out)
{
	const struct verdict *v = verdict_of(judged, rule);
	struct plan plan = { .n = 0 };
	struct trace_line *lines = NULL;

	*out = (struct rule_test_result){ .answer = ANSWER_NO };
	if (v == NULL)
		out->stopped_by = stopped_by(judged, rule);
	if (v != NULL) {
		out->answer = v->answer;
		out->lines = v->lines;
		out->n_lines = v->n_lines;
	} else if (out->stopped_by == NULL) { /* the index was certain of its no */
		out->answer =
		    rule_judge(rule, judged->alert, judged->now_ms, a, &lines, &out->n_lines);
		out->lines = lines;
	}
	if (out->answer != ANSWER_NO)
		plan_alone(rule, out->answer, v == NULL || test->at_ms == 0 ? STR_EMPTY : v->muted,
		    out->lines, out->n_lines, judged->alert, guards_for(&test->expect, settings),
		    judged->now_ms, a, &plan);
	out->passed = is_as_expected(&test->expect, out, &plan);
	if (out->passed)
		return;
	out->expected = expected(&test->expect, a);
	out->happened = happened(out, &plan, a);
}
