#include <string.h>

#include "difference_parts.h"

static const char *const effect_names[] = {
	[EFFECT_NONE] = "nothing",
	[EFFECT_REFUSED] = "refused",
	[EFFECT_SHADOW] = "shadow",
	[EFFECT_HELD] = "held",
	[EFFECT_DONE] = "done",
};

const char *
effect_name(enum effect e)
{
	return effect_names[e];
}

const struct difference_totals *
difference_totals(const struct difference *d)
{
	return &d->totals;
}

/* ---- in an order that people expect ---- */

/* Done now and not before, or before and not now: these come first. */
static int
rank(const struct difference_row *r)
{
	bool before = r->before[EFFECT_DONE] > 0, after = r->after[EFFECT_DONE] > 0;

	return after && !before ? 0 : before && !after ? 1 : 2;
}

static int
by_rank(const void *x, const void *y)
{
	const struct difference_row *a = *(const struct difference_row *const *)x;
	const struct difference_row *b = *(const struct difference_row *const *)y;
	int order = rank(a) - rank(b);

	if (order == 0)
		order = str_cmp(a->action, b->action);
	return order != 0 ? order : str_cmp(a->target, b->target);
}

static const struct difference_row **
rows_in_order(struct difference *d, struct row *table, size_t *n)
{
	const struct difference_row **list =
	    arena_alloc(d->arena, HASH_COUNT(table) * sizeof(struct difference_row *));

	*n = 0;
	for (struct row *row = table; row != NULL; row = row->hh.next)
		if (row->r.differ > 0)
			list[(*n)++] = &row->r;
	qsort(list, *n, sizeof(struct difference_row *), by_rank);
	return list;
}

const struct difference_row **
difference_rows(struct difference *d, size_t *n)
{
	return rows_in_order(d, d->rows, n);
}

const struct difference_row **
difference_then(struct difference *d, size_t *n)
{
	return rows_in_order(d, d->then, n);
}

static int
by_names(const void *x, const void *y)
{
	const struct difference_count *a = x, *b = y;
	int order = str_cmp(a->what, b->what);

	if (order == 0)
		order = str_cmp(a->where, b->where);
	return order != 0 ? order : str_cmp(a->rule, b->rule);
}

static const struct difference_count *
counts_in_order(struct difference *d, struct count *table, size_t *n)
{
	struct difference_count *list = arena_alloc(d->arena, HASH_COUNT(table) * sizeof(*list));

	*n = 0;
	for (struct count *c = table; c != NULL; c = c->hh.next)
		list[(*n)++] = c->c;
	qsort(list, *n, sizeof(*list), by_names);
	return list;
}

const struct difference_count *
difference_messages(struct difference *d, size_t *n)
{
	return counts_in_order(d, d->messages, n);
}

const struct difference_count *
difference_budgets(struct difference *d, size_t *n)
{
	return counts_in_order(d, d->budgets, n);
}

/* Those of after in their order, then those that are gone. */
const struct difference_rule *
difference_rules(struct difference *d, size_t *n)
{
	struct difference_rule *list = arena_alloc(d->arena, d->n_rules * sizeof(*list));

	for (size_t i = 0; i < d->n_rules; i++)
		list[i] = d->in_order[i]->r;
	*n = d->n_rules;
	return list;
}

/* ---- sums ---- */

struct difference_gain
difference_gain(const struct difference *d, struct str action)
{
	struct difference_gain gain = { 0, 0, 0 };

	for (const struct row *row = d->rows; row != NULL; row = row->hh.next) {
		bool before = row->r.before[EFFECT_DONE] > 0;
		bool after = row->r.after[EFFECT_DONE] > 0;

		if (!str_eq(row->r.action, action))
			continue;
		gain.more += after && !before;
		gain.less += before && !after;
		gain.same += after && before;
	}
	return gain;
}

static bool
counts_differ(const struct count *table)
{
	for (const struct count *c = table; c != NULL; c = c->hh.next)
		if (c->c.before != c->c.after)
			return true;
	return false;
}

bool
difference_any(const struct difference *d)
{
	for (const struct row *row = d->rows; row != NULL; row = row->hh.next)
		if (row->r.differ > 0)
			return true;
	return counts_differ(d->messages) || counts_differ(d->budgets);
}
