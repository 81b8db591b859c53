/*
 * Long operations that a step waits for.  They live in step->cursor, or in a part of it, so that a
 * restart finds them and no thread is held:
 *
 *	{"failures": 0, "running": [{"of": "/subscriptions/...", "operation": "..."}]}
 */
#ifndef ACTION_OPERATIONS_H
#define ACTION_OPERATIONS_H

#include "action/action.h"

/* An operation that Azure itself gave up is started again; this many in one cursor are enough. */
#define OPERATION_FAILURES_MAX 3

/* Remember an operation that goes on after this answer; what has ended is not remembered. */
void operations_add(
    struct action_env *env, struct str *cursor, struct str of, const struct arm_answer *answer);

/*
 * Ask once for each how it stands.  DONE: none is running any more, whatever became of them: look
 * at the resources.  LATER: some is running, or failed and has to be started again.  NEVER: they
 * fail again and again.
 */
enum outcome operations_poll(struct action_env *env, struct str *cursor, struct err *e);

#endif
