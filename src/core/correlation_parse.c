/*
 * Happy path: the key `correlation` is read by a table, its condition becomes a range of counts and
 * a sentence.
 * What can go wrong: each mistake is reported at its place.
 */
#include <inttypes.h>

#include "base/buf.h"
#include "core/param.h"
#include "core/text.h"
#include "correlation_parts.h"
#include "matcher.h"
#include "rule_params.h"

#define WANTED_MAX 1000
#define TYPES "event_count|value_count|temporal|temporal_ordered"

static const struct param condition_params[] = {
	{ .name = "field",
	    .type = PARAM_TEXT,
	    .help = "value_count: the field whose different values are counted." },
	{ .name = "gte",
	    .type = PARAM_INTEGER,
	    .min = 1,
	    .max = CORRELATION_COUNT_MAX,
	    .help = "As many, or more." },
	{ .name = "gt",
	    .type = PARAM_INTEGER,
	    .max = CORRELATION_COUNT_MAX - 1,
	    .help = "More than so many." },
	{ .name = "lte",
	    .type = PARAM_INTEGER,
	    .min = 1,
	    .max = CORRELATION_COUNT_MAX,
	    .help = "Beside gt or gte: as many at most." },
	{ .name = "lt",
	    .type = PARAM_INTEGER,
	    .min = 2,
	    .max = CORRELATION_COUNT_MAX,
	    .help = "Beside gt or gte: less than so many." },
	{ .name = "eq",
	    .type = PARAM_INTEGER,
	    .min = 1,
	    .max = CORRELATION_COUNT_MAX,
	    .help = "Exactly so many." },
	{ .name = NULL },
};

const struct param correlation_params[] = {
	{ .name = "type",
	    .type = PARAM_CHOICE,
	    .choices = TYPES,
	    .required = true,
	    .help = "What is counted: alerts, different values of a field, or rules that have "
		    "fired, in any or in this order." },
	{ .name = "rules",
	    .type = PARAM_TEXT,
	    .list = true,
	    .required = true,
	    .help = "Names of the rules that are counted; they stand before this one." },
	{ .name = "group-by",
	    .type = PARAM_TEXT,
	    .list = true,
	    .help = "Fields, or aliases, that must be the same; without it all alerts are one "
		    "group." },
	{ .name = "timespan",
	    .type = PARAM_DURATION,
	    .required = true,
	    .min = CORRELATION_SPAN_MIN_MS,
	    .max = CORRELATION_SPAN_MAX_MS,
	    .help = "Within what time, up to the alert that completes it; then it is quiet for "
		    "as long." },
	{ .name = "condition",
	    .type = PARAM_GROUP,
	    .group = condition_params,
	    .absent = true,
	    .help = "How many there must be; of temporal how many of the rules, by itself all." },
	{ .name = "aliases",
	    .type = PARAM_TREE,
	    .help = "Other names of fields for group-by: {alias: {rule: its field}}." },
	{ .name = "generate",
	    .type = PARAM_REFUSED,
	    .help = "is not needed here: a rule that is counted acts by itself when it has "
		    "actions of its own" },
	{ .name = NULL },
};

struct parsing {
	struct arena *a;
	struct diags *d;
	const struct yaml *y;
	const struct json *j;
	struct correlation *out;
};

static void
read_type(struct parsing *p)
{
	static const char *const names[] = { "event_count", "value_count", "temporal",
		"temporal_ordered" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(json_text(json_get(p->j, "type")), names[i])) {
			p->out->type = (enum correlation_type)i;
			p->out->type_name = names[i];
		}
}

/* ---- lists ---- */

/* At most so many, each once. */
static void
check_list(struct parsing *p, const char *key, const struct str *list, size_t n, size_t max)
{
	const struct yaml *y = yaml_get(p->y, key);

	if (n > max)
		yaml_error(p->d, y, "%s has more than %zu", key, max);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq_nocase(list[i], list[k]))
				yaml_error(p->d, yaml_entry(y, i), "'%.*s' stands twice",
				    STR_ARG(list[i]));
}

static bool
is_alias(const struct parsing *p, struct str name)
{
	return json_get_str(json_get(p->j, "aliases"), name) != NULL;
}

