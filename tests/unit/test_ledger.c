/* The ledger answers as the store would: what was put before counts, at the time it was put. */
#include <stdio.h>

#include "core/ledger.h"
#include "test.h"

#define HOUR INT64_C(3600000)
#define START INT64_C(1760000000000)
#define VM(sub, name)                                                           \
	"/subscriptions/" sub "/resourceGroups/rg/providers/Microsoft.Compute/" \
	"virtualMachines/" name

static struct ledger *ledger;
static struct arena *arena;

static void
fresh(void)
{
	ledger_free(ledger);
	arena_free(arena);
	ledger = ledger_new(4 * HOUR);
	arena = arena_new();
}

static struct step
step_of(const char *key, const char *target, const char *rule)
{
	return (struct step){ .key = str_of(key),
		.action = STR("isolate_vm"),
		.target = str_of(target),
		.rule = str_of(rule),
		.params = STR("{}"),
		.disruptive = true,
		.state = STEP_WAITING };
}

/* Puts one step at that time; is it new? */
static bool
put(int64_t at_ms, struct step step, bool more)
{
	struct plan plan = { .steps = &step, .n = 1 };

	(void)ledger_facts(ledger, at_ms);
	step.created_ms = at_ms;
	if (step.due_ms == 0)
		step.due_ms = at_ms;
	ledger_put(ledger, &plan, &(const struct ledger_alert){ 1, STR("a"), more });
	return plan.n == 1;
}

static int64_t
counted(int64_t now_ms, int64_t since_ms, const char *subscription, const char *target,
    const char *rule)
{
	struct guard_facts facts = ledger_facts(ledger, now_ms);
	const struct step_filter which = { STR("isolate_vm"), str_of(subscription), str_of(target),
		str_of(rule), since_ms };

	return facts.count(facts.count_ctx, &which);
}

TEST(what_was_let_through_counts_until_it_is_older)
{
	fresh();
	CHECK(put(START, step_of("k1", VM("s", "a"), "r"), false));
	CHECK(put(START + 1000, step_of("k2", VM("s", "b"), "r"), false));
	CHECK_INT(counted(START + 2000, START + 2000 - HOUR, "", "", ""), 2);
	CHECK_INT(counted(START + HOUR, START, "", "", ""), 1);
	CHECK_INT(counted(START + HOUR + 1000, START + 1000, "", "", ""), 0);
}

TEST(a_target_and_a_subscription_are_asked_without_case_and_a_rule_with_it)
{
	fresh();
	CHECK(put(START, step_of("k1", VM("ABC", "Web-01"), "r"), false));
	CHECK_INT(counted(START, START - HOUR, "", VM("abc", "web-01"), ""), 1);
	CHECK_INT(counted(START, START - HOUR, "", VM("abc", "web-02"), ""), 0);
	CHECK_INT(counted(START, START - HOUR, "aBc", "", ""), 1);
	CHECK_INT(counted(START, START - HOUR, "abd", "", ""), 0);
	CHECK_INT(counted(START, START - HOUR, "", "", "r"), 1);
	CHECK_INT(counted(START, START - HOUR, "", "", "R"), 0);
	CHECK_INT(counted(START, START - HOUR, "abc", VM("abc", "web-01"), "r"), 1);
	CHECK_INT(counted(START, START - HOUR, "abc", VM("abc", "web-01"), "other"), 0);
}

TEST(what_is_refused_held_or_not_disruptive_counts_for_no_budget)
{
	struct step refused = step_of("k1", VM("s", "a"), "r");
	struct step held = step_of("k2", VM("s", "b"), "r");
	struct step card = step_of("k3", "soc", "r");

	fresh();
	refused.state = STEP_REFUSED;
	held.state = STEP_APPROVAL;
	card.disruptive = false;
	CHECK(put(START, refused, false) && put(START, held, false) && put(START, card, false));
	CHECK_INT(counted(START, START - HOUR, "", "", ""), 0);
}

TEST(the_same_effect_is_put_once_as_long_as_its_alert_may_come_again)
{
	fresh();
	CHECK(put(START, step_of("k1", VM("s", "a"), "r"), true));
	CHECK(!put(START + 5 * HOUR, step_of("k1", VM("s", "a"), "r"), false));
	CHECK_INT(counted(START + 5 * HOUR, START - 1, "", "", ""), 1);
}

