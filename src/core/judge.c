/*
 * Asks one rule.  Three-valued: what a limit or an odd value leaves open is "unsure", and
 * and / or / not carry that on as Kleene's logic does.
 */
#include <string.h>

#include "base/buf.h"
#include "matcher.h"

struct judging {
	const struct matcher *m;
	struct inquiry *q;
	struct arena *a;
	struct trace_line *lines;
	size_t n, cap;
	size_t last; /* line that was asked last: there it stopped */
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
		[ANSWER_NOT_ASKED] = "not asked",
	};

	return names[a];
}

/* ---- one alert ---- */

struct inquiry *
inquiry_new(const struct alert *al, int64_t now_ms, struct arena *a)
{
	struct inquiry *q = arena_alloc(a, sizeof(*q));

	q->alert = al;
	q->now_ms = now_ms;
	q->arena = a;
	q->work = ALERT_WORK_MAX;
	return q;
}

/* Rules ask for the same few fields; JSON inside of a text is read once for each. */
static const struct field_values *
look_up(struct inquiry *q, struct str name)
{
	static const struct field_values unread = { .cut = true };
	struct field_values *v;

	for (size_t i = 0; i < q->n_kept; i++)
		if (str_eq(q->kept[i].name, name))
			return &q->kept[i].values;
	if (q->work <= 0)
		return &unread;
	if (q->n_kept < FIELDS_KEPT_MAX) {
		q->kept[q->n_kept].name = name;
		v = &q->kept[q->n_kept++].values;
	} else {
		v = arena_alloc(q->arena, sizeof(*v));
	}
	alert_field(q->alert, name, q->arena, v);
	q->work -= v->work;
	return v;
}

/* ---- one condition ---- */

/* A condition while it is asked. */
struct asking {
	const struct condition *c;
	const struct field_values *v;
	int64_t now_ms;
	int64_t work;
	struct str problem;  /* why unsure */
	struct list_hit hit; /* which line of a list */
	struct str hit_list;
};

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
	case OP_IN_FILE:
	case OP_EXISTS:
		break;
	}
	return false;
}

static enum answer
unsure(struct asking *q, struct str problem)
{
	q->problem = problem;
	return ANSWER_UNSURE;
}

static enum answer
compare_value(struct asking *q, const struct wanted *w, struct str seen)
{
	double number = 0;

	if (q->c->by_severity) {
		enum severity level = severity_parse(seen);

		if (level == SEVERITY_UNKNOWN)
			return unsure(q, STR("not a severity that can be compared"));
		return compare(q->c->op, level, w->level) ? ANSWER_YES : ANSWER_NO;
	}
	if (!number_parse(seen, &number))
		return unsure(q, STR("not a number"));
	return compare(q->c->op, number, w->number) ? ANSWER_YES : ANSWER_NO;
}

static enum answer
like_value(struct asking *q, const struct wanted *w, struct str seen)
{
	if (w->null)
		return seen.n == 0 ? ANSWER_YES : ANSWER_NO;
	return pattern_match(&w->pattern, seen, q->c->flags & FLAG_CASED, &q->work);
}

static enum answer
in_file_value(struct asking *q, const struct wanted *w, struct str seen)
{
	const struct list_hit before = q->hit;
	enum answer answer = value_set_ask(w->set, seen, q->now_ms, &q->work, &q->hit);

	if (q->hit.holds != before.holds || q->hit.ended != before.ended)
		q->hit_list = value_set_path(w->set);
	if (answer != ANSWER_UNSURE)
		return answer;
	return unsure(
	    q, q->work < 0 ? STR("a limit of the matcher was hit") : STR("not an IP address"));
}

static enum answer
try_value(struct asking *q, const struct wanted *w, struct str seen)
{
	enum answer answer = ANSWER_NO;

	switch (q->c->op) {
	case OP_LIKE:
		answer = like_value(q, w, seen);
		break;
	case OP_RE:
		answer = regex_match(w->regex, seen, &q->work);
		break;
	case OP_CIDR:
		answer = cidr_holds(&w->cidr, seen);
		return answer == ANSWER_UNSURE ? unsure(q, STR("not an IP address")) : answer;
	case OP_IN_FILE:
		return in_file_value(q, w, seen);
	case OP_GT:
	case OP_GTE:
	case OP_LT:
	case OP_LTE:
		return compare_value(q, w, seen);
	case OP_EXISTS:
		break;
	}
	return answer == ANSWER_UNSURE ? unsure(q, STR("a limit of the matcher was hit")) : answer;
}

