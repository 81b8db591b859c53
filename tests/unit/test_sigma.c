/*
 * Sigma's words with Sigma's meaning: what the specification (rules 2.1.0, modifiers 2.1.0) says of
 * values, modifiers and conditions, row by row, and what is refused of it.  docs/rules.md has the
 * table.
 */
#include "judge_text.h"

#define REFUSED(match, words)                                                              \
	do {                                                                               \
		CHECK(rules_of("rules: [{name: r, actions: [{notify: soc}], match: " match \
			       "}]") == NULL);                                             \
		CHECK_HAS(complaints(), words);                                            \
	} while (0)

TEST(backslashes_take_away_the_meaning_of_a_wildcard_and_of_a_backslash)
{
#define PATH(value, data, want)                                                   \
	CHECK_INT(judge("{extendedProperties.p: '" value "'}",                    \
		      "{'alertType':'x','extendedProperties':{'p':'" data "'}}"), \
	    want)
	PATH("a\\b", "a\\\\b", ANSWER_YES);	      /* one for one */
	PATH("a\\\\b", "a\\\\b", ANSWER_YES);	      /* two for one */
	PATH("a\\\\\\b", "a\\\\\\\\b", ANSWER_YES);   /* three for two */
	PATH("a\\\\\\\\b", "a\\\\\\\\b", ANSWER_YES); /* four for two */
	PATH("a\\*", "a*", ANSWER_YES);		      /* the star itself */
	PATH("a\\*", "ab", ANSWER_NO);
	PATH("a\\?", "a?", ANSWER_YES);
	PATH("a\\?", "ab", ANSWER_NO);
	PATH("a\\\\*", "a\\\\bc", ANSWER_YES); /* a backslash, then anything */
	PATH("a\\\\*", "abc", ANSWER_NO);
	PATH("a\\\\\\*", "a\\\\*", ANSWER_YES); /* both themselves */
	PATH("a\\\\\\*", "a\\\\bc", ANSWER_NO);
}

TEST(wildcards_hold_in_contains_startswith_and_endswith_too)
{
	static const struct match_case cases[] = {
		{ "{alertType|contains: 'usp*ous'}", ANSWER_YES },
		{ "{alertType|startswith: 'VM?S'}", ANSWER_YES },
		{ "{alertType|endswith: 'Pro?ess'}", ANSWER_YES },
		{ "{alertType|endswith: 'Pro\\?ess'}", ANSWER_NO },
	};

	CHECK_CASES(cases);
}

TEST(an_empty_text_is_a_value_that_is_there_and_null_is_one_that_is_not)
{
#define VALUE(match, data, want)                                            \
	CHECK_INT(judge("{extendedProperties.p" match "}",                  \
		      "{'alertType':'x','extendedProperties':{" data "}}"), \
	    want)
	VALUE(": ''", "'p':''", ANSWER_YES);
	VALUE(": ''", "'p':null", ANSWER_NO);
	VALUE(": ''", "", ANSWER_NO);
	VALUE(": ''", "'p':'x'", ANSWER_NO);
	VALUE(": null", "'p':null", ANSWER_YES);
	VALUE(": null", "", ANSWER_YES);
	VALUE(": null", "'p':''", ANSWER_YES); /* ours: Azure's forms write absent as "" */
	VALUE(": null", "'p':0", ANSWER_NO);
	VALUE("|exists: true", "'p':''", ANSWER_YES);
	VALUE("|exists: true", "'p':null", ANSWER_YES);
	VALUE("|exists: false", "'p':null", ANSWER_NO);
	VALUE("|exists: false", "", ANSWER_YES);
}

TEST(a_value_is_a_text_and_a_number_of_the_alert_is_compared_as_it_is_written)
{
#define NUMBER(match, data, want) VALUE(match, "'p':" data, want)
	NUMBER(": 17", "17", ANSWER_YES);
	NUMBER(": '17'", "17", ANSWER_YES);
	NUMBER(": 17", "'17'", ANSWER_YES);
	NUMBER(": 017", "17", ANSWER_NO);
	NUMBER(": '1?'", "17", ANSWER_YES);
	NUMBER(": true", "true", ANSWER_YES);
	NUMBER("|gte: 17", "'17'", ANSWER_YES);
	NUMBER("|gte: 17", "'017'", ANSWER_UNSURE);
}

TEST(neq_holds_when_none_of_the_values_is_the_fields)
{
	static const struct match_case cases[] = {
		{ "{severity|neq: Low}", ANSWER_YES },
		{ "{severity|neq: high}", ANSWER_NO },
		{ "{severity|neq|cased: high}", ANSWER_YES },
		{ "{severity|neq: [Low, Medium]}", ANSWER_YES },
		{ "{severity|neq: [Low, High]}", ANSWER_NO },
		{ "{alertType|neq: 'VM_*'}", ANSWER_NO },
		{ "{entities.address|neq: 10.1.2.3}", ANSWER_NO },
		{ "{entities.address|neq: 10.1.2.4}", ANSWER_YES },
		{ "{extendedProperties.attempts|neq: 17}", ANSWER_NO },
		{ "{extendedProperties.attempts|neq: 18}", ANSWER_YES },
		{ "{productName|neq: ''}", ANSWER_NO },
		{ "{nowhere|neq: x}", ANSWER_YES },
	};

	CHECK_CASES(cases);
	CHECK_INT(judge("{severity|neq: Low}", ATTACK), ANSWER_YES);
	CHECK_STR(verdict[0].lines[0].wanted, "Low");
	REFUSED("{severity|neq|all: [Low, High]}",
	    "'all' goes with contains, startswith, endswith, re, cidr, exists, gt, gte, lt and "
	    "lte, not with 'neq'");
	REFUSED("{severity|neq|contains: Low}", "'neq' and 'contains' cannot be used together");
}

