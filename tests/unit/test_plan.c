#include <stdio.h>

#include "alert_text.h"
#include "core/guard.h"
#include "core/plan.h"
#include "core/trace.h"
#include "rules_text.h"

#define NOW 1760000000000

#define ISOLATE    \
	"rules:\n" \
	"  - {name: one, match: {severity: High}, actions: [isolate_vm, {notify: soc}]}\n"

static const char high[] = "{'alertDisplayName':'x','severity':'High','systemAlertId':'a1',"
			   "'resourceIdentifiers':[{'azureResourceId':'" VM "'}]}";

static struct settings settings;
static struct rules *rules;
static int64_t done_before, done_in_subscription, done_on_target, done_by_rule, panic_since;
static struct plan plan;

static int64_t
count(void *ctx, const struct step_filter *which)
{
	(void)ctx;
	CHECK_STR(which->action, "isolate_vm");
	if (which->target.n > 0) {
		CHECK_STR(which->target, VM);
		CHECK_INT(which->since_ms, NOW - 4 * 3600000);
		return done_on_target;
	}
	CHECK_INT(which->since_ms, NOW - 3600000);
	if (which->rule.n > 0) /* of the rule "one", all was let through */
		return str_is(which->rule, "one") ? done_by_rule : 0;
	return which->subscription.n == 0 ? done_before : done_in_subscription;
}

/* What the rules plan for the alert, under the settings of this file. */
static const struct plan *
plan_of(const char *rule_text, const char *alert_text)
{
	const struct guard_facts facts = { .now_ms = NOW, .count = count, .panic_ms = panic_since };
	struct verdict *verdicts;
	struct alert al = alert_of(alert_text);
	size_t n;

	rules_free(rules);
	rules = rules_of(rule_text);
	if (rules == NULL)
		print_error("%s", complaints());
	CHECK(rules != NULL);
	rules_judge(rules, &al, NOW, arena, &verdicts, &n);
	plan_build(&settings, verdicts, n, &al, &facts, arena, &plan);
	return &plan;
}

static void
fresh(void)
{
	settings = (struct settings){ .mode = GUARD_ENFORCE };
	done_before = done_in_subscription = done_by_rule = 0;
}

static void
protect(struct settings_protected entry)
{
	static struct settings_protected one;

	one = entry;
	settings.protects = &one;
	settings.n_protects = 1;
}

static struct settings_protected
nothing(void)
{
	return (struct settings_protected){ STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY,
		STR("the entry") };
}

static void
check_first(const struct plan *p, enum step_state state, const char *reason)
{
	CHECK_STR(p->steps[0].action, "isolate_vm");
	CHECK_CSTR(step_state_name(p->steps[0].state), step_state_name(state));
	CHECK_STR(p->steps[0].reason, reason);
}

TEST(a_rule_that_fires_gives_its_actions_as_steps)
{
	const struct plan *p;

	fresh();
	p = plan_of(ISOLATE, high);
	CHECK_INT(p->n, 2);
	check_first(p, STEP_WAITING, "");
	CHECK_STR(p->steps[0].target, VM);
	CHECK_INT(p->steps[0].due_ms, NOW);
	CHECK_STR(p->steps[1].target, "soc");
	CHECK(p->steps[1].reports);
}

TEST(a_rule_that_does_not_fire_gives_none)
{
	fresh();
	CHECK_INT(plan_of(ISOLATE, "{'alertDisplayName':'x','severity':'Low'}")->n, 0);
}

TEST(equal_steps_of_two_rules_are_one_and_the_first_rule_has_it)
{
	const struct plan *p;

	fresh();
	p = plan_of(
	    ISOLATE "  - {name: two, match: {severity: High}, actions: [isolate_vm]}\n", high);
	CHECK_INT(p->n, 2);
	CHECK_STR(p->steps[0].rule, "one");
}

TEST(a_rule_that_may_act_wins_over_one_that_may_only_watch)
{
	const struct plan *p;

	fresh();
	p = plan_of(
	    "rules:\n"
	    "  - {name: watch, mode: shadow, match: {severity: High}, actions: [isolate_vm]}\n"
	    "  - {name: act, match: {severity: High}, actions: [isolate_vm]}\n",
	    high);
	CHECK_INT(p->n, 1);
	check_first(p, STEP_WAITING, "");
	CHECK_STR(p->steps[0].rule, "act");
}

