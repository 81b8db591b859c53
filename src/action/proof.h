/*
 * Is a machine cut off?  Azure is asked what is in force on each of its interfaces.  How far that
 *is stands in the step's result, so that a restart finds it and no thread is held:
 *
 *	{"state": "asking", "until_ms": 0, "interfaces": [
 *		{"id", "operation", "leaks": ["inbound by rule ..."], "unknown": "the machine
 *..."}]}
 *
 * state: "asking", then "verified", "still_allowed" or "unknown".
 */
#ifndef ACTION_PROOF_H
#define ACTION_PROOF_H

#include "action/action.h"
#include "azure/nic.h"

struct proof {
	struct action_env *env;
	const struct json *before; /* how far it was; NULL = not begun */
};

/*
 * One round over all interfaces, each of which carries its quarantine group: *now is how far it is.
 * LATER: e says what is waited for.  DONE: there is an answer for each, be it "unknown"; asking
 * never fails an isolation.
 */
enum outcome proof_go_on(
    const struct proof *p, const struct nic *nics, size_t n, struct json **now, struct err *e);

#endif