TEST(a_clock_that_was_set_back_does_not_turn_time)
{
	fresh();
	CHECK(put(START, step_of("k1", VM("s", "a"), "r"), false));
	CHECK_INT(ledger_facts(ledger, START - HOUR).now_ms, START);
}

TEST(a_digest_waits_until_it_is_due_and_others_join_it)
{
	struct step digest = step_of("d1", "soc", "(gridwarden)");
	struct guard_facts facts;

	fresh();
	digest.disruptive = false;
	digest.params = STR("{\"digest\":true}");
	digest.due_ms = START + 60000;
	CHECK(put(START, digest, false));
	facts = ledger_facts(ledger, START + 59999);
	CHECK_STR(facts.waiting_digest(facts.count_ctx, STR("soc"), digest.params, arena), "d1");
	CHECK(facts.waiting_digest(facts.count_ctx, STR("other"), digest.params, arena).n == 0);
	CHECK(!put(START + 59999, digest, false));
	facts = ledger_facts(ledger, START + 60000);
	CHECK(facts.waiting_digest(facts.count_ctx, STR("soc"), digest.params, arena).n == 0);
}

/* Puts that the rule's cooldown begins. */
static void
fire(int64_t at_ms, const char *key, int64_t until_ms, int64_t alert, const char *alert_key)
{
	struct firing now = { STR("r"), str_of(key), until_ms };
	struct plan plan = { .firings = &now, .n_firings = 1 };

	(void)ledger_facts(ledger, at_ms);
	ledger_put(ledger, &plan, &(const struct ledger_alert){ alert, str_of(alert_key), false });
}

TEST(a_rule_that_fired_is_remembered_with_its_alert_for_what_its_cooldown_tells_apart)
{
	struct guard_facts facts;
	struct rule_fired last;

	fresh();
	fire(START, "web-01", START + HOUR, 7, "a7");
	fire(START + 1000, "web-01", START + 1000 + HOUR, 8, "a8");
	facts = ledger_facts(ledger, START + 2000);
	CHECK(facts.fired(facts.count_ctx, STR("r"), STR("web-01"), arena, &last));
	CHECK_INT(last.at_ms, START + 1000);
	CHECK_INT(last.alert, 8);
	CHECK_STR(last.alert_key, "a8");
	CHECK(!facts.fired(facts.count_ctx, STR("r"), STR("web-02"), arena, &last));
	CHECK(!facts.fired(facts.count_ctx, STR("other"), STR("web-01"), arena, &last));
}

TEST(cooldowns_that_ended_go_when_there_are_many_and_others_stay)
{
	struct guard_facts facts;
	struct rule_fired last;
	char key[32];

	fresh();
	fire(START, "long", START + 1000 * HOUR, 1, "a");
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		fire(START + i * HOUR / 100, key, START + i * HOUR / 100 + 1, 2, "b");
	}
	facts = ledger_facts(ledger, START + 50 * HOUR);
	CHECK(facts.fired(facts.count_ctx, STR("r"), STR("long"), arena, &last));
	CHECK(!facts.fired(facts.count_ctx, STR("r"), STR("key-1"), arena, &last));
}

TEST(a_hundred_thousand_are_counted_right_while_old_ones_go)
{
	fresh();
	for (int i = 0; i < 100000; i++) {
		char key[32], target[128];

		snprintf(key, sizeof(key), "k%d", i);
		snprintf(target, sizeof(target), VM("s", "vm-%d"), i % 50000);
		CHECK(put(START + i * 1000, step_of(key, target, i % 2 ? "odd" : "even"), false));
	}
	CHECK_INT(counted(START + 99999 * 1000, START + 99999 * 1000 - HOUR, "", "", ""), 3600);
	CHECK_INT(counted(START + 99999 * 1000, START + 99999 * 1000 - HOUR, "S", "", "odd"), 1800);
	CHECK_INT(counted(START + 99999 * 1000, START + 99999 * 1000 - 4 * HOUR, "",
		      VM("s", "vm-49999"), ""),
	    1);
	CHECK_INT(counted(START + 99999 * 1000, START + 99999 * 1000 - 4 * HOUR, "",
		      VM("s", "vm-1000"), ""),
	    0);
}
