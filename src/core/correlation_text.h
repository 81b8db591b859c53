/*
 * What a correlation saw, in words for explanations and cards.
 */
#ifndef CORE_CORRELATION_TEXT_H
#define CORE_CORRELATION_TEXT_H

#include "correlation_parts.h"

/* Values of value_count that are named. */
#define SEEN_VALUES_MAX 8

struct seen_words {
	struct str group; /* "" = all are one group */
	size_t sure, unsure;
	int64_t oldest_ms, now_ms;
	struct str values[SEEN_VALUES_MAX];
	size_t n_values;
};

/* "10 with 1111-2222, from 2026-11-29T07:31:05Z to 07:40:12Z" */
struct str
correlation_seen(const struct correlation *c, const struct seen_words *words, struct arena *a);

/* "it fired for 1111-2222 at 2026-11-29T07:40:12Z on alert 17 and is quiet until 07:50:12Z" */
struct str correlation_quiet(const struct correlation *c, struct str group,
    const struct past_firing *before, bool sure, struct arena *a);

#endif
