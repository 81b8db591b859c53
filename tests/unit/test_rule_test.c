#include "rules_text.h"

#include <string.h>

#include "core/rule_test.h"

#define VM                                                                      \
	"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg" \
	"/providers/Microsoft.Compute/virtualMachines/vm1"
#define ALERT                                                                                 \
	"{\"alertName\":\"Bad process\",\"severity\":\"High\",\"compromisedEntity\":\"vm1\"," \
	"\"resourceIdentifiers\":[{\"azureResourceId\":\"" VM                                 \
	"\"}],\"extendedProperties\":{\"user Name\":\"eve\"}}"

static struct arena *a;
static struct rules *rules;

static void
begin(const char *text)
{
	a = arena_new();
	rules = rules_of(text);
	if (rules == NULL)
		print_error("%s", complaints());
	CHECK(rules != NULL);
}

static void
end(void)
{
	rules_free(rules);
	arena_free(a);
}

/* The first test of the last rule, on this alert. */
static struct rule_test_result
run_on(const char *text, const struct settings *settings)
{
	const struct rule *rule = rules_at(rules, rules_count(rules) - 1);
	struct rule_test_result result;
	struct rule_test_judged judged;
	const struct alert *al;
	struct err e;

	al = rule_test_alert(str_of(text), rule->tests[0].overrides, a, &e);
	if (al == NULL)
		print_error("%s\n", e.text);
	CHECK(al != NULL);
	rule_test_judge(rules, al, 1, a, &judged);
	rule_test_run(rule, &rule->tests[0], &judged, settings, a, &result);
	return result;
}

/* A rule about High alerts that isolates and tells, with this test. */
#define HIGH(test)                                                                            \
	"rules:\n- {name: r, match: {severity: High}, actions: [isolate_vm, {notify: soc}], " \
	"tests: [{alert: a.json, " test "}]}\n"

static struct rule_test_result
result_of(const char *text)
{
	struct rule_test_result result;

	begin(text);
	result = run_on(ALERT, NULL);
	return result;
}

TEST(what_a_rule_says_is_compared)
{
	static const struct {
		const char *text;
		bool passed;
	} rows[] = { { HIGH("expect: {fires: true}"), true },
		{ HIGH("expect: {fires: false}"), false },
		{ HIGH("expect: {fires: unsure}"), false },
		{ HIGH("overrides: {severity: Low}, expect: {fires: true}"), false },
		{ HIGH("overrides: {severity: Low}, expect: {fires: false}"), true } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(result_of(rows[i].text).passed, rows[i].passed);
		end();
	}
}

