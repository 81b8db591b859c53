/*
 * core/regex.c: an expression, then a text.
 *
 * What must hold: the work is counted, and what is left decides how long a match may take: with
 * CONDITION_WORK_MAX no match takes longer than some tenths of a second; the answer is the same
 * each time.
 */
#include <time.h>

#include "fuzz.h"
#include "matcher.h"

/* Of the processor, under sanitizers, on a slow machine; real is about a tenth of it. */
#define SECONDS_MAX 10

FUZZ(input)
{
	struct str rest = input, text = take_line(&rest);
	int64_t work = CONDITION_WORK_MAX, again = CONDITION_WORK_MAX;
	struct err e = { .kind = ERR_SYSTEM };
	size_t at = 0;
	struct regex *r = regex_new(text, (unsigned)text.n * FLAG_RE_CASELESS & FLAGS_RE, &at, &e);
	enum answer answer;
	clock_t start;

	if (r == NULL) {
		MUST(e.kind == ERR_INPUT && e.text[0] != '\0' && at <= text.n);
		return;
	}
	MUST(text.n <= REGEX_PATTERN_MAX);
	start = clock();
	answer = regex_match(r, rest, &work);
	MUST((clock() - start) / CLOCKS_PER_SEC < SECONDS_MAX);
	MUST(work <= CONDITION_WORK_MAX - (int64_t)rest.n);
	MUST(work >= 0 || answer == ANSWER_UNSURE);
	MUST(regex_match(r, rest, &again) == answer && again == work);
	again = 0;
	MUST(rest.n == 0 || regex_match(r, rest, &again) == ANSWER_UNSURE);
	regex_free(r);
}
