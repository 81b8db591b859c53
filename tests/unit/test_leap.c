#include "core/leap.h"
#include "test.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define NOW INT64_C(1795000000000)

TEST(a_clock_that_goes_on_is_trusted)
{
	struct leap l = { .seen_ms = NOW };

	CHECK(leap_trusts(&l, NOW + HOUR, 5 * HOUR));
	CHECK_INT(l.seen_ms, NOW + HOUR);
	CHECK(leap_trusts(&l, NOW + HOUR + LEAP_MS, 6 * HOUR)); /* switched off for a weekend */
}

TEST(a_first_look_has_nothing_to_compare_with)
{
	struct leap l = { 0 };

	CHECK(leap_trusts(&l, NOW, 1));
	CHECK_INT(l.seen_ms, NOW);
}

TEST(a_clock_that_went_back_deletes_nothing_early_and_is_trusted)
{
	struct leap l = { .seen_ms = NOW };

	CHECK(leap_trusts(&l, NOW - 400 * DAY, HOUR));
	CHECK_INT(l.seen_ms, NOW - 400 * DAY);
}

TEST(a_leap_is_doubted_until_it_is_taken_back)
{
	struct leap l = { .seen_ms = NOW };

	CHECK(!leap_trusts(&l, NOW + 4000 * DAY, HOUR));
	CHECK_INT(l.seen_ms, NOW);
	CHECK(!leap_trusts(&l, NOW + 4000 * DAY + HOUR, 2 * HOUR));
	CHECK(leap_trusts(&l, NOW + 2 * HOUR, 3 * HOUR));
	CHECK(!l.doubted);
}

TEST(a_clock_that_ran_evenly_for_a_day_after_a_leap_is_the_time)
{
	struct leap l = { .seen_ms = NOW };

	for (int64_t h = 0; h < 24; h++)
		CHECK(!leap_trusts(&l, NOW + 100 * DAY + h * HOUR, HOUR + h * HOUR));
	CHECK(leap_trusts(&l, NOW + 101 * DAY, 25 * HOUR));
	CHECK_INT(l.seen_ms, NOW + 101 * DAY);
}

TEST(a_clock_that_leaps_again_while_it_is_doubted_begins_anew)
{
	struct leap l = { .seen_ms = NOW };

	CHECK(!leap_trusts(&l, NOW + 100 * DAY, HOUR));
	CHECK(!leap_trusts(&l, NOW + 300 * DAY, 24 * HOUR));
	CHECK(!leap_trusts(&l, NOW + 301 * DAY - HOUR, 47 * HOUR));
	CHECK(leap_trusts(&l, NOW + 301 * DAY, 48 * HOUR));
}
