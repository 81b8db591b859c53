/*
 * Happy path: what a rule needs is found by going through its expression: of an "and" the part that
 * is rarest among the rules, of an "or" all parts together.
 *
 * What can go wrong: an answer that the judge would not give.  So a rule is left out only where the
 * judge is certain to say no: the piece is in no value, there are no values that were not looked
 * at, and looking at all of them is within what a condition may spend.
 */
#include "rule_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/finder.h"
#include "matcher.h"

/* What is this short is in many a text, however few rules have it. */
#define SHORT_PIECE 3
#define SHORT_COST 1000

/* A rule that waits for a piece of a field. */
struct waiting {
	uint32_t rule, piece;
	size_t wanted; /* values that its condition compares with */
};

struct field {
	struct str name;
	struct finder *finder;
	struct waiting *list; /* by pieces */
	size_t n, cap;
	size_t *from;  /* for each piece the first that waits for it; one more for the end */
	size_t wanted; /* the most of all that wait */
};

struct rule_index {
	struct field *fields;
	size_t n;
	uint64_t *always; /* a bit for each rule */
	size_t rules;
};

/* ---- what a rule needs ---- */

struct need {
	const struct condition *c;
	const struct wanted *w;
	struct need *next;
};

/* One of them must be there.  NULL: nothing is known. */
struct needs {
	struct need *first;
	size_t cost;
};

/* How often each piece stands in the rules; a finder gives equal texts one number. */
struct census {
	struct finder *names;
	struct field_census {
		struct str name;
		struct finder *pieces;
		size_t *times, cap;
	} * fields;
	size_t cap;
	struct arena *a;
};

static struct field_census *
census_of(struct census *s, struct str name)
{
	size_t i = finder_add(s->names, name), old = s->cap;

	if (i >= s->cap) {
		s->cap = 2 * i + 8;
		s->fields = xrealloc(s->fields, s->cap * sizeof(*s->fields));
		memset(&s->fields[old], 0, (s->cap - old) * sizeof(*s->fields));
	}
	if (s->fields[i].pieces == NULL) {
		s->fields[i].name = name;
		s->fields[i].pieces = finder_new();
	}
	return &s->fields[i];
}

static size_t *
times_of(struct census *s, const struct condition *c, const struct wanted *w)
{
	struct field_census *f = census_of(s, c->field);
	size_t i = finder_add(f->pieces, w->pattern.piece), old = f->cap;

	if (i >= f->cap) {
		f->cap = 2 * i + 8;
		f->times = xrealloc(f->times, f->cap * sizeof(*f->times));
		memset(&f->times[old], 0, (f->cap - old) * sizeof(*f->times));
	}
	return &f->times[i];
}

static void
census_done(struct census *s)
{
	for (size_t i = 0; i < s->cap; i++) {
		finder_free(s->fields[i].pieces);
		free(s->fields[i].times);
	}
	free(s->fields);
	finder_free(s->names);
	arena_free(s->a);
}

static bool
has_piece(const struct condition *c, const struct wanted *w)
{
	return c->op == OP_LIKE && !w->null && w->pattern.piece.n > 0;
}

/* Of "all" the first value decides, before any other is looked at. */
static size_t
deciding(const struct condition *c)
{
	return c->flags & FLAG_ALL ? 1 : c->n;
}

static void
count_rule(struct census *s, const struct matcher *m)
{
	FOR_EACH_CONDITION(m, c)
	for (size_t i = 0; i < deciding(c); i++)
		if (has_piece(c, &c->wanted[i]))
			++*times_of(s, c, &c->wanted[i]);
}

static struct needs *
needs_new(struct census *s)
{
	return arena_alloc(s->a, sizeof(struct needs));
}

static struct needs *
needs_of_condition(struct census *s, const struct condition *c)
{
	struct needs *out = needs_new(s);

	if (c->negated)
		return NULL;
	for (size_t i = 0; i < deciding(c); i++) {
		struct need *need = arena_alloc(s->a, sizeof(*need));

		if (!has_piece(c, &c->wanted[i]))
			return NULL;
		*need = (struct need){ c, &c->wanted[i], out->first };
		out->first = need;
		out->cost += *times_of(s, c, need->w) *
			     (need->w->pattern.piece.n < SHORT_PIECE ? SHORT_COST : 1);
	}
	return out;
}

static struct needs *
rarer(struct needs *x, struct needs *y)
{
	if (x == NULL || y == NULL)
		return x == NULL ? y : x;
	return x->cost <= y->cost ? x : y;
}

static struct needs *
either(struct needs *x, struct needs *y)
{
	struct need **last;

	if (x == NULL || y == NULL)
		return NULL;
	for (last = &x->first; *last != NULL;)
		last = &(*last)->next;
	*last = y->first;
	x->cost += y->cost;
	return x;
}

static struct needs *
needs_of_selection(struct census *s, const struct selection *selection)
{
	struct needs *any = needs_new(s);

	for (size_t g = 0; g < selection->n; g++) {
		const struct group *group = &selection->groups[g];
		struct needs *all = NULL;

		for (size_t i = 0; i < group->n; i++)
			all = rarer(all, needs_of_condition(s, &group->conditions[i]));
		any = either(all, any);
	}
	return any;
}

