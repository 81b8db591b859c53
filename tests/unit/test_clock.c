#include <errno.h>

#include "base/clock.h"

#include "test.h"

static int64_t
parsed(const char *text)
{
	int64_t ms = INT64_MIN;

	CHECK(clock_parse(str_of(text), &ms));
	return ms;
}

TEST(times_are_written_in_utc)
{
	char out[CLOCK_TEXT_MAX];

	CHECK_CSTR(clock_format(1795464295123, out), "2026-11-23T20:04:55Z");
	CHECK_CSTR(clock_format_ms(1795464295123, out), "2026-11-23T20:04:55.123Z");
	CHECK_CSTR(clock_format_ms(1795464295007, out), "2026-11-23T20:04:55.007Z");
	CHECK_CSTR(clock_format(0, out), "1970-01-01T00:00:00Z");
}

TEST(times_before_1970_are_rounded_down)
{
	char out[CLOCK_TEXT_MAX];

	CHECK_CSTR(clock_format_ms(-750, out), "1969-12-31T23:59:59.250Z");
	CHECK_CSTR(clock_format(-1, out), "1969-12-31T23:59:59Z");
	CHECK_INT(parsed("1969-12-31T23:59:59.25Z"), -750);
}

TEST(no_time_is_too_far_to_be_written)
{
	char out[CLOCK_TEXT_MAX];

	CHECK(strlen(clock_format_ms(INT64_MAX, out)) < CLOCK_TEXT_MAX);
	CHECK(strlen(clock_format_ms(INT64_MIN, out)) < CLOCK_TEXT_MAX);
}

TEST(azure_writes_any_number_of_digits)
{
	CHECK_INT(parsed("2026-03-14T08:40:58.2122906Z"), 1773477658212);
	CHECK_INT(parsed("2026-03-14T08:40:58.212290Z"), 1773477658212);
	CHECK_INT(parsed("2026-03-14T08:40:58.2Z"), 1773477658200);
	CHECK_INT(parsed("2026-03-14T08:40:58.21Z"), 1773477658210);
	CHECK_INT(parsed("2026-03-14T08:40:58.999999999Z"), 1773477658999);
	CHECK_INT(parsed("2026-03-14T08:40:58Z"), 1773477658000);
}

TEST(zones_are_honoured_and_no_zone_means_utc)
{
	CHECK_INT(parsed("2026-11-23T20:04:55"), 1795464295000);
	CHECK_INT(parsed("2026-11-23t20:04:55z"), 1795464295000);
	CHECK_INT(parsed("2026-11-23 20:04:55Z"), 1795464295000);
	CHECK_INT(parsed("2026-11-24T01:34:55+05:30"), 1795464295000);
	CHECK_INT(parsed("2026-11-23T13:04:55-07:00"), 1795464295000);
	CHECK_INT(parsed("2026-11-23T20:04:55.5+00:00"), 1795464295500);
	CHECK_INT(parsed(" 2026-11-23T20:04:55Z\n"), 1795464295000);
}

TEST(days_are_those_of_their_month)
{
	int64_t ms;

	CHECK_INT(parsed("2024-02-29T23:59:59Z"), 1709251199000);
	CHECK_INT(parsed("2000-02-29T00:00:00Z"), 951782400000);
	CHECK(!clock_parse(STR("2026-02-29T00:00:00Z"), &ms));
	CHECK(!clock_parse(STR("2100-02-29T00:00:00Z"), &ms));
	CHECK(!clock_parse(STR("2026-02-31T00:00:00Z"), &ms));
	CHECK(!clock_parse(STR("2026-04-31T00:00:00Z"), &ms));
	CHECK(!clock_parse(STR("2026-01-32T00:00:00Z"), &ms));
	CHECK(!clock_parse(STR("2026-01-00T00:00:00Z"), &ms));
	CHECK(!clock_parse(STR("2026-00-10T00:00:00Z"), &ms));
	CHECK(!clock_parse(STR("2026-13-10T00:00:00Z"), &ms));
}

TEST(a_leap_second_is_the_second_after)
{
	CHECK_INT(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
}

TEST(what_is_not_a_time_is_refused_and_the_output_left_alone)
{
	static const char *const bad[] = { "", "now", "2026-11-23", "20:04:55", "2026-11-23T20:04",
		"2026-11-23T20:04Z", "2026-11-23T24:00:00Z", "2026-11-23T20:60:00Z",
		"2026-11-23T20:04:61Z", "2026-11-23T20:04:55.Z", "2026-11-23T20:04:55.1234567890Z",
		"2026-11-23T20:04:55+5:30", "2026-11-23T20:04:55+0530", "2026-11-23T20:04:55+24:00",
		"2026-11-23T20:04:55Zulu", "2026-11-23X20:04:55Z", "2026/11/23T20:04:55Z",
		"26-11-23T20:04:55Z", "2026-11-23T-0:04:55Z", "-000-11-23T20:04:55Z",
		"2026-11-23T20:04:55+-0:00", "1795464295" };
	int64_t ms = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (clock_parse(str_of(bad[i]), &ms))
			print_error("accepted: %s\n", bad[i]);
		CHECK_INT(ms, 7);
	}
}

TEST(written_times_are_read_back)
{
	static const int64_t times[] = { 0, 1, 999, 1000, -1, 951782399999, 1795464295123,
		253402300799999 };
	char out[CLOCK_TEXT_MAX];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		CHECK_INT(parsed(clock_format_ms(times[i], out)), times[i]);
}

TEST(a_year_has_four_digits)
{
	char out[CLOCK_TEXT_MAX];

	CHECK_CSTR(clock_format(parsed("0437-06-03 06:06:03"), out), "0437-06-03T06:06:03Z");
	CHECK_CSTR(
	    clock_format_ms(parsed("0001-01-01T00:00:00Z"), out), "0001-01-01T00:00:00.000Z");
}

TEST(the_clocks_run_forward)
{
	int64_t before = clock_mono_ms();

	CHECK(clock_mono_ms() >= before);
	CHECK(clock_now_ms() > parsed("2025-01-01T00:00:00Z"));
}

TEST(a_wait_ends_after_its_time_by_the_monotonic_clock)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct timespec past = clock_in_ms(-5), soon, never;
	int64_t began = clock_mono_us();
	pthread_cond_t c;

	clock_cond_init(&c);
	pthread_mutex_lock(&lock);
	CHECK_INT(pthread_cond_timedwait(&c, &lock, &past), ETIMEDOUT);
	soon = clock_in_us(1500);
	CHECK_INT(pthread_cond_timedwait(&c, &lock, &soon), ETIMEDOUT);
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&c);
	CHECK(clock_mono_us() - began >= 1500);
	never = clock_in_ms(INT64_MAX);
	CHECK(never.tv_sec - past.tv_sec >= INT32_MAX / 1000 - 60);
	CHECK(never.tv_nsec >= 0 && never.tv_nsec < 1000000000);
}
