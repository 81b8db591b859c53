#include "judge_text.h"

#include <stdio.h>
#include <time.h>

TEST(values_are_compared_whole_and_without_case)
{
	static const struct match_case cases[] = {
		{ "{severity: High}", ANSWER_YES },
		{ "{severity: HIGH}", ANSWER_YES },
		{ "{SEVERITY: high}", ANSWER_YES },
		{ "{severity: Hig}", ANSWER_NO },
		{ "{severity: Highh}", ANSWER_NO },
		{ "{alertDisplayName: Suspicious process executed}", ANSWER_NO },
		{ "{severity|cased: High}", ANSWER_YES },
		{ "{severity|cased: high}", ANSWER_NO },
		{ "{severity: [Low, High]}", ANSWER_YES },
		{ "{severity: [Low, Medium]}", ANSWER_NO },
		{ "{extendedProperties.attempts: 17}", ANSWER_YES },
		{ "{extendedProperties.ratio: 0.5}", ANSWER_YES },
		{ "{extendedProperties.blocked: true}", ANSWER_YES },
		{ "{nowhere: x}", ANSWER_NO },
		{ "{description|contains: \u00e9t\u00e9}", ANSWER_YES },
	};

	CHECK_CASES(cases);
}

TEST(a_star_is_any_text_a_question_mark_one_character_a_backslash_takes_that_away)
{
	static const struct match_case cases[] = {
		{ "{alertType: 'VM_*'}", ANSWER_YES },
		{ "{alertType: '*process'}", ANSWER_YES },
		{ "{alertType: 'vm_*proc*s'}", ANSWER_YES },
		{ "{alertType: 'VM?SuspiciousProcess'}", ANSWER_YES },
		{ "{alertType: 'VM??SuspiciousProcess'}", ANSWER_NO },
		{ "{alertType: '*'}", ANSWER_YES },
		{ "{alertType: '?'}", ANSWER_NO },
		{ "{nowhere: '*'}", ANSWER_NO },
		{ "{description: '*\\*b*'}", ANSWER_YES },
		{ "{description: '*a\\*b\\?.exe*'}", ANSWER_YES },
		{ "{description: '*a\\*c*'}", ANSWER_NO },
		{ "{description: 'C:\\Temp\\a*'}", ANSWER_YES },
		{ "{description: 'C:\\Temp\\\\*'}", ANSWER_YES },
		{ "{description: 'C:\\Temp\\*'}", ANSWER_NO },
		{ "{description: '*ran ?t?'}", ANSWER_YES },
		{ "{alertType|cased: 'VM_*'}", ANSWER_YES },
		{ "{alertType|cased: 'vm_*'}", ANSWER_NO },
	};

	CHECK_CASES(cases);
}

TEST(contains_startswith_endswith_and_all)
{
	static const struct match_case cases[] = {
		{ "{alertDisplayName|contains: PROCESS exec}", ANSWER_YES },
		{ "{alertDisplayName|contains: brute force}", ANSWER_NO },
		{ "{alertDisplayName|contains: 'process*times'}", ANSWER_YES },
		{ "{alertDisplayName|startswith: suspicious}", ANSWER_YES },
		{ "{alertDisplayName|startswith: process}", ANSWER_NO },
		{ "{alertDisplayName|endswith: 'times]'}", ANSWER_YES },
		{ "{alertDisplayName|endswith: times}", ANSWER_NO },
		{ "{alertDisplayName|contains: [brute, process]}", ANSWER_YES },
		{ "{alertDisplayName|contains|all: [suspicious, process]}", ANSWER_YES },
		{ "{alertDisplayName|contains|all: [suspicious, brute]}", ANSWER_NO },
		{ "{alertDisplayName|all|contains: [suspicious, process]}", ANSWER_YES },
		{ "{alertDisplayName|contains|cased: Process}", ANSWER_NO },
		{ "{entities.address|all: [203.0.113.77, 10.1.2.3]}", ANSWER_YES },
		{ "{entities.address|all: [203.0.113.77, 10.1.2.4]}", ANSWER_NO },
	};

	CHECK_CASES(cases);
}