TEST(ids_that_differ_in_case_are_one_target)
{
	char first[SHA256_HEX_MAX];

	fresh();
	plan_of(ISOLATE, high);
	snprintf(first, sizeof(first), "%.*s", STR_ARG(plan.steps[0].key));
	plan_of(ISOLATE, "{'alertDisplayName':'x','severity':'High','systemAlertId':'a1',"
			 "'resourceIdentifiers':[{'azureResourceId':'" VM_UPPER "'}]}");
	CHECK_STR(plan.steps[0].key, first);
}

TEST(another_alert_is_another_effect)
{
	struct arena *a = arena_new();
	struct str x = step_key(STR("a1"), STR("isolate_vm"), STR("{}"), STR(VM), 0, a);

	CHECK(!str_eq(x, step_key(STR("a2"), STR("isolate_vm"), STR("{}"), STR(VM), 0, a)));
	CHECK(!str_eq(x, step_key(STR("a1"), STR("isolate_vm"), STR("{}"), STR(VM), 7, a)));
	CHECK(!str_eq(x, step_key(STR("a1"), STR("isolate_vm{}"), STR(""), STR(VM), 0, a)));
	arena_free(a);
}

TEST(an_unsure_rule_does_not_destroy_but_tells)
{
	const struct plan *p;

	fresh();
	p = plan_of("rules:\n  - {name: one, match: {severity|gte: High}, actions: [isolate_vm, "
		    "{notify: soc}]}\n",
	    "{'alertDisplayName':'x','severity':'Critical',"
	    "'resourceIdentifiers':[{'azureResourceId':'" VM "'}]}");
	CHECK_CSTR(step_state_name(p->steps[0].state), "refused");
	CHECK(str_has_nocase(p->steps[0].reason, STR("could not be decided: severity|gte")));
	CHECK_CSTR(step_state_name(p->steps[1].state), "waiting");
}

TEST(a_sample_is_not_acted_on_unless_the_rule_says_so)
{
	static const char sample[] = "{'alertDisplayName':'[SAMPLE ALERT] x','severity':'High',"
				     "'alertType':'SIMULATED_x',"
				     "'resourceIdentifiers':[{'azureResourceId':'" VM "'}]}";

	fresh();
	check_first(plan_of(ISOLATE, sample), STEP_REFUSED,
	    "sample alert, and the rule does not say allow_sample: true");
	check_first(plan_of("rules:\n  - {name: one, allow_sample: true, match: {severity: High}, "
			    "actions: [isolate_vm]}\n",
			sample),
	    STEP_WAITING, "");
}

TEST(an_alert_without_a_usable_resource_refuses_with_the_reason)
{
	fresh();
	check_first(plan_of(ISOLATE, "{'alertDisplayName':'x','severity':'High'}"), STEP_REFUSED,
	    "the alert names no Azure resource");
	check_first(plan_of(ISOLATE, "{'alertDisplayName':'x','severity':'High',"
				     "'resourceIdentifiers':[{'azureResourceId':'" VM "/../y'}]}"),
	    STEP_REFUSED,
	    "the alert's resource id cannot be used: resource id has the segment '..'");
}

TEST(protected_resources_are_refused_whatever_their_case)
{
	struct settings_protected entry = nothing();

	fresh();
	entry.resource_group = STR("RG-Shop");
	protect(entry);
	check_first(plan_of(ISOLATE, high), STEP_REFUSED, "protected by the entry");
	entry.subscription = STR("66666666-7777-8888-9999-000000000000");
	protect(entry);
	check_first(plan_of(ISOLATE, high), STEP_WAITING, "");
}

TEST(a_pattern_protects_what_it_fits)
{
	struct settings_protected entry = nothing();

	fresh();
	entry.resource = STR("*/virtualmachines/WEB-??");
	protect(entry);
	check_first(plan_of(ISOLATE, high), STEP_REFUSED, "protected by the entry");
	entry.resource = STR("*/virtualMachines/web");
	protect(entry);
	check_first(plan_of(ISOLATE, high), STEP_WAITING, "");
}

