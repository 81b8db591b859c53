/*
 * What the rules in force count.  When they change, what is counted anew is counted over the stored
 * events too: a new correlation knows of the alerts before it.
 */
#ifndef DAEMON_COUNT_H
#define DAEMON_COUNT_H

#include <stdbool.h>

#include "base/err.h"
#include "daemon/load.h"
#include "store/store.h"

/* Of the decider alone; all zeros at first. */
struct count {
	struct config *followed; /* a reference */
};
void count_done(struct count *c);

/*
 * Before a group is decided by this configuration: costs nothing while it stays the same.  Of
 * stored events STORE_LOOK_BACK_EVENTS at most are judged once more, for a second or two.  Commits.
 */
bool
count_follow(struct count *c, struct store *store, struct config *config, struct err *e) MUST_CHECK;

#endif