TEST(null_and_exists_ask_whether_a_field_is_there)
{
	static const struct match_case cases[] = {
		{ "{nowhere: null}", ANSWER_YES },
		{ "{nowhere: }", ANSWER_YES },
		{ "{nowhere: 'null'}", ANSWER_NO },
		{ "{productName: null}", ANSWER_YES },
		{ "{productName: ''}", ANSWER_YES },
		{ "{nowhere: ''}", ANSWER_NO },
		{ "{severity: null}", ANSWER_NO },
		{ "{severity: [null, High]}", ANSWER_YES },
		{ "{severity|exists: true}", ANSWER_YES },
		{ "{severity|exists: false}", ANSWER_NO },
		{ "{nowhere|exists: true}", ANSWER_NO },
		{ "{nowhere|exists: false}", ANSWER_YES },
		{ "{productName|exists: true}", ANSWER_YES },
	};

	CHECK_CASES(cases);
}

TEST(numbers_are_compared_as_numbers_and_what_is_none_is_unsure)
{
	static const struct match_case cases[] = {
		{ "{extendedProperties.attempts|gt: 9}", ANSWER_YES },
		{ "{extendedProperties.attempts|gt: 17}", ANSWER_NO },
		{ "{extendedProperties.attempts|gte: 17}", ANSWER_YES },
		{ "{extendedProperties.attempts|lt: 17.5}", ANSWER_YES },
		{ "{extendedProperties.attempts|lte: 16}", ANSWER_NO },
		{ "{extendedProperties.ratio|lt: 1}", ANSWER_YES },
		{ "{extendedProperties.big|gt: 999}", ANSWER_YES },
		{ "{extendedProperties.negative|lt: -2}", ANSWER_YES },
		{ "{nowhere|gt: 1}", ANSWER_NO },
		{ "{extendedProperties.odd|gt: 1}", ANSWER_UNSURE },
		{ "{extendedProperties.hex|gt: 1}", ANSWER_UNSURE },
		{ "{extendedProperties.inf|gt: 1}", ANSWER_UNSURE },
		{ "{extendedProperties.blank|gt: 1}", ANSWER_UNSURE },
		{ "{productName|gt: 1}", ANSWER_UNSURE },
	};

	CHECK_CASES(cases);
	CHECK_INT(judge("{extendedProperties.odd|gt: 1}", ATTACK), ANSWER_UNSURE);
	CHECK_STR(verdict[0].lines[0].problem, "not a number");
}

TEST(severities_are_compared_by_rank_and_an_unknown_word_is_unsure)
{
	static const struct match_case cases[] = {
		{ "{severity|gte: Low}", ANSWER_YES },
		{ "{severity|gte: high}", ANSWER_YES },
		{ "{severity|gt: High}", ANSWER_NO },
		{ "{severity|lt: High}", ANSWER_NO },
		{ "{severity|lte: High}", ANSWER_YES },
		{ "{Severity|gt: Informational}", ANSWER_YES },
	};

	CHECK_CASES(cases);
	CHECK_INT(judge("{severity|gte: Low}", "{'alertType':'x','severity':'Informational'}"),
	    ANSWER_NO);
	CHECK_INT(
	    judge("{severity|gte: Low}", "{'alertType':'x','severity':'Critical'}"), ANSWER_UNSURE);
	CHECK_STR(verdict[0].lines[0].problem, "not a severity that can be compared");
	CHECK_INT(judge("{severity|gte: Low}", "{'alertType':'x'}"), ANSWER_NO);
}

