/* Two ways to decide the same events, and what is said to differ. */
#include "core/difference.h"
#include "rules_text.h"

#define VM(name) \
	"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/" name

#define BEFORE                                                                  \
	"rules:\n"                                                              \
	"  - {name: isolate, match: {severity: High}, actions: [isolate_vm]}\n" \
	"  - {name: gone, match: {severity: Low}, actions: [notify: soc]}\n"
#define AFTER                                                                   \
	"rules:\n"                                                              \
	"  - {name: isolate, match: {severity: High}, actions: [isolate_vm]}\n" \
	"  - {name: added, match: {severity: Low}, actions: [notify: soc]}\n"

static struct rules *before_rules, *after_rules;
static struct difference *d;
static struct arena *arena;
static struct alert alert;

static void
fresh(void)
{
	difference_free(d);
	rules_free(before_rules);
	rules_free(after_rules);
	arena_free(arena);
	arena = arena_new();
	before_rules = rules_of(BEFORE);
	CHECK(before_rules != NULL);
	after_rules = rules_of(AFTER);
	CHECK(after_rules != NULL);
	d = difference_new(before_rules, after_rules);
	alert = (struct alert){ .name = STR("an alert") };
}

/* A decision with one step; action NULL: with none. */
static struct decided
decided(const char *action, const char *target, enum step_state state, const char *reason)
{
	struct decided out = { .state = EVENT_STATE_DECIDED, .alert = &alert };

	if (action == NULL)
		return out;
	out.plan.steps = arena_alloc(arena, sizeof(*out.plan.steps));
	out.plan.n = 1;
	out.plan.steps[0] = (struct step){ .key = STR("k"),
		.action = str_of(action),
		.target = str_of(target),
		.rule = STR("isolate"),
		.params = STR("{}"),
		.disruptive = strcmp(action, "notify") != 0,
		.state = state,
		.reason = str_of(reason) };
	return out;
}

static void
add(int64_t id, struct decided before, struct decided after)
{
	const struct difference_event ev = {
		.alert = id, .received_ms = 1000 * id, .is_first = true
	};

	difference_add(d, &ev, &before, &after);
}

TEST(an_isolation_that_only_the_new_rules_do_is_a_machine_more_with_its_alert_and_rule)
{
	const struct difference_row **rows;
	size_t n;

	fresh();
	add(7, decided(NULL, "", STEP_WAITING, ""),
	    decided("isolate_vm", VM("a"), STEP_WAITING, ""));
	rows = difference_rows(d, &n);
	CHECK_INT(n, 1);
	CHECK_STR(rows[0]->target, VM("a"));
	CHECK_INT(rows[0]->before[EFFECT_NONE], 1);
	CHECK_INT(rows[0]->after[EFFECT_DONE], 1);
	CHECK_INT(rows[0]->n_cases, 1);
	CHECK_INT(rows[0]->cases[0].alert, 7);
	CHECK_INT(rows[0]->cases[0].at_ms, 7000);
	CHECK_STR(rows[0]->cases[0].name, "an alert");
	CHECK_STR(rows[0]->cases[0].after.rule, "isolate");
	CHECK_INT(difference_gain(d, STR("isolate_vm")).more, 1);
	CHECK(difference_any(d));
}

TEST(a_machine_that_both_isolate_is_neither_more_nor_less_whatever_the_alert_and_the_case)
{
	struct difference_gain gain;

	fresh();
	add(1, decided("isolate_vm", VM("a"), STEP_WAITING, ""),
	    decided(NULL, "", STEP_WAITING, ""));
	add(2, decided(NULL, "", STEP_WAITING, ""),
	    decided("isolate_vm", VM("A"), STEP_WAITING, ""));
	add(3, decided("isolate_vm", VM("b"), STEP_WAITING, ""),
	    decided("isolate_vm", VM("b"), STEP_REFUSED, "protected by it"));
	gain = difference_gain(d, STR("isolate_vm"));
	CHECK_INT(gain.more, 0);
	CHECK_INT(gain.less, 1);
	CHECK_INT(gain.same, 1);
}

TEST(what_is_the_same_differs_nowhere)
{
	size_t n;

	fresh();
	add(1, decided("isolate_vm", VM("a"), STEP_WAITING, ""),
	    decided("isolate_vm", VM("a"), STEP_WAITING, ""));
	add(2, decided("notify", "soc", STEP_WAITING, ""),
	    decided("notify", "soc", STEP_WAITING, ""));
	(void)difference_rows(d, &n);
	CHECK_INT(n, 0);
	CHECK(!difference_any(d));
	CHECK_INT(difference_totals(d)->alerts, 2);
	CHECK_INT(difference_totals(d)->oldest_ms, 1000);
}

TEST(other_parameters_are_a_difference)
{
	struct decided after = { .state = EVENT_STATE_DECIDED };
	const struct difference_row **rows;
	size_t n;

	fresh();
	after = decided("isolate_vm", VM("a"), STEP_WAITING, "");
	after.plan.steps[0].params = STR("{\"expires_after\":\"8h\"}");
	add(1, decided("isolate_vm", VM("a"), STEP_WAITING, ""), after);
	rows = difference_rows(d, &n);
	CHECK_INT(n, 1);
	CHECK(rows[0]->cases[0].params);
	CHECK_INT(difference_gain(d, STR("isolate_vm")).same, 1);
}

