/* Signing keys in the background: when they are fetched, what holds while they cannot be. */
#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "daemon/key_cache.h"
#include "token.h"

#define LONG_MS 3600000
#define LIMIT_MS 60000
#define APART_MS 20

/* An identity service: what it publishes, how often it was asked, and a door that can be shut. */
static struct service {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const char *kid; /* NULL = down */
	int64_t server_ms;
	int asked, answered;
	bool shut;    /* who asks waits */
	bool only_v2; /* no issuer of v1.0 tokens is allowed */
} service = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static bool
fetch(void *ctx, struct arena *a, struct key_documents *out, struct err *e)
{
	struct service *s = ctx;
	struct str set = STR_EMPTY;

	pthread_mutex_lock(&s->lock);
	s->asked++;
	pthread_cond_broadcast(&s->changed);
	/* What it answers is so at the time when it was asked. */
	if (s->kid != NULL)
		set = token_set(a, token_key(2048, false), s->kid);
	while (s->shut)
		pthread_cond_wait(&s->changed, &s->lock);
	s->answered++;
	out->server_ms = s->server_ms;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (set.n == 0)
		return fail_again(e, 0, "the service is down");
	out->of[JWT_V1] = out->of[JWT_V2] = set;
	if (s->only_v2) {
		out->of[JWT_V1] = STR_EMPTY;
		out->left_out[JWT_V1] = true;
	}
	return true;
}

static void
publish(const char *kid)
{
	pthread_mutex_lock(&service.lock);
	service.kid = kid;
	pthread_mutex_unlock(&service.lock);
}

static void
shut(bool is_shut)
{
	pthread_mutex_lock(&service.lock);
	service.shut = is_shut;
	pthread_cond_broadcast(&service.changed);
	pthread_mutex_unlock(&service.lock);
}

/* Until it was asked (or has answered) this often. */
static void
wait_for(const int *count, int n)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_MS / 1000;
	pthread_mutex_lock(&service.lock);
	while (*count < n)
		CHECK(pthread_cond_timedwait(&service.changed, &service.lock, &until) == 0);
	pthread_mutex_unlock(&service.lock);
}

static int
asked(void)
{
	int n;

	pthread_mutex_lock(&service.lock);
	n = service.asked;
	pthread_mutex_unlock(&service.lock);
	return n;
}

/* What the thread does with an answer comes a moment after it. */
static void
settled(struct key_cache *c, int fetches)
{
	int64_t until = clock_mono_ms() + LIMIT_MS;
	struct key_cache_figures f;

	do {
		CHECK(clock_mono_ms() < until && sched_yield() == 0);
		key_cache_figures(c, &f);
	} while (f.fetches < fetches);
}

static struct key_cache *
start_with(const char *kid, int64_t refresh_ms, int64_t unknown_ms, int64_t retry_ms)
{
	struct key_cache_options o = { fetch, &service, refresh_ms, unknown_ms, retry_ms };
	struct key_cache *c;
	struct err e;

	(void)token_key(2048, false); /* made before there is another thread */
	service.kid = kid;
	service.server_ms = -1;
	service.asked = service.answered = 0;
	service.shut = service.only_v2 = false;
	c = key_cache_new(&o);
	CHECK_OK(key_cache_start(c, STR("a"), &e));
	key_cache_set_source(c, STR("a"));
	return c;
}

static struct key_cache *
start(const char *kid)
{
	struct key_cache *c = start_with(kid, LONG_MS, LONG_MS, LONG_MS);

	settled(c, 1);
	return c;
}

static bool
has(struct key_cache *c, const char *source, const char *kid)
{
	struct key_set *set = key_cache_get(c, str_of(source));
	bool found = set != NULL &&
		     signing_keys_find(key_set_keys(set).of[JWT_V1], str_of(kid)) != NULL &&
		     signing_keys_find(key_set_keys(set).of[JWT_V2], str_of(kid)) != NULL;

	key_set_release(set);
	return found;
}

static bool
absent(struct key_cache *c, const char *kid)
{
	return key_cache_is_absent(
	    c, STR("a"), JWT_V1, str_of(kid), 0); /* what is proven is fresh */
}

TEST(keys_are_fetched_at_start_and_not_again_soon)
{
	struct key_cache *c = start("k1");
	struct key_cache_figures f;

	CHECK(has(c, "a", "k1"));
	CHECK(!has(c, "a", "k2"));
	CHECK(!has(c, "b", "k1"));
	key_cache_figures(c, &f);
	CHECK_INT(f.keys, 2);
	CHECK_INT(f.failed, 0);
	CHECK(f.fetched_ms > 1000000000000);
	CHECK_INT(asked(), 1);
	key_cache_free(c);
}