static struct needs *
needs_of(struct census *s, const struct matcher *m, const struct node *node)
{
	struct needs *left, *right;

	switch (node->kind) {
	case NODE_SELECTION:
		return needs_of_selection(s, &m->selections[node->selection]);
	case NODE_NOT:
		return NULL;
	case NODE_AND:
	case NODE_OR:
		break;
	}
	left = needs_of(s, m, node->left);
	right = needs_of(s, m, node->right);
	return node->kind == NODE_AND ? rarer(left, right) : either(left, right);
}

/* ---- making it ---- */

static void
set(uint64_t *bits, size_t i)
{
	bits[i / 64] |= (uint64_t)1 << (i % 64);
}

static struct field *
field_of(struct rule_index *x, struct census *s, struct str name)
{
	struct field *f = &x->fields[finder_add(s->names, name)];

	if (f->finder == NULL) {
		f->finder = finder_new();
		f->name = name;
	}
	return f;
}

static void
wait_for(struct field *f, const struct need *need, size_t rule)
{
	if (f->n == f->cap) {
		f->cap = 2 * f->cap + 8;
		f->list = xrealloc(f->list, f->cap * sizeof(*f->list));
	}
	f->list[f->n++] = (struct waiting){ (uint32_t)rule,
		finder_add(f->finder, need->w->pattern.piece), need->c->n };
	f->wanted = need->c->n > f->wanted ? need->c->n : f->wanted;
}

static int
by_piece(const void *x, const void *y)
{
	uint32_t a = ((const struct waiting *)x)->piece, b = ((const struct waiting *)y)->piece;

	return a < b ? -1 : a > b;
}

static void
field_ready(struct field *f)
{
	size_t pieces;

	if (f->finder == NULL)
		return;
	finder_ready(f->finder);
	pieces = finder_count(f->finder);
	qsort(f->list, f->n, sizeof(*f->list), by_piece);
	f->from = xcalloc(pieces + 1, sizeof(*f->from));
	for (size_t i = 0; i < f->n; i++)
		f->from[f->list[i].piece + 1] = i + 1;
}

/* A correlation is asked when a rule that it counts has said something. */
static bool
is_indexed(const struct rule *rule)
{
	return rule->mode != RULE_OFF && rule->correlation == NULL;
}

struct rule_index *
rule_index_new(const struct rule *list, size_t n)
{
	struct rule_index *x = xcalloc(1, sizeof(*x));
	struct census s = { .names = finder_new(), .a = arena_new() };

	for (size_t i = 0; i < n; i++)
		if (is_indexed(&list[i]))
			count_rule(&s, list[i].matcher);
	x->rules = n;
	x->n = finder_count(s.names);
	x->fields = xcalloc(x->n, sizeof(*x->fields));
	x->always = xcalloc(BIT_WORDS(n), sizeof(*x->always));
	for (size_t i = 0; i < n; i++) {
		const struct needs *needs;

		if (!is_indexed(&list[i]))
			continue;
		needs = needs_of(&s, list[i].matcher, list[i].matcher->root);
		if (needs == NULL)
			set(x->always, i);
		else
			for (const struct need *d = needs->first; d != NULL; d = d->next)
				wait_for(field_of(x, &s, d->c->field), d, i);
	}
	for (size_t i = 0; i < x->n; i++)
		field_ready(&x->fields[i]);
	census_done(&s);
	return x;
}

void
rule_index_free(struct rule_index *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->n; i++) {
		finder_free(x->fields[i].finder);
		free(x->fields[i].list);
		free(x->fields[i].from);
	}
	free(x->fields);
	free(x->always);
	free(x);
}

/* ---- asking it ---- */

struct asking {
	const struct field *f;
	uint64_t *bits;
	uint64_t *seen; /* a bit for each piece: the same one may be in a text a million times */
};

static bool
is_set(const uint64_t *bits, size_t i)
{
	return (bits[i / 64] >> (i % 64) & 1) != 0;
}

static void
found(void *ctx, uint32_t piece)
{
	const struct asking *q = ctx;

	if (is_set(q->seen, piece))
		return;
	set(q->seen, piece);
	for (size_t i = q->f->from[piece]; i < q->f->from[piece + 1]; i++)
		set(q->bits, q->f->list[i].rule);
}

static void
ask_field(const struct field *f, const struct alert *al, struct arena *a, uint64_t *bits)
{
	size_t words = BIT_WORDS(finder_count(f->finder));
	struct asking q = { f, bits, arena_alloc(a, words * sizeof(*q.seen)) };
	struct field_values v;
	size_t length = 0;

	alert_field(al, f->name, a, &v);
	for (size_t i = 0; i < v.n; i++) {
		length += v.values[i].n;
		finder_scan(f->finder, v.values[i], found, &q);
	}
	if (!v.cut && length * f->wanted <= CONDITION_WORK_MAX)
		return;
	for (size_t i = 0; i < f->n; i++)
		if (v.cut || length * f->list[i].wanted > CONDITION_WORK_MAX)
			set(bits, f->list[i].rule);
}

uint64_t *
rule_index_ask(const struct rule_index *x, const struct alert *al, struct arena *a)
{
	uint64_t *bits = arena_alloc(a, BIT_WORDS(x->rules) * sizeof(*bits));

	memcpy(bits, x->always, BIT_WORDS(x->rules) * sizeof(*bits));
	for (size_t i = 0; i < x->n; i++)
		if (x->fields[i].finder != NULL)
			ask_field(&x->fields[i], al, a, bits);
	return bits;
}