/* Any of the field's values. */
static enum answer
try_wanted(struct asking *q, const struct wanted *w)
{
	enum answer answer = ANSWER_NO;

	if (w->null && q->v->n == 0)
		return ANSWER_YES;
	for (size_t i = 0; i < q->v->n && answer != ANSWER_YES; i++) {
		enum answer one = try_value(q, w, q->v->values[i]);

		if (one != ANSWER_NO)
			answer = one;
	}
	if (answer == ANSWER_NO && q->v->cut)
		return unsure(q, STR("the field has more values than can be looked at"));
	return answer;
}

static enum answer
try_all_wanted(struct asking *q)
{
	const struct condition *c = q->c;
	bool all = c->flags & FLAG_ALL;
	enum answer answer = all ? ANSWER_YES : ANSWER_NO;

	for (size_t i = 0; i < c->n; i++) {
		enum answer one = try_wanted(q, &c->wanted[i]);

		if (all ? one == ANSWER_NO : one == ANSWER_YES)
			return one;
		if (one == ANSWER_UNSURE)
			answer = one;
	}
	return answer;
}

static enum answer
opposite(enum answer a)
{
	return a == ANSWER_UNSURE ? a : a == ANSWER_YES ? ANSWER_NO : ANSWER_YES;
}

static enum answer
try_condition(struct asking *q)
{
	const struct condition *c = q->c;
	enum answer answer;

	if (q->v->n == 0 && q->v->cut)
		return unsure(q, STR("the field could not be looked at as a whole"));
	if (c->op == OP_EXISTS)
		return c->wanted[0].exists == q->v->present ? ANSWER_YES : ANSWER_NO;
	answer = try_all_wanted(q);
	return c->negated ? opposite(answer) : answer;
}

/* ---- the trace ---- */

/* The values as the trace shows them: joined, cut behind a whole character. */
static struct str
show(const struct field_values *v, struct arena *a)
{
	struct buf b;
	struct str text;

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
	if (text.n <= TRACE_VALUE_MAX) {
		text = arena_str(a, text);
	} else {
		size_t end = TRACE_VALUE_MAX - strlen("...");

		while (end > 0 && ((unsigned char)text.p[end] & 0xc0) == 0x80)
			end--;
		text = arena_printf(a, "%.*s...", (int)end, text.p);
	}
	buf_done(&b);
	return text;
}

/* "lists/scanners.txt:4 until 2026-12-31: pentest, ticket 4711, Ann" */
static struct str
line_of_list(const struct asking *q, enum answer answer, struct arena *a)
{
	bool holds = answer == ANSWER_YES;
	const struct list_entry *e = holds ? q->hit.holds : q->hit.ended;

	if (e == NULL)
		return STR_EMPTY;
	return arena_printf(a, "%.*s:%d%s%.*s%s%.*s", STR_ARG(q->hit_list), e->line,
	    e->until.n == 0 ? ""
	    : holds	    ? " until "
			    : " ended ",
	    STR_ARG(e->until), e->comment.n == 0 ? "" : ": ",
	    STR_ARG(str_slice(e->comment, 0, TRACE_VALUE_MAX)));
}

static struct trace_line *
add_line(struct judging *j, const struct selection *s, size_t group, const struct condition *c)
{
	j->lines = arena_grow(j->a, j->lines, j->n, &j->cap, sizeof(*j->lines));
	j->lines[j->n] = (struct trace_line){ .selection = s->name,
		.group = s->n > 1 ? group + 1 : 0,
		.field = c->written,
		.wanted = c->text,
		.seen = STR_EMPTY,
		.note = STR_EMPTY,
		.problem = STR_EMPTY,
		.answer = ANSWER_NOT_ASKED,
		.condition = c->number };
	return &j->lines[j->n++];
}

static void
note(struct judging *j, const struct selection *s, size_t group, const struct asking *q,
    enum answer answer)
{
	struct trace_line *line = add_line(j, s, group, q->c);

	line->seen = show(q->v, j->a);
	line->note = line_of_list(q, answer, j->a);
	line->answer = answer;
	if (answer == ANSWER_UNSURE)
		line->problem = q->problem;
	j->last = j->n - 1;
}

static void
note_not_asked(struct judging *j, const struct selection *s, size_t group, size_t from)
{
	const struct group *g = &s->groups[group];

	for (size_t i = from; i < g->n; i++)
		add_line(j, s, group, &g->conditions[i]);
}

/* ---- groups, selections, expression ---- */

/* A condition may spend its own share, while the alert's lasts. */
static enum answer
ask(struct judging *j, const struct condition *c, struct asking *out)
{
	int64_t share = j->q->work < CONDITION_WORK_MAX ? j->q->work : CONDITION_WORK_MAX;
	enum answer answer;

	*out = (struct asking){ .c = c,
		.v = look_up(j->q, c->field),
		.now_ms = j->q->now_ms,
		.work = share,
		.problem = STR_EMPTY,
		.hit_list = STR_EMPTY };
	answer = try_condition(out);
	j->q->work -= share - (out->work < 0 ? 0 : out->work);
	return answer;
}

