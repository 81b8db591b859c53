#include "rules_text.h"

#include <stdio.h>

#define RULE(match) "rules:\n- name: r\n  actions: [{notify: soc}]\n  match: " match "\n"

/* One mistake, at that place, with these words. */
static void
check_refused(const char *text, int line, int col, const char *words)
{
	char place[64];

	CHECK(rules_of(text) == NULL);
	snprintf(place, sizeof(place), "r.yaml:%d:%d: error: ", line, col);
	CHECK_HAS(complaints(), place);
	CHECK_HAS(complaints(), words);
	if (diags.errors != 1)
		print_error("%s", complaints());
	CHECK_INT(diags.errors, 1);
}

/* Accepted, with a warning at that place; words NULL: with none. */
static void
check_warned(const char *text, const char *words)
{
	struct rules *r = rules_of(text);

	if (r == NULL || diags.warnings != (words != NULL))
		print_error("%s", complaints());
	CHECK(r != NULL);
	CHECK_INT(diags.warnings, words != NULL);
	if (words != NULL)
		CHECK_HAS(complaints(), words);
	rules_free(r);
}

TEST(a_rule_keeps_what_is_written)
{
	struct rules *r =
	    rules_of("rules:\n"
		     "  - name: isolate.it-1\n"
		     "    description: Cut it off\n"
		     "    match: {severity: High}\n"
		     "    actions:\n"
		     "      - isolate_vm\n"
		     "      - notify: soc\n"
		     "    mode: shadow\n"
		     "    allow_sample: true\n"
		     "    stop: true\n"
		     "    tests:\n"
		     "      - {alert: samples/a.json, expect: {fires: true}}\n"
		     "      - {alert: samples/b.json, expect: {fires: false}}\n"
		     "  - {name: plain, match: {severity: Low}, actions: [{notify: it}]}\n");
	const struct rule *one, *two;

	CHECK(r != NULL);
	CHECK_INT(rules_count(r), 2);
	one = rules_at(r, 0);
	two = rules_at(r, 1);
	CHECK_STR(one->name, "isolate.it-1");
	CHECK_STR(one->description, "Cut it off");
	CHECK_STR(one->file, "r.yaml");
	CHECK_INT(one->line, 2);
	CHECK_INT(one->mode, RULE_SHADOW);
	CHECK(one->allow_sample && one->stop);
	CHECK_INT(one->n_actions, 2);
	CHECK_STR(one->actions[0].name, "isolate_vm");
	CHECK_STR(one->actions[1].named, "soc");
	CHECK_INT(one->n_tests, 2);
	CHECK_STR(one->tests[1].alert, "samples/b.json");
	CHECK_INT(one->tests[0].expect.fires, ANSWER_YES);
	CHECK_INT(one->tests[1].expect.fires, ANSWER_NO);
	CHECK_INT(one->tests[1].line, 13);
	CHECK_INT(two->mode, RULE_ENFORCE);
	CHECK(!two->allow_sample && !two->stop && two->n_tests == 0);
	rules_free(r);
}

TEST(rules_outlive_the_texts_they_were_read_from)
{
	char name[] = "x.yaml", text[] = "rules: [{name: keep, match: {severity: High}, actions: "
					 "[{notify: soc}]}]";
	struct source source = { name, str_of(text) };
	struct rules *r = rules_of_files(&source, 1);

	CHECK(r != NULL);
	memset(name, '!', sizeof(name) - 1);
	memset(text, '!', sizeof(text) - 1);
	CHECK_STR(rules_at(r, 0)->name, "keep");
	CHECK_STR(rules_at(r, 0)->file, "x.yaml");
	CHECK_STR(rules_at(r, 0)->actions[0].named, "soc");
	rules_free(r);
}

TEST(several_files_are_one_set_of_rules_with_a_version)
{
	struct source files[] = {
		{ "10.yaml", STR("rules: [{name: a, match: {x: 1}, actions: [{notify: soc}]}]") },
		{ "20.yaml", STR("rules: [{name: b, match: {x: 1}, actions: [{notify: soc}]}]") },
	};
	struct rules *r = rules_of_files(files, 2), *again, *changed;

	CHECK(r != NULL);
	CHECK_INT(rules_count(r), 2);
	CHECK_STR(rules_at(r, 1)->file, "20.yaml");
	CHECK_INT(rules_hash(r).n, 12);
	again = rules_of_files(files, 2);
	CHECK(str_eq(rules_hash(again), rules_hash(r)));
	files[1].text = STR("rules: [{name: c, match: {x: 1}, actions: [{notify: soc}]}]");
	changed = rules_of_files(files, 2);
	CHECK(!str_eq(rules_hash(changed), rules_hash(r)));
	rules_free(r);
	rules_free(again);
	rules_free(changed);
}

