/*
 * From `match` in YAML to selections of conditions.  Every mistake is reported at its place.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/alert_types.h"
#include "matcher.h"
#include "modifiers.h"

#define WANTED_TEXT_MAX 200
/* The judge goes through a condition's selections one inside the other. */
#define SELECTIONS_MAX 200

struct parser {
	struct rule_lists *lists;
	struct arena *a;
	struct diags *d;
	size_t conditions; /* so far */
};

/* ---- values ---- */

/* NULL: it is like none. */
static const char *
near_severity(struct str word)
{
	static const char *const words[] = { "Informational", "Low", "Medium", "High" };

	return str_nearest(word, words, sizeof(words) / sizeof(words[0]));
}

static bool
parse_compared(struct parser *p, const struct yaml *y, const struct condition *c,
    const struct modifier *main, struct wanted *w)
{
	const char *near;

	if (c->by_severity) {
		w->level = severity_parse(y->text);
		if (w->level != SEVERITY_UNKNOWN)
			return true;
		near = near_severity(y->text);
		if (near != NULL)
			yaml_error(p->d, y, "'%.*s' is no severity, did you mean '%s'?",
			    STR_ARG(y->text), near);
		else
			yaml_error(p->d, y,
			    "'%.*s' is no severity: Informational, Low, Medium or High",
			    STR_ARG(y->text));
		return false;
	}
	if (number_parse(y->text, &w->number))
		return true;
	yaml_error(p->d, y, "'%s' compares numbers, '%.*s' is none", main->name, STR_ARG(y->text));
	return false;
}

static bool
parse_regex(struct parser *p, const struct yaml *y, const struct condition *c, struct wanted *w)
{
	size_t at = 0;
	struct err e;

	if (y->text.n == 0) {
		yaml_error(p->d, y, "an empty regular expression is in every value");
		return false;
	}
	w->regex = regex_new(y->text, c->flags & FLAGS_RE, &at, &e);
	if (w->regex != NULL)
		return true;
	yaml_error_inside(p->d, y, at, "not a regular expression: %s", e.text);
	return false;
}

static bool
parse_exists(struct parser *p, const struct yaml *y, struct wanted *w)
{
	w->exists = str_is(y->text, "true");
	if (w->exists || str_is(y->text, "false"))
		return true;
	yaml_error(p->d, y, "'exists' is true or false, not '%.*s'", STR_ARG(y->text));
	return false;
}

static enum list_way
way_of(const struct modifier *main)
{
	if (main == NULL)
		return LIST_WHOLE;
	if (main->op == OP_CIDR)
		return LIST_RANGE;
	if (main->open_front && main->open_end)
		return LIST_INSIDE;
	return main->open_end ? LIST_FRONT : LIST_END;
}

static bool
parse_file(struct parser *p, const struct yaml *y, const struct condition *c,
    const struct modifier *main, struct wanted *w)
{
	if (y->text.n == 0) {
		yaml_error(p->d, y, "'in_file' takes the name of a file");
		return false;
	}
	w->set = rule_lists_get(p->lists, y, way_of(main), (c->flags & FLAG_CASED) != 0, p->d);
	w->text = arena_printf(p->a, "a %s of %.*s",
	    c->op == OP_IN_FILE && main != NULL && main->op == OP_CIDR ? "range" : "line",
	    STR_ARG(y->text));
	return w->set != NULL;
}

static bool
parse_wanted(struct parser *p, const struct yaml *y, const struct condition *c,
    const struct modifier *main, struct wanted *w)
{
	if (y->type != YAML_SCALAR) {
		yaml_error(p->d, y, "a value is a text, not %s%s", yaml_type_name(y),
		    y->type == YAML_MAPPING ? "; named selections need a 'condition' beside them"
					    : "");
		return false;
	}
	w->text = arena_str(p->a, y->text);
	w->null = y->null;
	if (y->null && main != NULL) {
		yaml_error(p->d, y, "'%s' needs a value", main->name);
		return false;
	}
	if (y->text.n == 0 && c->op == OP_LIKE && main != NULL &&
	    (main->open_front || main->open_end)) {
		yaml_error(p->d, y, "an empty text is in every value: '%s' needs more", main->name);
		return false;
	}
	switch (c->op) {
	case OP_LIKE:
		pattern_parse(y->text, main != NULL && main->open_front,
		    main != NULL && main->open_end, p->a, &w->pattern);
		return true;
	case OP_RE:
		return parse_regex(p, y, c, w);
	case OP_CIDR:
		if (cidr_parse(y->text, &w->cidr))
			return true;
		yaml_error(
		    p->d, y, "'%.*s' is no address range such as 203.0.113.0/24", STR_ARG(y->text));
		return false;
	case OP_IN_FILE:
		return parse_file(p, y, c, main, w);
	case OP_EXISTS:
		return parse_exists(p, y, w);
	case OP_GT:
	case OP_GTE:
	case OP_LT:
	case OP_LTE:
		break;
	}
	return parse_compared(p, y, c, main, w);
}