TEST(addresses_are_found_in_ranges_and_what_is_none_is_unsure)
{
	static const struct match_case cases[] = {
		{ "{entities.address|cidr: 203.0.113.0/24}", ANSWER_YES },
		{ "{entities.address|cidr: 203.0.113.64/28}", ANSWER_YES },
		{ "{entities.address|cidr: 203.0.113.0/26}", ANSWER_NO },
		{ "{entities.address|cidr: 10.1.2.3}", ANSWER_YES },
		{ "{entities.address|cidr: [192.168.0.0/16, 10.0.0.0/8]}", ANSWER_YES },
		{ "{entities.address|cidr: [192.168.0.0/16, 172.16.0.0/12]}", ANSWER_NO },
		{ "{entities.address|cidr: 0.0.0.0/0}", ANSWER_YES },
		{ "{entities.address|cidr: '::/0'}", ANSWER_NO },
		{ "{entities.v6|cidr: '2001:db8::/32'}", ANSWER_YES },
		{ "{entities.v6|cidr: '2001:db9::/32'}", ANSWER_NO },
		{ "{entities.v6|cidr: 0.0.0.0/0}", ANSWER_NO },
		{ "{entities.v6|cidr: '::/0'}", ANSWER_YES },
		{ "{entities.mapped|cidr: 10.0.0.0/8}", ANSWER_YES },
		{ "{nowhere|cidr: 10.0.0.0/8}", ANSWER_NO },
		{ "{entities.name|cidr: 10.0.0.0/8}", ANSWER_UNSURE },
		{ "{x: {entities.name|cidr: 10.0.0.0/8}, condition: not x}", ANSWER_UNSURE },
	};

	CHECK_CASES(cases);
	CHECK_INT(judge("{entities.name|cidr: 10.0.0.0/8}", ATTACK), ANSWER_UNSURE);
	CHECK_STR(verdict[0].lines[0].problem, "not an IP address");
}

TEST(regular_expressions_are_found_anywhere_and_mind_the_case)
{
	static const struct match_case cases[] = {
		{ "{alertType|re: '^VM_\\w+$'}", ANSWER_YES },
		{ "{alertType|re: 'Proc'}", ANSWER_YES },
		{ "{alertType|re: 'proc'}", ANSWER_NO },
		{ "{alertType|re: '(?i)proc'}", ANSWER_YES },
		{ "{alertType|re: ['^K8S', '^VM']}", ANSWER_YES },
		{ "{alertType|re|all: ['^VM', 'xyz']}", ANSWER_NO },
		{ "{description|re: '\u00e9.\u00e9$'}", ANSWER_YES },
		{ "{nowhere|re: '.*'}", ANSWER_NO },
	};

	CHECK_CASES(cases);
}

TEST(all_keys_of_a_mapping_must_hold_and_one_mapping_of_a_list)
{
	static const struct match_case cases[] = {
		{ "{severity: High, status: Active}", ANSWER_YES },
		{ "{severity: High, status: Dismissed}", ANSWER_NO },
		{ "[{severity: Low}, {status: Active}]", ANSWER_YES },
		{ "[{severity: Low}, {status: Dismissed}]", ANSWER_NO },
		{ "[{severity: High, status: Dismissed}, {severity: Low}]", ANSWER_NO },
		{ "{extendedProperties.odd|gt: 1, severity: High}", ANSWER_UNSURE },
		{ "{extendedProperties.odd|gt: 1, severity: Low}", ANSWER_NO },
		{ "[{extendedProperties.odd|gt: 1}, {severity: Low}]", ANSWER_UNSURE },
		{ "[{extendedProperties.odd|gt: 1}, {severity: High}]", ANSWER_YES },
	};

	CHECK_CASES(cases);
}

/* y is yes, n is no, u is unsure. */
#define NAMED "{y: {severity: High}, n: {severity: Low}, u: {extendedProperties.odd|gt: 1}, "