static void
warn_fields(struct parsing *p)
{
	const struct yaml *list = yaml_get(p->y, "group-by");
	const struct yaml *condition = yaml_get(p->y, "condition");

	for (size_t i = 0; i < p->out->n_group_by; i++)
		if (!is_alias(p, p->out->group_by[i]))
			warn_misspelt_field(p->out->group_by[i], yaml_entry(list, i), p->d);
	if (p->out->value.n > 0)
		warn_misspelt_field(p->out->value, yaml_get(condition, "field"), p->d);
}

/* ---- condition ---- */

static bool
number_of(const struct json *condition, const char *key, int64_t *out)
{
	return json_int(json_get(condition, key), out);
}

/* Two ends of one side, or an end where there can be none. */
static bool
ends_clash(struct parsing *p, const struct yaml *y)
{
	static const char *const pairs[][2] = { { "gt", "gte" }, { "lt", "lte" }, { "eq", "gt" },
		{ "eq", "gte" }, { "eq", "lt" }, { "eq", "lte" } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (yaml_get(y, pairs[i][0]) != NULL && yaml_get(y, pairs[i][1]) != NULL) {
			yaml_error(p->d, yaml_pair(y, pairs[i][1])->key,
			    "'%s' and '%s' cannot be used together", pairs[i][0], pairs[i][1]);
			return true;
		}
	return false;
}

static bool
read_range(struct parsing *p, const struct yaml *y, const struct json *j)
{
	struct correlation *c = p->out;
	int64_t n;

	if (ends_clash(p, y))
		return false;
	if (number_of(j, "eq", &n))
		c->least = c->most = n;
	if (number_of(j, "gte", &n))
		c->least = n;
	if (number_of(j, "gt", &n))
		c->least = n + 1;
	if (number_of(j, "lte", &n))
		c->most = n;
	if (number_of(j, "lt", &n))
		c->most = n - 1;
	if (c->most >= c->least)
		return true;
	yaml_error(
	    p->d, y, "no number is at least %" PRId64 " and at most %" PRId64, c->least, c->most);
	return false;
}

static bool
has_least(const struct yaml *y)
{
	return yaml_get(y, "eq") != NULL || yaml_get(y, "gte") != NULL || yaml_get(y, "gt") != NULL;
}

/* How many alerts or values. */
static bool
read_count(struct parsing *p, const struct yaml *y, const struct json *j)
{
	const struct yaml *field = yaml_get(y, "field");

	if (y == NULL) {
		yaml_error(p->d, p->y, "%s needs a condition: how many there must be, {gte: 10}",
		    p->out->type_name);
		return false;
	}
	p->out->value = json_text(json_get(j, "field"));
	if (p->out->type == CORRELATION_VALUES && field == NULL) {
		yaml_error(
		    p->d, y, "value_count needs a field: whose different values are counted");
		return false;
	}
	if (p->out->type == CORRELATION_EVENTS && field != NULL) {
		yaml_error(p->d, yaml_pair(y, "field")->key,
		    "event_count counts alerts; value_count counts the values of a field");
		return false;
	}
	if (!has_least(y)) {
		yaml_error(p->d, y,
		    "a count that is too low has no moment at which it begins: an alert can only "
		    "add to it; gte, gt or eq say from how many on");
		return false;
	}
	return read_range(p, y, j);
}

/* How many of the rules; all of them when nothing is said. */
static bool
read_rules_count(struct parsing *p, const struct yaml *y, const struct json *j)
{
	int64_t rules = (int64_t)p->out->n;

	p->out->least = rules;
	if (y == NULL)
		return true;
	if (p->out->type == CORRELATION_ORDERED) {
		yaml_error(p->d, yaml_pair(p->y, "condition")->key,
		    "temporal_ordered takes no condition: all of its rules, one after the other");
		return false;
	}
	if (yaml_get(y, "field") != NULL) {
		yaml_error(p->d, yaml_pair(y, "field")->key,
		    "temporal counts rules that have fired, not the values of a field");
		return false;
	}
	if (!has_least(y)) {
		yaml_error(p->d, y, "gte, gt or eq say how many of the rules must have fired");
		return false;
	}
	if (!read_range(p, y, j))
		return false;
	if (p->out->least <= rules)
		return true;
	yaml_error(p->d, y, "there are only %" PRId64 " rules", rules);
	return false;
}

static bool
read_condition(struct parsing *p)
{
	const struct yaml *y = yaml_get(p->y, "condition");
	const struct json *j = json_get(p->j, "condition");
	bool counts = p->out->type == CORRELATION_EVENTS || p->out->type == CORRELATION_VALUES;

	p->out->most = INT64_MAX;
	if (y != NULL && y->type != YAML_MAPPING)
		return false; /* said already */
	return counts ? read_count(p, y, j) : read_rules_count(p, y, j);
}

/* ---- the condition in words ---- */

static void
add_list(
    struct buf *b, const struct str *list, size_t n, const char *quote, const char *before_last)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%s%.*s%s",
		    i == 0	 ? ""
		    : i + 1 == n ? before_last
				 : ", ",
		    quote, STR_ARG(list[i]), quote);
}

