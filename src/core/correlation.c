/*
 * Happy path: a correlation asks how many hits there are in the groups of an alert within its time,
 * and fires.
 * What can go wrong: a rule was unsure, there were more hits than are kept, the past cannot be
 * told: what is counted lies between two numbers, and where that decides the answer is unsure.
 */
#include "core/correlation.h"

#include <stdlib.h>
#include <string.h>

#include "correlation_text.h"
#include "counting.h"

/* Groups of one alert that are told apart in the trace. */
#define LINES_MAX 10
/* Numbers of alerts in a line. */
#define NUMBERS_MAX 20

/* ---- what was there before ---- */

/* A hit of the alert itself, and of which of the correlation's rules. */
struct own {
	const struct hit *hit;
	size_t feed;
};

/* One correlation in one group. */
struct asking {
	const struct counting *c;
	const struct correlation *correlation;
	const struct own *own;
	size_t n_own;
	const struct hit *hit; /* the first of them in this group */
	bool lost;	       /* there was more than is kept */
	bool failed;	       /* the past cannot be told */
};

static size_t
look(struct asking *q, size_t feed, const struct hash128 *group, bool sure, size_t max,
    const struct past_hit *before, struct past_hit **out)
{
	const struct past *past = q->c->past;
	/* Of values the newest hit is known only, be it this alert's; rules may be one alert's. */
	bool others = q->correlation->type == CORRELATION_EVENTS ||
		      q->correlation->type == CORRELATION_ORDERED;
	struct past_question question = { .feed = q->correlation->feeds[feed]->id,
		.group = *group,
		.not_alert = others ? q->c->alert : hash_none,
		.sure = sure,
		.after_ms = past->received_ms - q->correlation->timespan_ms,
		.until_ms =
		    before == NULL ? past->received_ms + CORRELATION_SKEW_MS : before->received_ms,
		.before_place = before == NULL ? INT64_MAX : before->place,
		.max = max };
	bool lost = false;
	size_t n = 0;

	if (!past->hits(past->ctx, &question, q->c->a, out, &n, &lost)) {
		q->failed = true;
		return 0;
	}
	q->lost |= lost;
	return n;
}

/* Is the alert itself a hit of this rule in this group? */
static bool
is_own(const struct asking *q, size_t feed, bool sure)
{
	for (size_t i = 0; i < q->n_own; i++)
		if (q->own[i].feed == feed && q->own[i].hit->sure == sure &&
		    hash128_eq(&q->own[i].hit->group, &q->hit->group))
			return true;
	return false;
}

/* ---- counting alerts and values ---- */

/* What is counted: alerts or values, each with the newest hit that tells of it. */
struct found {
	struct hash128 name;
	struct past_hit hit;
	bool sure, own;
};

struct tally {
	struct found *list;
	size_t n, cap;
	size_t sure, unsure;
	bool open; /* there may be any number more */
};

static void
tell(struct asking *q, struct tally *t, const struct past_hit *hit, bool sure, bool own)
{
	bool values = q->correlation->type == CORRELATION_VALUES;
	const struct hash128 *name = values ? &hit->value : &hit->alert;

	if (values && hash128_eq(name, &hash_any)) {
		t->open = true;
		return;
	}
	t->list = arena_grow(q->c->a, t->list, t->n, &t->cap, sizeof(*t->list));
	t->list[t->n++] = (struct found){ *name, *hit, sure, own };
}

static void
tell_own(struct asking *q, struct tally *t)
{
	for (size_t i = 0; i < q->n_own; i++) {
		const struct hit *h = q->own[i].hit;
		struct past_hit hit = { .alert = q->c->alert,
			.value = h->value,
			.received_ms = q->c->past->received_ms,
			.place = INT64_MAX,
			.value_text = h->value_text };

		if (hash128_eq(&h->group, &q->hit->group) || hash128_eq(&h->group, &hash_any))
			tell(q, t, &hit, h->sure, true);
	}
}

static void
tell_past(struct asking *q, struct tally *t, const struct hash128 *group, bool sure, size_t max)
{
	for (size_t i = 0; i < q->correlation->n; i++) {
		struct past_hit *list;
		size_t n = look(q, i, group, sure, max, NULL, &list);

		for (size_t k = 0; k < n; k++)
			tell(q, t, &list[k], sure, false);
	}
}