TEST(re_takes_i_m_and_s)
{
#define RE(match, data, want) VALUE(match, "'p':'" data "'", want)
	RE("|re: 'b$'", "ab\\nc", ANSWER_NO);
	RE("|re|m: 'b$'", "ab\\nc", ANSWER_YES);
	RE("|re|m: '^c'", "ab\\nc", ANSWER_YES);
	RE("|re: 'b.c'", "ab\\nc", ANSWER_NO);
	RE("|re|s: 'b.c'", "ab\\nc", ANSWER_YES);
	RE("|re: 'AB'", "ab", ANSWER_NO);
	RE("|re|i: 'AB'", "ab", ANSWER_YES);
	RE("|re|i|m|s: 'B.C$'", "ab\\nc\\nd", ANSWER_YES);
	RE("|re|i|all: [A, B]", "ab", ANSWER_YES);
	REFUSED("{alertType|i: x}", "'i' goes with re");
	REFUSED("{alertType|contains|s: x}", "'s' goes with re, not with 'contains'");
	REFUSED("{alertType|re|cased: x}",
	    "'cased' goes with contains, startswith, endswith and neq, not with 're'");
}

TEST(all_of_a_list_may_be_met_by_different_values_of_the_field)
{
	static const struct match_case cases[] = {
		{ "{entities.address|all: ['203.*', '10.*']}", ANSWER_YES },
		{ "{entities.address|cidr|all: [203.0.113.0/24, 10.0.0.0/8]}", ANSWER_YES },
		{ "{entities.address|cidr|all: [203.0.113.0/24, 192.0.2.0/24]}", ANSWER_NO },
	};

	CHECK_CASES(cases);
}

TEST(a_list_of_conditions_is_any_of)
{
	static const struct match_case cases[] = {
		{ "{a: {severity: Low}, b: {status: Active}, condition: [a, b]}", ANSWER_YES },
		{ "{a: {severity: Low}, b: {status: New}, condition: [a, b]}", ANSWER_NO },
		{ "{a: {severity: Low}, b: {status: New}, condition: [a, not b]}", ANSWER_YES },
		{ "{a: {severity: High}, condition: [a]}", ANSWER_YES },
	};

	CHECK_CASES(cases);
	REFUSED("{a: {severity: Low}, condition: []}", "a list of conditions has 1 to 50");
	REFUSED("{a: {severity: Low}, condition: [a, [a]]}",
	    "condition is a text such as 'vm and not lab', not a list");
	REFUSED("{a: {severity: Low}, condition: [a, ab]}", "no selection 'ab', did you mean 'a'?");
}

TEST(them_leaves_out_what_begins_with_an_underscore_and_a_pattern_does_not)
{
	static const struct match_case cases[] = {
		{ "{a: {severity: High}, _b: {severity: Low}, condition: all of them or _b}",
		    ANSWER_YES },
		{ "{a: {severity: High}, _b: {severity: Low}, condition: all of *}", ANSWER_NO },
		{ "{s1: {severity: High}, s2: {status: Active}, condition: all of s*}",
		    ANSWER_YES },
		{ "{a_x: {severity: Low}, b_x: {status: Active}, condition: 1 of *_x}",
		    ANSWER_YES },
	};

	CHECK_CASES(cases);
}

TEST(what_sigma_has_and_alerts_have_no_use_for_is_refused_with_what_to_do)
{
	REFUSED("{x|windash: y}",
	    "r.yaml:1:55: error: Sigma's modifier 'windash' is not supported: "
	    "write each dash: contains: ['-enc', '/enc']");
	REFUSED(
	    "{x|base64offset|contains: y}", "'base64offset' is not supported: alerts hold text");
	REFUSED("{x|wide: y}", "Sigma's modifier 'wide' is not supported");
	REFUSED("{x|expand: '%admins%'}", "'expand' is not supported: there are no placeholders");
	REFUSED("{x|fieldref: y}", "'fieldref' is not supported: a field is compared with values");
	REFUSED("{x|hour: 7}", "'hour' is not supported: a date is a text here");
	REFUSED("{x|starswith: y}", "unknown modifier 'starswith', did you mean 'startswith'?");
	REFUSED("{k: [mimikatz, sekurlsa], condition: k}",
	    "not a text; words are looked for in a field, such as entities.commandLine|contains");
	REFUSED("{k: {'|all': [a, b]}, condition: k}",
	    "a field name is missing; words are looked for in a field");
}