TEST(no_rules_are_rules_too)
{
	static const char *const texts[] = { "", "rules: []\n", "# nothing\n" };

	for (size_t i = 0; i < 3; i++) {
		struct rules *r = rules_of(texts[i]);

		CHECK(r != NULL);
		CHECK_INT(rules_count(r), 0);
		rules_free(r);
	}
	rules_free(NULL);
}

TEST(a_name_is_unique_over_all_files)
{
	struct source files[] = {
		{ "10.yaml", STR("rules:\n- {name: a, match: {x: 1}, actions: [isolate_vm]}\n") },
		{ "20.yaml", STR("rules:\n- {name: a, match: {x: 1}, actions: [isolate_vm]}\n") },
	};

	CHECK(rules_of_files(files, 2) == NULL);
	CHECK_HAS(complaints(), "20.yaml:2:10: error: the name 'a' is taken: 10.yaml:2");
}

TEST(the_form_of_a_file_and_of_a_rule_is_checked)
{
	check_refused("- a\n", 1, 1, "a rule file is a mapping with the key 'rules', not a list");
	check_refused("rule: []\n", 1, 1, "unknown key 'rule', did you mean 'rules'?");
	check_refused("rules: {a: 1}\n", 1, 8, "rules are a list, not a mapping");
	check_refused("rules: [x]\n", 1, 9, "a rule is a mapping of keys, not a text");
	check_refused("rules:\n- match: {x: 1}\n  actions: [isolate_vm]\n", 2, 3,
	    "the key 'name' is missing");
	check_refused(
	    "rules:\n- name: r\n  actions: [isolate_vm]\n", 2, 3, "the rule has no match");
	check_refused("rules:\n- name: r\n  match: {x: 1}\n", 2, 3, "the rule has no actions");
	check_refused("rules:\n- name: Not OK\n  match: {x: 1}\n  actions: [isolate_vm]\n", 2, 9,
	    "a rule's name is 1 to 100 of a-z");
	check_refused(
	    RULE("{x: 1}") "  mod: off\n", 5, 3, "unknown key 'mod', did you mean 'mode'?");
	check_refused(RULE("{x: 1}") "  mode: enforced\n", 5, 9, "did you mean 'enforce'?");
	check_refused(
	    RULE("{x: 1}") "  stop: yes\n", 5, 9, "stop must be true or false, not 'yes'");
	check_refused(RULE("{x: 1}") "  allow_sample: [true]\n", 5, 17, "must be a single value");
}

TEST(actions_are_checked_by_those_who_know_them)
{
#define WITH(actions) "rules:\n- name: r\n  match: {x: 1}\n  actions: " actions "\n"
	check_refused(WITH("[]"), 4, 12, "actions are a list of at least one");
	check_refused(WITH("isolate_vm"), 4, 12, "actions are a list of at least one");
	check_refused(WITH("[isolat_vm]"), 4, 13, "unknown action 'isolat_vm'");
	check_refused(WITH("[{isolate_vm: {}, notify: soc}]"), 4, 13, "one 'name: ...' each");
	check_refused(WITH("[[isolate_vm]]"), 4, 13, "an action is its name");
}

TEST(tests_in_a_rule_are_checked)
{
#define TESTS(tests) RULE("{x: 1}") "  tests: " tests "\n"
	check_refused(TESTS("x"), 5, 10, "tests are a list, not a text");
	check_refused(TESTS("[x]"), 5, 11, "a test is {alert: file, expect: {fires: true}}");
	check_refused(TESTS("[{alert: a}]"), 5, 11, "the key 'expect' is missing");
	check_refused(TESTS("[{expect: {fires: true}}]"), 5, 11, "the key 'alert' is missing");
	check_refused(TESTS("[{alert: a, expect: {fires: true, fire: x}}]"), 5, 44,
	    "unknown key 'fire', did you mean 'fires'?");
	check_refused(TESTS("[{alert: a, expect: {fires: maybe}}]"), 5, 38,
	    "fires must be true, false or unsure, not 'maybe'");
	check_refused(TESTS("[{alert: a, expect: {}}]"), 5, 30, "nothing is expected");
	check_refused(
	    TESTS("[{alert: '', expect: {fires: true}}]"), 5, 20, "alert must not be empty");
	check_refused(TESTS("[{alert: [a], expect: {fires: true}}]"), 5, 19, "");
	check_refused(TESTS("[{alert: a, at: noon, expect: {fires: true}}]"), 5, 26,
	    "'noon' is no time such as 2026-03-14T09:00:00Z");
	check_refused(TESTS("[{alert: a, expect: {actions: [notfy]}}]"), 5, 41,
	    "the rule has no action 'notfy', did you mean 'notify'?");
	check_refused(TESTS("[{alert: a, expect: {refused: isolate_vm}}]"), 5, 40,
	    "the rule has no action 'isolate_vm'");
	check_refused(TESTS("[{alert: a, expect: {fires: true, reason: x}}]"), 5, 52,
	    "a reason is that of what is held or refused");
	check_refused(TESTS("[{alert: a, overrides: x, expect: {fires: true}}]"), 5, 33,
	    "overrides must be a mapping");
}