/* At most so many bytes, and whole characters. */
static struct str
cut(struct str text, size_t max)
{
	size_t n = text.n <= max ? text.n : max;

	while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return str_slice(text, 0, n);
}

/* "High or Medium", "a and b" */
static struct str
describe(const struct condition *c, struct arena *a)
{
	struct buf b;
	struct str text;

	buf_init(&b, WANTED_TEXT_MAX);
	for (size_t i = 0; i < c->n && !buf_over(&b); i++) {
		struct str whole = c->wanted[i].null ? STR("(absent)") : c->wanted[i].text;
		struct str shown = cut(whole, WANTED_TEXT_MAX - 20);

		if (i > 0)
			buf_add_cstr(&b, c->flags & FLAG_ALL ? " and "
					 : c->negated	     ? " nor "
							     : " or ");
		buf_add(&b, shown);
		buf_add_cstr(&b, shown.n < whole.n ? "..." : "");
	}
	text = buf_over(&b) ? arena_printf(a, "%.*s ...", STR_ARG(buf_str(&b)))
			    : arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
}

/* Azure leaves its enumerations open: a word that looks like a slip is only warned of. */
static void
warn_severity(struct parser *p, const struct yaml *y, const struct condition *c)
{
	const char *near;

	if (!str_is_nocase(c->field, "severity") || c->op != OP_LIKE || y->type != YAML_SCALAR ||
	    y->null || severity_parse(y->text) != SEVERITY_UNKNOWN)
		return;
	near = near_severity(y->text);
	if (near != NULL)
		yaml_warning(
		    p->d, y, "'%.*s' is no severity, did you mean '%s'?", STR_ARG(y->text), near);
}

/* The catalogue is never complete: only what looks like a slip is warned of. */
static void
warn_type(struct parser *p, const struct yaml *y, const struct condition *c)
{
	const char *near;

	if (!str_is_nocase(c->field, "alertType") || c->op != OP_LIKE || y->type != YAML_SCALAR ||
	    y->null || strcspn(y->text.p, "*?\\") < y->text.n)
		return;
	near = alert_type_nearest(y->text);
	if (near != NULL)
		yaml_warning(p->d, y, "no alert type '%.*s' is known, did you mean '%s'?",
		    STR_ARG(y->text), near);
}

static void
warn_value(struct parser *p, const struct yaml *y, const struct condition *c)
{
	warn_severity(p, y, c);
	warn_type(p, y, c);
}

static bool
parse_condition(
    struct parser *p, const struct yaml *key, const struct yaml *value, struct condition *c)
{
	const struct modifier *main = NULL;
	bool is_list = value->type == YAML_SEQUENCE, ok = modifiers_read(key, p->a, c, &main, p->d);
	size_t n = is_list ? value->n : 1;

	c->line = key->line;
	c->col = key->col;
	c->number = p->conditions++;
	if (!ok)
		return false;
	if (n == 0) {
		yaml_error(p->d, value, "an empty list can never match");
		return false;
	}
	if ((c->flags & FLAG_ALL) && n < 2)
		yaml_warning(p->d, key, "'all' has no meaning for a single value");
	if (n > 1 && c->op >= OP_EXISTS) {
		yaml_error(p->d, value, "'%s' takes one value", main->name);
		return false;
	}
	c->wanted = arena_alloc(p->a, n * sizeof(*c->wanted));
	for (size_t i = 0; i < n; i++) {
		const struct yaml *one = is_list ? value->items[i] : value;

		ok = parse_wanted(p, one, c, main, &c->wanted[c->n]) && ok;
		if (main == NULL && c->op == OP_LIKE)
			warn_value(p, one, c);
		c->n++;
	}
	if (ok)
		c->text = describe(c, p->a);
	return ok;
}

