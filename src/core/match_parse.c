/*
 * From `match` in YAML to selections of conditions.  Every mistake is reported at its place.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "matcher.h"

#define WANTED_TEXT_MAX 200
/* The judge goes through a condition's selections one inside the other. */
#define SELECTIONS_MAX 200

struct modifier {
	const char *name;
	enum op op;
	bool open_front, open_end; /* OP_LIKE */
};

static const struct modifier modifiers[] = {
	{ "contains", OP_LIKE, true, true },
	{ "startswith", OP_LIKE, false, true },
	{ "endswith", OP_LIKE, true, false },
	{ "re", OP_RE, false, false },
	{ "cidr", OP_CIDR, false, false },
	{ "exists", OP_EXISTS, false, false },
	{ "gt", OP_GT, false, false },
	{ "gte", OP_GTE, false, false },
	{ "lt", OP_LT, false, false },
	{ "lte", OP_LTE, false, false },
};
#define MODIFIERS (sizeof(modifiers) / sizeof(modifiers[0]))

struct parser {
	struct arena *a;
	struct diags *d;
};

/* ---- field|modifier|modifier ---- */

static void
unknown_modifier(struct parser *p, const struct yaml *key, struct str word)
{
	const char *names[MODIFIERS + 2], *near;

	for (size_t i = 0; i < MODIFIERS; i++)
		names[i] = modifiers[i].name;
	names[MODIFIERS] = "all";
	names[MODIFIERS + 1] = "cased";
	near = str_nearest(word, names, MODIFIERS + 2);
	if (near != NULL)
		yaml_error_inside(p->d, key, (size_t)(word.p - key->text.p),
		    "unknown modifier '%.*s', did you mean '%s'?", STR_ARG(word), near);
	else
		yaml_error_inside(p->d, key, (size_t)(word.p - key->text.p),
		    "unknown modifier '%.*s'", STR_ARG(word));
}

/* One modifier; *main is the one that says how to compare. */
static bool
take_modifier(struct parser *p, const struct yaml *key, struct str word, struct condition *c,
    const struct modifier **main)
{
	if (str_is(word, "all")) {
		c->all = true;
		return true;
	}
	if (str_is(word, "cased")) {
		c->cased = true;
		return true;
	}
	for (size_t i = 0; i < MODIFIERS; i++) {
		if (!str_is(word, modifiers[i].name))
			continue;
		if (*main != NULL) {
			yaml_error_inside(p->d, key, (size_t)(word.p - key->text.p),
			    "'%s' and '%s' cannot be used together", (*main)->name,
			    modifiers[i].name);
			return false;
		}
		*main = &modifiers[i];
		c->op = modifiers[i].op;
		return true;
	}
	unknown_modifier(p, key, word);
	return false;
}

/* Any path of the payload may be matched, so a name that looks like a slip is only warned of. */
static void
warn_misspelt(struct parser *p, const struct yaml *key, struct str field)
{
	const char *near;

	for (size_t i = 0; i < alert_field_count; i++)
		if (str_is_nocase(field, alert_field_names[i]))
			return;
	near = str_nearest(field, alert_field_names, alert_field_count);
	if (near != NULL)
		yaml_warning(p->d, key, "no alert has a field '%.*s' by itself, did you mean '%s'?",
		    STR_ARG(field), near);
}

static bool
parse_key(
    struct parser *p, const struct yaml *key, struct condition *c, const struct modifier **main)
{
	struct str rest = key->text, word;
	bool ok = true;

	c->op = OP_LIKE;
	c->written = arena_str(p->a, key->text);
	str_next(&rest, '|', &word);
	c->field = arena_str(p->a, word);
	if (word.n == 0) {
		yaml_error(p->d, key, "a field name is missing");
		return false;
	}
	while (str_next(&rest, '|', &word))
		ok = take_modifier(p, key, word, c, main) && ok;
	if (ok && c->cased && c->op != OP_LIKE) {
		yaml_error(p->d, key, "'cased' goes with text, not with '%s'", (*main)->name);
		ok = false;
	}
	warn_misspelt(p, key, c->field);
	c->by_severity = str_is_nocase(c->field, "severity") && c->op >= OP_GT;
	return ok;
}

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
parse_regex(struct parser *p, const struct yaml *y, struct wanted *w)
{
	size_t at = 0;
	struct err e;

	if (y->text.n == 0) {
		yaml_error(p->d, y, "an empty regular expression is in every value");
		return false;
	}
	w->regex = regex_new(y->text, &at, &e);
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
	if (y->text.n == 0 && main != NULL && c->op == OP_LIKE) {
		yaml_error(p->d, y, "an empty text is in every value: '%s' needs more", main->name);
		return false;
	}
	switch (c->op) {
	case OP_LIKE:
		pattern_parse(y->text, main != NULL && main->open_front,
		    main != NULL && main->open_end, p->a, &w->pattern);
		return true;
	case OP_RE:
		return parse_regex(p, y, w);
	case OP_CIDR:
		if (cidr_parse(y->text, &w->cidr))
			return true;
		yaml_error(
		    p->d, y, "'%.*s' is no address range such as 203.0.113.0/24", STR_ARG(y->text));
		return false;
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
			buf_add_cstr(&b, c->all ? " and " : " or ");
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

static bool
parse_condition(
    struct parser *p, const struct yaml *key, const struct yaml *value, struct condition *c)
{
	const struct modifier *main = NULL;
	bool is_list = value->type == YAML_SEQUENCE, ok = parse_key(p, key, c, &main);
	size_t n = is_list ? value->n : 1;

	if (!ok)
		return false;
	if (n == 0) {
		yaml_error(p->d, value, "an empty list can never match");
		return false;
	}
	if (c->all && n < 2)
		yaml_warning(p->d, key, "'all' has no meaning for a single value");
	if (n > 1 && c->op >= OP_EXISTS) {
		yaml_error(p->d, value, "'%s' takes one value", main->name);
		return false;
	}
	c->wanted = arena_alloc(p->a, n * sizeof(*c->wanted));
	for (size_t i = 0; i < n; i++) {
		const struct yaml *one = is_list ? value->items[i] : value;

		ok = parse_wanted(p, one, c, main, &c->wanted[c->n]) && ok;
		if (main == NULL)
			warn_severity(p, one, c);
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
		yaml_error(p->d, y, "conditions are a mapping 'field: value', not %s",
		    y->type == YAML_MAPPING ? "an empty one" : yaml_type_name(y));
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
	return ok && m->root != NULL;
}

struct matcher *
match_parse(const struct yaml *match, struct arena *a, struct diags *d)
{
	struct parser p = { a, d };
	struct matcher *m = arena_alloc(a, sizeof(*m));
	const struct yaml *expression =
	    match->type == YAML_MAPPING ? yaml_get(match, "condition") : NULL;
	bool ok =
	    expression != NULL ? parse_named(&p, match, expression, m) : parse_plain(&p, match, m);

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
