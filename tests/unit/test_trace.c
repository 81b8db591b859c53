#include "core/trace.h"

#include "judge_text.h"
#include "test.h"

static struct json *
trace_of_rules(const char *text, const char *data)
{
	static struct rules *r;
	struct decided d = { .state = EVENT_STATE_DECIDED };
	struct alert al = alert_of(data);

	rules_free(r);
	r = rules_of(text);
	if (r == NULL)
		print_error("%s", complaints());
	CHECK(r != NULL);
	d.not_asked = rules_judge(r, &al, 0, arena, &d.verdicts, &d.n);
	return trace_of(&d, r, arena);
}

static struct str
why_of(const char *match)
{
	struct verdict_text *why;
	size_t n;

	judge(match, ATTACK);
	trace_reasons(trace_json(verdict, n_verdicts, 0, arena), arena, &why, &n);
	CHECK_INT(n, 1);
	return why[0].why;
}

TEST(a_rule_that_stops_is_named_with_those_that_were_not_reached)
{
	struct json *trace = trace_of_rules(
	    "rules:\n"
	    "- {name: a, match: {severity: High}, actions: [isolate_vm], stop: true}\n"
	    "- {name: b, match: {severity: High}, actions: [isolate_vm], mode: off}\n"
	    "- {name: c, match: {severity: High}, actions: [isolate_vm]}\n",
	    ATTACK);

	CHECK_STR(json_print(json_get(trace, "not_reached"), arena),
	    "{\"stopped_by\":\"a\",\"rules\":1,\"first\":[\"c\"]}");
}

TEST(a_rule_that_stops_nothing_is_not_named)
{
	CHECK(json_get(trace_of_rules("rules:\n"
				      "- {name: a, match: {severity: High}, actions: "
				      "[isolate_vm], stop: true}\n",
			   ATTACK),
		  "not_reached") == NULL);
	CHECK(json_get(trace_of_rules("rules:\n"
				      "- {name: a, match: {severity: Low}, actions: [isolate_vm], "
				      "stop: true}\n"
				      "- {name: b, match: {severity: High}, actions: "
				      "[isolate_vm]}\n",
			   ATTACK),
		  "not_reached") == NULL);
}

TEST(the_reason_says_what_was_wanted_and_what_it_is)
{
	CHECK_STR(why_of("{severity: high, alertDisplayName|contains: process}"),
	    "severity is high; alertDisplayName contains process (it is Suspicious process "
	    "executed "
	    "[seen multiple times])");
}

TEST(the_reason_begins_with_the_expression_where_there_is_one)
{
	CHECK_STR(why_of("{vm: {severity: High}, lab: {status: New}, condition: vm and not lab}"),
	    "vm and not lab: severity is High");
}

TEST(the_reason_says_why_a_rule_could_not_be_decided)
{
	CHECK_STR(why_of("{severity: High, extendedProperties.odd|gt: 5}"),
	    "could not be decided, as extendedProperties.odd is above 5: not a number");
}

TEST(a_hostile_value_is_tame_and_short_in_the_reason)
{
	struct verdict_text *why;
	size_t n;

	judge("{compromisedEntity|contains: web}",
	    "{'alertType':'x','compromisedEntity':'web\\u202e\\u0007 <at>all</at> "
	    "https://evil.example/"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}");
	trace_reasons(trace_json(verdict, n_verdicts, 0, arena), arena, &why, &n);
	CHECK(why[0].why.n < 150);
	CHECK(memchr(why[0].why.p, 7, why[0].why.n) == NULL);
	CHECK_HAS(why[0].why.p, "hxxps://");
}
