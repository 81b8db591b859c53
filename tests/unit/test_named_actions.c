/*
 * Actions with names: what a rule that refers to one gets, and what cannot be named so.
 */
#include "rules_text.h"

#include <stdio.h>

#define RULES(actions) "rules:\n- name: r\n  match: {severity: High}\n  actions: " actions "\n"
#define HEAD                                                                \
	"actions:\n"                                                        \
	"  quarantine: {isolate_vm: {snapshot: true, expires_after: 8h}}\n" \
	"  longer: {quarantine: {expires_after: 2d}}\n"                     \
	"  page: {notify: soc}\n"                                           \
	"  plain: isolate_vm\n"

static void
check_params(const char *actions, const char *name, const char *params)
{
	char text[1000];
	struct rules *r;

	snprintf(text, sizeof(text), HEAD RULES("%s"), actions);
	r = rules_of(text);
	if (r == NULL)
		print_error("%s", complaints());
	CHECK(r != NULL);
	CHECK_STR(rules_at(r, 0)->actions[0].name, name);
	CHECK_STR(rules_at(r, 0)->actions[0].params, params);
	rules_free(r);
}

static void
check_told(const char *text, const char *words)
{
	CHECK(rules_of(text) == NULL);
	CHECK_HAS(complaints(), words);
}

TEST(a_rule_refers_to_an_action_by_name_and_overrides_single_parameters)
{
	check_params(
	    "[quarantine]", "isolate_vm", "{\"snapshot\":\"true\",\"expires_after\":\"8h\"}");
	check_params(
	    "[{quarantine: }]", "isolate_vm", "{\"snapshot\":\"true\",\"expires_after\":\"8h\"}");
	check_params("[{quarantine: {expires_after: 2h}}]", "isolate_vm",
	    "{\"snapshot\":\"true\",\"expires_after\":\"2h\"}");
	check_params("[{quarantine: {tag: x}}]", "isolate_vm",
	    "{\"snapshot\":\"true\",\"expires_after\":\"8h\",\"tag\":\"x\"}");
	check_params("[longer]", "isolate_vm", "{\"snapshot\":\"true\",\"expires_after\":\"2d\"}");
	check_params("[{longer: {snapshot: false}}]", "isolate_vm",
	    "{\"expires_after\":\"2d\",\"snapshot\":\"false\"}");
	check_params("[{plain: {tag: x}}]", "isolate_vm", "{\"tag\":\"x\"}");
	check_params("[plain]", "isolate_vm", "{}");
}

TEST(a_single_value_is_overridden_by_a_single_value)
{
	struct rules *r = rules_of(HEAD RULES("[page, {page: ops}]"));

	CHECK(r != NULL);
	CHECK_STR(rules_at(r, 0)->actions[0].named, "soc");
	CHECK_STR(rules_at(r, 0)->actions[1].named, "ops");
	rules_free(r);
	check_told(HEAD RULES("[{page: {channel: ops}}]"),
	    "r.yaml:9:20: error: nothing can be overridden here: in line 4 of r.yaml the parameter "
	    "stands without its name");
}

TEST(a_name_holds_in_all_files_whatever_their_order)
{
	struct source files[] = { { "a.yaml", STR(RULES("[quarantine]")) },
		{ "b.yaml", STR("actions: {quarantine: isolate_vm}\n") },
		{ "c.yaml", STR("actions: {quarantine: {notify: soc}}\n") } };
	struct rules *r = rules_of_files(files, 2);

	CHECK(r != NULL);
	CHECK_STR(rules_at(r, 0)->actions[0].name, "isolate_vm");
	rules_free(r);
	CHECK(rules_of_files(files, 3) == NULL);
	CHECK_HAS(complaints(), "c.yaml:1:11: error: the name 'quarantine' is taken: b.yaml:1");
}

TEST(a_mistake_of_a_named_action_is_told_once_at_its_place)
{
	check_told("actions: {notify: isolate_vm}\n" RULES("[isolate_vm]"),
	    "r.yaml:1:11: error: 'notify' is an action by itself, take another name");
	check_told("actions: {Page: isolate_vm}\n" RULES("[isolate_vm]"),
	    "'Page' cannot be a name: 1 to 64 of a-z, 0-9, - and _");
	check_told("actions: [x]\n", "r.yaml:1:10: error: actions are a mapping");
	check_told("actions: {x: [isolate_vm]}\n", "r.yaml:1:14: error: an action is its name, or");
	check_told("actions: {x: {a: 1, b: 2}}\n", "r.yaml:1:14: error: an action is its name, or");
	check_told("actions: {x: isolate_wm}\n" RULES("[x, x, {x: {a: 1}}]"),
	    "r.yaml:1:14: error: unknown action 'isolate_wm'");
	CHECK_INT(diags.errors, 1);
	check_told(HEAD RULES("[quarantin]"),
	    "r.yaml:9:13: error: unknown action 'quarantin', did you mean 'quarantine'?");
}

TEST(an_action_that_refers_to_itself_is_refused)
{
	check_told("actions: {a: a}\n" RULES("[a]"), "r.yaml:1:11: error: 'a' refers to itself");
	CHECK_INT(diags.errors, 1);
	check_told("actions:\n  a: {b: {x: 1}}\n  b: c\n  c: {a: {y: 1}}\n" RULES("[b]"),
	    "r.yaml:2:3: error: 'a' refers to itself");
	CHECK_INT(diags.errors, 1);
}

TEST(an_action_that_no_rule_uses_is_warned_of)
{
	rules_free(rules_of(HEAD RULES("[longer]")));
	CHECK_INT(diags.errors, 0);
	CHECK_INT(diags.warnings, 2); /* longer uses quarantine */
	CHECK_HAS(complaints(), "r.yaml:4:3: warning: no rule uses the action 'page'");
	CHECK_HAS(complaints(), "r.yaml:5:3: warning: no rule uses the action 'plain'");
}