TEST(a_match_must_say_something)
{
	check_refused(RULE("{}"), 4, 10, "not an empty one");
	check_refused(RULE(""), 4, 3, "not nothing");
	check_refused(RULE("[]"), 4, 10, "an empty list can never match");
	check_refused(RULE("[{}]"), 4, 11, "not an empty one");
	check_refused(RULE("High"), 4, 10, "not a text");
	check_refused(RULE("{severity: []}"), 4, 21, "an empty list can never match");
	check_refused(RULE("{severity: [[High]]}"), 4, 22, "a value is a text, not a list");
	check_refused(RULE("{'|contains: x': 1}"), 4, 12, "a field name is missing");
	check_refused(RULE("{vm: {severity: High}}"), 4, 15,
	    "a value is a text, not a mapping; named selections need a 'condition'");
}

TEST(modifiers_are_checked_at_their_own_place)
{
	check_refused(RULE("{description|contain: x}"), 4, 23,
	    "unknown modifier 'contain', did you mean 'contains'?");
	check_refused(RULE("{description|contains|al: [x, y]}"), 4, 32, "did you mean 'all'?");
	check_refused(RULE("{description|contains|re: x}"), 4, 32,
	    "'contains' and 're' cannot be used together");
	check_refused(RULE("{description|re|cased: x}"), 4, 11, "'cased' goes with contains");
	check_refused(RULE("{description|contains: null}"), 4, 33, "'contains' needs a value");
	check_refused(RULE("{description|contains: ''}"), 4, 34, "an empty text is in every value");
	check_refused(RULE("{description|re: ''}"), 4, 28, "is in every value");
	check_refused(RULE("{status|exists: yes}"), 4, 26, "'exists' is true or false, not 'yes'");
	check_refused(RULE("{status|exists: [true, false]}"), 4, 26, "'exists' takes one value");
	check_refused(RULE("{intent|gt: many}"), 4, 22, "'gt' compares numbers, 'many' is none");
	check_refused(RULE("{intent|gt: 0x10}"), 4, 22, "'0x10' is none");
	check_refused(RULE("{intent|lte: [1, 2]}"), 4, 23, "'lte' takes one value");
	check_refused(RULE("{severity|gte: Lov}"), 4, 25, "'Lov' is no severity");
	check_refused(RULE("{intent|cidr: 10.0.0.0/33}"), 4, 24, "no address range such as");
	check_refused(RULE("{intent|cidr: host}"), 4, 24, "no address range such as");
}

TEST(a_regular_expression_is_checked_when_it_is_read)
{
	check_refused(RULE("{alertType|re: '(x'}"), 4, 28, "missing closing parenthesis");
	check_refused(RULE("{alertType|re: 'ab[z-a]'}"), 4, 31, "range out of order");
	check_refused(RULE("{alertType|re: '((a{1000}){1000}){1000}'}"), 4, 49, "too large");
	check_refused(RULE("{alertType|re: 'a\\Cb'}"), 4, 29, "not a regular expression");
}