TEST(conditions_follow_three_valued_logic_and_bind_not_before_and_before_or)
{
	static const struct match_case cases[] = {
		{ NAMED "condition: y}", ANSWER_YES },
		{ NAMED "condition: n}", ANSWER_NO },
		{ NAMED "condition: u}", ANSWER_UNSURE },
		{ NAMED "condition: not y}", ANSWER_NO },
		{ NAMED "condition: not n}", ANSWER_YES },
		{ NAMED "condition: not u}", ANSWER_UNSURE },
		{ NAMED "condition: not not y}", ANSWER_YES },
		{ NAMED "condition: y and u}", ANSWER_UNSURE },
		{ NAMED "condition: u and y}", ANSWER_UNSURE },
		{ NAMED "condition: n and u}", ANSWER_NO },
		{ NAMED "condition: u and n}", ANSWER_NO },
		{ NAMED "condition: u and u}", ANSWER_UNSURE },
		{ NAMED "condition: y or u}", ANSWER_YES },
		{ NAMED "condition: u or y}", ANSWER_YES },
		{ NAMED "condition: n or u}", ANSWER_UNSURE },
		{ NAMED "condition: u or n}", ANSWER_UNSURE },
		{ NAMED "condition: n or n}", ANSWER_NO },
		{ NAMED "condition: y or n and n}", ANSWER_YES },
		{ NAMED "condition: (y or n) and n}", ANSWER_NO },
		{ NAMED "condition: not n and y}", ANSWER_YES },
		{ NAMED "condition: not (n and y)}", ANSWER_YES },
		{ NAMED "condition: not y or y}", ANSWER_YES },
		{ NAMED "condition: y AND NOT n}", ANSWER_YES },
		{ NAMED "condition: ((((y))))}", ANSWER_YES },
	};

	CHECK_CASES(cases);
}

TEST(one_of_and_all_of_join_selections_by_their_names)
{
	static const struct match_case cases[] = {
		{ "{vm_a: {severity: High}, vm_b: {severity: Low}, condition: 1 of vm_*}",
		    ANSWER_YES },
		{ "{vm_a: {severity: High}, vm_b: {severity: Low}, condition: any of vm*}",
		    ANSWER_YES },
		{ "{vm_a: {severity: High}, vm_b: {severity: Low}, condition: all of vm_*}",
		    ANSWER_NO },
		{ "{vm_a: {severity: High}, x: {severity: Low}, condition: all of vm_* and not x}",
		    ANSWER_YES },
		{ "{a: {severity: High}, b: {status: Active}, condition: all of them}",
		    ANSWER_YES },
		{ "{a: {severity: Low}, b: {status: Active}, condition: 1 of them}", ANSWER_YES },
		{ "{a: {severity: Low}, b: {status: New}, condition: not 1 of them}", ANSWER_YES },
		{ "{a: {severity: High}, _b: {status: New}, condition: all of them or _b}",
		    ANSWER_YES },
	};

	CHECK_CASES(cases);
}

TEST(the_trace_keeps_what_was_wanted_and_what_was_seen)
{
	CHECK_INT(judge("{severity: [Medium, High], entities.address|cidr: 10.0.0.0/8, "
			"nowhere: null, productName|exists: true}",
		      ATTACK),
	    ANSWER_YES);
	CHECK_INT(verdict[0].n_lines, 4);
	CHECK_STR(verdict[0].lines[0].selection, "");
	CHECK_STR(verdict[0].lines[0].field, "severity");
	CHECK_STR(verdict[0].lines[0].wanted, "Medium or High");
	CHECK_STR(verdict[0].lines[0].seen, "High");
	CHECK_STR(verdict[0].lines[1].field, "entities.address|cidr");
	CHECK_STR(verdict[0].lines[1].seen, "203.0.113.77, 10.1.2.3");
	CHECK_STR(verdict[0].lines[2].wanted, "(absent)");
	CHECK_STR(verdict[0].lines[2].seen, "(absent)");
	CHECK_STR(verdict[0].lines[3].seen, "(empty)");
	for (size_t i = 0; i < 4; i++) {
		CHECK_INT(verdict[0].lines[i].answer, ANSWER_YES);
		CHECK_STR(verdict[0].lines[i].problem, "");
	}
}

