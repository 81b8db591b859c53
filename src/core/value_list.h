/*
 * Values in a text file, one a line, for `field|in_file: lists/scanners.txt`:
 *
 *	# Scanners of the vulnerability management
 *	203.0.113.7   until 2026-12-31   # pentest, ticket 4711, Ann
 *	"a value with a # in it"
 *
 *	line  = [ value [ "until" date ] ] [ "#" comment ]
 *	value = as it stands up to " until " or " #", without wildcards; or in double quotes, in
 *		which "" is one
 *	date  = 2026-12-31, the last day (UTC) on which it holds, or 2026-12-31T18:00:00Z, the end
 */
#ifndef CORE_VALUE_LIST_H
#define CORE_VALUE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"

/* A list is read whole when the rules are, and lies in memory as long as they do. */
#define LIST_LINES_MAX 200000
#define LIST_VALUE_MAX 1024

struct list_entry {
	struct str value;
	struct str until; /* as it is written; "" = for ever */
	struct str comment;
	int64_t until_ms; /* it holds before that */
	int line;
};

struct value_list {
	struct str path; /* as the rule writes it */
	struct list_entry *entries;
	size_t n;
};

/*
 * All mistakes go to d, with their places; warnings for what does not hold any more at now_ms, or
 * not much longer.  False: there was a mistake.
 */
bool value_list_parse(const struct source *src, struct str path, int64_t now_ms, struct arena *a,
    struct value_list *out, struct diags *d);

#endif