TEST(a_condition_is_checked_at_the_word_that_is_wrong)
{
#define NAMED(condition) RULE("{vm: {a: 1}, lab: {b: 1}, condition: " condition "}")
	/* The condition's text begins in column 47. */
	check_refused(NAMED("vm and lba"), 4, 54, "no selection 'lba', did you mean 'lab'?");
	check_refused(NAMED("vm and other or lab"), 4, 54, "there is no selection 'other'");
	check_refused(NAMED("vm lab"), 4, 50, "'and', 'or' or the end was expected, not 'lab'");
	check_refused(
	    NAMED("vm and"), 4, 53, "name of a selection was expected, the condition ends");
	check_refused(NAMED("(vm or lab"), 4, 57, "')' was expected, the condition ends");
	check_refused(NAMED("vm or lab)"), 4, 56, "not ')'");
	check_refused(NAMED("vm and & lab"), 4, 54, "not '&'");
	check_refused(NAMED("1 vm"), 4, 49, "'of' was expected, not 'vm'");
	check_refused(NAMED("1 of"), 4, 51, "'them' or a pattern such as vm* was expected");
	check_refused(NAMED("all of x*"), 4, 54, "a pattern that fits a selection");
	check_refused(NAMED(""), 4, 36, "not nothing");
	check_refused(RULE("{condition: vm}"), 4, 22, "no selections beside the condition");
	check_refused(
	    RULE("{and: {a: 1}, b: {a: 1}, condition: b}"), 4, 11, "'and' cannot name a selection");
	check_refused(RULE("{severity: High, condition: severity}"), 4, 21,
	    "conditions are a mapping 'field: value', not a text");
}

TEST(a_condition_over_lines_is_checked_at_its_line)
{
	check_refused(RULE("\n    vm: {a: 1}\n    lab: {b: 1}\n    condition: >-\n"
			   "      vm and not\n      (lab or lba)"),
	    9, 15, "no selection 'lba'");
}

TEST(a_condition_without_end_is_refused)
{
	struct buf text;

	buf_init(&text, 1024 * 1024);
	buf_add_cstr(&text, "rules: [{name: r, actions: [isolate_vm], match: {a: {severity: High}, "
			    "condition: ");
	for (int i = 0; i < 60; i++)
		buf_add_char(&text, '(');
	buf_add_cstr(&text, "a}}]");
	CHECK(rules_of(buf_cstr(&text)) == NULL);
	CHECK_HAS(complaints(), "fewer parentheses were expected");
	buf_reset(&text);
	buf_add_cstr(&text, "rules: [{name: r, actions: [isolate_vm], match: {a: {severity: High}, "
			    "condition: a");
	for (int i = 0; i < 1000; i++)
		buf_add_cstr(&text, " or a");
	buf_add_cstr(&text, "}}]");
	CHECK(rules_of(buf_cstr(&text)) == NULL);
	CHECK_HAS(complaints(), "a condition is at most 4096 bytes long");
	buf_done(&text);
}

TEST(every_mistake_of_a_file_is_shown)
{
	CHECK(rules_of("rules:\n"
		       "- name: One\n"
		       "  match: {severity|gt: x}\n"
		       "  actions: [isolat_vm]\n"
		       "- name: two\n"
		       "  match: {a|re: '['}\n"
		       "  action: [isolate_vm]\n"
		       "- name: two\n"
		       "  match: {a: 1, b|foo: 2, c|cidr: x}\n"
		       "  actions: [isolate_vm]\n"
		       "  stop: 1\n") == NULL);
	CHECK_INT(diags.errors, 10);
	CHECK_HAS(complaints(), "r.yaml:2:9: error: a rule's name");
	CHECK_HAS(complaints(), "r.yaml:3:24: error: 'x' is no severity");
	CHECK_HAS(complaints(), "r.yaml:4:13: error: unknown action");
	CHECK_HAS(complaints(), "r.yaml:5:3: error: the rule has no actions");
	CHECK_HAS(complaints(), "r.yaml:6:19: error: not a regular expression");
	CHECK_HAS(complaints(), "r.yaml:7:3: error: unknown key 'action', did you mean 'actions'?");
	CHECK_HAS(complaints(), "r.yaml:8:9: error: the name 'two' is taken: r.yaml:5");
	CHECK_HAS(complaints(), "r.yaml:9:19: error: unknown modifier 'foo'");
	CHECK_HAS(complaints(), "r.yaml:9:35: error: 'x' is no address range");
	CHECK_HAS(complaints(), "r.yaml:11:9: error: stop must be true or false");
}

TEST(slips_that_are_no_mistakes_are_warned_of)
{
	check_warned(RULE("{severty: High}"), "r.yaml:4:11: warning: no alert has a field "
					      "'severty' by itself, did you mean 'severity'?");
	check_warned(RULE("{severity: Hihg}"),
	    "r.yaml:4:21: warning: 'Hihg' is no severity, did you mean 'High'?");
	check_warned(RULE("{vm: {severity: High}, lab: {status: New}, condition: vm}"),
	    "the condition does not use the selection 'lab'");
	check_warned(RULE("{status|contains|all: x}"), "'all' has no meaning for a single value");
	check_warned("rules:\n- {name: r, match: {status: New}, actions: [isolate_vm]}\n",
	    "r.yaml:2:3: warning: the rule changes machines without asking for a severity");
}

