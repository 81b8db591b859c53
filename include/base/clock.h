/*
 * Time.  core/ is told the time and never asks; the floors above ask here.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

int64_t clock_now_ms(void);  /* wall clock, milliseconds since 1970-01-01 UTC */
int64_t clock_mono_ms(void); /* monotonic: for waits and ages, never for records */
int64_t clock_mono_us(void);

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
