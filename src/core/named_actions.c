/*
 * Happy path: a name is followed to the action that the program knows; on the way the parameters
 * that stand nearer to the rule take the place of those behind them.
 * What can go wrong: a name is taken, or leads back to itself; each is told once, where it stands.
 */
#include "named_actions.h"

#define NAME_BYTES_MAX 64

enum state { STATE_NEW, STATE_VISITED, STATE_GOOD, STATE_BAD };

struct named {
	const struct yaml *key;	   /* its name */
	const struct yaml *action; /* what it refers to, */
	const struct yaml *params; /* and with what; NULL = nothing */
	struct named *base;	   /* that is another one; NULL = an action of the program */
	const struct yaml *merged; /* with the parameters of those it refers to */
	struct rule_action checked;
	enum state state;
	bool used;
};

struct named_actions {
	const struct rules_outside *outside;
	struct arena *arena;
	struct named *list[NAMED_ACTIONS_MAX];
	size_t n;
};

struct named_actions *
named_actions_new(const struct rules_outside *outside, struct arena *a)
{
	struct named_actions *n = arena_alloc(a, sizeof(*n));

	n->outside = outside;
	n->arena = a;
	return n;
}

static struct named *
find(const struct named_actions *n, struct str name)
{
	for (size_t i = 0; i < n->n; i++)
		if (str_eq(n->list[i]->key->text, name))
			return n->list[i];
	return NULL;
}

static bool
is_action(const struct named_actions *n, struct str name)
{
	return n->outside->is_action != NULL && n->outside->is_action(name);
}

/* ---- reading ---- */

/* "isolate_vm" or "isolate_vm: {...}"; *params NULL: there are none. */
static bool
split(const struct yaml *y, const struct yaml **action, const struct yaml **params, struct diags *d)
{
	if (y->type == YAML_SCALAR && !y->null) {
		*action = y;
		*params = NULL;
		return true;
	}
	if (y->type == YAML_MAPPING && y->n == 1) {
		*action = y->pairs[0].key;
		*params = y->pairs[0].value;
		return true;
	}
	yaml_error(
	    d, y, "an action is its name, or its name with parameters: one 'name: ...' each");
	return false;
}

static bool
name_fits(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return name.n > 0 && name.n <= NAME_BYTES_MAX;
}

static bool
name_is_free(const struct named_actions *n, const struct yaml *key, struct diags *d)
{
	const struct named *other = find(n, key->text);

	if (!name_fits(key->text))
		yaml_error(d, key, "'%.*s' cannot be a name: 1 to %d of a-z, 0-9, - and _",
		    STR_ARG(key->text), NAME_BYTES_MAX);
	else if (is_action(n, key->text))
		yaml_error(
		    d, key, "'%.*s' is an action by itself, take another name", STR_ARG(key->text));
	else if (other != NULL)
		yaml_error(d, key, "the name '%.*s' is taken: %s:%d", STR_ARG(key->text),
		    other->key->source->name, other->key->line);
	else if (n->n == NAMED_ACTIONS_MAX)
		yaml_error(d, key, "more than %d named actions", NAMED_ACTIONS_MAX);
	else
		return true;
	return false;
}

void
named_actions_add(struct named_actions *n, const struct yaml *actions, struct diags *d)
{
	if (actions->type != YAML_MAPPING) {
		yaml_error(d, actions, "actions are a mapping 'name: {action: parameters}', not %s",
		    yaml_type_name(actions));
		return;
	}
	for (size_t i = 0; i < actions->n; i++) {
		struct named *one = arena_alloc(n->arena, sizeof(*one));

		one->key = actions->pairs[i].key;
		if (name_is_free(n, one->key, d) &&
		    split(actions->pairs[i].value, &one->action, &one->params, d))
			n->list[n->n++] = one;
	}
}

/* ---- following ---- */