static int64_t
next_in_ms(struct key_cache *c)
{
	struct key_cache_figures f;

	key_cache_figures(c, &f);
	return f.next_mono_ms - clock_mono_ms();
}

/* The tests here have their own intervals, the daemon has these. */
TEST(unless_told_otherwise_it_asks_each_hour_and_for_an_unknown_key_after_five_minutes)
{
	struct key_cache *c = start_with("k1", 0, 0, 0);

	settled(c, 1);
	CHECK(next_in_ms(c) > 3600000 - LIMIT_MS && next_in_ms(c) <= 3600000);
	key_cache_doubt(c);
	settled(c, 2);
	CHECK(next_in_ms(c) > 3600000 - LIMIT_MS && next_in_ms(c) <= 3600000);
	key_cache_doubt(c);
	CHECK(next_in_ms(c) > 300000 - LIMIT_MS && next_in_ms(c) <= 300000);
	key_cache_set_source(c, STR(""));
	key_cache_free(c);
}

TEST(a_version_that_is_left_out_has_no_keys_and_spoils_nothing)
{
	struct key_cache *c = start("k1");
	struct key_cache_figures f;
	struct key_set *set;

	service.only_v2 = true;
	key_cache_doubt(c);
	settled(c, 2);
	set = key_cache_get(c, STR("a"));
	CHECK(key_set_keys(set).of[JWT_V1] == NULL);
	CHECK(signing_keys_find(key_set_keys(set).of[JWT_V2], STR("k1")) != NULL);
	key_set_release(set);
	key_cache_figures(c, &f);
	CHECK_INT(f.keys, 1);
	CHECK_INT(f.failed, 0);
	key_cache_free(c);
}

TEST(keys_are_fetched_again_when_the_hour_is_over)
{
	struct key_cache *c = start_with("k1", 20, LONG_MS, LONG_MS);

	settled(c, 1);
	publish("k2");
	settled(c, asked() + 2);
	CHECK(has(c, "a", "k2"));
	CHECK(!has(c, "a", "k1"));
	key_cache_free(c);
}

TEST(a_failing_start_is_tried_again_until_it_succeeds)
{
	struct key_cache *c = start_with(NULL, LONG_MS, LONG_MS, 1);
	struct key_cache_figures f;

	settled(c, 3);
	CHECK(key_cache_get(c, STR("a")) == NULL);
	CHECK(!absent(c, "k1")); /* nothing is proven without keys */
	CHECK(!absent(c, "k1"));
	publish("k1");
	settled(c, asked() + 1);
	CHECK(has(c, "a", "k1"));
	key_cache_figures(c, &f);
	CHECK(f.failed >= 3);
	key_cache_free(c);
}

TEST(keys_stay_in_force_when_a_later_fetch_fails)
{
	struct key_cache *c = start("k1");
	struct key_cache_figures f;

	publish(NULL);
	CHECK(!absent(c, "k2"));
	settled(c, 2);
	CHECK(has(c, "a", "k1"));
	CHECK(!absent(c, "k2")); /* a fetch that failed proves nothing */
	key_cache_figures(c, &f);
	CHECK_INT(f.failed, 1);
	CHECK_INT(f.keys, 2);
	key_cache_free(c);
}

TEST(a_set_that_cannot_be_used_is_a_failed_fetch)
{
	struct key_cache *c = start("k1");

	publish(""); /* a key without an id */
	CHECK(!absent(c, "k2"));
	settled(c, 2);
	CHECK(has(c, "a", "k1"));
	key_cache_free(c);
}

TEST(an_unknown_key_is_looked_for_at_once_and_found)
{
	struct key_cache *c = start("k1");

	publish("k2");
	CHECK(!absent(c, "k2"));
	settled(c, 2);
	CHECK(has(c, "a", "k2"));
	key_cache_free(c);
}

/* A replica of the service may lag behind: its answer is of some minutes ago. */
TEST(one_fetch_without_a_key_proves_nothing)
{
	struct key_cache *c = start("k1");

	CHECK(!absent(c, "new"));
	settled(c, 2);
	for (int i = 0; i < 100; i++)
		CHECK(!absent(c, "new"));
	CHECK_INT(asked(), 2);
	key_cache_free(c);
}

TEST(many_fetches_without_a_key_prove_nothing_when_they_are_close_together)
{
	struct key_cache *c = start_with("k1", 1, LONG_MS, LONG_MS);

	settled(c, 1);
	CHECK(!absent(c, "new"));
	settled(c, 20);
	CHECK(!absent(c, "new"));
	key_cache_free(c);
}

