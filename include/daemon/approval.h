/*
 * A person's word about a step that is held, by whatever way it comes.
 */
#ifndef DAEMON_APPROVAL_H
#define DAEMON_APPROVAL_H

#include "base/arena.h"
#include "base/err.h"
#include "daemon/pipeline.h"
#include "store/store.h"

/*
 * Keep it, do what follows from it, log it, and tell people of a denial.  The quorum is that of the
 * settings in force.  Errors are those of store_answer_approval().
 */
bool approval_answer(struct pipeline *p, const struct approval *word, struct arena *a,
    struct approval_outcome *out, struct err *e) MUST_CHECK;

#endif
