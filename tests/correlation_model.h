/*
 * Random alerts, and a model of correlations that recounts everything for each of them: what is
 * counted by an index must say the same.
 */
#ifndef TESTS_CORRELATION_MODEL_H
#define TESTS_CORRELATION_MODEL_H

#include <stdio.h>

#include "core/alert.h"
#include "core/rules.h"
#include "test.h"

#define MODEL_BASES 3
#define MODEL_GROUPS 3
#define MODEL_VALUES 4
#define MODEL_ALERTS 400
#define MODEL_HITS (MODEL_ALERTS * MODEL_BASES * 2 * 2)
#define MODEL_SPAN_MS 60000

enum model_type { MODEL_EVENTS, MODEL_DISTINCT, MODEL_ANY_ORDER, MODEL_IN_ORDER };

struct model_correlation {
	const char *name;
	enum model_type type;
	int bases[MODEL_BASES], n;
	size_t least, most;
};

static const struct model_correlation model_correlations[] = {
	{ "three-a", MODEL_EVENTS, { 0 }, 1, 3, SIZE_MAX },
	{ "four-of-all", MODEL_EVENTS, { 0, 1, 2 }, 3, 4, SIZE_MAX },
	{ "exactly-two-b", MODEL_EVENTS, { 1 }, 1, 2, 2 },
	{ "two-to-three", MODEL_EVENTS, { 0, 2 }, 2, 2, 3 },
	{ "three-values", MODEL_DISTINCT, { 0, 1 }, 2, 3, SIZE_MAX },
	{ "all-of-them", MODEL_ANY_ORDER, { 0, 1, 2 }, 3, 3, SIZE_MAX },
	{ "two-of-them", MODEL_ANY_ORDER, { 2, 1, 0 }, 3, 2, SIZE_MAX },
	{ "a-then-b-then-c", MODEL_IN_ORDER, { 0, 1, 2 }, 3, 3, SIZE_MAX },
	{ "c-then-a", MODEL_IN_ORDER, { 2, 0 }, 2, 2, SIZE_MAX },
};
#define MODEL_CORRELATIONS (sizeof(model_correlations) / sizeof(model_correlations[0]))

#define MODEL_RULE(name, type, rules, rest)                                                  \
	"- {name: " name ", actions: [{notify: soc}], correlation: {type: " type ", rules: " \
	"[" rules "], group-by: [extendedProperties.group], timespan: 1m" rest "}}\n"

/* A base rule fits when its mark is at least 5, and is unsure of one that is no number. */
static const char *const model_rules =
    "rules:\n"
    "- {name: base-0, match: {extendedProperties.a|gte: 5}}\n"
    "- {name: base-1, match: {extendedProperties.b|gte: 5}}\n"
    "- {name: base-2, match: {extendedProperties.c|gte: 5}}\n" /* what is counted */
    MODEL_RULE("three-a", "event_count", "base-0", ", condition: {gte: 3}") MODEL_RULE(
	"four-of-all", "event_count", "base-0, base-1, base-2", ", condition: {gt: 3}")
	MODEL_RULE("exactly-two-b", "event_count", "base-1", ", condition: {eq: 2}") MODEL_RULE(
	    "two-to-three", "event_count", "base-0, base-2", ", condition: {gte: 2, lt: 4}")
	    MODEL_RULE("three-values", "value_count", "base-0, base-1",
		", condition: {field: extendedProperties.value, gte: 3}")
		MODEL_RULE("all-of-them", "temporal", "base-0, base-1, base-2", "") MODEL_RULE(
		    "two-of-them", "temporal", "base-2, base-1, base-0", ", condition: {gte: 2}")
		    MODEL_RULE("a-then-b-then-c", "temporal_ordered", "base-0, base-1, base-2", "")
			MODEL_RULE("c-then-a", "temporal_ordered", "base-2, base-0", "");

/* One alert as it arrives; the same alert may come again with other marks. */
struct model_alert {
	int id;
	enum answer fits[MODEL_BASES];
	bool groups[MODEL_GROUPS], values[MODEL_VALUES];
	int64_t at_ms;
};

struct model_hit {
	int base, group, value, alert, place;
	bool sure;
	int64_t at_ms;
};

struct model_firing {
	size_t correlation;
	int group, alert;
	bool sure;
	int64_t at_ms;
};

struct model {
	uint64_t seed;
	struct model_hit hits[MODEL_HITS];
	size_t n;
	struct model_firing firings[MODEL_ALERTS * MODEL_CORRELATIONS * MODEL_GROUPS];
	size_t n_firings;
	int place;
	int64_t now_ms;
};

static inline uint64_t
model_random(struct model *m, uint64_t below)
{
	m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
	return (m->seed >> 33) % below;
}

