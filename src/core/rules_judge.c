/*
 * Happy path: the rules that may say anything but no are asked in order; what is counted of those
 * that do is noted, and wakes the correlations behind them.
 * What can go wrong: a rule says stop, and no later one is asked.
 */
#include <string.h>

#include "correlation_parts.h"
#include "matcher.h"
#include "rule_index.h"
#include "rule_times.h"
#include "rules_parts.h"

struct asking_rules {
	struct inquiry *inquiry;
	struct verdict *list;
	size_t n;
	struct counting *counting; /* NULL: nothing is counted */
};

/* False: no later rule is asked. */
static bool
ask(struct asking_rules *q, const struct rule *rule)
{
	struct verdict *one = &q->list[q->n++];

	*one = (struct verdict){ .rule = rule, .answer = ANSWER_YES, .muted = STR_EMPTY };
	if (rule->matcher != NULL)
		matcher_judge(rule->matcher, q->inquiry, one);
	if (one->answer != ANSWER_NO)
		one->muted = rule_times_muted(rule->times, q->inquiry->now_ms, q->inquiry->arena);
	if (rule->correlation != NULL)
		counting_ask(q->counting, one, one->answer);
	if (one->answer == ANSWER_NO)
		one->muted = STR_EMPTY;
	if (rule->n_feeds > 0)
		counting_note(q->counting, one);
	return !rule->stop || one->answer != ANSWER_YES || one->muted.n > 0;
}

static struct asking_rules
begin(const struct rules *r, const struct alert *al, int64_t now_ms, const struct past *past,
    size_t max, struct arena *a)
{
	return (struct asking_rules){ .inquiry = inquiry_new(al, now_ms, a),
		.list = arena_alloc(a, max * sizeof(struct verdict)),
		.counting = r->n_correlations == 0 ? NULL : counting_new(al, past, a) };
}

static void
end(const struct asking_rules *q, struct judged *out)
{
	*out = (struct judged){ .verdicts = q->list, .n = q->n };
	if (q->counting != NULL)
		counting_done(q->counting, &out->counted);
}

/* What counts this rule stands behind it. */
static void
wake(const struct rule *rule, uint64_t *bits)
{
	for (size_t i = 0; i < rule->n_feeds; i++)
		for (size_t k = 0; k < rule->feeds[i]->n_counted_by; k++) {
			size_t at = rule->feeds[i]->counted_by[k];

			bits[at / 64] |= (uint64_t)1 << (at % 64);
		}
}

/* The verdict that was given last. */
static bool
said_something(const struct asking_rules *q)
{
	return q->list[q->n - 1].answer != ANSWER_NO;
}

void
rules_judge_all_after(const struct rules *r, const struct alert *al, int64_t now_ms,
    const struct past *past, struct arena *a, struct judged *out)
{
	struct asking_rules q = begin(r, al, now_ms, past, r->n, a);
	uint64_t *bits = r->index == NULL ? NULL : rule_index_ask(r->index, al, a);
	bool goes_on = true;

	for (size_t i = 0; goes_on && i < r->n; i++) {
		int64_t left = q.inquiry->work;
		bool indexed = bits == NULL || (bits[i / 64] >> i % 64 & 1) != 0;

		if (r->list[i].mode == RULE_OFF)
			continue;
		if (!indexed) /* rules_judge_after() does not ask it: nothing is spent for it */
			q.inquiry->work = ALERT_WORK_MAX;
		goes_on = ask(&q, &r->list[i]);
		if (!indexed)
			q.inquiry->work = left;
		if (bits != NULL && said_something(&q))
			wake(&r->list[i], bits);
	}
	end(&q, out);
}

static size_t
ones(const uint64_t *bits, size_t words)
{
	size_t n = 0;

	for (size_t i = 0; i < words; i++)
		n += (size_t)__builtin_popcountll(bits[i]);
	return n;
}

/* The first that is set from there on; all: there is none. */
static size_t
next_one(const uint64_t *bits, size_t from, size_t all)
{
	for (size_t i = from / 64; i < BIT_WORDS(all); i++) {
		uint64_t left = bits[i];

		if (i == from / 64)
			left &= ~(uint64_t)0 << (from % 64);
		if (left != 0)
			return 64 * i + (size_t)__builtin_ctzll(left);
	}
	return all;
}

/* Rules that are not off, among the first `end`. */
static size_t
active(const struct rules *r, size_t last)
{
	size_t n = 0;

	for (size_t i = 0; i < last; i++)
		n += r->list[i].mode != RULE_OFF;
	return n;
}

void
rules_judge_after(const struct rules *r, const struct alert *al, int64_t now_ms,
    const struct past *past, struct arena *a, struct judged *out)
{
	struct asking_rules q;
	size_t left_out = SIZE_MAX;
	uint64_t *bits;

	if (r->index == NULL) {
		rules_judge_all_after(r, al, now_ms, past, a, out);
		return;
	}
	bits = rule_index_ask(r->index, al, a);
	q = begin(r, al, now_ms, past, ones(bits, BIT_WORDS(r->n)) + r->n_correlations, a);
	for (size_t i = next_one(bits, 0, r->n); i < r->n; i = next_one(bits, i + 1, r->n)) {
		if (!ask(&q, &r->list[i])) {
			left_out = active(r, i + 1) - q.n;
			break;
		}
		if (said_something(&q))
			wake(&r->list[i], bits);
	}
	end(&q, out);
	out->left_out = left_out == SIZE_MAX ? r->active - q.n : left_out;
}

/* ---- with nothing before ---- */

size_t
rules_judge(const struct rules *r, const struct alert *al, int64_t now_ms, struct arena *a,
    struct verdict **out, size_t *n)
{
	struct judged judged;

	rules_judge_after(r, al, now_ms, &past_nothing, a, &judged);
	*out = judged.verdicts;
	*n = judged.n;
	return judged.left_out;
}

void
rules_judge_all(const struct rules *r, const struct alert *al, int64_t now_ms, struct arena *a,
    struct verdict **out, size_t *n)
{
	struct judged judged;

	rules_judge_all_after(r, al, now_ms, &past_nothing, a, &judged);
	*out = judged.verdicts;
	*n = judged.n;
}