/* By name; of one name the sure one, then the newest, is first. */
static int
by_name(const void *x, const void *y)
{
	const struct found *f = x, *g = y;
	int order = memcmp(&f->name, &g->name, sizeof(f->name));

	if (order != 0)
		return order;
	if (f->sure != g->sure)
		return f->sure ? -1 : 1;
	return (f->hit.place < g->hit.place) - (f->hit.place > g->hit.place);
}

static void
count(struct tally *t)
{
	size_t kept = 0;

	if (t->n > 0)
		qsort(t->list, t->n, sizeof(*t->list), by_name);
	t->sure = t->unsure = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (kept > 0 && hash128_eq(&t->list[kept - 1].name, &t->list[i].name))
			continue;
		*(t->list[i].sure ? &t->sure : &t->unsure) += 1;
		t->list[kept++] = t->list[i];
	}
	t->n = kept;
}

/* What is counted is from..to: does the condition hold? */
static enum answer
within(const struct correlation *c, size_t from, size_t to, bool open)
{
	int64_t low = (int64_t)from, high = open ? INT64_MAX : (int64_t)to;

	if (high < c->least || low > c->most)
		return ANSWER_NO;
	return low >= c->least && high <= c->most ? ANSWER_YES : ANSWER_UNSURE;
}

static enum answer
ask_count(struct asking *q, struct tally *t)
{
	const struct correlation *c = q->correlation;
	size_t max = (size_t)(c->most == INT64_MAX ? c->least : c->most + 1);

	tell_own(q, t);
	tell_past(q, t, &q->hit->group, true, max);
	count(t);
	if (c->most == INT64_MAX && (int64_t)t->sure >= c->least)
		return ANSWER_YES;
	tell_past(q, t, &q->hit->group, false, max);
	tell_past(q, t, &hash_any, false, max);
	count(t);
	return within(c, t->sure, t->sure + t->unsure, t->open || q->lost || q->failed);
}

/* ---- rules that have fired ---- */

/* The newest hit of a feed in this group before another; the alert's own is the newest of all. */
static bool
newest(struct asking *q, size_t feed, bool sure, const struct past_hit *before, bool own,
    struct past_hit *out)
{
	const struct hash128 *groups[] = { &q->hit->group, &hash_any };
	struct past_hit *list;
	bool found = false;

	if (own && (is_own(q, feed, true) || (!sure && is_own(q, feed, false)))) {
		*out = (struct past_hit){ .alert = q->c->alert,
			.received_ms = q->c->past->received_ms + CORRELATION_SKEW_MS,
			.place = INT64_MAX };
		return true;
	}
	for (int kind = 1; kind >= (sure ? 1 : 0); kind--)
		for (size_t g = 0; g < (kind == 1 ? 1 : 2); g++)
			if (look(q, feed, groups[g], kind == 1, 1, before, &list) > 0 &&
			    (!found || list[0].place > out->place)) {
				*out = list[0];
				found = true;
			}
	return found;
}

static void
keep(struct asking *q, struct tally *t, const struct past_hit *hit, bool sure)
{
	bool own = hash128_eq(&hit->alert, &q->c->alert);

	t->list = arena_grow(q->c->a, t->list, t->n, &t->cap, sizeof(*t->list));
	t->list[t->n++] = (struct found){ hit->alert, *hit, sure, own };
	*(sure ? &t->sure : &t->unsure) += 1;
}

static enum answer
ask_rules(struct asking *q, struct tally *t)
{
	for (size_t i = 0; i < q->correlation->n; i++) {
		struct past_hit hit;

		if (newest(q, i, true, NULL, true, &hit))
			keep(q, t, &hit, true);
		else if (newest(q, i, false, NULL, true, &hit))
			keep(q, t, &hit, false);
		else
			t->unsure += q->lost || q->failed;
	}
	return within(q->correlation, t->sure, t->sure + t->unsure, q->failed);
}

/* From the last one, which is this alert, back to the first: each the newest before the next. */
static bool
chain(struct asking *q, struct tally *t, bool sure)
{
	struct past_hit hit = { .place = 0 };

	*t = (struct tally){ .n = 0 };
	for (size_t i = q->correlation->n; i > 0; i--) {
		bool last = i == q->correlation->n;
		struct past_hit before = hit;

		if (last && !is_own(q, i - 1, true) && (sure || !is_own(q, i - 1, false)))
			return false;
		if (!newest(q, i - 1, sure, last ? NULL : &before, last, &hit))
			return false;
		keep(q, t, &hit, sure);
	}
	return true;
}

