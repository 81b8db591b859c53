/*
 * Happy path: each file's `rules` list becomes rules in one arena.
 * What can go wrong: every mistake is reported at its place and the next rule is read on; with any
 * error there are no rules at all.
 */
#include "core/rules.h"

#include <assert.h>
#include <stdlib.h>

#include "base/finder.h"
#include "base/hash.h"
#include "base/json.h"
#include "core/param.h"
#include "correlation_parts.h"
#include "matcher.h"
#include "named_actions.h"
#include "rule_index.h"
#include "rule_params.h"
#include "rule_sense.h"
#include "rule_test_parse.h"
#include "rule_times.h"
#include "rules_parts.h"

#define RULE_NAME_MAX 100
#define HASH_DIGITS 12
#define RULES_MAX 20000
#define STOPS_MAX 100

/* The rule that has a name; a finder gives equal names one number. */
struct rule_names {
	struct finder *numbers;
	size_t *rule, cap;
	struct bare *bare; /* rules without actions, which a correlation must count */
	bool broken;	   /* a correlation could not be read */
};

struct bare {
	const struct yaml *y;
	struct str name;
	struct bare *next;
};

struct reading {
	struct rules *rules;
	struct rule_names *names;
	const struct source *source;
	struct named_actions *named;
	struct diags *d;
};

/* ---- parts of a rule ---- */

static void
read_cooldown(struct reading *r, const struct yaml *y, const struct json *j, struct rule *rule)
{
	json_int(json_get(j, "cooldown"), &rule->cooldown_ms);
	if (yaml_get(y, "cooldown") == NULL && yaml_get(y, "cooldown_by") != NULL)
		yaml_error(r->d, yaml_pair(y, "cooldown_by")->key, "there is no cooldown");
	rule->cooldown_by =
	    json_texts(json_get(j, "cooldown_by"), r->rules->arena, &rule->n_cooldown_by);
	if (rule->cooldown_ms > 0 && yaml_get(y, "cooldown_by") != NULL)
		for (size_t i = 0; i < rule->n_cooldown_by; i++)
			warn_misspelt_field(
			    rule->cooldown_by[i], yaml_entry(yaml_get(y, "cooldown_by"), i), r->d);
}

/* What needs nothing but the table. */
static void
read_plain(struct reading *r, const struct yaml *y, struct rule *rule)
{
	struct json *j = params_read(rule_params, y, r->rules->arena, r->d);
	struct str mode = json_text(json_get(j, "mode"));

	rule->description = json_text(json_get(j, "description"));
	rule->mode = str_is(mode, "shadow") ? RULE_SHADOW
		     : str_is(mode, "off")  ? RULE_OFF
					    : RULE_ENFORCE;
	rule->allow_sample = json_true(json_get(j, "allow_sample"));
	rule->stop = json_true(json_get(j, "stop"));
	read_cooldown(r, y, j, rule);
}

static bool
name_fits(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
			c == '.'))
			return false;
	}
	return name.n > 0 && name.n <= RULE_NAME_MAX;
}

/* The first rule of that name; SIZE_MAX: it is this one. */
static size_t
named_before(struct rule_names *names, struct str name, size_t rule)
{
	size_t known = finder_count(names->numbers), i = finder_add(names->numbers, name);

	if (i < known)
		return names->rule[i];
	if (i >= names->cap) {
		names->cap = 2 * i + 64;
		names->rule = xrealloc(names->rule, names->cap * sizeof(*names->rule));
	}
	names->rule[i] = rule;
	return SIZE_MAX;
}

static void
read_name(struct reading *r, const struct yaml *y, struct rule *rule)
{
	const struct yaml *name = yaml_get(y, "name");
	size_t other;

	if (name == NULL)
		return;
	if (name->type != YAML_SCALAR || !name_fits(name->text)) {
		yaml_error(r->d, name, "a rule's name is 1 to %d of a-z, 0-9, '-', '_' and '.'",
		    RULE_NAME_MAX);
		return;
	}
	other = named_before(r->names, name->text, (size_t)(rule - r->rules->list));
	if (other != SIZE_MAX)
		yaml_error(r->d, name, "the name '%.*s' is taken: %.*s:%d", STR_ARG(name->text),
		    STR_ARG(r->rules->list[other].file), r->rules->list[other].line);
	rule->name = arena_str(r->rules->arena, name->text);
}