TEST(the_trace_says_where_it_stopped_and_what_was_not_asked)
{
	CHECK_INT(
	    judge("{vm: {severity: Low, status: Active}, lab: {status: New}, condition: vm and "
		  "lab}",
		ATTACK),
	    ANSWER_NO);
	CHECK_INT(verdict[0].n_lines, 3);
	CHECK_STR(verdict[0].lines[0].selection, "vm");
	CHECK_STR(verdict[0].lines[0].wanted, "Low");
	CHECK_INT(verdict[0].lines[0].answer, ANSWER_NO);
	CHECK(verdict[0].lines[0].stopped);
	for (size_t i = 1; i < 3; i++) {
		CHECK_INT(verdict[0].lines[i].answer, ANSWER_NOT_ASKED);
		CHECK(!verdict[0].lines[i].stopped);
	}
	CHECK_STR(verdict[0].lines[1].field, "status");
	CHECK_STR(verdict[0].lines[2].selection, "lab");
}

TEST(the_trace_has_the_answer_of_each_selection)
{
	CHECK_INT(judge("{vm: {severity: High}, lab: {status: New}, test: {status: Old}, off: "
			"{status: x}, condition: vm and not (lab or test) or off}",
		      ATTACK),
	    ANSWER_YES);
	CHECK_STR(verdict[0].condition, "vm and not (lab or test) or off");
	CHECK_INT(verdict[0].n_selections, 4);
	CHECK_STR(verdict[0].selections[1].name, "lab");
	CHECK_INT(verdict[0].selections[0].answer, ANSWER_YES);
	CHECK_INT(verdict[0].selections[1].answer, ANSWER_NO);
	CHECK_INT(verdict[0].selections[3].answer, ANSWER_NOT_ASKED);
	CHECK_INT(judge("{a: {severity: Low}, b: {status: Active}, condition: [a, b]}", ATTACK),
	    ANSWER_YES);
	CHECK_STR(verdict[0].condition, "(a) or (b)");
	CHECK_INT(judge("{severity: High}", ATTACK), ANSWER_YES);
	CHECK_STR(verdict[0].condition, "");
}

TEST(of_a_list_the_trace_says_which_entry_was_asked)
{
	CHECK_INT(
	    judge("[{severity: Low}, {severity: High}, {status: Active}]", ATTACK), ANSWER_YES);
	CHECK_INT(verdict[0].n_lines, 3);
	CHECK_INT(verdict[0].lines[0].group, 1);
	CHECK_INT(verdict[0].lines[1].group, 2);
	CHECK(verdict[0].lines[1].stopped);
	CHECK_INT(verdict[0].lines[2].answer, ANSWER_NOT_ASKED);
}

/* An alert whose description is `n` bytes of `unit`, then `tail`. */
static const char *
long_description(const char *unit, size_t n, const char *tail)
{
	static struct buf text;

	buf_done(&text);
	buf_init(&text, n + 1000);
	buf_add_cstr(&text, "{'alertType':'x','description':'");
	while (text.n < n)
		buf_add_cstr(&text, unit);
	buf_printf(&text, "%s'}", tail);
	return buf_cstr(&text);
}

TEST(a_long_value_is_shortened_behind_a_whole_character)
{
	struct str seen;

	judge("{description|contains: z}", long_description("\u00e9", 4000, "z"));
	seen = verdict[0].lines[0].seen;
	CHECK(seen.n <= TRACE_VALUE_MAX);
	CHECK(str_ends_nocase(seen, STR("\u00e9...")));
	CHECK_INT(verdict[0].answer, ANSWER_YES);
}

/* Whatever the text, the answer comes within a second and is not a guess. */
static void
check_bounded(const char *match, const char *data, enum answer want)
{
	struct timespec from, to;
	double s;
	enum answer got;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	got = judge(match, data);
	if (got != want)
		print_error("%s: got %s\n", match, answer_name(got));
	CHECK_INT(got, want);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	if (s > 3)
		print_error("%s took %.1f s\n", match, s);
	CHECK(s < 3); /* under a sanitizer on a busy machine; 0.1 s otherwise */
	if (want == ANSWER_UNSURE)
		CHECK_STR(verdict[0].lines[0].problem, "a limit of the matcher was hit");
}

