/* What every store must keep of rules with a cooldown: exactly, and over restarts. */
#include "store_world.h"

static void
fires(struct sample *s, const char *rule, const char *key, int64_t until_ms)
{
	static struct firing firings[1];

	firings[0] = (struct firing){ str_of(rule), str_of(key), until_ms };
	s->plan.firings = firings;
	s->plan.n_firings = 1;
}

static bool
has_fired(struct store *st, const char *rule, const char *key, struct rule_fired *out)
{
	return store_cooldown(st, str_of(rule), str_of(key), arena, out);
}

TEST(a_firing_is_kept_with_its_decision_over_a_restart)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct rule_fired f;

	CHECK(!has_fired(st, "r", "k", &f));
	fires(s, "r", "k", 9000);
	CHECK(put(st, s));
	store_close(st);
	st = open_store();
	CHECK(has_fired(st, "r", "k", &f));
	CHECK_INT(f.at_ms, 2001);
	CHECK_INT(f.alert, 1);
	CHECK_STR(f.alert_key, "alert-1");
	CHECK(!has_fired(st, "r", "other", &f));
	CHECK(!has_fired(st, "other", "k", &f));
	store_close(st);
}

TEST(the_newest_firing_counts)
{
	struct store *st = new_store();
	struct sample *one = sample(1, "alert-1"), *two = sample(2, "alert-2");
	struct rule_fired f;

	fires(one, "r", "k", 9000);
	CHECK(put(st, one));
	fires(two, "r", "k", 9100);
	CHECK(put(st, two));
	CHECK(has_fired(st, "r", "k", &f));
	CHECK_INT(f.at_ms, 2002);
	CHECK_INT(f.alert, 2);
	store_close(st);
}

TEST(a_firing_of_this_transaction_counts_and_goes_when_it_is_rolled_back)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct rule_fired f;
	struct err e;
	bool fresh;

	fires(s, "r", "k", 9000);
	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	CHECK(has_fired(st, "r", "k", &f));
	store_rollback(st);
	CHECK(!has_fired(st, "r", "k", &f));
	store_close(st);
}

TEST(an_event_that_is_known_begins_no_cooldown)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");
	struct rule_fired f;

	CHECK(put(st, s));
	fires(s, "r", "k", 9000);
	CHECK(!put(st, s));
	CHECK(!has_fired(st, "r", "k", &f));
	store_close(st);
}

TEST(what_has_ended_is_not_kept_for_ever)
{
	struct store *st = new_store();
	struct sample *one = sample(1, "alert-1"), *two = sample(2, "alert-2");
	struct rule_fired f;

	fires(one, "r", "old", 2001); /* ended when the second is decided */
	CHECK(put(st, one));
	fires(two, "r", "new", 9000);
	CHECK(put(st, two));
	CHECK(!has_fired(st, "r", "old", &f));
	CHECK(has_fired(st, "r", "new", &f));
	store_close(st);
}
