/*
 * Asks every rule.  Three-valued: what a limit or an odd value leaves open is "unsure", and
 * and / or / not carry that on as Kleene's logic does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "matcher.h"

struct judging {
	const struct matcher *m;
	const struct alert *al;
	struct arena *a;
	struct trace_line *lines;
	size_t n, cap;
	struct memo {
		bool known;
		enum answer answer;
	} * memo; /* one for each selection */
};

const char *
answer_name(enum answer a)
{
	static const char *const names[] = {
		[ANSWER_NO] = "no",
		[ANSWER_YES] = "yes",
		[ANSWER_UNSURE] = "unsure",
	};

	return names[a];
}

/* ---- one value against one wanted ---- */

static bool
compare(enum op op, double seen, double wanted)
{
	switch (op) {
	case OP_GT:
		return seen > wanted;
	case OP_GTE:
		return seen >= wanted;
	case OP_LT:
		return seen < wanted;
	case OP_LTE:
		return seen <= wanted;
	case OP_LIKE:
	case OP_RE:
	case OP_CIDR:
	case OP_EXISTS:
		break;
	}
	return false;
}

static enum answer
compare_value(const struct condition *c, const struct wanted *w, struct str seen, struct arena *a,
    struct str *problem)
{
	const char *text = arena_cstr(a, seen);
	double number, wanted = c->by_severity ? w->level : w->number;
	char *end;

	if (c->by_severity) {
		number = severity_parse(seen);
		if (severity_parse(seen) == SEVERITY_UNKNOWN) {
			*problem = STR("not a severity that can be compared");
			return ANSWER_UNSURE;
		}
	} else {
		number = strtod(text, &end);
		if (seen.n == 0 || *end != '\0') {
			*problem = STR("not a number");
			return ANSWER_UNSURE;
		}
	}
	return compare(c->op, number, wanted) ? ANSWER_YES : ANSWER_NO;
}

static enum answer
try_value(const struct condition *c, const struct wanted *w, struct str seen, struct arena *a,
    struct str *problem)
{
	enum answer answer;

	switch (c->op) {
	case OP_LIKE:
		answer = w->null ? (seen.n == 0 ? ANSWER_YES : ANSWER_NO)
				 : pattern_match(&w->pattern, seen, c->cased);
		break;
	case OP_RE:
		answer = regex_match(w->regex, seen);
		break;
	case OP_CIDR:
		return cidr_holds(&w->cidr, seen) ? ANSWER_YES : ANSWER_NO;
	case OP_EXISTS:
	case OP_GT:
	case OP_GTE:
	case OP_LT:
	case OP_LTE:
	default:
		return compare_value(c, w, seen, a, problem);
	}
	if (answer == ANSWER_UNSURE)
		*problem = STR("a limit of the matcher was hit");
	return answer;
}

/* Any of the field's values. */
static enum answer
try_wanted(const struct condition *c, const struct wanted *w, const struct field_values *v,
    struct arena *a, struct str *problem)
{
	enum answer answer = ANSWER_NO;

	if (w->null && v->n == 0)
		return ANSWER_YES;
	for (size_t i = 0; i < v->n && answer != ANSWER_YES; i++) {
		enum answer one = try_value(c, w, v->values[i], a, problem);

		if (one != ANSWER_NO)
			answer = one;
	}
	if (answer == ANSWER_NO && v->cut) {
		*problem = STR("the field has more values than can be looked at");
		return ANSWER_UNSURE;
	}
	return answer;
}

static enum answer
try_condition(
    const struct condition *c, const struct field_values *v, struct arena *a, struct str *problem)
{
	enum answer answer = c->all ? ANSWER_YES : ANSWER_NO;

	if (c->op == OP_EXISTS)
		return c->wanted[0].exists == v->present ? ANSWER_YES : ANSWER_NO;
	for (size_t i = 0; i < c->n; i++) {
		enum answer one = try_wanted(c, &c->wanted[i], v, a, problem);

		if (c->all ? one == ANSWER_NO : one == ANSWER_YES)
			return one;
		if (one == ANSWER_UNSURE)
			answer = one;
	}
	return answer;
}

/* ---- the trace ---- */

