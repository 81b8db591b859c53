/*
 * `condition: vm and not (lab or 1 of test*)`, by recursive descent: or < and < not.
 */
#include "matcher.h"

/* Deeper parentheses and longer texts are refused; the recursion is bounded. */
#define DEPTH_MAX 50
#define CONDITION_TEXT_MAX 4096
#define CONDITIONS_MAX 50

struct expression {
	const struct yaml *text;
	const struct matcher *m;
	struct arena *a;
	struct diags *d;
	size_t at;	 /* next byte */
	struct str word; /* the token there; empty at the end */
	int depth;
};

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '*' || c == '.';
}

static void
advance(struct expression *x)
{
	struct str s = x->text->text;
	size_t from;

	x->at += x->word.n;
	while (x->at < s.n && (s.p[x->at] == ' ' || s.p[x->at] == '\t' || s.p[x->at] == '\n'))
		x->at++;
	from = x->at;
	while (from < s.n && is_word(s.p[from]))
		from++;
	if (from == x->at && from < s.n)
		from++; /* a parenthesis, or what does not belong here */
	x->word = str_slice(s, x->at, from);
}

static struct node *
wrong(struct expression *x, const char *what)
{
	if (x->word.n == 0)
		yaml_error_inside(x->d, x->text, x->at, "%s, the condition ends", what);
	else
		yaml_error_inside(x->d, x->text, x->at, "%s, not '%.*s'", what, STR_ARG(x->word));
	return NULL;
}

static struct node *
new_node(struct expression *x, enum node_kind kind, struct node *left, struct node *right)
{
	struct node *n = arena_alloc(x->a, sizeof(*n));

	n->kind = kind;
	n->left = left;
	n->right = right;
	return n;
}

static struct node *
selection_node(struct expression *x, size_t i)
{
	struct node *n = new_node(x, NODE_SELECTION, NULL, NULL);

	n->selection = i;
	return n;
}

static struct node *
one_selection(struct expression *x)
{
	const char **names = arena_alloc(x->a, x->m->n * sizeof(*names)), *near;

	for (size_t i = 0; i < x->m->n; i++) {
		names[i] = x->m->selections[i].name.p;
		if (str_eq(x->m->selections[i].name, x->word)) {
			advance(x);
			return selection_node(x, i);
		}
	}
	near = str_nearest(x->word, names, x->m->n);
	if (near != NULL)
		yaml_error_inside(x->d, x->text, x->at,
		    "there is no selection '%.*s', did you mean '%s'?", STR_ARG(x->word), near);
	else
		yaml_error_inside(
		    x->d, x->text, x->at, "there is no selection '%.*s'", STR_ARG(x->word));
	return NULL;
}

/* Sigma: a selection whose name begins with '_' is not one of "them". */
static bool
is_one_of(struct str name, struct str word, const struct pattern *pattern)
{
	int64_t work = CONDITION_WORK_MAX;

	if (str_is_nocase(word, "them"))
		return name.n > 0 && name.p[0] != '_';
	return pattern_match(pattern, name, true, &work) == ANSWER_YES;
}

/* "1 of vm*", "all of them": joined by or, by and. */
static struct node *
some_of(struct expression *x, bool all)
{
	struct pattern pattern;
	struct node *joined = NULL;

	advance(x);
	if (!str_is_nocase(x->word, "of"))
		return wrong(x, "'of' was expected");
	advance(x);
	if (x->word.n == 0 || !is_word(x->word.p[0]))
		return wrong(x, "'them' or a pattern such as vm* was expected");
	pattern_parse(x->word, false, false, x->a, &pattern);
	for (size_t i = 0; i < x->m->n; i++) {
		struct node *one;

		if (!is_one_of(x->m->selections[i].name, x->word, &pattern))
			continue;
		one = selection_node(x, i);
		joined = joined == NULL ? one : new_node(x, all ? NODE_AND : NODE_OR, joined, one);
	}
	if (joined == NULL)
		return wrong(x, "a pattern that fits a selection was expected");
	advance(x);
	return joined;
}

static struct node *or_expression(struct expression *x);

