/*
 * The inside of rules: made by rules.c, asked by rules_judge.c.
 */
#ifndef CORE_RULES_PARTS_H
#define CORE_RULES_PARTS_H

#include "core/rules.h"

struct feed;

struct rules {
	struct arena *arena;
	struct rule *list;
	size_t n, cap;
	struct str hash;
	size_t active;		  /* not off */
	struct rule_index *index; /* NULL: there are few */
	struct rule_lists *lists;
	struct time_intervals *intervals;
	struct feed **feeds; /* what is counted of them */
	size_t n_feeds, n_correlations;
};

#endif
