/*
 * Happy path: the names in a correlation become rules, and what is counted of each becomes a feed
 * with a name of its own: an edited rule is another feed, an edit elsewhere changes nothing.
 * What can go wrong: a name that is no rule, a rule that stands behind, stops, or is off; an alias
 * that does not fit.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "correlation_parts.h"
#include "matcher.h"

/* All that one rule can say. */
#define MEANING_MAX ((size_t)4 * 1024 * 1024)

struct linking {
	struct correlation_rules *rules;
	struct arena *a;
	struct diags *d;
	struct feed **feeds;
	size_t n, cap;
};

/* ---- names of what is counted ---- */

static void
add_part(struct buf *b, struct str text)
{
	buf_printf(b, "%zu:", text.n);
	buf_add(b, text);
}

static void
add_condition(struct buf *b, const struct condition *c)
{
	add_part(b, c->written);
	for (size_t i = 0; i < c->n; i++) {
		buf_add_cstr(b, c->wanted[i].null ? "~" : "");
		add_part(b, c->wanted[i].text);
	}
}

static void
add_node(struct buf *b, const struct node *n)
{
	static const char *const names[] = {
		[NODE_SELECTION] = "", [NODE_NOT] = "!", [NODE_AND] = "&", [NODE_OR] = "|"
	};

	buf_add_cstr(b, names[n->kind]);
	if (n->kind == NODE_SELECTION) {
		buf_printf(b, "%zu", n->selection);
		return;
	}
	buf_add_cstr(b, "(");
	add_node(b, n->left);
	if (n->kind != NODE_NOT) {
		buf_add_cstr(b, ",");
		add_node(b, n->right);
	}
	buf_add_cstr(b, ")");
}

/* The same text for matches that say the same in the same words. */
static void
add_matcher(struct buf *b, const struct matcher *m)
{
	if (m == NULL)
		return;
	for (size_t s = 0; s < m->n; s++)
		for (size_t g = 0; g < m->selections[s].n; g++) {
			const struct group *group = &m->selections[s].groups[g];

			buf_printf(b, "\n%zu.%zu", s, g);
			for (size_t i = 0; i < group->n; i++)
				add_condition(b, &group->conditions[i]);
		}
	buf_add_cstr(b, "\n");
	add_node(b, m->root);
}

static void
digest(struct buf *b, struct hash128 *out)
{
	struct str text = buf_str(b);

	hash128_plain(&text, 1, out);
	buf_done(b);
}

static void
name_feed(const struct rule *rule, struct feed *f)
{
	struct buf b;

	buf_init(&b, MEANING_MAX);
	add_part(&b, rule->name);
	add_matcher(&b, rule->matcher);
	if (rule->correlation != NULL)
		buf_add(&b, (struct str){ (const char *)rule->correlation->id.bytes,
				sizeof(rule->correlation->id.bytes) });
	for (size_t i = 0; i < f->n; i++)
		add_part(&b, f->group_by[i]);
	buf_add_cstr(&b, "\n");
	add_part(&b, f->value);
	digest(&b, &f->id);
}

/* The mode belongs to it: a rule that was on trial is to fire once it is in force. */
static void
name_correlation(const struct rule *rule)
{
	struct correlation *c = rule->correlation;
	struct buf b;

	buf_init(&b, MEANING_MAX);
	add_part(&b, rule->name);
	buf_printf(&b, "%s %" PRId64 " %" PRId64 " %" PRId64 " %d\n", c->type_name, c->timespan_ms,
	    c->least, c->most, (int)rule->mode);
	add_matcher(&b, rule->matcher);
	for (size_t i = 0; i < c->n; i++)
		buf_add(&b, (struct str){ (const char *)c->feeds[i]->id.bytes,
				sizeof(c->feeds[i]->id.bytes) });
	digest(&b, &c->id);
}

/* ---- aliases ---- */

