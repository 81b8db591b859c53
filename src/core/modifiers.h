/*
 * The front of a condition: `field|modifier|modifier`.
 */
#ifndef CORE_MODIFIERS_H
#define CORE_MODIFIERS_H

#include "matcher.h"

/* Sigma's keywords, which are looked for in all of an event, are not read. */
#define KEYWORDS_HINT "; words are looked for in a field, such as entities.commandLine|contains"

/* What a value is. */
enum modifier_takes { TAKES_TEXT, TAKES_REGEX, TAKES_RANGE, TAKES_BOOL, TAKES_COMPARED };

/* What says how to compare; with that name NULL what holds without one. */
struct modifier {
	const char *name;
	enum op op;
	bool open_front, open_end; /* OP_LIKE: more text may stand there */
	bool negated;		   /* holds when it does not */
	enum modifier_takes takes;
	unsigned with;	    /* of enum flag: what may stand beside it */
	unsigned with_file; /* the same with FLAG_IN_FILE; 0 = values of a file are not for it */
	const char *help;
};
extern const struct modifier modifiers[]; /* the first has no name */
extern const size_t modifiers_count;

/* What goes with one of those, and says more. */
struct modifier_flag {
	const char *name;
	enum flag flag;
	const char *help;
};
extern const struct modifier_flag modifier_flags[];
extern const size_t modifier_flags_count;

/*
 * Fills in all of *out that the key says.  *main: NULL when nothing says how to compare.  False:
 * the mistakes are in d.
 */
bool modifiers_read(const struct yaml *key, struct arena *a, struct condition *out,
    const struct modifier **main, struct diags *d);

#endif