/* The values as the trace shows them: joined, cut behind a whole character. */
static struct str
show(const struct field_values *v, struct arena *a)
{
	struct buf b;
	struct str text;
	size_t end;

	if (!v->present)
		return STR("(absent)");
	if (v->n == 0 || (v->n == 1 && v->values[0].n == 0))
		return STR("(empty)");
	buf_init(&b, 4 * TRACE_VALUE_MAX);
	for (size_t i = 0; i < v->n && b.n <= TRACE_VALUE_MAX; i++) {
		buf_add_cstr(&b, i == 0 ? "" : ", ");
		buf_add(&b, str_slice(v->values[i], 0, TRACE_VALUE_MAX + 1));
	}
	text = buf_str(&b);
	for (end = 0; end < text.n && end <= TRACE_VALUE_MAX - 4;) {
		size_t n = utf8_sequence(str_slice(text, end, text.n));

		end += n == 0 ? 1 : n;
	}
	text = end < text.n && text.n > TRACE_VALUE_MAX
		   ? arena_printf(a, "%.*s...", (int)end, text.p)
		   : arena_str(a, text);
	buf_done(&b);
	return text;
}

static void
note(struct judging *j, const struct selection *s, const struct condition *c,
    const struct field_values *v, struct str problem, enum answer answer)
{
	struct trace_line *grown;

	if (j->n == j->cap) {
		j->cap = j->cap == 0 ? 8 : 2 * j->cap;
		grown = arena_alloc(j->a, j->cap * sizeof(*grown));
		if (j->n > 0)
			memcpy(grown, j->lines, j->n * sizeof(*grown));
		j->lines = grown;
	}
	j->lines[j->n++] = (struct trace_line){ s->name, c->written, c->text, show(v, j->a),
		answer == ANSWER_UNSURE ? problem : STR_EMPTY, answer };
}

/* ---- groups, selections, expression ---- */

static enum answer
judge_group(struct judging *j, const struct selection *s, const struct group *g)
{
	enum answer all = ANSWER_YES;

	for (size_t i = 0; i < g->n && all != ANSWER_NO; i++) {
		const struct condition *c = &g->conditions[i];
		struct str problem = STR_EMPTY;
		struct field_values v;
		enum answer one;

		alert_field(j->al, c->field, j->a, &v);
		one = try_condition(c, &v, j->a, &problem);
		note(j, s, c, &v, problem, one);
		if (one != ANSWER_YES)
			all = one;
	}
	return all;
}

static enum answer
judge_selection(struct judging *j, size_t index)
{
	const struct selection *s = &j->m->selections[index];
	enum answer any = ANSWER_NO;

	if (j->memo[index].known)
		return j->memo[index].answer;
	for (size_t i = 0; i < s->n && any != ANSWER_YES; i++) {
		enum answer one = judge_group(j, s, &s->groups[i]);

		if (one != ANSWER_NO)
			any = one;
	}
	j->memo[index].known = true;
	j->memo[index].answer = any;
	return any;
}

static enum answer
judge_node(struct judging *j, const struct node *n)
{
	enum answer left, right, decisive;

	if (n->kind == NODE_SELECTION)
		return judge_selection(j, n->selection);
	left = judge_node(j, n->left);
	if (n->kind == NODE_NOT)
		return left == ANSWER_UNSURE ? left : left == ANSWER_YES ? ANSWER_NO : ANSWER_YES;
	decisive = n->kind == NODE_AND ? ANSWER_NO : ANSWER_YES;
	if (left == decisive)
		return left;
	right = judge_node(j, n->right);
	return right == decisive || left != ANSWER_UNSURE ? right : left;
}

enum answer
matcher_judge(const struct matcher *m, const struct alert *al, struct arena *a,
    struct trace_line **lines, size_t *n)
{
	struct judging j = { .m = m, .al = al, .a = a };
	enum answer answer;

	j.memo = arena_alloc(a, m->n * sizeof(*j.memo));
	answer = judge_node(&j, m->root);
	*lines = j.lines;
	*n = j.n;
	return answer;
}

void
rules_judge(
    const struct rules *r, const struct alert *al, struct arena *a, struct verdict **out, size_t *n)
{
	size_t count = rules_count(r);
	struct verdict *v = arena_alloc(a, count * sizeof(*v));

	*n = 0;
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = rules_at(r, i);
		struct verdict *one = &v[*n];

		if (rule->mode == RULE_OFF)
			continue;
		one->rule = rule;
		one->answer = matcher_judge(rule->matcher, al, a, &one->lines, &one->n_lines);
		(*n)++;
		if (rule->stop && one->answer == ANSWER_YES)
			break;
	}
	*out = v;
}