/* Of this rule's alerts, the field that a name stands for. */
static struct str
resolve(const struct correlation *c, struct str name, struct str rule)
{
	const struct yaml *aliases = yaml_get(c->y, "aliases");

	for (size_t i = 0; aliases != NULL && i < aliases->n; i++) {
		const struct yaml *rules = aliases->pairs[i].value;

		if (!str_eq(aliases->pairs[i].key->text, name))
			continue;
		for (size_t k = 0; k < rules->n; k++)
			if (str_eq(rules->pairs[k].key->text, rule))
				return rules->pairs[k].value->text;
	}
	return name;
}

static bool
has(const struct str *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], name))
			return true;
	return false;
}

static const char *
nearest_of(struct str word, const struct str *list, size_t n, struct arena *a)
{
	const char **names = arena_alloc(a, n * sizeof(*names));

	for (size_t i = 0; i < n; i++)
		names[i] = arena_cstr(a, list[i]);
	return str_nearest(word, names, n);
}

static void
check_alias(struct linking *l, const struct correlation *c, const struct yaml_pair *alias)
{
	const struct yaml *rules = alias->value;
	const char *near;

	if (!has(c->group_by, c->n_group_by, alias->key->text) &&
	    !str_eq(c->value, alias->key->text))
		yaml_error(
		    l->d, alias->key, "nothing uses the alias '%.*s'", STR_ARG(alias->key->text));
	if (rules->type != YAML_MAPPING) {
		yaml_error(
		    l->d, rules, "an alias is {rule: its field}, not %s", yaml_type_name(rules));
		return;
	}
	for (size_t i = 0; i < rules->n; i++) {
		const struct yaml *key = rules->pairs[i].key, *field = rules->pairs[i].value;

		if (field->type != YAML_SCALAR || field->text.n == 0)
			yaml_error(l->d, field, "a field is a name");
		else
			warn_misspelt_field(field->text, field, l->d);
		if (has(c->rules, c->n, key->text))
			continue;
		near = nearest_of(key->text, c->rules, c->n, l->a);
		yaml_error(l->d, key, "'%.*s' is none of the rules that are counted%s%s%s",
		    STR_ARG(key->text), NEAR_ARG(near));
	}
	for (size_t i = 0; i < c->n; i++)
		if (yaml_get(rules, arena_cstr(l->a, c->rules[i])) == NULL)
			yaml_error(l->d, alias->key, "the alias '%.*s' has no field for '%.*s'",
			    STR_ARG(alias->key->text), STR_ARG(c->rules[i]));
}

static bool
aliases_fit(struct linking *l, const struct correlation *c)
{
	const struct yaml *aliases = yaml_get(c->y, "aliases");
	size_t errors = l->d->errors;

	for (size_t i = 0; aliases != NULL && i < aliases->n; i++)
		check_alias(l, c, &aliases->pairs[i]);
	return l->d->errors == errors;
}

/* ---- the rules that are counted ---- */

static void
unknown_rule(struct linking *l, const struct yaml *at, struct str name)
{
	struct str *names = arena_alloc(l->a, l->rules->n * sizeof(*names));
	const char *near;

	for (size_t i = 0; i < l->rules->n; i++)
		names[i] = l->rules->list[i].name;
	near = nearest_of(name, names, l->rules->n, l->a);
	yaml_error(l->d, at, "there is no rule '%.*s'%s%s%s", STR_ARG(name), NEAR_ARG(near));
}

/* SIZE_MAX: it cannot be counted. */
static size_t
find_rule(struct linking *l, size_t self, const struct yaml *at, struct str name)
{
	size_t i = l->rules->find(l->rules->ctx, name);
	const struct rule *rule = &l->rules->list[i == SIZE_MAX ? 0 : i];

	if (i == SIZE_MAX) {
		unknown_rule(l, at, name);
	} else if (i >= self) {
		if (i == self)
			yaml_error(l->d, at, "a rule cannot count itself");
		else
			yaml_error(l->d, at,
			    "'%.*s' stands behind this rule (%.*s:%d): a correlation stands behind "
			    "the rules that it counts",
			    STR_ARG(name), STR_ARG(rule->file), rule->line);
	} else if (rule->stop) {
		yaml_error(l->d, at,
		    "'%.*s' (%.*s:%d) says stop: when it fires no later rule is asked, and so this "
		    "one never is",
		    STR_ARG(name), STR_ARG(rule->file), rule->line);
	} else {
		if (rule->mode == RULE_OFF)
			yaml_warning(l->d, at, "'%.*s' is off: it is never counted", STR_ARG(name));
		return i;
	}
	return SIZE_MAX;
}

