#include "core/leap.h"

static int64_t
distance(int64_t a, int64_t b)
{
	return a < b ? b - a : a - b;
}

/* While it is in doubt: a clock that is moved again is doubted from the start. */
static bool
ran_evenly(struct leap *l, int64_t now_ms, int64_t up_ms)
{
	int64_t offset = now_ms - up_ms;

	if (!l->doubted || distance(offset, l->offset_ms) > LEAP_UNEVEN_MS)
		l->since_ms = up_ms;
	l->doubted = true;
	l->offset_ms = offset;
	return up_ms - l->since_ms >= LEAP_DOUBT_MS;
}

bool
leap_trusts(struct leap *l, int64_t now_ms, int64_t up_ms)
{
	bool leapt = l->seen_ms != 0 && now_ms - l->seen_ms > LEAP_MS;

	if (leapt && !ran_evenly(l, now_ms, up_ms))
		return false;
	l->doubted = false;
	l->seen_ms = now_ms;
	return true;
}