static enum answer
ask_order(struct asking *q, struct tally *t)
{
	size_t last = q->correlation->n - 1;
	struct tally unsure;

	if (chain(q, t, true))
		return ANSWER_YES;
	if (!is_own(q, last, true) && !is_own(q, last, false))
		return ANSWER_NO;
	if (!chain(q, &unsure, false))
		return q->lost || q->failed ? ANSWER_UNSURE : ANSWER_NO;
	*t = unsure;
	return ANSWER_UNSURE;
}

/* ---- one group ---- */

static int
newest_first(const void *x, const void *y)
{
	const struct found *f = x, *g = y;

	return (f->hit.place < g->hit.place) - (f->hit.place > g->hit.place);
}

/* The numbers of alerts that counted. */
static void
note_alerts(const struct counting *c, const struct tally *t, struct trace_line *line)
{
	line->alerts = arena_alloc(c->a, NUMBERS_MAX * sizeof(*line->alerts));
	for (size_t i = 0; i < t->n && line->n_alerts < NUMBERS_MAX; i++)
		if (t->list[i].hit.number > 0)
			line->alerts[line->n_alerts++] = t->list[i].hit.number;
}

static struct str
why_unsure(const struct asking *q)
{
	return q->failed ? STR("what was received before cannot be looked up")
	       : q->lost ? STR("there were more alerts in this group than are kept")
			 : STR("for some of them the rule could not be decided");
}

static enum answer
ask_group(struct asking *q, struct trace_line *line)
{
	static enum answer (*const ask[])(struct asking *, struct tally *) = {
		[CORRELATION_EVENTS] = ask_count,
		[CORRELATION_VALUES] = ask_count,
		[CORRELATION_TEMPORAL] = ask_rules,
		[CORRELATION_ORDERED] = ask_order,
	};
	struct tally t = { .n = 0 };
	struct seen_words words;

	line->answer = ask[q->correlation->type](q, &t);
	if (t.n > 0)
		qsort(t.list, t.n, sizeof(*t.list), newest_first);
	words = (struct seen_words){ .group = q->hit->group_text,
		.sure = t.sure,
		.unsure = t.unsure,
		.now_ms = q->c->past->received_ms,
		.oldest_ms = q->c->past->received_ms };
	for (size_t i = 0; i < t.n; i++)
		if (!t.list[i].own && t.list[i].hit.received_ms < words.oldest_ms)
			words.oldest_ms = t.list[i].hit.received_ms;
	if (q->correlation->type == CORRELATION_VALUES)
		for (size_t i = 0; i < t.n && words.n_values < SEEN_VALUES_MAX; i++)
			words.values[words.n_values++] = t.list[i].hit.value_text;
	line->seen = correlation_seen(q->correlation, &words, q->c->a);
	line->problem = line->answer == ANSWER_UNSURE ? why_unsure(q) : STR_EMPTY;
	note_alerts(q->c, &t, line);
	return line->answer;
}

static struct completion
firing_of(const struct asking *q, struct str rule, bool sure)
{
	return (struct completion){ .correlation = q->correlation->id,
		.group = q->hit->group,
		.sure = sure,
		.timespan_ms = q->correlation->timespan_ms,
		.rule = rule,
		.group_text = q->hit->group_text };
}

/* It has fired for this group, on another alert, and is quiet. */
static bool
is_quiet(struct asking *q, struct str rule, bool sure, struct trace_line *line)
{
	const struct past *past = q->c->past;
	struct completion what = firing_of(q, rule, sure);
	struct past_firing before;
	bool found = false;

	if (!past->fired(past->ctx, &what, past->received_ms - q->correlation->timespan_ms,
		&q->c->alert, &before, &found)) {
		q->failed = true;
		return false;
	}
	if (!found)
		return false;
	line->answer = ANSWER_NO;
	line->problem = STR_EMPTY;
	line->seen = correlation_quiet(q->correlation, q->hit->group_text, &before, sure, q->c->a);
	return true;
}

static void
fire(struct counting *c, const struct asking *q, struct str rule, bool sure)
{
	c->firings =
	    arena_grow(c->a, c->firings, c->n_firings, &c->cap_firings, sizeof(*c->firings));
	c->firings[c->n_firings++] = firing_of(q, rule, sure);
}

/* What it comes to in this group; match: of the alert itself. */
static enum answer
judge_group(struct counting *c, struct asking *q, struct str rule, enum answer match,
    struct trace_line *line)
{
	enum answer answer;