static struct feed *
same_feed(struct linking *l, const struct hash128 *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (memcmp(&l->feeds[i]->id, id, sizeof(*id)) == 0)
			return l->feeds[i];
	return NULL;
}

static void
add_to_rule(struct linking *l, struct rule *rule, struct feed *f)
{
	struct feed **grown = arena_alloc(l->a, (rule->n_feeds + 1) * sizeof(struct feed *));

	if (rule->n_feeds > 0)
		memcpy(grown, rule->feeds, rule->n_feeds * sizeof(struct feed *));
	grown[rule->n_feeds++] = f;
	rule->feeds = grown;
}

static void
add_counting(struct linking *l, struct feed *f, size_t correlation)
{
	size_t *grown = arena_alloc(l->a, (f->n_counted_by + 1) * sizeof(*grown));

	if (f->n_counted_by > 0)
		memcpy(grown, f->counted_by, f->n_counted_by * sizeof(*grown));
	grown[f->n_counted_by++] = correlation;
	f->counted_by = grown;
}

static struct feed *
feed_of(struct linking *l, const struct correlation *c, size_t rule, size_t self)
{
	struct feed *f = arena_alloc(l->a, sizeof(*f)), *same;
	struct rule *base = &l->rules->list[rule];

	f->rule = rule;
	f->n = c->n_group_by;
	f->group_by = arena_alloc(l->a, f->n * sizeof(*f->group_by));
	for (size_t i = 0; i < f->n; i++)
		f->group_by[i] = arena_str(l->a, resolve(c, c->group_by[i], base->name));
	f->value = arena_str(l->a, resolve(c, c->value, base->name));
	name_feed(base, f);
	same = same_feed(l, &f->id);
	if (same == NULL) {
		l->feeds = arena_grow(l->a, l->feeds, l->n, &l->cap, sizeof(struct feed *));
		l->feeds[l->n++] = same = f;
		add_to_rule(l, base, f);
	}
	if (same->timespan_ms < c->timespan_ms)
		same->timespan_ms = c->timespan_ms;
	add_counting(l, same, self);
	return same;
}

static void
link_rule(struct linking *l, size_t self)
{
	struct rule *rule = &l->rules->list[self];
	struct correlation *c = rule->correlation;
	const struct yaml *list = yaml_get(c->y, "rules");
	bool ok = aliases_fit(l, c);

	c->feeds = arena_alloc(l->a, c->n * sizeof(*c->feeds));
	for (size_t i = 0; i < c->n; i++) {
		size_t found = find_rule(l, self, yaml_entry(list, i), c->rules[i]);

		if (found == SIZE_MAX)
			ok = false;
		else if (ok && rule->mode != RULE_OFF)
			c->feeds[i] = feed_of(l, c, found, self);
	}
	if (ok && rule->mode != RULE_OFF)
		name_correlation(rule);
}

struct feed **
correlations_link(struct correlation_rules *r, size_t *n_feeds, struct arena *a, struct diags *d)
{
	struct linking l = { .rules = r, .a = a, .d = d };
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i].correlation == NULL)
			continue;
		if (++n == CORRELATIONS_MAX + 1)
			yaml_error(d, r->list[i].correlation->y, "more than %d correlations",
			    CORRELATIONS_MAX);
		link_rule(&l, i);
	}
	*n_feeds = l.n;
	return l.feeds;
}
