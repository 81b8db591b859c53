/*
 * Time.  core/ is told the time and never asks; the floors above ask here.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/str.h"

int64_t clock_now_ms(void);  /* wall clock, milliseconds since 1970-01-01 UTC */
int64_t clock_mono_ms(void); /* monotonic: for waits and ages, never for records */
int64_t clock_mono_us(void);

/*
 * Timed waits for a condition, by the monotonic clock, so that nobody who sets the clock changes
 * them: the condition is made with the first, "so long from now" with the second (ms below zero is
 * now, above INT32_MAX as good as for ever).
 */
void clock_cond_init(pthread_cond_t *c);
struct timespec clock_in_ms(int64_t ms);
struct timespec clock_in_us(int64_t us);

#define CLOCK_TEXT_MAX 32

/* "2026-11-23T20:04:55Z"; with millis "2026-11-23T20:04:55.123Z".  Returns out. */
char *clock_format(int64_t ms, char out[CLOCK_TEXT_MAX]);
char *clock_format_ms(int64_t ms, char out[CLOCK_TEXT_MAX]);

/*
 * RFC 3339 as Azure writes it: 1 to 9 digits of fraction, "Z" or an offset, or no zone at all,
 * which Azure means as UTC.
 */
bool clock_parse(struct str text, int64_t *out_ms);

#endif