static inline void
model_next(struct model *m, struct model_alert *al)
{
	m->now_ms += (int64_t)model_random(m, 5) * 4000;
	*al = (struct model_alert){ .id = (int)model_random(m, MODEL_ALERTS / 3),
		.at_ms = m->now_ms };
	for (int i = 0; i < MODEL_BASES; i++) {
		uint64_t dice = model_random(m, 10);

		al->fits[i] = dice < 4 ? ANSWER_YES : dice == 4 ? ANSWER_UNSURE : ANSWER_NO;
	}
	al->groups[model_random(m, MODEL_GROUPS)] = true;
	if (model_random(m, 5) == 0)
		al->groups[model_random(m, MODEL_GROUPS)] = true;
	if (model_random(m, 20) == 0)
		memset(al->groups, 0, sizeof(al->groups));
	al->values[model_random(m, MODEL_VALUES)] = true;
	if (model_random(m, 5) == 0)
		al->values[model_random(m, MODEL_VALUES)] = true;
}

/* JSON with ' for ".  Group and value names come in any case. */
static inline const char *
model_json(struct model *m, const struct model_alert *al, char *out, size_t size)
{
	static const char *const marks[] = { "1", "7", "odd" };
	int n = snprintf(out, size,
	    "{'alertDisplayName':'x','severity':'High','systemAlertId':'alert-%d',"
	    "'extendedProperties':{'a':'%s','b':'%s','c':'%s','group':[",
	    al->id, marks[al->fits[0]], marks[al->fits[1]], marks[al->fits[2]]);
	const char *comma = "";

	for (int i = 0; i < MODEL_GROUPS; i++)
		if (al->groups[i]) {
			n += snprintf(out + n, size - (size_t)n, "%s'%sroup-%d'", comma,
			    model_random(m, 2) == 0 ? "G" : "g", i);
			comma = ",";
		}
	n += snprintf(out + n, size - (size_t)n, "],'value':[");
	comma = "";
	for (int i = 0; i < MODEL_VALUES; i++)
		if (al->values[i]) {
			n += snprintf(out + n, size - (size_t)n, "%s'%salue-%d'", comma,
			    model_random(m, 2) == 0 ? "V" : "v", i);
			comma = ",";
		}
	snprintf(out + n, size - (size_t)n, "]}}");
	return out;
}

/* ---- recounting ---- */

static inline void
model_put(struct model *m, const struct model_alert *al, int base, int group, int value)
{
	bool sure = al->fits[base] == ANSWER_YES;

	for (size_t i = 0; i < m->n; i++) {
		struct model_hit *h = &m->hits[i];

		if (h->base != base || h->group != group || h->value != value || h->alert != al->id)
			continue;
		if ((h->sure || !sure) && h->at_ms > al->at_ms - MODEL_SPAN_MS)
			return;
		*h = m->hits[--m->n];
		break;
	}
	CHECK(m->n < MODEL_HITS);
	m->hits[m->n++] =
	    (struct model_hit){ base, group, value, al->id, m->place, sure, al->at_ms };
}

/* value -1: hits that are counted without one. */
static inline void
model_keep(struct model *m, const struct model_alert *al)
{
	m->place++;
	for (int b = 0; b < MODEL_BASES; b++)
		for (int g = 0; al->fits[b] != ANSWER_NO && g < MODEL_GROUPS; g++) {
			if (!al->groups[g])
				continue;
			model_put(m, al, b, g, -1);
			for (int v = 0; v < MODEL_VALUES; v++)
				if (al->values[v])
					model_put(m, al, b, g, v);
		}
}

/* Is the hit counted for this alert, in this group, with a value or without? */
static inline bool
model_counts(const struct model_correlation *c, const struct model_hit *h,
    const struct model_alert *al, int group)
{
	bool own_too = c->type == MODEL_DISTINCT || c->type == MODEL_ANY_ORDER;
	bool with_value = c->type == MODEL_DISTINCT;

	return h->group == group && (h->value >= 0) == with_value &&
	       h->at_ms > al->at_ms - MODEL_SPAN_MS && (own_too || h->alert != al->id);
}

static inline enum answer
model_within(const struct model_correlation *c, size_t sure, size_t unsure)
{
	size_t low = sure, high = sure + unsure;

	if (high < c->least || low > c->most)
		return ANSWER_NO;
	return low >= c->least && high <= c->most ? ANSWER_YES : ANSWER_UNSURE;
}

