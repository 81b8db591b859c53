/*
 * What was decided, as the log tells it.  Kept until the commit: a rollback decides again, and
 * people look at the store as soon as they read the line.
 */
#ifndef DAEMON_TOLD_H
#define DAEMON_TOLD_H

#include "base/arena.h"
#include "store/store.h"

struct told {
	enum event_state state;
	struct str id, source, type, reason;
	struct str alert; /* its name, when it is one */
	size_t steps;
	int64_t silenced; /* notifications that a silence held back */
	struct told *next;
};

/* A copy in the arena of what the log needs. */
struct told *told_of(const struct decision *decision, struct arena *a);
void told_log(const struct told *t);

#endif