TEST(a_pattern_that_explodes_is_unsure_and_never_takes_long)
{
	check_bounded("{description|re: '(a+)+$'}", long_description("a", 50, "b"), ANSWER_UNSURE);
	check_bounded(
	    "{description|re: '(x+x+)+y'}", long_description("x", 60, "z y?"), ANSWER_UNSURE);
	/* Each start is cheap; all of them together are not. */
	check_bounded(
	    "{description|re: '[a-f]+[0-9]'}", long_description("a", 1000000, ""), ANSWER_UNSURE);
	check_bounded(
	    "{description|re: 'a.*b.*b.*[xz]'}", long_description("ab", 500000, ""), ANSWER_UNSURE);
	check_bounded(
	    "{description|contains: 'a*a*a*ab*c'}", long_description("a", 1000000, "b"), ANSWER_NO);
	check_bounded("{description|contains: "
		      "'a?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?b'}",
	    long_description("a", 1000000, ""), ANSWER_UNSURE);
	check_bounded("{x: {description|re: '(a+)+$'}, condition: not x}",
	    long_description("a", 50, "b"), ANSWER_UNSURE);
}

TEST(an_ordinary_pattern_on_a_long_text_is_decided)
{
	check_bounded("{description|re: 'powershell.*-enc'}",
	    long_description("word ", 20000, "powershell -w hidden -enc AA"), ANSWER_YES);
	check_bounded("{description|re: '(?i)powershell.{0,200}-enc'}",
	    long_description("powershell -x ", 4000, ""), ANSWER_NO);
	check_bounded(
	    "{description|contains: mimikatz}", long_description("m", 1000000, ""), ANSWER_NO);
	check_bounded("{description|contains: "
		      "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'}",
	    long_description("a", 1000000, ""), ANSWER_NO);
}

TEST(more_values_than_are_looked_at_leave_a_no_open)
{
	struct buf text;

	buf_init(&text, 1024 * 1024);
	buf_add_cstr(&text, "{'alertType':'x','entities':[");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "%s{'address':'10.0.0.%d'}", i == 0 ? "" : ",", i % 250);
	buf_add_cstr(&text, "]}");
	CHECK_INT(judge("{entities.address: 10.0.0.7}", buf_cstr(&text)), ANSWER_YES);
	CHECK_INT(judge("{entities.address: 192.0.2.1}", buf_cstr(&text)), ANSWER_UNSURE);
	CHECK_HAS(verdict[0].lines[0].problem.p, "more values than can be looked at");
	buf_done(&text);
}

TEST(rules_are_asked_in_order_and_stop_ends_the_asking)
{
	struct alert al = alert_of(ATTACK);
	struct rules *r =
	    rules_of("rules:\n"
		     "- {name: a, match: {severity: Low}, actions: [isolate_vm], stop: true}\n"
		     "- {name: b, match: {severity: High}, actions: [isolate_vm], mode: off}\n"
		     "- {name: c, match: {extendedProperties.odd|gt: 1}, actions: [isolate_vm], "
		     "stop: true}\n"
		     "- {name: d, match: {severity: High}, actions: [isolate_vm], stop: true, "
		     "mode: shadow}\n"
		     "- {name: e, match: {severity: High}, actions: [isolate_vm]}\n");

	CHECK(r != NULL);
	rules_judge(r, &al, 0, arena, &verdict, &n_verdicts);
	CHECK_INT(n_verdicts, 3); /* b is off, e is behind the stop of d; c is only unsure */
	CHECK_STR(verdict[0].rule->name, "a");
	CHECK_INT(verdict[0].answer, ANSWER_NO);
	CHECK_STR(verdict[1].rule->name, "c");
	CHECK_INT(verdict[1].answer, ANSWER_UNSURE);
	CHECK_STR(verdict[2].rule->name, "d");
	CHECK_INT(verdict[2].answer, ANSWER_YES);
	rules_free(r);
}

TEST(events_that_are_no_alerts_are_matched_by_their_own_fields)
{
	CHECK_INT(judge("{event.type: Contoso.Alert, vaultName|startswith: kv-}",
		      "{'vaultName':'kv-prod','objectType':'Secret'}"),
	    ANSWER_YES);
	CHECK_INT(judge("{resourceGroup: RG-SHOP, resourceName: web-01}", ATTACK), ANSWER_YES);
}
