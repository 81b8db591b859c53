/*
 * Between difference.c, which counts, and difference_out.c, which gives what came out.
 */
#ifndef CORE_DIFFERENCE_PARTS_H
#define CORE_DIFFERENCE_PARTS_H

#include <stdlib.h>

#define uthash_fatal(what) abort() /* out of memory */
#include <uthash.h>

#include "core/difference.h"

struct row {
	struct difference_row r;
	UT_hash_handle hh;
};

struct count {
	struct difference_count c;
	UT_hash_handle hh;
};

struct rule_row {
	struct difference_rule r;
	UT_hash_handle hh;
};

struct difference {
	struct arena *arena;   /* of all that is kept */
	struct arena *scratch; /* of one event */
	struct difference_totals totals;
	struct row *rows, *then;
	struct count *messages, *budgets;
	struct rule_row *rules;
	struct rule_row **in_order;
	size_t n_rules;
	int64_t kept; /* rows and counts, up to DIFFERENCE_ROWS_MAX */
};

#endif
