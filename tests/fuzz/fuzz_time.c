/*
 * Times and durations: base/clock.c, "8h" of base/str.c, "PT3H" of azure/jit.h, and the headers
 * Date and Retry-After of net/http.c.
 *
 * What must hold: a time that is read and written is the same time; a duration is what a slow sum
 * over its digits says; a wait is absent, or as long as was told up to its cap.
 */
#include "azure/jit.h"
#include "base/clock.h"
#include "fuzz.h"

/* The years that have four digits. */
#define FIRST_MS (INT64_C(-62167219200) * 1000)
#define LAST_MS (INT64_C(253402300799) * 1000 + 999)

#define NOW_MS INT64_C(1764000000000)
/* RETRY_AFTER_MAX_MS of src/net/http.c. */
#define WAIT_MS_MAX (24 * 3600 * INT64_C(1000))

static void
check_time(struct str text)
{
	char written[CLOCK_TEXT_MAX], seconds[CLOCK_TEXT_MAX];
	int64_t ms, again;

	if (!clock_parse(text, &ms))
		return;
	MUST(ms > FIRST_MS - 86400000 && ms < LAST_MS + 86400000);
	if (ms < FIRST_MS || ms > LAST_MS)
		return;
	MUST(clock_parse(str_of(clock_format_ms(ms, written)), &again) && again == ms);
	MUST(clock_parse(str_of(clock_format(ms, seconds)), &again));
	MUST(again <= ms && ms - again < 1000);
	MUST(strncmp(written, seconds, 19) == 0);
}

static void
check_duration(struct str text)
{
	__int128 sum = 0;
	int64_t ms;
	struct err e;
	size_t i = 0;

	if (!str_to_duration_ms(text, &ms, &e)) {
		MUST(e.text[0] != '\0');
		return;
	}
	for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
		sum = sum * 10 + (text.p[i] - '0');
	text = str_slice(text, i, text.n);
	MUST(i > 0 && text.n > 0);
	MUST(ms == sum * (str_is(text, "ms")	 ? 1
			     : str_is(text, "s") ? 1000
			     : str_is(text, "m") ? 60000
			     : str_is(text, "h") ? 3600000
						 : 86400000));
}

static void
check_iso_duration(struct str text)
{
	__int128 sum = 0, n = 0;
	bool time = false;
	int64_t ms;

	if (!jit_duration_ms(text, &ms))
		return;
	for (size_t i = 1; i < text.n; i++) {
		char c = text.p[i];

		if (c >= '0' && c <= '9') {
			n = n * 10 + (c - '0');
			continue;
		}
		MUST(c == 'T' || (c == 'D' && !time) || (strchr("HMS", c) != NULL && time));
		sum += n * (c == 'D' ? 86400000 : c == 'H' ? 3600000 : c == 'M' ? 60000 : 1000);
		time |= c == 'T';
		n = 0;
	}
	MUST(ms == sum && ms >= 0);
}

/* The number that the digits write; -1 when it is something else, or more than fits 18 of them. */
static int64_t
digits(struct str text)
{
	int64_t sum = 0;

	if (text.n == 0 || text.n > 18)
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -1;
		sum = sum * 10 + (text.p[i] - '0');
	}
	return sum;
}

static int64_t
asked(const char *name, struct str value, int64_t now_ms)
{
	struct http_header header = { name, value };
	struct http_response rs = { .headers = &header, .n_headers = 1 };

	return strcmp(name, "date") == 0 ? http_date_ms(&rs) : http_retry_after_ms(&rs, now_ms);
}

static int64_t
within(int64_t ms)
{
	return ms < 0 ? 0 : ms > WAIT_MS_MAX ? WAIT_MS_MAX : ms;
}

static void
check_headers(struct str text)
{
	/* Values come trimmed; an empty one is STR_EMPTY. */
	struct str value = str_trim(text).n == 0 ? STR_EMPTY : str_trim(text);
	int64_t date = asked("date", value, NOW_MS), told = digits(value);
	int64_t wait = asked("retry-after", value, NOW_MS);

	MUST(date >= -1 && date <= (INT64_C(1) << 40) * 1000);
	MUST(wait >= -1 && wait <= WAIT_MS_MAX);
	if (told >= 0) {
		MUST(wait == within(told > WAIT_MS_MAX ? told : told * 1000));
		MUST(asked("retry-after-ms", value, NOW_MS) == within(told));
		MUST(asked("x-ms-retry-after-ms", value, NOW_MS) == within(told));
	} else if (date >= 0 && (value.p[0] < '0' || value.p[0] > '9')) {
		MUST(wait == within(date - NOW_MS));
	}
}

FUZZ(input)
{
	check_headers(input);
	check_time(input);
	check_duration(input);
	check_iso_duration(input);
}