TEST(a_protecting_tag_is_asked_for_by_name_without_case_and_by_value_with_it)
{
	struct arena *a = arena_new();
	struct settings_protected entry = nothing();
	struct buf why;
	struct err e;
	struct json *tags = json_parse(STR("{\"Gridwarden\":\"protected\"}"), a, &e);

	fresh();
	buf_init(&why, 100);
	CHECK(!guard_needs_tags(&settings));
	entry.tag_name = STR("gridwarden");
	entry.tag_value = STR("protected");
	protect(entry);
	CHECK(guard_needs_tags(&settings));
	CHECK(guard_protects_tags(&settings, tags, &why));
	CHECK_STR(buf_str(&why), "the entry");
	CHECK(!guard_protects_tags(&settings, NULL, &why));
	entry.tag_value = STR("Protected");
	protect(entry);
	CHECK(!guard_protects_tags(&settings, tags, &why));
	entry.tag_value = STR_EMPTY;
	protect(entry);
	CHECK(guard_protects_tags(&settings, tags, &why));
	buf_done(&why);
	arena_free(a);
}

TEST(shadow_keeps_the_step_and_still_tells)
{
	const struct plan *p;

	fresh();
	settings.mode = GUARD_SHADOW;
	p = plan_of(ISOLATE, high);
	check_first(p, STEP_SHADOW, "guards.mode is shadow");
	CHECK_CSTR(step_state_name(p->steps[1].state), "waiting");
}

TEST(outside_of_the_scope_nothing_is_touched)
{
	struct settings_protected scopes[] = { { .resource_group = STR("rg-other") },
		{ .resource = STR("*/virtualMachines/WEB-*") } };

	fresh();
	settings.scopes = scopes;
	settings.n_scopes = 1;
	check_first(plan_of(ISOLATE, high), STEP_REFUSED, "outside of guards.scope");
	settings.n_scopes = 2;
	check_first(plan_of(ISOLATE, high), STEP_WAITING, "");
}

TEST(a_target_has_to_cool_down)
{
	struct settings_budget budget = { .action = STR("isolate_vm"), .cooldown_ms = 4 * 3600000 };

	fresh();
	settings.budgets = &budget;
	settings.n_budgets = 1;
	done_on_target = 0;
	check_first(plan_of(ISOLATE, high), STEP_WAITING, "");
	done_on_target = 1;
	check_first(plan_of(ISOLATE, high), STEP_REFUSED,
	    "cooldown: isolate_vm was done on this target within the last 4h");
	budget.over_approve = true;
	check_first(plan_of(ISOLATE, high), STEP_APPROVAL,
	    "cooldown: isolate_vm was done on this target within the last 4h");
	done_on_target = 0;
}

TEST(panic_refuses_what_is_disruptive_before_anything_else_is_asked)
{
	fresh();
	panic_since = 1795464000000;
	check_first(plan_of(ISOLATE, high), STEP_REFUSED,
	    "panic since 2026-11-23T20:00:00Z: nothing destructive is done");
	settings.mode = GUARD_SHADOW;
	check_first(plan_of(ISOLATE, high), STEP_REFUSED,
	    "panic since 2026-11-23T20:00:00Z: nothing destructive is done");
	panic_since = 0;
}

TEST(a_budget_that_is_used_up_refuses_or_holds_for_approval)
{
	struct settings_budget budget = { .action = STR("isolate_vm"), .per_hour = 5 };

	fresh();
	settings.budgets = &budget;
	settings.n_budgets = 1;
	done_before = 4;
	check_first(plan_of(ISOLATE, high), STEP_WAITING, "");
	done_before = 5;
	check_first(plan_of(ISOLATE, high), STEP_REFUSED, "budget used up: 5 isolate_vm an hour");
	budget.over_approve = true;
	check_first(plan_of(ISOLATE, high), STEP_APPROVAL, "budget used up: 5 isolate_vm an hour");
	budget =
	    (struct settings_budget){ .action = STR("isolate_vm"), .per_subscription_per_hour = 2 };
	done_in_subscription = 2;
	check_first(plan_of(ISOLATE, high), STEP_REFUSED,
	    "budget used up: 2 isolate_vm an hour in one subscription");
}

