/*
 * What is counted of one alert, while it is judged: its hits (correlation_hits.c), asked for by the
 * correlations behind (correlation.c).
 */
#ifndef CORE_COUNTING_H
#define CORE_COUNTING_H

#include "correlation_parts.h"

/* The hits of one feed lie together. */
struct noted {
	const struct feed *feed;
	size_t from, to;
};

struct counting {
	const struct alert *al;
	const struct past *past;
	struct arena *a;
	struct hash128 alert;
	struct noted *noted;
	size_t n_noted, cap_noted;
	struct hit *hits;
	size_t n_hits, cap_hits;
	struct completion *firings;
	size_t n_firings, cap_firings;
};

#endif
