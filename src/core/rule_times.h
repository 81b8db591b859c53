/*
 * When a rule acts: active_time_intervals, mute_time_intervals.
 */
#ifndef CORE_RULE_TIMES_H
#define CORE_RULE_TIMES_H

#include "time_intervals.h"

/* Of a rule's mapping; NULL: it says nothing of times. */
struct rule_times *rule_times_read(
    const struct yaml *rule, struct time_intervals *known, struct arena *a, struct diags *d);

/* Why it does not act then, in words; "" = it does. */
struct str rule_times_muted(const struct rule_times *t, int64_t now_ms, struct arena *a);

#endif
