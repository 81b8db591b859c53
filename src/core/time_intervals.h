/*
 * Times with names, as Alertmanager writes them (time_intervals), that rules refer to:
 *
 *	time_intervals:
 *	  - name: office-hours
 *	    time_intervals:
 *	      - weekdays: ['monday:friday']
 *	        times: [{start_time: 08:00, end_time: 18:00}]
 *	        location: Europe/Berlin
 *
 * Of one entry all that is written must hold, of a list any part; of several entries one.  Ranges
 * include both ends, times only the first.
 */
#ifndef CORE_TIME_INTERVALS_H
#define CORE_TIME_INTERVALS_H

#include "base/yaml.h"
#include "core/rules.h"

#define TIME_INTERVALS_MAX 1000

struct time_interval;
struct time_intervals;

struct time_intervals *time_intervals_new(const struct rules_outside *outside, struct arena *a);
void time_intervals_free(struct time_intervals *t); /* what a does not own */

/* `time_intervals` of one file. */
void time_intervals_add(struct time_intervals *t, const struct yaml *list, struct diags *d);

/*
 * Those that a rule's key names, in the arena; *out is left alone when the key is not written.
 * Unknown ones are told.
 */
struct time_interval_list {
	struct time_interval **list;
	size_t n;
};
void time_intervals_take(struct time_intervals *t, const struct yaml *names,
    struct time_interval_list *out, struct diags *d);

/* Those that no rule refers to are warned of. */
void time_intervals_unused(const struct time_intervals *t, struct diags *d);

/* The name of the first that the moment is in; "" = it is in none. */
struct str time_intervals_at(const struct time_interval_list *l, int64_t ms);
/* "office-hours, weekend" */
struct str time_intervals_names(const struct time_interval_list *l, struct arena *a);

#endif