static void
add_range(struct buf *b, const struct correlation *c)
{
	if (c->most == INT64_MAX)
		buf_printf(b, "at least %" PRId64, c->least);
	else if (c->most == c->least)
		buf_printf(b, "exactly %" PRId64, c->least);
	else
		buf_printf(b, "%" PRId64 " to %" PRId64, c->least, c->most);
}

static void
add_what(struct buf *b, const struct correlation *c)
{
	switch (c->type) {
	case CORRELATION_EVENTS:
		add_range(b, c);
		buf_add_cstr(b, c->least == 1 && (c->most == 1 || c->most == INT64_MAX)
				    ? " alert of "
				    : " alerts of ");
		add_list(b, c->rules, c->n, "'", " or ");
		break;
	case CORRELATION_VALUES:
		add_range(b, c);
		buf_printf(b, " different %.*s in ", STR_ARG(c->value));
		add_list(b, c->rules, c->n, "'", " or ");
		break;
	case CORRELATION_TEMPORAL:
		if (c->least < (int64_t)c->n || c->most != INT64_MAX) {
			add_range(b, c);
			buf_add_cstr(b, " of ");
		}
		add_list(b, c->rules, c->n, "'", " and ");
		break;
	case CORRELATION_ORDERED:
		add_list(b, c->rules, c->n, "'", ", then ");
		break;
	}
}

/* "at least 10 alerts of 'brute-force' with the same subscriptionId within 10m" */
static struct str
in_words(const struct correlation *c, struct arena *a)
{
	struct buf b;
	struct str text;

	buf_init(&b, WANTED_MAX);
	add_what(&b, c);
	if (c->n_group_by > 0) {
		buf_add_cstr(&b, " with the same ");
		add_list(&b, c->group_by, c->n_group_by, "", " and ");
	}
	buf_printf(&b, " within %s", text_duration(c->timespan_ms, a));
	text = buf_over(&b) ? arena_printf(a, "%.*s ...", STR_ARG(buf_str(&b)))
			    : arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
}

/* ---- all of it ---- */

struct correlation *
correlation_parse(const struct yaml *y, struct arena *a, struct diags *d)
{
	struct correlation *c = arena_alloc(a, sizeof(*c));
	struct parsing p = { a, d, y, NULL, c };
	size_t errors = d->errors;

	if (y->type != YAML_MAPPING) {
		yaml_error(d, y, "correlation is a mapping of keys, not %s", yaml_type_name(y));
		return NULL;
	}
	p.j = params_read(correlation_params, y, a, d);
	c->y = y;
	read_type(&p);
	c->rules = json_texts(json_get(p.j, "rules"), a, &c->n);
	c->group_by = json_texts(json_get(p.j, "group-by"), a, &c->n_group_by);
	if (d->errors > errors)
		return NULL;
	(void)json_int(json_get(p.j, "timespan"), &c->timespan_ms);
	check_list(&p, "rules", c->rules, c->n, CORRELATION_RULES_MAX);
	check_list(&p, "group-by", c->group_by, c->n_group_by, CORRELATION_FIELDS_MAX);
	if (!read_condition(&p) || d->errors > errors)
		return NULL;
	warn_fields(&p);
	c->wanted = in_words(c, a);
	return c;
}
