/*
 * What becomes of a step after an action ran: done, failed, refused, or tried again later.
 */
#ifndef DAEMON_OUTCOME_H
#define DAEMON_OUTCOME_H

#include "action/action.h"
#include "base/arena.h"
#include "base/err.h"

/* A step that could not be done for this long has failed; a way back is never given up. */
#define OUTCOME_GIVE_UP_MS ((int64_t)24 * 3600 * 1000)

/*
 * Sets state, reason, and when it is due again.  before: the step as it was claimed, so that one
 * that came further is not slowed down; e: why it is not done, with a hint when to come again.
 * now_ms: wall clock.  The reason lives in the arena.
 */
void outcome_conclude(struct step *step, const struct step *before, enum outcome outcome,
    int64_t now_ms, struct arena *a, const struct err *e);

/* A line for people: what is settled, at level debug what goes on later. */
void outcome_log(const struct step *step);

#endif
