/*
 * The front of a condition: `field|modifier|modifier`.
 */
#ifndef CORE_MODIFIERS_H
#define CORE_MODIFIERS_H

#include "matcher.h"

/* Sigma's keywords, which are looked for in all of an event, are not read. */
#define KEYWORDS_HINT "; words are looked for in a field, such as entities.commandLine|contains"

/* The one that says how to compare. */
struct modifier {
	const char *name;
	enum op op;
	bool open_front, open_end; /* OP_LIKE: more text may stand there */
	bool negated;		   /* holds when it does not */
};

/*
 * Fills in all of *out that the key says.  *main: NULL when nothing says how to compare.  False:
 * the mistakes are in d.
 */
bool modifiers_read(const struct yaml *key, struct arena *a, struct condition *out,
    const struct modifier **main, struct diags *d);

#endif