static enum answer
judge_group(struct judging *j, const struct selection *s, size_t group)
{
	const struct group *g = &s->groups[group];
	enum answer all = ANSWER_YES;
	size_t i;

	for (i = 0; i < g->n && all != ANSWER_NO; i++) {
		struct asking q;
		enum answer one = ask(j, &g->conditions[i], &q);

		note(j, s, group, &q, one);
		if (one != ANSWER_YES)
			all = one;
	}
	note_not_asked(j, s, group, i);
	return all;
}

static enum answer
judge_selection(struct judging *j, size_t index)
{
	const struct selection *s = &j->m->selections[index];
	enum answer any = ANSWER_NO;
	size_t i;

	if (j->memo[index].known)
		return j->memo[index].answer;
	for (i = 0; i < s->n && any != ANSWER_YES; i++) {
		enum answer one = judge_group(j, s, i);

		if (one != ANSWER_NO)
			any = one;
	}
	for (; i < s->n; i++)
		note_not_asked(j, s, i, 0);
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
		return opposite(left);
	decisive = n->kind == NODE_AND ? ANSWER_NO : ANSWER_YES;
	if (left == decisive)
		return left;
	right = judge_node(j, n->right);
	return right == decisive || left != ANSWER_UNSURE ? right : left;
}

/* What a named condition is made of: each selection with its answer, asked or not. */
static void
name_selections(struct judging *j, struct verdict *out)
{
	struct selection_answer *list = arena_alloc(j->a, j->m->n * sizeof(*list));

	for (size_t i = 0; i < j->m->n; i++) {
		const struct selection *s = &j->m->selections[i];

		list[i] = (struct selection_answer){ s->name, ANSWER_NOT_ASKED };
		if (j->memo[i].known)
			list[i].answer = j->memo[i].answer;
		for (size_t g = 0; !j->memo[i].known && g < s->n; g++)
			note_not_asked(j, s, g, 0);
	}
	out->condition = j->m->condition;
	out->selections = list;
	out->n_selections = j->m->n;
}

void
matcher_judge(const struct matcher *m, struct inquiry *q, struct verdict *out)
{
	struct judging j = { .m = m, .q = q, .a = q->arena };

	j.memo = arena_alloc(j.a, m->n * sizeof(*j.memo));
	out->condition = STR_EMPTY;
	out->answer = judge_node(&j, m->root);
	if (m->condition.n > 0)
		name_selections(&j, out);
	if (j.n > 0)
		j.lines[j.last].stopped = true;
	out->lines = j.lines;
	out->n_lines = j.n;
}

/* ---- what decided ---- */

/* Lines of a selection that say what it said. */
static void
mark_selection(const struct judging *j, size_t index, bool *decided)
{
	const struct selection *s = &j->m->selections[index];

	for (size_t i = 0; i < j->n; i++)
		if (str_eq(j->lines[i].selection, s->name) &&
		    j->lines[i].answer == j->memo[index].answer)
			decided[i] = true;
}

/* Only of what was asked: behind a left side that decides, the right one was not. */
static void
mark_node(struct judging *j, const struct node *n, bool *decided)
{
	enum answer answer, left;

	if (n->kind == NODE_SELECTION) {
		mark_selection(j, n->selection, decided);
		return;
	}
	if (n->kind == NODE_NOT) {
		mark_node(j, n->left, decided);
		return;
	}
	left = judge_node(j, n->left);
	answer = judge_node(j, n);
	if (left == answer)
		mark_node(j, n->left, decided);
	if (left == (n->kind == NODE_AND ? ANSWER_NO : ANSWER_YES))
		return;
	if (judge_node(j, n->right) == answer)
		mark_node(j, n->right, decided);
}

enum answer
matcher_decided_by(const struct matcher *m, struct inquiry *q, struct trace_line **lines, size_t *n)
{
	struct judging j = { .m = m, .q = q, .a = q->arena };
	enum answer answer;
	bool *decided;

	j.memo = arena_alloc(j.a, m->n * sizeof(*j.memo));
	answer = judge_node(&j, m->root);
	decided = arena_alloc(j.a, j.n * sizeof(*decided));
	mark_node(&j, m->root, decided);
	*lines = j.lines;
	*n = 0;
	for (size_t i = 0; i < j.n; i++)
		if (decided[i])
			(*lines)[(*n)++] = j.lines[i];
	return answer;
}
