/*
 * Times with names: what they hold, also where clocks are set; their mistakes; and what becomes of
 * a rule that is to be quiet.
 */
#include "judge_text.h"

#include <stdio.h>

#include "base/clock.h"
#include "core/plan.h"

static int64_t
at(const char *time)
{
	int64_t ms = 0;

	CHECK(clock_parse(str_of(time), &ms));
	return ms;
}

/* Is a rule with mute_time_intervals muted then? */
static bool
is_in(const char *entry, const char *time)
{
	struct alert al = alert_of(ATTACK);
	char text[1000];
	struct rules *r;
	struct verdict *v;
	size_t n;
	bool muted;

	snprintf(text, sizeof(text),
	    "time_intervals: [{name: t, time_intervals: [%s]}]\n"
	    "rules: [{name: r, match: {severity: High}, actions: [{notify: soc}], "
	    "mute_time_intervals: [t]}]",
	    entry);
	r = rules_of(text);
	if (r == NULL)
		print_error("%s", complaints());
	CHECK(r != NULL);
	rules_judge(r, &al, at(time), arena, &v, &n);
	CHECK_INT(v[0].answer, ANSWER_YES);
	muted = v[0].muted.n > 0;
	rules_free(r);
	return muted;
}

TEST(of_an_entry_all_must_hold_and_of_a_list_any)
{
	CHECK(is_in("{}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{weekdays: [sunday]}", "2026-11-29T12:00:00Z"));
	CHECK(!is_in("{weekdays: ['monday:saturday']}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{weekdays: [Monday, SUNDAY]}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{weekdays: 'sunday:monday'}", "2026-11-30T12:00:00Z"));
	CHECK(!is_in("{weekdays: [sunday], months: [may]}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{weekdays: [sunday], months: ['11:12']}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{months: ['october:december']}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{years: [2025, '2026:2028']}", "2026-11-29T12:00:00Z"));
	CHECK(!is_in("{years: [2025]}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{years: [2025]}, {weekdays: [sunday]}", "2026-11-29T12:00:00Z"));
}

TEST(days_of_the_month_count_from_its_end_too)
{
	CHECK(is_in("{days_of_month: [29]}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{days_of_month: ['-2']}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{days_of_month: ['-3:-1']}", "2026-11-30T12:00:00Z"));
	CHECK(!is_in("{days_of_month: ['-1']}", "2026-11-29T12:00:00Z"));
	CHECK(is_in("{days_of_month: ['1:-1']}", "2026-02-28T12:00:00Z"));
	CHECK(is_in("{days_of_month: ['-1']}", "2028-02-29T12:00:00Z"));
	CHECK(is_in("{days_of_month: ['-1']}", "2026-02-28T12:00:00Z"));
	CHECK(!is_in("{days_of_month: [31]}", "2026-11-30T12:00:00Z"));
	CHECK(is_in("{days_of_month: ['25:31']}", "2026-11-30T12:00:00Z"));
}

TEST(a_time_begins_with_its_minute_and_ends_before_it)
{
#define OFFICE "{times: [{start_time: 08:00, end_time: 18:00}]}"
	CHECK(!is_in(OFFICE, "2026-11-29T07:59:59Z"));
	CHECK(is_in(OFFICE, "2026-11-29T08:00:00Z"));
	CHECK(is_in(OFFICE, "2026-11-29T17:59:59Z"));
	CHECK(!is_in(OFFICE, "2026-11-29T18:00:00Z"));
#define NIGHT \
	"{times: [{start_time: 22:00, end_time: 24:00}, {start_time: 00:00, end_time: 06:00}]}"
	CHECK(is_in(NIGHT, "2026-11-29T23:59:59Z"));
	CHECK(is_in(NIGHT, "2026-11-29T00:00:00Z"));
	CHECK(!is_in(NIGHT, "2026-11-29T21:59:59Z"));
}

