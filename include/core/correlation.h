/*
 * Counting: "ten brute force alerts in one subscription within ten minutes", in the words of
 * Sigma's correlation rules (https://sigmahq.io/sigma-specification/, Correlation Rules).
 *
 *	- name: brute-force-wave
 *	  correlation:
 *	    type: event_count
 *	    rules: [brute-force]
 *	    group-by: [subscriptionId]
 *	    timespan: 10m
 *	    condition: {gte: 10}
 *	  actions: [{notify: soc}]
 *
 * A hit: an alert fits a rule that is counted, in a group.  Hits are kept in the order in which
 * alerts are decided, which is the order of the journal; their time is when the event was received.
 * An alert counts once for a rule and group, whatever news of it come: from when it first surely
 * fit, and anew once that is longer ago than the longest timespan in which it is counted.  The
 * window of an alert that was received at `now` is (now - timespan, now].
 *
 * A correlation fires on the alert with which its condition holds, and then not again for this
 * group until one timespan has passed.
 */
#ifndef CORE_CORRELATION_H
#define CORE_CORRELATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"

#define CORRELATION_SPAN_MIN_MS 1000
#define CORRELATION_SPAN_MAX_MS ((int64_t)30 * 24 * 3600 * 1000)
/* The largest number that a condition may ask for: so many hits are read to answer it. */
#define CORRELATION_COUNT_MAX 1000
/* Correlations in all files together: an alert may be a hit of each. */
#define CORRELATIONS_MAX 500
/* Of one: the rules it counts, the fields it groups by. */
#define CORRELATION_RULES_MAX 20
#define CORRELATION_FIELDS_MAX 8
/*
 * Groups and values of one alert that a correlation counts in: beyond it is a hit of any group, and
 * what depends on it is unsure.
 */
#define HITS_PER_ALERT_MAX 64
/* Hits kept of one rule in one group: beyond the oldest are dropped, and a "no" is unsure. */
#define HITS_PER_GROUP_MAX 10000
/*
 * Listener threads note the time of deliveries that arrive together, and these may be decided the
 * other way round: a hit that is there counts though it was received so much later.
 */
#define CORRELATION_SKEW_MS 10000
/* What people are shown of a group or value. */
#define HIT_TEXT_MAX 200

/* In place of a group or value that cannot be told: it may be any.  All zeros: there is none. */
extern const struct hash128 hash_any, hash_none;

/* Stored: a new member needs a column in the schema and in sqlite_count.c. */
struct hit {
	struct hash128 feed; /* which rule, by what its match says, grouped by which fields */
	struct hash128 group;
	struct hash128 value; /* value_count: which one */
	bool sure;	      /* the rule said yes, not unsure */
	int64_t timespan_ms;  /* how long it counts: the longest of its feed; not stored */
	struct str group_text, value_text;
};

/* A correlation fired for a group, or might have (not sure): it is quiet for a while. */
struct completion {
	struct hash128 correlation; /* by what it says: an edited one is another */
	struct hash128 group;
	bool sure;
	int64_t timespan_ms;
	struct str rule, group_text;
};

/* What counting has to remember of one alert. */
struct counted {
	struct hit *hits;
	size_t n_hits;
	struct completion *firings;
	size_t n_firings;
};

/* ---- what was received before ---- */

/* A hit of the past.  Of several hits with one value only the newest is among the answers. */
struct past_hit {
	struct hash128 alert, value;
	int64_t received_ms;
	int64_t place;	/* of the event it came with, in the order of decisions */
	int64_t number; /* of its alert, as people type it; 0 = it has none */
	struct str value_text;
};

/* The newest hits of a feed in a group that are sure, or unsure; not of this alert. */
struct past_question {
	struct hash128 feed, group, not_alert;
	bool sure;
	int64_t after_ms, until_ms; /* received after the first, up to the second */
	int64_t before_place;
	size_t max;
};

struct past_firing {
	int64_t at_ms;
	int64_t number; /* of the alert it fired on */
};

/*
 * core/ is handed the past.  Each returns false when it cannot be told, which makes what depends on
 * it unsure.
 */
struct past {
	int64_t received_ms; /* when the alert was */
	void *ctx;
	/* Newest first.  *lost: some in this time were dropped (HITS_PER_GROUP_MAX). */
	bool (*hits)(void *ctx, const struct past_question *q, struct arena *a,
	    struct past_hit **out, size_t *n, bool *lost);
	/* Did it fire for this group after that, on another alert than this? */
	bool (*fired)(void *ctx, const struct completion *what, int64_t after_ms,
	    const struct hash128 *not_alert, struct past_firing *out, bool *found);
};

/* Nothing was received before. */
extern const struct past past_nothing;

/* The name under which an alert counts. */
void hit_alert(struct str alert_id, struct hash128 *out);

/* ---- a past in memory: for explain, tests of rules, and trials of other rules ---- */

struct past_memory;

struct past_memory *past_memory_new(void);
void past_memory_free(struct past_memory *m);
/* Remember an alert that was decided; number: as in past_hit. */
void past_memory_add(struct past_memory *m, const struct counted *c, struct str alert_id,
    int64_t number, int64_t received_ms);
/* Forget what was received up to then. */
void past_memory_forget(struct past_memory *m, int64_t before_ms);
struct past past_in_memory(struct past_memory *m, int64_t received_ms);

#endif
