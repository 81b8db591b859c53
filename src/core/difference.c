/*
 * Happy path: the steps of both plans that are about one effect on one resource are put beside each
 * other, counted, and kept as a case where they differ.
 * What can go wrong: there are more resources than a person would look at; those beyond a limit are
 * only counted.
 */
#include "core/difference.h"

#include <string.h>

#include "base/ascii.h"
#include "difference_parts.h"

/* ---- tables ---- */

/* The names, one behind the other; the second without case. */
static struct str
key_of(struct arena *a, struct str first, struct str second, struct str third)
{
	return arena_printf(
	    a, "%.*s\n%.*s\n%.*s", STR_ARG(first), STR_ARG(arena_lower(a, second)), STR_ARG(third));
}

static bool
may_keep(struct difference *d)
{
	if (d->kept < DIFFERENCE_ROWS_MAX) {
		d->kept++;
		return true;
	}
	d->totals.left_out++;
	return false;
}

static struct row *
find_row(struct row *table, struct str key)
{
	struct row *row;

	HASH_FIND(hh, table, key.p, key.n, row);
	return row;
}

static struct row *
add_row(struct difference *d, struct row **table, struct str key, const struct step *s)
{
	struct row *row = arena_alloc(d->arena, sizeof(*row));

	row->r.action = arena_str(d->arena, s->action);
	row->r.target = arena_str(d->arena, s->target);
	key = arena_str(d->arena, key);
	HASH_ADD_KEYPTR(hh, *table, key.p, key.n, row);
	return row;
}

/* NULL: there are too many. */
static struct row *
row_of(struct difference *d, const struct step *s)
{
	struct str key = key_of(d->scratch, s->action, s->target, STR_EMPTY);
	struct row *row = find_row(d->rows, key);

	return row != NULL || !may_keep(d) ? row : add_row(d, &d->rows, key, s);
}

static struct row *
example_of(struct difference *d, const struct step *s)
{
	struct str key = key_of(d->scratch, s->action, s->target, STR_EMPTY);
	struct row *row = find_row(d->then, key);

	return row != NULL || HASH_COUNT(d->then) >= DIFFERENCE_THEN_MAX
		   ? row
		   : add_row(d, &d->then, key, s);
}

static struct difference_count *
count_of(
    struct difference *d, struct count **table, struct str what, struct str where, struct str rule)
{
	struct str key = key_of(d->scratch, what, where, rule);
	struct count *count;

	HASH_FIND(hh, *table, key.p, key.n, count);
	if (count != NULL)
		return &count->c;
	if (!may_keep(d))
		return NULL;
	count = arena_alloc(d->arena, sizeof(*count));
	count->c.what = arena_str(d->arena, what);
	count->c.where = arena_str(d->arena, where);
	count->c.rule = arena_str(d->arena, rule);
	key = arena_str(d->arena, key);
	HASH_ADD_KEYPTR(hh, *table, key.p, key.n, count);
	return &count->c;
}

/* ---- rules ---- */

static struct rule_row *
rule_row(struct difference *d, const struct rule *rule)
{
	struct rule_row *row;

	HASH_FIND(hh, d->rules, rule->name.p, rule->name.n, row);
	if (row != NULL)
		return row;
	row = arena_alloc(d->arena, sizeof(*row));
	HASH_ADD_KEYPTR(hh, d->rules, rule->name.p, rule->name.n, row);
	d->in_order[d->n_rules++] = row;
	return row;
}

struct difference *
difference_new(const struct rules *before, const struct rules *after)
{
	struct difference *d = xcalloc(1, sizeof(*d));
	size_t n = rules_count(before), m = rules_count(after);

	d->arena = arena_new();
	d->scratch = arena_new();
	d->in_order = arena_alloc(d->arena, (n + m) * sizeof(struct rule_row *));
	for (size_t i = 0; i < m; i++)
		rule_row(d, rules_at(after, i))->r.after = rules_at(after, i);
	for (size_t i = 0; i < n; i++)
		rule_row(d, rules_at(before, i))->r.before = rules_at(before, i);
	return d;
}

