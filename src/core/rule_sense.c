#include "rule_sense.h"

#include "base/buf.h"
#include "core/trace.h"

#define PHRASE_MAX 600
/* Pairs of texts that are looked at for one hint: loading is not to wait for it. */
#define PAIRS_MAX 1000000

/* ---- a match that nothing fits ---- */

/* Fields that have one value at most, so that it must fit all conditions. */
static bool
is_single(struct str field)
{
	static const char *const names[] = { "severity", "status", "alertType", "alertDisplayName",
		"compromisedEntity", "subscriptionId", "resourceGroup", "resourceName",
		"resourceType", "systemAlertId", "startTimeUtc", "productName" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is_nocase(field, names[i]))
			return true;
	return false;
}

/* One of these texts, and nothing else, fits. */
static bool
is_list_of_texts(const struct condition *c)
{
	if (c->op != OP_LIKE || c->negated)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (c->wanted[i].null || c->wanted[i].pattern.piece.n == 0 ||
		    c->wanted[i].pattern.piece.n != c->wanted[i].pattern.n)
			return false;
	return true;
}

/* May the text fit the condition?  Yes when it is not certain. */
static bool
may_fit(const struct condition *c, struct str text)
{
	size_t fits = 0;

	if (c->by_severity) {
		enum severity level = severity_parse(text), wanted = c->wanted[0].level;

		return level == SEVERITY_UNKNOWN || (c->op == OP_GT && level > wanted) ||
		       (c->op == OP_GTE && level >= wanted) || (c->op == OP_LT && level < wanted) ||
		       (c->op == OP_LTE && level <= wanted);
	}
	if (c->op != OP_LIKE || c->negated)
		return true;
	for (size_t i = 0; i < c->n; i++) {
		int64_t work = CONDITION_WORK_MAX;

		/* A text of the rules is in one case, the alert's may be in another. */
		fits += !c->wanted[i].null &&
			pattern_match(&c->wanted[i].pattern, text, false, &work) != ANSWER_NO;
	}
	return c->flags & FLAG_ALL ? fits == c->n : fits > 0;
}

/* Both are about a field that has one value. */
static bool
exclude_each_other(const struct condition *x, const struct condition *y)
{
	bool all = x->flags & FLAG_ALL;

	if (!is_list_of_texts(x) || x->n * (all ? x->n + y->n : y->n) > PAIRS_MAX)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if ((!all || may_fit(x, x->wanted[i].text)) && may_fit(y, x->wanted[i].text))
			return false;
	return true;
}

static bool
needs_a_value(const struct condition *c)
{
	if (c->negated)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (c->wanted[i].null || (c->op == OP_EXISTS && !c->wanted[i].exists))
			return false;
	return true;
}

static bool
contradict(const struct condition *x, const struct condition *y)
{
	if (!str_eq_nocase(x->field, y->field))
		return false;
	if (x->op == OP_EXISTS && !x->wanted[0].exists && needs_a_value(y))
		return true;
	return is_single(x->field) && exclude_each_other(x, y);
}

static struct str
phrase(const struct condition *x, const struct condition *y, struct arena *a)
{
	struct buf b;

	buf_init(&b, PHRASE_MAX);
	trace_phrase(x->written, x->text, &b);
	if (x != y) {
		buf_add_cstr(&b, ", and ");
		trace_phrase(y->written, y->text, &b);
	}
	return buf_to_arena(&b, a);
}

static bool
group_never_holds(const struct group *g, struct arena *a, struct str *why)
{
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->n; k++)
			if (contradict(&g->conditions[i], &g->conditions[k])) {
				*why = phrase(&g->conditions[i], &g->conditions[k], a);
				return true;
			}
	return false;
}

static bool
selection_never_holds(const struct selection *s, struct arena *a, struct str *why)
{
	for (size_t i = 0; i < s->n; i++)
		if (!group_never_holds(&s->groups[i], a, why))
			return false;
	return true;
}

/* Is the selection one of those that all must hold, as it is or negated? */
static bool
asks_for(const struct node *n, size_t selection, bool negated)
{
	if (n->kind == NODE_AND)
		return asks_for(n->left, selection, negated) ||
		       asks_for(n->right, selection, negated);
	if (n->kind == NODE_NOT && negated)
		return asks_for(n->left, selection, false) && n->left->kind == NODE_SELECTION;
	return n->kind == NODE_SELECTION && !negated && n->selection == selection;
}

static bool
node_never_holds(const struct matcher *m, const struct node *n, struct arena *a, struct str *why)
{
	switch (n->kind) {
	case NODE_SELECTION:
		return selection_never_holds(&m->selections[n->selection], a, why);
	case NODE_NOT:
		return false;
	case NODE_OR:
		return node_never_holds(m, n->left, a, why) &&
		       node_never_holds(m, n->right, a, why);
	case NODE_AND:
		break;
	}
	for (size_t i = 0; i < m->n; i++)
		if (asks_for(n, i, false) && asks_for(n, i, true)) {
			*why = arena_printf(a, "%.*s and not %.*s", STR_ARG(m->selections[i].name),
			    STR_ARG(m->selections[i].name));
			return true;
		}
	return node_never_holds(m, n->left, a, why) || node_never_holds(m, n->right, a, why);
}

bool
match_never_holds(const struct matcher *m, struct arena *a, struct str *why)
{
	return node_never_holds(m, m->root, a, why);
}

/* ---- one match within another ---- */

static bool
has_wanted(const struct condition *c, const struct wanted *w)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->wanted[i].null == w->null && c->wanted[i].set == w->set &&
		    str_eq(c->wanted[i].text, w->text))
			return true;
	return false;
}

/* Whatever holds c holds wider: the same question, with more answers that do. */
static bool
condition_is_within(const struct condition *c, const struct condition *wider)
{
	bool each = (wider->flags & FLAG_ALL) || wider->negated;
	const struct condition *few = each ? wider : c, *many = each ? c : wider;

	if (!str_eq_nocase(c->field, wider->field) || c->op != wider->op ||
	    c->flags != wider->flags || c->negated != wider->negated ||
	    few->n * many->n > PAIRS_MAX)
		return false;
	for (size_t i = 0; i < few->n; i++)
		if (!has_wanted(many, &few->wanted[i]))
			return false;
	return true;
}

static bool
group_is_within(const struct group *g, const struct group *wider)
{
	for (size_t i = 0; i < wider->n; i++) {
		bool found = false;

		for (size_t k = 0; k < g->n && !found; k++)
			found = condition_is_within(&g->conditions[k], &wider->conditions[i]);
		if (!found)
			return false;
	}
	return true;
}

static bool
is_plain(const struct matcher *m)
{
	return m->root->kind == NODE_SELECTION;
}

bool
match_is_within(const struct matcher *m, const struct matcher *wider)
{
	const struct selection *s, *w;

	if (!is_plain(m) || !is_plain(wider))
		return false;
	s = &m->selections[m->root->selection];
	w = &wider->selections[wider->root->selection];
	for (size_t i = 0; i < s->n; i++) {
		bool found = false;

		for (size_t k = 0; k < w->n && !found; k++)
			found = group_is_within(&s->groups[i], &w->groups[k]);
		if (!found)
			return false;
	}
	return true;
}