static struct node *
primary(struct expression *x)
{
	struct node *inner;

	if (str_is(x->word, "(")) {
		if (++x->depth > DEPTH_MAX)
			return wrong(x, "fewer parentheses were expected");
		advance(x);
		inner = or_expression(x);
		if (inner == NULL)
			return NULL;
		if (!str_is(x->word, ")"))
			return wrong(x, "')' was expected");
		x->depth--;
		advance(x);
		return inner;
	}
	if (str_is(x->word, "1") || str_is_nocase(x->word, "any"))
		return some_of(x, false);
	if (str_is_nocase(x->word, "all"))
		return some_of(x, true);
	if (x->word.n == 0 || !is_word(x->word.p[0]))
		return wrong(x, "the name of a selection was expected");
	return one_selection(x);
}

static struct node *
not_expression(struct expression *x)
{
	bool negated = false;
	struct node *n;

	for (; str_is_nocase(x->word, "not"); advance(x))
		negated = !negated;
	n = primary(x);
	return n != NULL && negated ? new_node(x, NODE_NOT, n, NULL) : n;
}

static struct node *
and_expression(struct expression *x)
{
	struct node *left = not_expression(x), *right;

	while (left != NULL && str_is_nocase(x->word, "and")) {
		advance(x);
		right = not_expression(x);
		left = right == NULL ? NULL : new_node(x, NODE_AND, left, right);
	}
	return left;
}

static struct node *
or_expression(struct expression *x)
{
	struct node *left = and_expression(x), *right;

	while (left != NULL && str_is_nocase(x->word, "or")) {
		advance(x);
		right = and_expression(x);
		left = right == NULL ? NULL : new_node(x, NODE_OR, left, right);
	}
	return left;
}

static bool
uses(const struct node *n, size_t selection)
{
	if (n == NULL)
		return false;
	if (n->kind == NODE_SELECTION)
		return n->selection == selection;
	return uses(n->left, selection) || uses(n->right, selection);
}

bool
selection_name_fits(struct str name)
{
	static const char *const words[] = { "and", "or", "not", "of", "all", "any", "them", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is_nocase(name, words[i]))
			return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is_word(name.p[i]) || name.p[i] == '*')
			return false;
	return name.n > 0;
}

static struct node *
parse_one(const struct yaml *text, const struct matcher *m, struct arena *a, struct diags *d)
{
	struct expression x = { .text = text, .m = m, .a = a, .d = d, .word = STR_EMPTY };
	struct node *root;

	if (text->type != YAML_SCALAR || text->null) {
		yaml_error(d, text, "condition is a text such as 'vm and not lab', not %s",
		    yaml_type_name(text));
		return NULL;
	}
	if (text->text.n > CONDITION_TEXT_MAX) {
		yaml_error(d, text, "a condition is at most %d bytes long", CONDITION_TEXT_MAX);
		return NULL;
	}
	advance(&x);
	root = or_expression(&x);
	if (root != NULL && x.word.n > 0)
		return wrong(&x, "'and', 'or' or the end was expected");
	return root;
}

/* Sigma: of a list of conditions one must hold. */
static struct node *
parse_list(const struct yaml *list, const struct matcher *m, struct arena *a, struct diags *d)
{
	struct node *root = NULL;
	bool ok = list->n > 0 && list->n <= CONDITIONS_MAX;

	if (!ok)
		yaml_error(d, list, "a list of conditions has 1 to %d", CONDITIONS_MAX);
	for (size_t i = 0; ok && i < list->n; i++) {
		struct expression x = { .a = a };
		struct node *one = parse_one(list->items[i], m, a, d);

		ok = ok && one != NULL;
		root = root == NULL || !ok ? one : new_node(&x, NODE_OR, root, one);
	}
	return ok ? root : NULL;
}

struct node *
condition_parse(const struct yaml *text, const struct matcher *m, struct arena *a, struct diags *d)
{
	struct node *root;

	if (m->n == 0) {
		yaml_error(d, text, "there are no selections beside the condition");
		return NULL;
	}
	root = text->type == YAML_SEQUENCE ? parse_list(text, m, a, d) : parse_one(text, m, a, d);
	for (size_t i = 0; root != NULL && i < m->n; i++)
		if (!uses(root, i))
			yaml_warning(d, text, "the condition does not use the selection '%.*s'",
			    STR_ARG(m->selections[i].name));
	return root;
}

struct str
condition_text(const struct yaml *condition, struct arena *a)
{
	struct str all = STR_EMPTY;

	if (condition->type == YAML_SCALAR)
		return arena_str(a, condition->text);
	for (size_t i = 0; i < condition->n; i++)
		all = arena_printf(a, "%.*s%s(%.*s)", STR_ARG(all), i == 0 ? "" : " or ",
		    STR_ARG(condition->items[i]->text));
	return all;
}