void
difference_free(struct difference *d)
{
	if (d == NULL)
		return;
	HASH_CLEAR(hh, d->rows);
	HASH_CLEAR(hh, d->then);
	HASH_CLEAR(hh, d->messages);
	HASH_CLEAR(hh, d->budgets);
	HASH_CLEAR(hh, d->rules);
	arena_free(d->scratch);
	arena_free(d->arena);
	free(d);
}

static void
count_rules(struct difference *d, const struct decided *dec, int side)
{
	for (size_t i = 0; i < dec->n; i++) {
		struct rule_row *row;

		if (dec->verdicts[i].answer == ANSWER_NO)
			continue;
		row = rule_row(d, dec->verdicts[i].rule);
		if (dec->verdicts[i].answer == ANSWER_YES)
			row->r.fired[side]++;
		else
			row->r.unsure[side]++;
	}
}

/* ---- messages and budgets ---- */

static void
add_to(struct difference_count *c, int side)
{
	if (c == NULL)
		return;
	if (side == 0)
		c->before++;
	else
		c->after++;
}

static void
count_steps(struct difference *d, const struct plan *plan, int side)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *s = &plan->steps[i];

		if (step_met_budget(s))
			add_to(count_of(d, &d->budgets, s->reason, STR_EMPTY, STR_EMPTY), side);
		if (step_is_quiet(s)) /* its reason names an alert */
			add_to(count_of(d, &d->budgets,
				   STR("the rule is muted or in its own cooldown"), STR_EMPTY,
				   s->rule),
			    side);
		if (s->disruptive || s->state != STEP_WAITING)
			continue;
		add_to(count_of(d, &d->messages, s->action, s->target, s->rule), side);
		d->totals.cards[side] += str_is(s->action, "notify");
	}
}

/* ---- effects ---- */

static enum effect
effect_of(const struct step *s)
{
	if (s == NULL)
		return EFFECT_NONE;
	switch (s->state) {
	case STEP_REFUSED:
	case STEP_SUPPRESSED: /* of cards only */
		return EFFECT_REFUSED;
	case STEP_SHADOW:
		return EFFECT_SHADOW;
	case STEP_APPROVAL:
		return EFFECT_HELD;
	case STEP_WAITING:
	case STEP_RUNNING:
	case STEP_DONE:
	case STEP_FAILED:
		break;
	}
	return EFFECT_DONE;
}

/* One effect on one resource in one event: the strongest step of each side. */
struct pair {
	const struct step *before, *after;
};

static bool
is_about(const struct pair *p, const struct step *s)
{
	const struct step *other = p->before != NULL ? p->before : p->after;

	return str_eq(other->action, s->action) && str_eq_nocase(other->target, s->target);
}

static size_t
pair_up(struct pair *pairs, size_t n, const struct step *steps, size_t n_steps, bool is_after)
{
	for (size_t i = 0; i < n_steps; i++) {
		const struct step **side;
		size_t k = 0;

		if (!steps[i].disruptive)
			continue;
		while (k < n && !is_about(&pairs[k], &steps[i]))
			k++;
		if (k == n)
			pairs[n++] = (struct pair){ NULL, NULL };
		side = is_after ? &pairs[k].after : &pairs[k].before;
		if (*side == NULL || effect_of(&steps[i]) > effect_of(*side))
			*side = &steps[i];
	}
	return n;
}

static struct difference_case
case_of(struct difference *d, const struct difference_event *ev, const struct alert *al,
    const struct pair *p)
{
	struct arena *a = d->arena;
	struct difference_case c = { .alert = ev->alert, .at_ms = ev->received_ms };

	c.name = arena_str(a, al == NULL ? STR_EMPTY : al->name);
	c.before.effect = effect_of(p->before);
	c.before.rule = p->before == NULL ? STR_EMPTY : arena_str(a, p->before->rule);
	c.before.reason = p->before == NULL ? STR_EMPTY : arena_str(a, p->before->reason);
	c.after.effect = effect_of(p->after);
	c.after.rule = p->after == NULL ? STR_EMPTY : arena_str(a, p->after->rule);
	c.after.reason = p->after == NULL ? STR_EMPTY : arena_str(a, p->after->reason);
	c.params = c.before.effect == c.after.effect;
	return c;
}