TEST(a_zone_says_what_its_clocks_show)
{
#define BERLIN(from, to) \
	"{location: Europe/Berlin, times: [{start_time: '" from "', end_time: '" to "'}]}"
	CHECK(is_in(BERLIN("08:00", "09:00"), "2026-01-15T07:30:00Z"));
	CHECK(!is_in(BERLIN("08:00", "09:00"), "2026-07-15T07:30:00Z"));
	CHECK(is_in(BERLIN("08:00", "09:00"), "2026-07-15T06:30:00Z"));
	CHECK(is_in("{location: America/New_York, weekdays: [saturday]}", "2026-11-29T04:59:00Z"));
	CHECK(!is_in("{location: America/New_York, weekdays: [saturday]}", "2026-11-29T05:00:00Z"));
	CHECK(is_in("{location: Asia/Kathmandu, times: [{start_time: 17:45, end_time: 17:46}]}",
	    "2026-11-29T12:00:00Z"));
	CHECK(is_in("{location: Pacific/Kiritimati, days_of_month: [1], months: [january], years: "
		    "[2027]}",
	    "2026-12-31T10:00:00Z"));
	/* Behind all that zone files list. */
	CHECK(is_in(BERLIN("08:00", "09:00"), "2080-07-15T06:30:00Z"));
	CHECK(is_in(BERLIN("08:00", "09:00"), "2080-01-15T07:30:00Z"));
}

/* Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00. */
TEST(an_hour_that_is_left_out_never_comes_and_one_that_is_there_twice_holds_twice)
{
	CHECK(is_in(BERLIN("01:00", "02:00"), "2026-03-29T00:59:59Z"));
	CHECK(!is_in(BERLIN("02:00", "03:00"), "2026-03-29T00:59:59Z"));
	CHECK(!is_in(BERLIN("02:00", "03:00"), "2026-03-29T01:00:00Z"));
	CHECK(is_in(BERLIN("03:00", "04:00"), "2026-03-29T01:00:00Z"));
	CHECK(is_in(BERLIN("02:00", "03:00"), "2026-10-25T00:00:00Z"));
	CHECK(is_in(BERLIN("02:00", "03:00"), "2026-10-25T00:59:59Z"));
	CHECK(is_in(BERLIN("02:00", "03:00"), "2026-10-25T01:00:00Z"));
	CHECK(is_in(BERLIN("02:00", "03:00"), "2026-10-25T01:59:59Z"));
	CHECK(!is_in(BERLIN("02:00", "03:00"), "2026-10-25T02:00:00Z"));
}

static void
check_told(const char *entry, const char *words)
{
	char text[1000];

	snprintf(
	    text, sizeof(text), "time_intervals:\n- name: t\n  time_intervals:\n  - %s\n", entry);
	CHECK(rules_of(text) == NULL);
	CHECK_HAS(complaints(), words);
}

TEST(a_mistake_of_an_interval_is_told_at_its_place)
{
	check_told("weekdays: [mondy]",
	    "r.yaml:4:16: error: 'mondy' is not a day such as monday, did you mean 'monday'?");
	check_told("weekdays: [1]", "'1' is not a day such as monday");
	check_told("weekdays: ['saturday:sunday']",
	    "4:17: error: the range runs backwards: write "
	    "what is before and behind the turn as two; the "
	    "week begins with sunday");
	check_told(
	    "days_of_month: [0]", "'0' is not a day from 1 to 31, or -1 to -31 from the end");
	check_told("days_of_month: [32]", "'32' is not a day");
	check_told("days_of_month: ['-3:3']", "a range that begins at the end of the month ends");
	check_told("days_of_month: ['-1:-3']", "the range runs backwards");
	check_told("months: [13]", "'13' is not a month such as may, or 1 to 12");
	check_told("months: ['may:']", "'' is not a month");
	check_told("years: [26]", "'26' is not a year such as 2026");
	check_told("months: []", "4:13: error: an empty list can never match");
	check_told(
	    "times: [{start_time: 8:00, end_time: 18:00}]", "'8:00' is no time from 00:00 to");
	check_told("times: [{start_time: 08:00, end_time: 24:01}]", "'24:01' is no time");
	check_told("times: [{start_time: 22:00, end_time: 06:00}]",
	    "4:43: error: end_time is not behind start_time: over midnight write two, to 24:00 and "
	    "from 00:00");
	check_told("times: [{start_time: 22:00}]", "the key 'end_time' is missing");
	check_told("location: Europe/Berln",
	    "4:15: error: there is no time zone 'Europe/Berln', did you mean 'Europe/Berlin'?");
	check_told("location: Local", "there is no time zone 'Local'");
	check_told("location: ../../../etc/passwd", "there is no time zone '../../../etc/passwd'");
	check_told("location: EST5EDT4", "there is no time zone 'EST5EDT4'");
	check_told("weekday: monday", "unknown key 'weekday', did you mean 'weekdays'?");
	CHECK(rules_of("time_intervals: {t: []}") == NULL);
	CHECK_HAS(complaints(), "time_intervals are a list of {name: ..., time_intervals: [...]}");
	CHECK(rules_of("time_intervals: [{name: t, time_intervals: [{}]}, "
		       "{name: t, time_intervals: [{}]}]") == NULL);
	CHECK_HAS(complaints(), "r.yaml:1:58: error: the name 't' is taken: r.yaml:1");
}