/* What is counted has a number: of an alert, a value, or a rule. */
static inline enum answer
model_count(const struct model *m, const struct model_correlation *c, const struct model_alert *al,
    int group)
{
	enum answer best[MODEL_ALERTS] = { ANSWER_NO };
	size_t sure = 0, unsure = 0;

	for (int i = 0; i < c->n; i++) {
		int base = c->bases[i];

		for (size_t k = 0; k < m->n; k++) {
			const struct model_hit *h = &m->hits[k];
			int name = c->type == MODEL_EVENTS     ? h->alert
				   : c->type == MODEL_DISTINCT ? h->value
							       : base;

			if (h->base == base && model_counts(c, h, al, group) &&
			    best[name] != ANSWER_YES)
				best[name] = h->sure ? ANSWER_YES : ANSWER_UNSURE;
		}
		for (int v = 0; al->fits[base] != ANSWER_NO && v < MODEL_VALUES; v++) {
			int name = c->type == MODEL_EVENTS     ? al->id
				   : c->type == MODEL_DISTINCT ? v
							       : base;

			if ((c->type != MODEL_DISTINCT || al->values[v]) &&
			    best[name] != ANSWER_YES)
				best[name] = al->fits[base];
		}
	}
	for (int i = 0; i < MODEL_ALERTS; i++) {
		sure += best[i] == ANSWER_YES;
		unsure += best[i] == ANSWER_UNSURE;
	}
	return model_within(c, sure, unsure);
}

/* Every way from the last rule to the first. */
static inline bool
model_chain(const struct model *m, const struct model_correlation *c, const struct model_alert *al,
    int group, int i, int before, bool sure)
{
	if (i < 0)
		return true;
	for (size_t k = 0; k < m->n; k++) {
		const struct model_hit *h = &m->hits[k];

		if (h->base == c->bases[i] && model_counts(c, h, al, group) && h->place < before &&
		    (h->sure || !sure) && model_chain(m, c, al, group, i - 1, h->place, sure))
			return true;
	}
	return false;
}

static inline enum answer
model_order(const struct model *m, const struct model_correlation *c, const struct model_alert *al,
    int group)
{
	enum answer last = al->fits[c->bases[c->n - 1]];

	if (last == ANSWER_NO || !model_chain(m, c, al, group, c->n - 2, INT32_MAX, false))
		return ANSWER_NO;
	return last == ANSWER_YES && model_chain(m, c, al, group, c->n - 2, INT32_MAX, true)
		   ? ANSWER_YES
		   : ANSWER_UNSURE;
}

static inline bool
model_quiet(
    const struct model *m, size_t correlation, const struct model_alert *al, int group, bool sure)
{
	for (size_t i = m->n_firings; i > 0; i--) {
		const struct model_firing *f = &m->firings[i - 1];

		if (f->correlation == correlation && f->group == group && f->sure == sure)
			return f->at_ms > al->at_ms - MODEL_SPAN_MS && f->alert != al->id;
	}
	return false;
}

static inline void
model_fire(struct model *m, size_t correlation, const struct model_alert *al, int group, bool sure)
{
	for (size_t i = m->n_firings; i > 0; i--) {
		const struct model_firing *f = &m->firings[i - 1];

		if (f->correlation != correlation || f->group != group || f->sure != sure)
			continue;
		if (f->alert == al->id && f->at_ms > al->at_ms - MODEL_SPAN_MS)
			return;
		break;
	}
	m->firings[m->n_firings++] =
	    (struct model_firing){ correlation, group, al->id, sure, al->at_ms };
}

static inline bool
model_is_asked(const struct model_correlation *c, const struct model_alert *al)
{
	for (int i = 0; i < c->n; i++)
		if (al->fits[c->bases[i]] != ANSWER_NO)
			return true;
	return false;
}

/* What a correlation must say about the alert, before it is kept. */
static inline enum answer
model_ask(struct model *m, size_t correlation, const struct model_alert *al)
{
	const struct model_correlation *c = &model_correlations[correlation];
	enum answer all = ANSWER_NO;

	for (int g = 0; g < MODEL_GROUPS && model_is_asked(c, al); g++) {
		enum answer one;

		if (!al->groups[g] || model_quiet(m, correlation, al, g, true))
			continue;
		one =
		    c->type == MODEL_IN_ORDER ? model_order(m, c, al, g) : model_count(m, c, al, g);
		if (one == ANSWER_UNSURE && model_quiet(m, correlation, al, g, false))
			continue;
		if (one != ANSWER_NO)
			model_fire(m, correlation, al, g, one == ANSWER_YES);
		if (one == ANSWER_YES || all == ANSWER_NO)
			all = one == ANSWER_YES ? one : one != ANSWER_NO ? one : all;
	}
	return all;
}

/* All that the rules said must be what the model says. */
static inline void
model_compare(struct model *m, const struct model_alert *al, const struct judged *judged)
{
	for (size_t i = 0; i < MODEL_CORRELATIONS; i++) {
		enum answer want = model_ask(m, i, al), got = ANSWER_NO;

		for (size_t k = 0; k < judged->n; k++)
			if (str_is(judged->verdicts[k].rule->name, model_correlations[i].name))
				got = judged->verdicts[k].answer;
		if (got != want)
			print_error("alert %d at %d, %s: got %s, want %s\n", al->id,
			    (int)(al->at_ms / 1000), model_correlations[i].name, answer_name(got),
			    answer_name(want));
		CHECK_INT(got, want);
	}
	model_keep(m, al);
}

#endif