TEST(a_match_that_nothing_fits_is_warned_of)
{
	check_warned(RULE("{severity: Low, severity|gte: Medium}"),
	    "r.yaml:4:10: warning: the match can never hold: severity is Low, and severity is at "
	    "least Medium");
	check_warned(
	    RULE("{alertType: [VM_a, VM_b], alertType|startswith: SQL}"), "can never hold");
	check_warned(
	    RULE("{severity|all: [High, Low]}"), "can never hold: severity is all of High and Low");
	check_warned(RULE("{entities.address|exists: false, entities.address: 10.0.0.7}"),
	    "entities.address exists: false, and entities.address is 10.0.0.7");
	check_warned(RULE("{a: {severity: High}, b: {x: 1}, condition: a and (b and not a)}"),
	    "the match can never hold: a and not a");
	check_warned(RULE("[{severity: Low, severity|gt: Low}, {status: New}]"), NULL);
	check_warned(RULE("{severity: [Low, High], severity|gte: Medium}"), NULL);
	check_warned(RULE("{severity: Odd, severity|gte: Medium}"), NULL);
	check_warned(RULE("{severity: L*, severity|contains: ow}"), NULL);
	check_warned(RULE("{entities.address: 10.0.0.7, entities.address|endswith: '.8'}"), NULL);
	check_warned(RULE("{a: {severity: High}, b: {x: 1}, condition: a and not b}"), NULL);
	check_warned(RULE("{a: {severity: High}, b: {x: 1}, condition: a and b or not a}"), NULL);
	check_warned(RULE("{x|exists: false, x: null}"), NULL);
}

#define BEHIND(first, second)                                                     \
	"rules:\n"                                                                \
	"- {name: first, stop: true, match: " first ", actions: [{notify: s}]}\n" \
	"- {name: second, match: " second ", actions: [{notify: s}]}\n"

TEST(a_rule_that_is_never_asked_is_warned_of)
{
	check_warned(BEHIND("{severity: [High, Medium]}", "{status: New, severity: High}"),
	    "r.yaml:3:3: warning: the rule is never asked: 'first' (r.yaml:2) fires for all that "
	    "it would, and stops");
	check_warned(BEHIND("[{x: 1}, {y: 1}]", "[{y: 1, z: 1}, {x: 1}]"), "is never asked");
	check_warned(
	    BEHIND("{a|contains|all: [x, y]}", "{a|contains|all: [x, y, z]}"), "is never asked");
	check_warned(BEHIND("{a|contains|all: [x, y]}", "{a|contains|all: [x, z]}"), NULL);
	check_warned(BEHIND("{severity: High}", "{severity: [High, Medium]}"), NULL);
	check_warned(BEHIND("{severity: High, x: 1}", "{severity: High}"), NULL);
	check_warned(BEHIND("{severity|cased: High}", "{severity: High}"), NULL);
	check_warned(BEHIND("{x: 1}", "[{x: 1}, {y: 1}]"), NULL);
	check_warned(BEHIND("{a: {x: 1}, condition: not a}", "{x: 1}"), NULL);
}

TEST(what_is_right_is_not_warned_of)
{
	check_warned(
	    RULE("{extendedProperties.attemps: 1, data.vaultName: x, severity: H*}"), NULL);
	check_warned("rules:\n- {name: r, match: {severity: High}, actions: [isolate_vm]}\n", NULL);
	check_warned("rules:\n- {name: r, match: {vm: {resourceType: x}, condition: vm}, "
		     "actions: [isolate_vm]}\n",
	    NULL);
	check_warned(RULE("{status: New}"), NULL);
}

TEST(more_rules_than_anyone_can_read_are_refused)
{
	struct source files[4];
	struct buf texts[4];

	for (int f = 0; f < 4; f++) {
		buf_init(&texts[f], 1024 * 1024);
		buf_add_cstr(&texts[f], "rules:\n");
		for (int i = 0; i < 5000 + (f == 3); i++)
			buf_printf(&texts[f],
			    "- {name: r%d-%d, match: {x: 1}, actions: [{notify: s}]}\n", f, i);
		files[f] = (struct source){ "many.yaml", buf_str(&texts[f]) };
	}
	CHECK(rules_of_files(files, 4) == NULL);
	CHECK_HAS(complaints(), "more than 20000 rules");
	for (int f = 0; f < 4; f++)
		buf_done(&texts[f]);
}
