/*
 * One machine, one containment: two alerts about it within a second, or two rules that both want it
 * cut off, give steps that go one after the other, and the second knows of the first.
 */
#ifndef DAEMON_JOIN_H
#define DAEMON_JOIN_H

#include "action/action.h"
#include "store/store.h"

/*
 * Tell the job of what was done to its target lately.  False: it is not its turn, or nobody can
 * tell; e says why, to be tried again.
 */
bool join_earlier(struct store *s, struct job *job, struct arena *a, struct err *e) MUST_CHECK;

#endif