#define TIMED(keys)                                                                          \
	"time_intervals:\n- {name: work, time_intervals: [{weekdays: ['monday:friday']}]}\n" \
	"- {name: may, time_intervals: [{months: [may]}]}\n"                                 \
	"rules:\n- {name: first, stop: true, match: {severity: High}, actions: "             \
	"[isolate_vm], " keys                                                                \
	"}\n- {name: second, match: {severity: High}, actions: [{notify: soc}]}\n"

TEST(a_rule_names_intervals_that_there_are)
{
	CHECK(rules_of(TIMED("active_time_intervals: [wrok]")) == NULL);
	CHECK_HAS(complaints(), "error: there is no time interval 'wrok', did you mean 'work'?");
	rules_free(rules_of(TIMED("mute_time_intervals: may")));
	CHECK_INT(diags.errors, 0);
	CHECK_HAS(complaints(), "r.yaml:2:10: warning: no rule uses the time interval 'work'");
}

/* The verdicts of both rules on a Sunday in November. */
static size_t
judge_on_sunday(const char *rules, struct verdict **v)
{
	struct alert al = alert_of(ATTACK);
	static struct rules *r;
	size_t n;

	rules_free(r);
	r = rules_of(rules);
	CHECK(r != NULL);
	rules_judge(r, &al, at("2026-11-29T12:00:00Z"), arena, v, &n);
	return n;
}

TEST(a_rule_acts_in_its_active_intervals_and_not_in_those_that_mute_it)
{
	struct verdict *v;

	CHECK_INT(judge_on_sunday(TIMED("active_time_intervals: [work]"), &v), 2);
	CHECK_STR(v[0].muted, "outside of active_time_intervals (work)");
	CHECK_STR(v[1].muted, "");
	judge_on_sunday(TIMED("active_time_intervals: [work, may]"), &v);
	CHECK_STR(v[0].muted, "outside of active_time_intervals (work, may)");
	judge_on_sunday(TIMED("mute_time_intervals: [may]"), &v);
	CHECK_STR(v[0].muted, "");
}

TEST(a_muted_rule_does_not_stop_the_others_nor_is_it_told_to)
{
	struct verdict *v;

	CHECK_INT(judge_on_sunday(TIMED("active_time_intervals: [work]"), &v), 2);
	CHECK(strstr(complaints(), "never asked") == NULL);
	CHECK_INT(judge_on_sunday(TIMED("mute_time_intervals: [may]"), &v), 1);
	CHECK_INT(judge_on_sunday(TIMED("mode: enforce"), &v), 1);
	CHECK_HAS(complaints(), "the rule is never asked: 'first'");
}

static int64_t
nothing_done(void *ctx, const struct step_filter *which)
{
	(void)ctx, (void)which;
	return 0;
}

TEST(what_a_muted_rule_would_have_done_is_kept_as_refused_with_its_reason)
{
	struct alert al = alert_of(ATTACK);
	struct rules *r = rules_of(
	    "time_intervals: [{name: work, time_intervals: [{weekdays: ['monday:friday']}]}]\n"
	    "rules:\n- {name: muted, match: {severity: High}, actions: [isolate_vm, {notify: a}, "
	    "{notify: b}], active_time_intervals: [work]}\n"
	    "- {name: other, match: {severity: High}, actions: [{notify: b}]}\n");
	const struct settings none = { .mode = GUARD_ENFORCE };
	const struct guard_facts facts = { .now_ms = at("2026-11-29T12:00:00Z"),
		.count = nothing_done };
	struct verdict *v;
	struct plan plan;
	size_t n;

	CHECK(r != NULL);
	rules_judge(r, &al, facts.now_ms, arena, &v, &n);
	plan_build(&none, v, n, &al, &facts, arena, &plan);
	CHECK_INT(plan.n, 3);
	for (size_t i = 0; i < 2; i++) {
		CHECK_INT(plan.steps[i].state, STEP_REFUSED);
		CHECK_STR(plan.steps[i].reason,
		    "the rule is muted: outside of active_time_intervals (work)");
		CHECK(step_is_quiet(&plan.steps[i]));
	}
	CHECK_INT(plan.steps[2].state, STEP_WAITING); /* the other rule asks for it, too */
	CHECK_STR(plan.steps[2].rule, "other");
	rules_free(r);
}