/* NULL when d got an error. */
static const struct yaml *
merge(struct named_actions *n, const struct yaml *base, const struct yaml *over, struct diags *d)
{
	struct yaml *out;

	if (base == NULL || over == NULL)
		return base == NULL ? over : base;
	if (over->type != YAML_MAPPING)
		return over;
	if (base->type != YAML_MAPPING) {
		yaml_error(d, over,
		    "nothing can be overridden here: in line %d of %s the parameter stands without "
		    "its name",
		    base->line, base->source->name);
		return NULL;
	}
	out = arena_alloc(n->arena, sizeof(*out));
	*out = *over;
	out->pairs = arena_alloc(n->arena, (base->n + over->n) * sizeof(*out->pairs));
	out->n = 0;
	for (size_t i = 0; i < base->n; i++)
		if (yaml_get(over, arena_cstr(n->arena, base->pairs[i].key->text)) == NULL)
			out->pairs[out->n++] = base->pairs[i];
	for (size_t i = 0; i < over->n; i++)
		out->pairs[out->n++] = over->pairs[i];
	return out;
}

static const struct named *
last(const struct named *one)
{
	while (one->base != NULL)
		one = one->base;
	return one;
}

static bool
unknown(const struct named_actions *n, const struct yaml *name, struct diags *d)
{
	const char *names[NAMED_ACTIONS_MAX], *near;

	for (size_t i = 0; i < n->n; i++)
		names[i] = arena_cstr(n->arena, n->list[i]->key->text);
	near = is_action(n, name->text) ? NULL : str_nearest(name->text, names, n->n);
	if (near != NULL)
		yaml_error(d, name, "unknown action '%.*s', did you mean '%s'?",
		    STR_ARG(name->text), near);
	return near != NULL;
}

static bool
check(struct named_actions *n, const struct yaml *action, const struct yaml *params,
    struct rule_action *out, struct diags *d)
{
	return !unknown(n, action, d) &&
	       n->outside->check(n->outside->ctx, action, params, n->arena, out, d);
}

static void
follow(struct named_actions *n, struct named *one, struct diags *d)
{
	struct named *base = find(n, one->action->text);
	size_t errors = d->errors;

	if (one->state == STATE_VISITED)
		yaml_error(d, one->key, "'%.*s' refers to itself", STR_ARG(one->key->text));
	if (one->state != STATE_NEW) {
		if (one->state == STATE_VISITED)
			one->state = STATE_BAD;
		return;
	}
	one->state = STATE_VISITED;
	one->merged = one->params;
	if (base != NULL) {
		follow(n, base, d);
		if (base->state != STATE_GOOD) {
			one->state = STATE_BAD;
			return;
		}
		one->base = base;
		one->merged = merge(n, base->merged, one->params, d);
	}
	one->state =
	    d->errors == errors && check(n, last(one)->action, one->merged, &one->checked, d)
		? STATE_GOOD
		: STATE_BAD;
}

void
named_actions_check(struct named_actions *n, struct diags *d)
{
	for (size_t i = 0; i < n->n; i++)
		follow(n, n->list[i], d);
}

bool
named_actions_take(
    struct named_actions *n, const struct yaml *entry, struct rule_action *out, struct diags *d)
{
	const struct yaml *action, *params, *merged;
	struct named *one;

	if (!split(entry, &action, &params, d))
		return false;
	one = find(n, action->text);
	if (one == NULL)
		return check(n, action, params, out, d);
	for (struct named *b = one; b != NULL; b = b->base)
		b->used = true;
	if (one->state != STATE_GOOD)
		return false;
	if (params == NULL || params->null) {
		*out = one->checked;
		return true;
	}
	merged = merge(n, one->merged, params, d);
	return merged != NULL && check(n, last(one)->action, merged, out, d);
}

void
named_actions_unused(const struct named_actions *n, struct diags *d)
{
	for (size_t i = 0; i < n->n; i++)
		if (!n->list[i]->used && n->list[i]->state == STATE_GOOD)
			yaml_warning(d, n->list[i]->key, "no rule uses the action '%.*s'",
			    STR_ARG(n->list[i]->key->text));
}