static void
read_match(struct reading *r, const struct yaml *y, struct rule *rule)
{
	const struct yaml *match = yaml_get(y, "match");

	const struct yaml *correlation = yaml_get(y, "correlation");

	if (correlation != NULL) {
		rule->correlation = correlation_parse(correlation, r->rules->arena, r->d);
		r->names->broken |= rule->correlation == NULL;
	} else if (match == NULL) {
		yaml_error(r->d, y, "the rule has no match");
	}
	if (match != NULL)
		rule->matcher = match_parse(match, r->rules->lists, r->rules->arena, r->d);
}

/* Whether somebody counts it is known once all rules are read. */
static void
note_bare(struct reading *r, const struct yaml *y, const struct rule *rule)
{
	struct bare *bare = arena_alloc(r->rules->arena, sizeof(*bare));

	*bare = (struct bare){ y, rule->name, r->names->bare };
	r->names->bare = bare;
}

static void
read_actions(struct reading *r, const struct yaml *y, struct rule *rule)
{
	const struct yaml *list = yaml_get(y, "actions");

	if (list == NULL) {
		note_bare(r, y, rule);
		return;
	}
	if (list->type != YAML_SEQUENCE || list->n == 0) {
		yaml_error(r->d, list, "actions are a list of at least one");
		return;
	}
	rule->actions = arena_alloc(r->rules->arena, list->n * sizeof(*rule->actions));
	for (size_t i = 0; i < list->n; i++)
		if (named_actions_take(
			r->named, list->items[i], &rule->actions[rule->n_actions], r->d))
			rule->n_actions++;
}

/* ---- rules ---- */

static struct rule *
new_rule(struct rules *rules)
{
	rules->list =
	    arena_grow(rules->arena, rules->list, rules->n, &rules->cap, sizeof(*rules->list));
	return &rules->list[rules->n];
}

/* A rule that cuts off machines without asking for anything about them is nearly always a slip. */
static void
warn_careless(struct reading *r, const struct yaml *y, const struct rule *rule)
{
	static const char *const fields[] = { "severity", "resourceId", "resourceGroup",
		"resourceName", "resourceType", "subscriptionId", "alertType", "alertDisplayName" };
	bool disruptive = false;

	for (size_t i = 0; i < rule->n_actions; i++)
		disruptive = disruptive || rule->actions[i].disruptive;
	if (disruptive && rule->matcher != NULL && rule->correlation == NULL &&
	    !matcher_asks(rule->matcher, fields, sizeof(fields) / sizeof(fields[0])))
		yaml_warning(r->d, y,
		    "the rule changes machines without asking for a severity, alert or resource");
}

/* The first rules that stop are looked at: there are hardly more, and each is compared with all. */
static void
warn_senseless(struct reading *r, const struct yaml *y, const struct rule *rule)
{
	const struct rules *rules = r->rules;
	struct str why;

	if (rule->matcher == NULL || rule->mode == RULE_OFF)
		return;
	if (match_never_holds(rule->matcher, rules->arena, &why))
		yaml_warning(
		    r->d, yaml_get(y, "match"), "the match can never hold: %.*s", STR_ARG(why));
	for (size_t i = 0, stops = 0; i < rules->n && stops < STOPS_MAX; i++) {
		const struct rule *other = &rules->list[i];

		if (!other->stop || other->mode == RULE_OFF || other->matcher == NULL ||
		    rule_is_timed(other) || other->correlation != NULL)
			continue;
		stops++;
		if (!match_is_within(rule->matcher, other->matcher))
			continue;
		yaml_warning(r->d, y,
		    "the rule is never asked: '%.*s' (%.*s:%d) fires for all that it would, and "
		    "stops",
		    STR_ARG(other->name), STR_ARG(other->file), other->line);
		return;
	}
}

