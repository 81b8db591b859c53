#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
clock_now_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void
clock_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

struct timespec
clock_in_us(int64_t us)
{
	int64_t at = clock_mono_us() + (us < 0 ? 0 : us);

	return (struct timespec){ .tv_sec = (time_t)(at / 1000000),
		.tv_nsec = (long)(at % 1000000) * 1000 };
}

struct timespec
clock_in_ms(int64_t ms)
{
	return clock_in_us((ms > INT32_MAX ? INT32_MAX : ms) * 1000);
}

/* Seconds since 1970 to a calendar day in UTC; floor division so that times before 1970 work. */
static void
split(int64_t ms, struct tm *tm, int *millis)
{
	int64_t s = ms / 1000, rest = ms % 1000;
	time_t t;

	if (rest < 0) {
		rest += 1000;
		s--;
	}
	t = (time_t)s;
	gmtime_r(&t, tm);
	*millis = (int)rest;
}

char *
clock_format(int64_t ms, char out[CLOCK_TEXT_MAX])
{
	struct tm tm;
	int millis;

	split(ms, &tm, &millis);
	strftime(out, CLOCK_TEXT_MAX, "%04Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}

char *
clock_format_ms(int64_t ms, char out[CLOCK_TEXT_MAX])
{
	struct tm tm;
	int millis;
	size_t n;

	split(ms, &tm, &millis);
	n = strftime(out, CLOCK_TEXT_MAX, "%04Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_TEXT_MAX - n, ".%03dZ", millis % 1000);
	return out;
}

/* Take exactly `digits` digits from the front; "-0" is a number, but not two digits. */
static bool
take_number(struct str *s, size_t digits, int64_t max, int *out)
{
	int64_t value;

	if (s->n < digits || s->p[0] == '-' ||
	    !str_to_int(str_slice(*s, 0, digits), 0, max, &value))
		return false;
	*out = (int)value;
	*s = str_slice(*s, digits, s->n);
	return true;
}

static bool
take_char(struct str *s, const char *any)
{
	if (s->n == 0)
		return false;
	for (; *any != '\0'; any++) {
		if (s->p[0] == *any) {
			*s = str_slice(*s, 1, s->n);
			return true;
		}
	}
	return false;
}

static bool
take_fraction(struct str *s, int *millis)
{
	int digits = 0;

	*millis = 0;
	if (!take_char(s, "."))
		return true;
	while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
		if (digits < 3)
			*millis = *millis * 10 + (s->p[0] - '0');
		digits++;
		*s = str_slice(*s, 1, s->n);
	}
	for (int i = digits; i < 3; i++)
		*millis *= 10;
	return digits >= 1 && digits <= 9;
}

static bool
take_offset(struct str *s, int *minutes)
{
	int sign, h, m;

	*minutes = 0;
	if (s->n == 0 || take_char(s, "Zz"))
		return true;
	sign = s->p[0] == '-' ? -1 : 1;
	if (!take_char(s, "+-") || !take_number(s, 2, 23, &h) || !take_char(s, ":") ||
	    !take_number(s, 2, 59, &m))
		return false;
	*minutes = sign * (h * 60 + m);
	return true;
}

/* timegm() would make March of the 30th of February. */
static bool
day_exists(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month >= 1 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

bool
clock_parse(struct str s, int64_t *out_ms)
{
	struct tm tm = { 0 };
	int year, month, millis, offset;

	s = str_trim(s);
	if (!take_number(&s, 4, 9999, &year) || !take_char(&s, "-") ||
	    !take_number(&s, 2, 12, &month) || !take_char(&s, "-") ||
	    !take_number(&s, 2, 31, &tm.tm_mday) || !take_char(&s, "Tt ") ||
	    !take_number(&s, 2, 23, &tm.tm_hour) || !take_char(&s, ":") ||
	    !take_number(&s, 2, 59, &tm.tm_min) || !take_char(&s, ":") ||
	    !take_number(&s, 2, 60, &tm.tm_sec) || !take_fraction(&s, &millis) ||
	    !take_offset(&s, &offset) || s.n != 0 || !day_exists(year, month, tm.tm_mday))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*out_ms = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000 + millis;
	return true;
}