TEST(a_key_that_nobody_publishes_is_proven_absent_by_two_fetches_that_are_apart)
{
	struct key_cache *c = start_with("k1", LONG_MS, APART_MS, LONG_MS);

	settled(c, 1);
	CHECK(!absent(c, "made-up"));
	settled(c, 2);
	CHECK(!absent(c, "made-up")); /* makes it ask when the gate opens */
	settled(c, 3);
	CHECK(absent(c, "made-up"));
	CHECK(!key_cache_is_absent(c, STR("a"), JWT_V2, STR("made-up"), 0)); /* another document */
	CHECK(!key_cache_is_absent(c, STR("b"), JWT_V1, STR("made-up"), 0));
	key_cache_free(c);
}

/* It may have been published since. */
TEST(what_is_proven_holds_no_longer_than_the_gate_is_shut)
{
	struct key_cache *c = start_with("k1", LONG_MS, APART_MS, LONG_MS);
	int64_t after;

	settled(c, 1);
	CHECK(!absent(c, "made-up"));
	settled(c, 2);
	CHECK(!absent(c, "made-up"));
	settled(c, 3);
	after = clock_mono_ms() + APART_MS;
	CHECK(!key_cache_is_absent(c, STR("a"), JWT_V1, STR("made-up"), after));
	CHECK(absent(c, "made-up"));
	key_cache_free(c);
}

TEST(a_key_that_was_published_in_between_is_not_proven_absent)
{
	struct key_cache *c = start_with("k1", LONG_MS, APART_MS, LONG_MS);

	settled(c, 1);
	CHECK(!absent(c, "late"));
	settled(c, 2);
	publish("late");
	CHECK(!absent(c, "late"));
	settled(c, 3);
	CHECK(has(c, "a", "late"));
	publish("k1");		   /* a replica that lags behind */
	CHECK(!absent(c, "late")); /* by who holds the set before that one */
	settled(c, 4);
	CHECK(!absent(c, "late"));
	key_cache_free(c);
}

TEST(a_fetch_that_failed_in_between_proves_nothing)
{
	struct key_cache *c = start_with("k1", LONG_MS, APART_MS, 1);

	settled(c, 1);
	publish(NULL);
	CHECK(!absent(c, "new"));
	settled(c, 5);
	publish("k1");
	settled(c, asked() + 1);
	CHECK(!absent(c, "new"));
	key_cache_free(c);
}

TEST(a_fetch_that_had_begun_before_proves_nothing)
{
	struct key_cache *c = start_with("k1", LONG_MS, APART_MS, LONG_MS);

	settled(c, 1);
	shut(true);
	CHECK(!absent(c, "first")); /* makes it ask */
	wait_for(&service.asked, 2);
	CHECK(!absent(c, "second")); /* seen while the answer is on its way */
	shut(false);
	settled(c, 3); /* again because of the second */
	CHECK(absent(c, "first"));
	CHECK(!absent(c, "second"));
	key_cache_free(c);
}

TEST(nobody_waits_while_a_fetch_hangs)
{
	struct key_cache *c = start("k1");

	shut(true);
	CHECK(!absent(c, "k2"));
	wait_for(&service.asked, 2);
	CHECK(has(c, "a", "k1"));
	for (int i = 0; i < 1000; i++)
		CHECK(!absent(c, "k2"));
	CHECK_INT(asked(), 2);
	shut(false);
	key_cache_free(c);
}

TEST(any_number_of_made_up_keys_costs_one_fetch)
{
	struct key_cache *c = start("k1");
	char kid[32];

	CHECK(!absent(c, "made-up"));
	settled(c, 2);
	for (int i = 0; i < 10 * KEY_CACHE_UNKNOWN_MAX; i++) {
		snprintf(kid, sizeof(kid), "%d", i);
		CHECK(!absent(c, kid));
	}
	CHECK(has(c, "a", "k1"));
	CHECK(!absent(c, "made-up")); /* forgotten under the flood: not known, not wrong */
	CHECK_INT(asked(), 2);
	key_cache_free(c);
}

TEST(the_gate_opens_again)
{
	struct key_cache *c = start_with("k1", LONG_MS, 1, LONG_MS);

	settled(c, 1);
	for (int i = 2; i < 5; i++) {
		CHECK(!absent(c, (const char *[]){ "0", "1", "2", "3", "4" }[i]));
		settled(c, i);
	}
	key_cache_free(c);
}

