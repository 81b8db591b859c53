/*
 * Fault points: places where a test makes the program fail or die.  Compiled in only with
 * GRIDWARDEN_FAULTS; otherwise they cost nothing and cannot be reached.
 *
 *	if (FAULT("journal.sync"))
 *		return fail(e, ERR_SYSTEM, "fault ordered at journal.sync");
 *
 * Orders come from the environment: GRIDWARDEN_FAULT="journal.sync:fail:1,store.commit:kill:3" -
 * name, what (fail | kill | slow: half a second), at which pass (1 = the first; "2+" = the second
 * and all later ones).  GRIDWARDEN_FAULT_LIST=FILE appends the name of each point the first time it
 * is passed, so that a scenario can loop over all of them.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

#ifdef GRIDWARDEN_FAULTS
bool fault_hit(const char *name); /* true: fail here; does not return when the order is kill */
#define FAULT(name) fault_hit(name)
#else
#define FAULT(name) false
#endif

#endif
