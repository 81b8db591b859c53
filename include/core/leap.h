/*
 * A clock that is wrong must not delete anything.  A machine that comes up in the year 2038 for
 * five minutes would else lose all that is older than the retention, which is everything.
 */
#ifndef CORE_LEAP_H
#define CORE_LEAP_H

#include <stdbool.h>
#include <stdint.h>

/* A clock further ahead of what it said last is doubted.  Switched off for a weekend is no leap. */
#define LEAP_MS ((int64_t)4 * 24 * 3600 * 1000)
/* ... until it has run evenly for so long: then it is the time, and the machine was off. */
#define LEAP_DOUBT_MS ((int64_t)24 * 3600 * 1000)
/* Two clocks may drift apart by this much between two looks. */
#define LEAP_UNEVEN_MS ((int64_t)60 * 1000)

struct leap {
	int64_t seen_ms; /* what the clock said when it was last trusted, 0 = never; kept by whoever
			    asks */
	bool doubted;
	int64_t since_ms; /* monotonic: it has run evenly since then */
	int64_t offset_ms;
};

/*
 * now_ms: the wall clock; up_ms: the monotonic one.  True: it may be used to say what is old, and
 * seen_ms is now_ms.  A clock that goes back is trusted: nothing is deleted early by it.
 */
bool leap_trusts(struct leap *l, int64_t now_ms, int64_t up_ms);

#endif