TEST(a_doubt_makes_it_fetch_too)
{
	struct key_cache *c = start("k1");

	key_cache_doubt(c);
	settled(c, 2);
	key_cache_doubt(c);
	CHECK_INT(asked(), 2);
	key_cache_free(c);
}

TEST(the_same_source_changes_nothing_and_another_one_all)
{
	struct key_cache *c = start("k1");

	key_cache_set_source(c, STR("a"));
	CHECK(has(c, "a", "k1"));
	CHECK_INT(asked(), 1);
	shut(true);
	key_cache_set_source(c, STR("b"));
	CHECK(key_cache_get(c, STR("a")) == NULL);
	CHECK(key_cache_get(c, STR("b")) == NULL);
	shut(false);
	settled(c, 2);
	CHECK(has(c, "b", "k1"));
	key_cache_set_source(c, STR(""));
	CHECK(key_cache_get(c, STR("b")) == NULL);
	CHECK(key_cache_get(c, STR("")) == NULL);
	key_cache_free(c);
}

TEST(an_answer_for_an_older_source_is_thrown_away)
{
	struct key_cache *c = start("k1");

	shut(true);
	CHECK(!absent(c, "k2"));
	wait_for(&service.asked, 2);
	key_cache_set_source(c, STR("b"));
	publish("k3");
	shut(false);
	settled(c, 3);
	CHECK(has(c, "b", "k3"));
	CHECK(!has(c, "b", "k1"));
	key_cache_free(c);
}

TEST(a_set_that_is_held_stays_while_another_takes_its_place)
{
	struct key_cache *c = start("k1");
	struct key_set *old = key_cache_get(c, STR("a")), *now;

	publish("k2");
	CHECK(!absent(c, "k2"));
	settled(c, 2);
	now = key_cache_get(c, STR("a"));
	CHECK(key_set_number(old) != key_set_number(now));
	CHECK(signing_keys_find(key_set_keys(old).of[JWT_V1], STR("k1")) != NULL);
	key_cache_free(c);
	CHECK(signing_keys_find(key_set_keys(now).of[JWT_V1], STR("k2")) != NULL);
	key_set_release(old);
	key_set_release(now);
	key_set_release(NULL);
}

TEST(the_clock_is_held_against_the_service)
{
	struct key_cache *c = start("k1");
	struct key_set *set = key_cache_get(c, STR("a"));

	CHECK_INT(key_set_clock_ahead_ms(set, 5000, clock_mono_ms()), 0); /* it did not say */
	key_set_release(set);
	service.server_ms = 1000000;
	key_cache_doubt(c);
	settled(c, 2);
	set = key_cache_get(c, STR("a"));
	CHECK(key_set_clock_ahead_ms(set, 1000000, clock_mono_ms()) <= 0);
	CHECK(key_set_clock_ahead_ms(set, 1000000 + 3600000, clock_mono_ms()) > 3600000 - LIMIT_MS);
	CHECK(
	    key_set_clock_ahead_ms(set, 1000000 - 3600000, clock_mono_ms()) < -3600000 + LIMIT_MS);
	/* Time that passes on both sides makes no difference. */
	CHECK(key_set_clock_ahead_ms(set, 1000000 + 7200000, clock_mono_ms() + 7200000) <= 0);
	key_set_release(set);
	key_cache_free(c);
}

TEST(who_wants_no_keys_has_no_thread_and_asks_nobody)
{
	struct key_cache_options o = { .fetch = fetch, .ctx = &service };
	struct key_cache *c = key_cache_new(&o);
	struct key_cache_figures f;
	struct err e;

	service.asked = 0;
	CHECK_OK(key_cache_start(c, STR(""), &e));
	key_cache_set_source(c, STR(""));
	key_cache_figures(c, &f);
	CHECK_INT(f.keys + f.fetches + f.fetched_ms, 0);
	key_cache_free(c);
	key_cache_free(NULL);
	CHECK_INT(service.asked, 0);
}

/* For the thread sanitizer: everything at once. */
static void *
ask_much(void *ctx)
{
	for (int i = 0; i < 300; i++) {
		(void)has(ctx, "a", "k1");
		(void)absent(ctx, i % 2 == 0 ? "x" : "y");
		key_cache_doubt(ctx);
	}
	return NULL;
}

TEST(many_threads_may_ask_while_keys_change)
{
	struct key_cache *c = start_with("k1", 1, 1, 1);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, ask_much, c) == 0);
	publish(NULL);
	settled(c, 3);
	publish("k1");
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	settled(c, 10);
	key_cache_free(c);
}