TEST(actions_are_exactly_those_that_would_be_done)
{
	static const struct {
		const char *text;
		bool passed;
	} rows[] = { { HIGH("expect: {actions: [isolate_vm, notify]}"), true },
		{ HIGH("expect: {actions: [notify]}"), false },
		{ HIGH("expect: {actions: []}"), false },
		{ HIGH("overrides: {severity: Low}, expect: {actions: []}"), true },
		{ HIGH("expect: {refused: []}"), true },
		{ HIGH("expect: {held: [isolate_vm]}"), false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(result_of(rows[i].text).passed, rows[i].passed);
		end();
	}
}

TEST(what_was_expected_and_what_happened_is_said_in_words)
{
	struct rule_test_result result =
	    result_of(HIGH("overrides: {alertName: '[SAMPLE ALERT] x'}, "
			   "expect: {fires: false, actions: [isolate_vm, notify]}"));

	CHECK(!result.passed);
	CHECK_STR(result.expected, "does not fire; does isolate_vm and notify");
	CHECK_STR(result.happened,
	    "fires; does notify; refuses isolate_vm: sample alert, and the rule does not say "
	    "allow_sample: true");
	end();
}

TEST(a_reason_is_a_part_of_what_a_guard_said)
{
	CHECK(result_of(HIGH("overrides: {alertName: '[SAMPLE ALERT] x'}, "
			     "expect: {refused: [isolate_vm], reason: Sample Alert}"))
		  .passed);
	end();
	CHECK(!result_of(HIGH("overrides: {alertName: '[SAMPLE ALERT] x'}, "
			      "expect: {refused: [isolate_vm], reason: protected}"))
		   .passed);
	end();
}

TEST(guards_of_the_settings_count)
{
	struct settings_protected shop = { .resource_group = STR("rg"),
		.text = STR("resource_group rg") };
	struct settings s = { .protects = &shop, .n_protects = 1, .approvals = { .quorum = 1 } };

	begin(
	    HIGH("expect: {actions: [notify], refused: [isolate_vm], reason: resource_group rg}"));
	CHECK(run_on(ALERT, &s).passed);
	end();
}

TEST(what_always_waits_for_approval_is_held)
{
	struct str held = STR("isolate_vm");
	struct settings s = { .approvals = { .quorum = 1, .actions = &held, .n_actions = 1 } };

	begin(HIGH("expect: {actions: [notify], held: [isolate_vm], reason: waits for approval}"));
	CHECK(run_on(ALERT, &s).passed);
	end();
}

TEST(a_test_says_the_same_in_shadow_mode_and_when_it_is_enforced)
{
	struct settings s = { .mode = GUARD_SHADOW, .approvals = { .quorum = 1 } };

	begin("rules:\n- {name: r, mode: shadow, match: {severity: High}, actions: [isolate_vm], "
	      "tests: [{alert: a, expect: {actions: [isolate_vm]}}]}\n");
	CHECK(run_on(ALERT, &s).passed);
	end();
}

TEST(a_rule_behind_one_that_stops_is_not_asked)
{
	struct rule_test_result result;

	begin("rules:\n"
	      "- {name: quiet, match: {compromisedEntity: vm1}, stop: true, actions: [{notify: "
	      "it}]}\n"
	      "- {name: r, match: {severity: High}, actions: [isolate_vm], "
	      "tests: [{alert: a, expect: {fires: true}}]}\n");
	result = run_on(ALERT, NULL);
	CHECK(!result.passed);
	CHECK_STR(result.happened, "is not asked: 'quiet' (r.yaml:2) fires, and stops");
	end();
}

TEST(a_rule_that_the_index_leaves_out_shows_its_conditions)
{
	struct rule_test_result result;
	struct buf text;

	buf_init(&text, 1 << 20);
	buf_add_cstr(&text, "rules:\n");
	for (int i = 0; i < 200; i++)
		buf_printf(&text,
		    "- {name: r%d, match: {alertDisplayName|contains: other}, actions: "
		    "[isolate_vm],"
		    " tests: [{alert: a, expect: {fires: true}}]}\n",
		    i);
	begin(buf_cstr(&text));
	result = run_on(ALERT, NULL);
	CHECK(!result.passed && result.answer == ANSWER_NO);
	CHECK_INT(result.n_lines, 1);
	CHECK_STR(result.lines[0].seen, "Bad process");
	end();
	buf_done(&text);
}

/* ---- what decided ---- */

static size_t
deciders(const char *match, struct trace_line **lines)
{
	struct err e;
	const struct alert *al;
	size_t n;

	begin(match);
	al = rule_test_alert(STR(ALERT), NULL, a, &e);
	CHECK(al != NULL);
	(void)rule_decided_by(rules_at(rules, 0), al, 1, a, lines, &n);
	return n;
}

TEST(only_the_conditions_that_decided_are_shown)
{
	struct trace_line *lines;

	CHECK_INT(deciders("rules:\n- name: r\n  actions: [isolate_vm]\n"
			   "  match: {severity: High, compromisedEntity: other}\n",
		      &lines),
	    1);
	CHECK_STR(lines[0].field, "compromisedEntity");
	end();
	CHECK_INT(deciders("rules:\n- name: r\n  actions: [isolate_vm]\n"
			   "  match:\n    a: {severity: High}\n    b: {compromisedEntity: vm1}\n"
			   "    condition: a and not b\n",
		      &lines),
	    1);
	CHECK_STR(lines[0].selection, "b");
	CHECK_INT(lines[0].answer, ANSWER_YES);
	end();
	CHECK_INT(deciders("rules:\n- name: r\n  actions: [isolate_vm]\n"
			   "  match:\n    a: {severity: Low}\n    b: {compromisedEntity: vm1}\n"
			   "    condition: a and b\n",
		      &lines),
	    1);
	CHECK_STR(lines[0].selection, "a");
	end();
}

TEST(a_condition_knows_where_it_is_written)
{
	struct rule_condition c;

	begin("rules:\n- name: r\n  actions: [isolate_vm]\n  match:\n    a:\n"
	      "      - {severity: High}\n      - severity|gte: Low\n        status: Active\n"
	      "    condition: a\n");
	CHECK_INT(rule_conditions(rules_at(rules, 0)), 3);
	c = rule_condition(rules_at(rules, 0), 2);
	CHECK_INT(c.line, 8);
	CHECK_INT(c.col, 9);
	CHECK_STR(c.field, "status");
	CHECK_STR(c.selection, "a");
	end();
}

/* ---- alerts ---- */

static const struct alert *
overridden(const char *text, const char *json, struct err *e)
{
	struct json *overrides = json_parse(str_of(json), a, e);

	CHECK(overrides != NULL);
	return rule_test_alert(str_of(text), overrides, a, e);
}

static void
check_field(const char *overrides, const char *field, const char *wanted)
{
	const struct alert *al;
	struct field_values v;
	struct err e;

	a = arena_new();
	al = overridden(ALERT, overrides, &e);
	if (al == NULL)
		print_error("%s\n", e.text);
	CHECK(al != NULL);
	alert_field(al, str_of(field), a, &v);
	CHECK_INT(v.n, wanted != NULL);
	if (wanted != NULL)
		CHECK_STR(v.values[0], wanted);
	arena_free(a);
}

TEST(an_override_changes_one_field)
{
	check_field("{\"severity\":\"Low\"}", "severity", "Low");
	check_field("{\"SEVERITY\":\"Low\"}", "severity", "Low");
	check_field(
	    "{\"extendedProperties.user Name\":\"bob\"}", "extendedProperties.user Name", "bob");
	check_field("{\"extendedProperties.new\":7}", "extendedProperties.new", "7");
	check_field("{\"compromisedEntity\":null}", "compromisedEntity", NULL);
	check_field("{\"alertType\":\"VM_X\"}", "alertType", "VM_X");
	check_field("{\"event.type\":\"T\"}", "event.type", "T");
	check_field("{\"resourceIdentifiers.azureResourceId\":"
		    "\"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/lab"
		    "/providers/Microsoft.Compute/virtualMachines/vm2\"}",
	    "resourceGroup", "lab");
}

TEST(an_override_finds_the_fields_of_the_form_of_the_api)
{
	struct err e;
	const struct alert *al;

	a = arena_new();
	al = overridden("{\"properties\":{\"alertDisplayName\":\"x\",\"severity\":\"High\"}}",
	    "{\"severity\":\"Low\"}", &e);
	CHECK(al != NULL);
	CHECK_STR(al->severity, "Low");
	arena_free(a);
}

static void
check_unusable(const char *text, const char *overrides, const char *words)
{
	struct err e;

	a = arena_new();
	CHECK(overridden(text, overrides, &e) == NULL);
	CHECK_HAS(e.text, words);
	arena_free(a);
}

TEST(an_override_of_what_is_not_there_is_a_mistake)
{
	check_unusable(ALERT, "{\"severty\":\"Low\"}",
	    "overrides: the alert has no 'severty' that could be otherwise, did you mean "
	    "'severity'?");
	check_unusable(ALERT, "{\"extended.x\":\"y\"}", "the alert has no 'extended.x'");
	check_unusable(ALERT, "{\"resourceGroup\":\"rg-lab\"}",
	    "'resourceGroup' is no field of its own in an alert of the form flat");
}

TEST(what_is_no_single_alert_is_a_mistake)
{
	check_unusable("[" ALERT "," ALERT "]", "{}", "it holds 2 events, a test is about one");
	check_unusable("{", "{}", "");
}

TEST(a_test_that_does_not_speak_of_guards_does_not_stop_who_adds_one)
{
	struct settings_protected shop = { .resource_group = STR("rg"),
		.text = STR("resource_group rg") };
	struct settings s = { .protects = &shop, .n_protects = 1, .approvals = { .quorum = 1 } };

	begin(HIGH("expect: {actions: [isolate_vm, notify]}"));
	CHECK(run_on(ALERT, &s).passed);
	end();
	begin(HIGH("expect: {actions: [isolate_vm, notify], refused: []}"));
	CHECK(!run_on(ALERT, &s).passed);
	end();
}