static void
read_rule(struct reading *r, const struct yaml *y)
{
	struct rule *rule = new_rule(r->rules);

	if (y->type != YAML_MAPPING) {
		yaml_error(r->d, y, "a rule is a mapping of keys, not %s", yaml_type_name(y));
		return;
	}
	rule->name = STR_EMPTY;
	rule->file = arena_str(r->rules->arena, str_of(r->source->name));
	rule->line = y->line;
	rule->col = y->col;
	read_plain(r, y, rule);
	read_name(r, y, rule);
	rule->times = rule_times_read(y, r->rules->intervals, r->rules->arena, r->d);
	read_match(r, y, rule);
	read_actions(r, y, rule);
	rule_tests_parse(yaml_get(y, "tests"), rule, r->rules->arena, r->d);
	warn_careless(r, y, rule);
	warn_senseless(r, y, rule);
	r->rules->n++;
}

/* NULL: there is none that can be used. */
static const struct yaml *
read_root(const struct source *source, struct arena *a, struct diags *d)
{
	struct yaml *root = yaml_parse(source, a, d);

	if (root == NULL)
		return NULL;
	if (root->type != YAML_MAPPING) {
		yaml_error(d, root, "a rule file is a mapping with the key 'rules', not %s",
		    yaml_type_name(root));
		return NULL;
	}
	(void)params_read(rule_file_params, root, a, d);
	return root;
}

static void
read_file(struct reading *r, const struct yaml *root)
{
	const struct yaml *list = root == NULL ? NULL : yaml_get(root, "rules");

	if (list == NULL)
		return;
	if (list->type != YAML_SEQUENCE) {
		yaml_error(r->d, list, "rules are a list, not %s", yaml_type_name(list));
		return;
	}
	if (r->rules->n + list->n > RULES_MAX) {
		yaml_error(r->d, list, "more than %d rules", RULES_MAX);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		read_rule(r, list->items[i]);
}

/* ---- correlations ---- */

static size_t
find_rule(void *ctx, struct str name)
{
	struct rule_names *names = ctx;
	size_t known = finder_count(names->numbers), i;

	i = name.n == 0 ? known : finder_add(names->numbers, name);
	return i < known ? names->rule[i] : SIZE_MAX;
}

static bool
is_counted(const struct rules *rules, struct str name)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct correlation *c = rules->list[i].correlation;

		for (size_t k = 0; c != NULL && k < c->n; k++)
			if (str_eq(c->rules[k], name))
				return true;
	}
	return false;
}

static void
link_correlations(struct rules *rules, struct rule_names *names, struct diags *d)
{
	struct correlation_rules linked = { rules->list, rules->n, find_rule, names };

	rules->feeds = correlations_link(&linked, &rules->n_feeds, rules->arena, d);
	for (const struct bare *b = names->bare; b != NULL && !names->broken; b = b->next)
		if (!is_counted(rules, b->name))
			yaml_error(
			    d, b->y, "the rule has no actions, and no correlation counts it");
	for (size_t i = 0; i < rules->n; i++) {
		rules->active += rules->list[i].mode != RULE_OFF;
		rules->n_correlations += rules->list[i].correlation != NULL;
	}
}

/* What rules refer to is read of all files first. */
static void
read_files(struct reading *r, const struct source *files, size_t n)
{
	struct arena *a = r->rules->arena;
	const struct yaml **roots = arena_alloc(a, n * sizeof(const struct yaml *));

	for (size_t i = 0; i < n; i++) {
		roots[i] = read_root(&files[i], a, r->d);
		if (roots[i] != NULL && yaml_get(roots[i], "actions") != NULL)
			named_actions_add(r->named, yaml_get(roots[i], "actions"), r->d);
		if (roots[i] != NULL && yaml_get(roots[i], "time_intervals") != NULL)
			time_intervals_add(
			    r->rules->intervals, yaml_get(roots[i], "time_intervals"), r->d);
	}
	named_actions_check(r->named, r->d);
	for (size_t i = 0; i < n; i++) {
		r->source = &files[i];
		read_file(r, roots[i]);
	}
	named_actions_unused(r->named, r->d);
	time_intervals_unused(r->rules->intervals, r->d);
}

