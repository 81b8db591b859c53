/*
 * What one hostile alert may cost, whatever the rules ask of it.
 */
#include <stdio.h>
#include <time.h>

#include "judge_text.h"
#include "test.h"

#define RULES 200
#define LONG 1000000

/* 200 rules with this match each, and what is asked of them about this alert. */
static double
judge_many(const char *match, const char *data, struct verdict **v, size_t *n)
{
	struct alert al = alert_of(data);
	struct timespec from, to;
	static struct rules *r;
	struct buf text;

	rules_free(r);
	buf_init(&text, 1024 * 1024);
	buf_add_cstr(&text, "rules:\n");
	for (int i = 0; i < RULES; i++)
		buf_printf(&text, "- {name: r%d, match: %s, actions: [isolate_vm]}\n", i, match);
	r = rules_of(buf_cstr(&text));
	buf_done(&text);
	CHECK(r != NULL);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	rules_judge(r, &al, 0, arena, v, n);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* The long text stands in a text, as JSON inside of JSON. */
static const char *
alert_with(const char *front, const char *unit, const char *tail)
{
	static struct buf text;

	buf_done(&text);
	buf_init(&text, 4 * LONG);
	buf_printf(&text, "{'alertType':'x','severity':'High',%s", front);
	for (size_t i = 0; i * strlen(unit) < LONG; i++)
		buf_add_cstr(&text, unit);
	buf_printf(&text, "%s}", tail);
	return buf_cstr(&text);
}

/* Unsure, so that nothing is destroyed, and in a time that does not grow with the rules. */
static void
check_unsure(const char *match, const char *data)
{
	struct verdict *v;
	size_t n;
	double s = judge_many(match, data, &v, &n);

	CHECK_INT(n, RULES);
	for (size_t i = 0; i < n; i++) {
		if (v[i].answer != ANSWER_UNSURE)
			print_error("%s: rule %zu says %s\n", match, i, answer_name(v[i].answer));
		CHECK_INT(v[i].answer, ANSWER_UNSURE);
		CHECK(v[i].lines[0].problem.n > 0);
	}
	print_message("%s: %.3f s for %d rules\n", match, s, RULES);
	CHECK(s < 15); /* under a sanitizer; 0.3 s otherwise */
}

TEST(two_hundred_explosive_expressions_cost_one_alert_a_bounded_time)
{
	const char *data = alert_with("'description':'", "a", "b'");

	check_unsure("{description|re: '(a+)+$'}", data);
	check_unsure("{description|re: '[ac-f]+[0-9]'}", data);
	check_unsure("{description|contains: 'a?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?c'}", data);
}

TEST(json_inside_of_a_text_is_read_once_whatever_asks_for_it)
{
	const char *data =
	    alert_with("'extendedProperties':{'deep':'[", "{\\\"k\\\":\\\"v\\\"},", "1]'}");
	struct verdict *v;
	size_t n;
	double s = judge_many("{extendedProperties.deep.k|re: 'w+$'}", data, &v, &n);

	CHECK_INT(n, RULES);
	print_message("JSON in a text: %.3f s for %d rules\n", s, RULES);
	CHECK(s < 15);
	CHECK_INT(v[0].answer, ANSWER_UNSURE); /* more values than are looked at */
}

TEST(fields_beyond_those_that_are_kept_are_paid_for)
{
	struct alert al = alert_of(
	    alert_with("'extendedProperties':{'deep':'[", "{\\\"k\\\":\\\"v\\\"},", "1]'}"));
	struct verdict *v;
	struct rules *r;
	struct buf text;
	size_t n, unsure = 0;

	buf_init(&text, 1024 * 1024);
	buf_add_cstr(&text, "rules:\n");
	for (int i = 0; i < RULES; i++)
		buf_printf(&text,
		    "- {name: r%d, match: {extendedProperties.deep.no%d|exists: true}, actions: "
		    "[isolate_vm]}\n",
		    i, i);
	r = rules_of(buf_cstr(&text));
	CHECK(r != NULL);
	rules_judge(r, &al, 0, arena, &v, &n);
	for (size_t i = 0; i < n; i++)
		unsure += v[i].answer == ANSWER_UNSURE;
	CHECK(unsure > RULES / 2);
	CHECK_HAS(v[n - 1].lines[0].problem.p, "could not be looked at as a whole");
	rules_free(r);
	buf_done(&text);
}

TEST(a_long_but_honest_field_is_decided_by_many_rules)
{
	struct verdict *v;
	size_t n;
	double s = judge_many("{description|contains: mimikatz}",
	    alert_with("'description':'", "word ", "mimikatz'"), &v, &n);

	CHECK(s < 15);
	CHECK_INT(v[0].answer, ANSWER_YES);
	CHECK_INT(v[RULES / 4].answer, ANSWER_YES);
}
