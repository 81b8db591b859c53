/*
 * One change of several resources: all are begun together, their long operations go into the step's
 * cursor, and one that cannot be changed does not keep the others waiting.
 */
#ifndef ACTION_SEVERAL_H
#define ACTION_SEVERAL_H

#include "action/action.h"

struct several {
	size_t right;	 /* those that are as they should be, for good */
	size_t sent;	 /* changed just now */
	int64_t wait_ms; /* the soonest look at those that are changing; -1 = none is */
	struct str of;	 /* one of them */
	bool passing, hopeless;
	struct err e; /* with passing or hopeless: of the first such resource */
};

void several_init(struct several *s);

/* A call about one of them failed. */
void several_trouble(struct several *s, const struct err *e);

/* One that is changing, or that somebody else is changing. */
void several_wait(struct several *s, struct str of, int64_t ms);

/* What it comes to: DONE when nothing had to be changed. */
enum outcome several_outcome(const struct several *s, struct err *e);

#endif