TEST(each_rule_has_its_own_budget_and_what_another_may_do_is_done)
{
	struct settings_budget budget = { .action = STR("isolate_vm"), .per_rule_per_hour = 3 };
	const struct plan *p;

	fresh();
	settings.budgets = &budget;
	settings.n_budgets = 1;
	done_by_rule = 2;
	check_first(plan_of(ISOLATE, high), STEP_WAITING, "");
	done_by_rule = 3;
	check_first(plan_of(ISOLATE, high), STEP_REFUSED,
	    "budget used up: 3 isolate_vm an hour by one rule");
	p = plan_of(
	    ISOLATE "  - {name: two, match: {severity: High}, actions: [isolate_vm]}\n", high);
	check_first(p, STEP_WAITING, "");
	CHECK_STR(p->steps[0].rule, "two");
}

TEST(the_trace_keeps_what_was_seen_and_says_why_in_words)
{
	struct arena *a = arena_new();
	struct alert al = alert_of("{'alertDisplayName':'Suspicious thing','severity':'High'}");
	struct verdict_text *why;
	struct verdict *v;
	size_t n;

	rules_free(rules);
	rules = rules_of("rules:\n"
			 "  - {name: one, match: {severity|gte: Low, alertDisplayName|contains: "
			 "suspicious}, actions: [isolate_vm]}\n"
			 "  - {name: two, match: {severity: Low}, actions: [isolate_vm]}\n");
	rules_judge(rules, &al, NOW, a, &v, &n);
	CHECK_STR(
	    json_print(
		json_at(json_first(json_get(trace_json(v, n, 0, a), "rules")), "conditions"), a),
	    "[{\"field\":\"severity|gte\",\"wanted\":\"Low\",\"seen\":\"High\",\"answer\":\"yes\"},"
	    "{\"field\":\"alertDisplayName|contains\",\"wanted\":\"suspicious\","
	    "\"seen\":\"Suspicious thing\",\"answer\":\"yes\",\"stopped\":true}]");
	trace_reasons(trace_json(v, n, 0, a), a, &why, &n);
	CHECK_INT(n, 1);
	CHECK_STR(why[0].rule, "one");
	CHECK_STR(why[0].why, "severity is at least Low (it is High); alertDisplayName contains "
			      "suspicious (it is Suspicious thing)");
	arena_free(a);
}

TEST(step_states_have_names_that_are_read_back)
{
	enum step_state state;

	for (int i = STEP_WAITING; i <= STEP_SHADOW; i++) {
		CHECK(step_state_parse(str_of(step_state_name((enum step_state)i)), &state));
		CHECK_INT(state, i);
	}
	CHECK(!step_state_parse(STR("Waiting"), &state));
}

TEST(a_way_back_has_the_record_and_a_key_of_its_own)
{
	struct arena *a = arena_new();
	struct step done = { .id = 7,
		.key = STR("k"),
		.action = STR("isolate_vm"),
		.params = STR("{}"),
		.target = STR(VM),
		.before = STR("{\"x\":1}"),
		.state = STEP_DONE };
	struct step undo;

	step_undo(&done, STR("a1"), NOW, a, &undo);
	CHECK_INT(undo.undo_of, 7);
	CHECK_STR(undo.before, "{\"x\":1}");
	CHECK_CSTR(step_state_name(undo.state), "waiting");
	CHECK(!str_eq(undo.key, done.key));
	arena_free(a);
}

TEST(an_action_that_always_waits_is_held_whatever_its_budget_says)
{
	static struct str always[] = { { "power_off_vm", 12 }, { "isolate_vm", 10 } };

	fresh();
	settings.approvals = (struct settings_approvals){ .actions = always, .n_actions = 2 };
	settings.approval_timeout_ms = 1000;
	plan_of(ISOLATE, high);
	CHECK_INT(plan.steps[0].state, STEP_APPROVAL);
	CHECK_STR(plan.steps[0].reason, "it always waits for approval");
	CHECK_INT(plan.steps[0].due_ms, NOW + 1000);
	CHECK_INT(plan.steps[1].state, STEP_WAITING);
	/* Guards that refuse go before it. */
	settings.mode = GUARD_SHADOW;
	plan_of(ISOLATE, high);
	CHECK_INT(plan.steps[0].state, STEP_SHADOW);
	settings.mode = GUARD_ENFORCE;
	settings.approvals.n_actions = 1;
	plan_of(ISOLATE, high);
	CHECK_INT(plan.steps[0].state, STEP_WAITING);
}