static struct str
hash_of(const struct source *files, size_t n, const struct rule_lists *lists, struct arena *a)
{
	size_t all = n + rule_lists_count(lists);
	struct str *parts = arena_alloc(a, all * sizeof(*parts));
	char hex[SHA256_HEX_MAX];

	for (size_t i = 0; i < all; i++)
		parts[i] = i < n ? files[i].text : rule_lists_text(lists, i - n);
	sha256_parts_hex(parts, all, hex);
	return arena_str(a, (struct str){ hex, HASH_DIGITS });
}

struct rules *
rules_parse(
    const struct source *files, size_t n, const struct rules_outside *outside, struct diags *d)
{
	struct rules *rules = xcalloc(1, sizeof(*rules));
	struct rule_names names = { .numbers = finder_new() };
	size_t errors = d->errors;

	rules->arena = arena_new();
	rules->lists = rule_lists_new(outside, rules->arena);
	rules->intervals = time_intervals_new(outside, rules->arena);
	read_files(&(struct reading){ .rules = rules,
		       .names = &names,
		       .named = named_actions_new(outside, rules->arena),
		       .d = d },
	    files, n);
	link_correlations(rules, &names, d);
	finder_free(names.numbers);
	free(names.rule);
	rules->hash = hash_of(files, n, rules->lists, rules->arena);
	if (d->errors > errors) {
		rules_free(rules);
		return NULL;
	}
	if (rules->n >= RULE_INDEX_FROM)
		rules->index = rule_index_new(rules->list, rules->n);
	return rules;
}

void
rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		matcher_done(r->list[i].matcher);
	rule_index_free(r->index);
	rule_lists_free(r->lists);
	time_intervals_free(r->intervals);
	arena_free(r->arena);
	free(r);
}

size_t
rules_count(const struct rules *r)
{
	return r->n;
}

const struct rule *
rules_at(const struct rules *r, size_t i)
{
	return &r->list[i];
}

size_t
rules_lists(const struct rules *r)
{
	return rule_lists_count(r->lists);
}

struct str
rules_list(const struct rules *r, size_t i)
{
	return rule_lists_file(r->lists, i);
}

struct str
rules_list_text(const struct rules *r, size_t i)
{
	return rule_lists_text(r->lists, i);
}

struct str
rules_hash(const struct rules *r)
{
	return r->hash;
}

/* ---- what is in them ---- */

size_t
rule_conditions(const struct rule *rule)
{
	return rule->matcher == NULL ? 0 : rule->matcher->n_conditions;
}

struct rule_condition
rule_condition(const struct rule *rule, size_t i)
{
	const struct matcher *m = rule->matcher;

	FOR_EACH_CONDITION(m, c)
	if (c->number == i)
		return (struct rule_condition){ c->line, c->col, m->selections[s_].name, c->written,
			c->text };
	assert(false);
	return (struct rule_condition){ .line = 0 };
}

enum answer
rule_judge(const struct rule *rule, const struct alert *al, int64_t now_ms, struct arena *a,
    struct trace_line **lines, size_t *n)
{
	struct verdict v = { .answer = ANSWER_NO };

	if (rule->matcher != NULL)
		matcher_judge(rule->matcher, inquiry_new(al, now_ms, a), &v);
	*lines = v.lines;
	*n = v.n_lines;
	return rule->correlation != NULL ? ANSWER_NO : v.answer; /* by itself it counts nothing */
}

enum answer
rule_decided_by(const struct rule *rule, const struct alert *al, int64_t now_ms, struct arena *a,
    struct trace_line **lines, size_t *n)
{
	enum answer match = ANSWER_NO;

	*n = 0;
	if (rule->matcher != NULL)
		match = matcher_decided_by(rule->matcher, inquiry_new(al, now_ms, a), lines, n);
	return rule->correlation != NULL ? ANSWER_NO : match;
}

size_t
rules_feeds(const struct rules *r)
{
	return r->n_feeds;
}

struct rule_feed
rules_feed(const struct rules *r, size_t i)
{
	const struct feed *f = r->feeds[i];
	const struct rule *rule = &r->list[f->rule];

	return (struct rule_feed){ f->id, rule->name, f->timespan_ms, rule->correlation == NULL };
}