	if (is_quiet(q, rule, true, line))
		return ANSWER_NO;
	answer = ask_group(q, line);
	if (answer == ANSWER_YES && (match == ANSWER_UNSURE || q->failed))
		answer = ANSWER_UNSURE;
	if (answer == ANSWER_UNSURE && is_quiet(q, rule, false, line))
		return ANSWER_NO;
	if (answer != ANSWER_NO)
		fire(c, q, rule, answer == ANSWER_YES);
	return answer;
}

/* ---- one correlation ---- */

static struct trace_line *
new_line(struct counting *c, struct verdict *v, const struct correlation *correlation)
{
	struct trace_line *grown = arena_alloc(c->a, (v->n_lines + 1) * sizeof(*grown));

	if (v->n_lines > 0)
		memcpy(grown, v->lines, v->n_lines * sizeof(*grown));
	v->lines = grown;
	grown[v->n_lines] = (struct trace_line){ .selection = STR_EMPTY,
		.field = STR_EMPTY,
		.wanted = correlation->wanted,
		.seen = STR_EMPTY,
		.note = STR_EMPTY,
		.problem = STR_EMPTY,
		.correlation = correlation->type_name };
	return &grown[v->n_lines++];
}

/* The alert's hits of the rules that are counted. */
static size_t
own_hits(const struct counting *c, const struct correlation *correlation, struct own **out)
{
	size_t n = 0, cap = 0;

	*out = NULL;
	for (size_t i = 0; i < correlation->n; i++)
		for (size_t k = 0; k < c->n_noted; k++)
			for (size_t h = c->noted[k].from;
			     c->noted[k].feed == correlation->feeds[i] && h < c->noted[k].to; h++) {
				*out = arena_grow(c->a, *out, n, &cap, sizeof(**out));
				(*out)[n++] = (struct own){ &c->hits[h], i };
			}
	return n;
}

/* One of the rules said something, but the alert is in no group. */
static bool
was_noted(const struct counting *c, const struct correlation *correlation)
{
	for (size_t i = 0; i < c->n_noted; i++)
		for (size_t k = 0; k < correlation->n; k++)
			if (c->noted[i].feed == correlation->feeds[k])
				return true;
	return false;
}

static bool
is_first(const struct own *own, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (hash128_eq(&own[i].hit->group, &own[at].hit->group))
			return false;
	return true;
}

static enum answer
stronger(enum answer x, enum answer y)
{
	if (x == ANSWER_YES || y == ANSWER_YES)
		return ANSWER_YES;
	return x == ANSWER_UNSURE ? x : y;
}

/* Groups of which nothing is known: it may be any, and a human is told. */
static enum answer
judge_any(struct counting *c, struct asking *q, struct str rule, struct trace_line *line)
{
	if (is_quiet(q, rule, false, line))
		return ANSWER_NO;
	line->answer = ANSWER_UNSURE;
	line->seen = STR("an alert of more groups than can be told");
	line->problem = STR("a field to group by could not be looked at as a whole");
	fire(c, q, rule, false);
	return ANSWER_UNSURE;
}

void
counting_ask(struct counting *c, struct verdict *v, enum answer match)
{
	struct asking q = { .c = c, .correlation = v->rule->correlation };
	struct own *own;
	size_t groups = 0, firings = c->n_firings;

	v->answer = ANSWER_NO;
	for (size_t i = 0; match != ANSWER_NO && i < v->n_lines; i++)
		v->lines[i].stopped = false; /* it is asked on */
	q.n_own = match == ANSWER_NO ? 0 : own_hits(c, q.correlation, &own);
	for (size_t i = 0; i < q.n_own; i++) {
		struct trace_line spare = { .answer = ANSWER_NO }, *line;

		if (!is_first(own, i))
			continue;
		q.own = own;
		q.hit = own[i].hit;
		q.lost = q.failed = false;
		line = groups++ < LINES_MAX ? new_line(c, v, q.correlation) : &spare;
		v->answer =
		    stronger(v->answer, hash128_eq(&q.hit->group, &hash_any)
					    ? judge_any(c, &q, v->rule->name, line)
					    : judge_group(c, &q, v->rule->name, match, line));
	}
	if (v->muted.n > 0) /* it fires once it may act */
		c->n_firings = firings;
	if (groups > 0 || match == ANSWER_NO)
		return;
	new_line(c, v, q.correlation)->seen = was_noted(c, q.correlation)
						  ? STR("an alert without a field to group by")
						  : STR("an alert that is not counted");
}