/* ---- groups and selections ---- */

static bool
parse_group(struct parser *p, const struct yaml *y, struct group *g)
{
	bool ok = true;

	if (y->type != YAML_MAPPING || y->n == 0) {
		yaml_error(p->d, y, "conditions are a mapping 'field: value', not %s%s",
		    y->type == YAML_MAPPING ? "an empty one" : yaml_type_name(y),
		    y->type == YAML_SCALAR && !y->null ? KEYWORDS_HINT : "");
		return false;
	}
	g->conditions = arena_alloc(p->a, y->n * sizeof(*g->conditions));
	for (size_t i = 0; i < y->n; i++)
		ok = parse_condition(
			 p, y->pairs[i].key, y->pairs[i].value, &g->conditions[g->n++]) &&
		     ok;
	return ok;
}

static bool
parse_selection(struct parser *p, struct str name, const struct yaml *y, struct selection *s)
{
	bool is_list = y->type == YAML_SEQUENCE, ok = true;
	size_t n = is_list ? y->n : 1;

	s->name = arena_str(p->a, name);
	if (n == 0) {
		yaml_error(p->d, y, "an empty list can never match");
		return false;
	}
	s->groups = arena_alloc(p->a, n * sizeof(*s->groups));
	for (size_t i = 0; i < n; i++)
		ok = parse_group(p, is_list ? y->items[i] : y, &s->groups[s->n++]) && ok;
	return ok;
}

static bool
parse_plain(struct parser *p, const struct yaml *match, struct matcher *m)
{
	m->selections = arena_alloc(p->a, sizeof(*m->selections));
	m->root = arena_alloc(p->a, sizeof(*m->root));
	m->n = 1;
	return parse_selection(p, STR_EMPTY, match, &m->selections[0]);
}

static bool
parse_named(
    struct parser *p, const struct yaml *match, const struct yaml *expression, struct matcher *m)
{
	bool ok = true;

	if (match->n > SELECTIONS_MAX) {
		yaml_error(p->d, match, "more than %d selections", SELECTIONS_MAX);
		return false;
	}
	m->selections = arena_alloc(p->a, match->n * sizeof(*m->selections));
	for (size_t i = 0; i < match->n; i++) {
		const struct yaml_pair *pair = &match->pairs[i];

		if (pair->value == expression)
			continue;
		if (!selection_name_fits(pair->key->text)) {
			yaml_error(p->d, pair->key,
			    "'%.*s' cannot name a selection: letters, digits, '_', '-' and '.', "
			    "and no word of the condition",
			    STR_ARG(pair->key->text));
			ok = false;
			continue;
		}
		ok = parse_selection(p, pair->key->text, pair->value, &m->selections[m->n++]) && ok;
	}
	m->root = condition_parse(expression, m, p->a, p->d);
	ok = ok && m->root != NULL;
	if (ok)
		m->condition = condition_text(expression, p->a);
	return ok;
}

struct matcher *
match_parse(const struct yaml *match, struct rule_lists *lists, struct arena *a, struct diags *d)
{
	struct parser p = { lists, a, d, 0 };
	struct matcher *m = arena_alloc(a, sizeof(*m));
	const struct yaml *expression =
	    match->type == YAML_MAPPING ? yaml_get(match, "condition") : NULL;
	bool ok =
	    expression != NULL ? parse_named(&p, match, expression, m) : parse_plain(&p, match, m);

	m->n_conditions = p.conditions;
	if (ok)
		return m;
	matcher_done(m);
	return NULL;
}

void
matcher_done(struct matcher *m)
{
	if (m == NULL)
		return;
	FOR_EACH_CONDITION(m, c)
	for (size_t i = 0; i < c->n; i++)
		regex_free(c->wanted[i].regex);
}

bool
matcher_asks(const struct matcher *m, const char *const *fields, size_t n)
{
	FOR_EACH_CONDITION(m, c)
	for (size_t i = 0; i < n; i++)
		if (str_is_nocase(c->field, fields[i]))
			return true;
	return false;
}