static void
keep_case(struct difference *d, struct row *row, const struct difference_event *ev,
    const struct alert *al, const struct pair *p)
{
	struct difference_row *r = &row->r;

	if (r->differ++ >= DIFFERENCE_CASES_MAX)
		return;
	if (r->cases == NULL)
		r->cases = arena_alloc(d->arena, DIFFERENCE_CASES_MAX * sizeof(*r->cases));
	r->cases[r->n_cases++] = case_of(d, ev, al, p);
}

/* The same, and by the same parameters. */
static bool
is_same(const struct pair *p)
{
	enum effect before = effect_of(p->before), after = effect_of(p->after);

	return before == after &&
	       (before < EFFECT_HELD || str_eq(p->before->params, p->after->params));
}

static void
count_effects(struct difference *d, const struct difference_event *ev, const struct decided *before,
    const struct decided *after)
{
	size_t most = before->plan.n + after->plan.n, n;
	struct pair *pairs = arena_alloc(d->scratch, most * sizeof(*pairs));

	n = pair_up(pairs, 0, before->plan.steps, before->plan.n, false);
	n = pair_up(pairs, n, after->plan.steps, after->plan.n, true);
	for (size_t i = 0; i < n; i++) {
		const struct pair *p = &pairs[i];
		struct row *row = row_of(d, p->before != NULL ? p->before : p->after);

		if (row == NULL)
			continue;
		row->r.before[effect_of(p->before)]++;
		row->r.after[effect_of(p->after)]++;
		if (!is_same(p))
			keep_case(d, row, ev, before->alert, p);
	}
}

/* ---- what was decided then ---- */

/*
 * A step goes on from where the decision left it: what was let through or approved is done or
 * failed, and what was refused later was neither refused by a guard.
 */
static bool
is_as_then(const struct step *then, const struct step *today)
{
	enum effect effect = effect_of(today);

	if (then == NULL || today == NULL)
		return then == today;
	if (then->state == STEP_REFUSED && then->settled_ms == then->created_ms)
		return effect == EFFECT_REFUSED;
	if (then->state == STEP_SHADOW || then->state == STEP_APPROVAL)
		return effect == effect_of(then);
	return effect == EFFECT_DONE || effect == EFFECT_HELD;
}

static void
compare_then(struct difference *d, const struct difference_event *ev, const struct decided *today)
{
	size_t most = ev->n_then + today->plan.n, n;
	struct pair *pairs = arena_alloc(d->scratch, most * sizeof(*pairs));
	bool differs = false;

	n = pair_up(pairs, 0, ev->then, ev->n_then, false);
	n = pair_up(pairs, n, today->plan.steps, today->plan.n, true);
	for (size_t i = 0; i < n; i++) {
		const struct pair *p = &pairs[i];
		struct row *row;

		if (is_as_then(p->before, p->after))
			continue;
		differs = true;
		row = example_of(d, p->before != NULL ? p->before : p->after);
		if (row != NULL)
			keep_case(d, row, ev, today->alert, p);
	}
	d->totals.then_differs += differs;
}

/* ---- events ---- */

static void
count_event(struct difference *d, const struct difference_event *ev, const struct decided *dec)
{
	struct difference_totals *t = &d->totals;

	if (t->oldest_ms == 0 || ev->received_ms < t->oldest_ms)
		t->oldest_ms = ev->received_ms;
	if (ev->received_ms > t->newest_ms)
		t->newest_ms = ev->received_ms;
	t->events += dec->state == EVENT_STATE_DECIDED;
	t->alerts += dec->state == EVENT_STATE_DECIDED && ev->is_first;
	t->unreadable += dec->state == EVENT_STATE_UNREADABLE;
	t->refused += dec->state == EVENT_STATE_REFUSED;
	t->notices += dec->state == EVENT_STATE_NOTICE;
	t->other_rules += dec->state == EVENT_STATE_DECIDED && ev->other_rules;
}

void
difference_add(struct difference *d, const struct difference_event *ev,
    const struct decided *before, const struct decided *after)
{
	arena_reset(d->scratch);
	count_event(d, ev, before);
	count_rules(d, before, 0);
	count_rules(d, after, 1);
	count_steps(d, &before->plan, 0);
	count_steps(d, &after->plan, 1);
	count_effects(d, ev, before, after);
	if (ev->has_then)
		compare_then(d, ev, before);
}
