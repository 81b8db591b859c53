/*
 * Mistakes in files that people write: collected, each with its place, all shown at once.
 *
 *	rules.d/10-vm.yaml:14:9: error: unknown action 'isolat_vm', did you mean 'isolate_vm'?
 *	      - isolat_vm: {}
 *	        ^
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* A file as it was read; must outlive the diags that point into it. */
struct source {
	const char *name; /* as the user wrote the path */
	struct str text;
};

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
	enum diag_level level;
	const struct source *source;
	int line, col; /* 1-based, col in characters; 0 = the file as a whole */
	struct str text;
};

/* Beyond this many no more are kept: one broken file must not fill the screen or the memory. */
#define DIAGS_MAX 200

struct diags {
	struct arena *arena; /* lent by the caller; texts live here */
	struct diag *list;
	size_t n, errors, warnings;
};

void diags_init(struct diags *d, struct arena *a);
void diags_add(struct diags *d, enum diag_level level, const struct source *src, int line, int col,
    const char *fmt, ...) PRINTF_LIKE(6, 7);
void diags_sort(struct diags *d); /* by file, line and column */
/*
 * Sorted; with the source line and a caret below it.  Control characters
 * are shown as '?', a line wider than a screen is cut around the caret.
 */
void diags_print(struct diags *d, struct buf *out);
/* The first error as one line, "file:line:col: text", and "(and n more)".  Returns false. */
bool diags_fail(const struct diags *d, struct err *e);

#endif
