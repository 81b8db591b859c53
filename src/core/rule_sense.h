/*
 * What is written as it should be and makes no sense: a match that nothing fits, a rule behind one
 * that stops all that it would see.  It tells what it is certain of; what it does not tell may be
 * senseless all the same.
 */
#ifndef CORE_RULE_SENSE_H
#define CORE_RULE_SENSE_H

#include "matcher.h"

/* Can no alert fit it?  *why: what contradicts itself, as a phrase. */
bool match_never_holds(const struct matcher *m, struct arena *a, struct str *why);

/* Does whatever fits m fit wider, too? */
bool match_is_within(const struct matcher *m, const struct matcher *wider);

#endif