TEST(rows_begin_with_what_is_added_and_then_what_is_removed)
{
	const struct difference_row **rows;
	size_t n;

	fresh();
	add(1, decided("isolate_vm", VM("x"), STEP_WAITING, ""),
	    decided(NULL, "", STEP_WAITING, ""));
	add(2, decided("isolate_vm", VM("a"), STEP_SHADOW, ""),
	    decided("isolate_vm", VM("a"), STEP_APPROVAL, ""));
	add(3, decided(NULL, "", STEP_WAITING, ""),
	    decided("isolate_vm", VM("z"), STEP_WAITING, ""));
	rows = difference_rows(d, &n);
	CHECK_INT(n, 3);
	CHECK_STR(rows[0]->target, VM("z"));
	CHECK_STR(rows[1]->target, VM("x"));
	CHECK_STR(rows[2]->target, VM("a"));
	CHECK_CSTR(effect_name(rows[2]->cases[0].before.effect), "shadow");
	CHECK_CSTR(effect_name(rows[2]->cases[0].after.effect), "held");
}

TEST(messages_are_counted_by_channel_and_rule_and_budgets_by_their_reason)
{
	const struct difference_count *c;
	size_t n;

	fresh();
	add(1, decided("notify", "soc", STEP_WAITING, ""), decided(NULL, "", STEP_WAITING, ""));
	add(2, decided("notify", "soc", STEP_WAITING, ""), decided("notify", "soc", STEP_DONE, ""));
	add(3, decided("isolate_vm", VM("a"), STEP_WAITING, ""),
	    decided("isolate_vm", VM("a"), STEP_REFUSED, "budget used up: 1 isolate_vm an hour"));
	add(4, decided("isolate_vm", VM("b"), STEP_WAITING, ""),
	    decided("isolate_vm", VM("b"), STEP_APPROVAL, "cooldown: it was done"));
	c = difference_messages(d, &n);
	CHECK_INT(n, 1);
	CHECK_STR(c[0].where, "soc");
	CHECK_INT(c[0].before, 2);
	CHECK_INT(c[0].after, 0); /* told in a digest is not told twice */
	c = difference_budgets(d, &n);
	CHECK_INT(n, 2);
	CHECK_STR(c[0].what, "budget used up: 1 isolate_vm an hour");
	CHECK_INT(c[0].before, 0);
	CHECK_INT(c[0].after, 1);
	CHECK_INT(c[1].after, 1);
}

TEST(rules_are_those_of_both_and_count_how_often_they_fire)
{
	struct verdict yes = { .answer = ANSWER_YES };
	struct verdict unsure = { .answer = ANSWER_UNSURE };
	struct decided before = { .state = EVENT_STATE_DECIDED }, after = before;
	const struct difference_rule *r;
	size_t n;

	fresh();
	yes.rule = rules_at(before_rules, 0);
	unsure.rule = rules_at(after_rules, 1);
	before.verdicts = &yes;
	after.verdicts = &unsure;
	before.n = after.n = 1;
	before.alert = after.alert = &alert;
	add(1, before, after);
	r = difference_rules(d, &n);
	CHECK_INT(n, 3);
	CHECK_STR(r[0].after->name, "isolate");
	CHECK_INT(r[0].fired[0], 1);
	CHECK_INT(r[0].fired[1], 0);
	CHECK_STR(r[1].after->name, "added");
	CHECK(r[1].before == NULL);
	CHECK_INT(r[1].unsure[1], 1);
	CHECK_STR(r[2].before->name, "gone");
	CHECK(r[2].after == NULL);
}

/* What the store says came of it, and what today decides: does that differ? */
static bool
differs_from_then(struct step *then, struct decided today)
{
	const struct difference_event ev = {
		.alert = 1, .received_ms = 1, .has_then = true, .then = then, .n_then = then != NULL
	};
	int64_t was = difference_totals(d)->then_differs;

	difference_add(d, &ev, &today, &today);
	return difference_totals(d)->then_differs > was;
}

TEST(what_was_let_through_then_is_as_today_whatever_came_of_it)
{
	struct decided done, held, refused, nothing;
	struct step then;

	fresh();
	done = decided("isolate_vm", VM("a"), STEP_WAITING, "");
	held = decided("isolate_vm", VM("a"), STEP_APPROVAL, "");
	refused = decided("isolate_vm", VM("a"), STEP_REFUSED, "sample");
	nothing = decided(NULL, "", STEP_WAITING, "");
	then = done.plan.steps[0];
	then.created_ms = 1000;
	then.state = STEP_FAILED;
	CHECK(!differs_from_then(&then, done));
	CHECK(!differs_from_then(&then, held)); /* it was approved */
	CHECK(differs_from_then(&then, refused));
	CHECK(differs_from_then(&then, nothing));
	CHECK(differs_from_then(NULL, done));
	CHECK(!differs_from_then(NULL, nothing));
	then.state = STEP_REFUSED; /* by a guard, as it was decided */
	then.settled_ms = 1000;
	CHECK(!differs_from_then(&then, refused));
	CHECK(differs_from_then(&then, done));
	then.settled_ms = 9000; /* nobody approved it in time */
	CHECK(!differs_from_then(&then, held));
}

TEST(more_resources_than_anybody_looks_at_are_counted_and_not_kept)
{
	size_t n;

	fresh();
	for (int i = 0; i < DIFFERENCE_ROWS_MAX + 10; i++)
		add(i + 1, decided(NULL, "", STEP_WAITING, ""),
		    decided("isolate_vm", arena_printf(arena, VM("vm-%d"), i).p, STEP_WAITING, ""));
	(void)difference_rows(d, &n);
	CHECK_INT(n, DIFFERENCE_ROWS_MAX);
	CHECK_INT(difference_totals(d)->left_out, 10);
}
