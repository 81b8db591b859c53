/*
 * IANA time zones as this system knows them (package tzdata).  One that is open is immutable; many
 * threads may ask it, which touches no file.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define ZONE_NAME_MAX 64

struct zone;

/* "Europe/Berlin", with case.  NULL: e says why, with "did you mean". */
struct zone *zone_open(struct str name, struct err *e);
void zone_close(struct zone *z); /* NULL is fine */

/* How many seconds its clocks are ahead of UTC then. */
int32_t zone_offset_s(const struct zone *z, int64_t utc_s);

#endif
