/*
 * The inside of the pipeline's second stage: what becomes of deliveries that were read.
 */
#ifndef DAEMON_DECIDE_H
#define DAEMON_DECIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "daemon/pipeline.h"
#include "store/inbox.h"

/*
 * The decider: all of them in one commit, with the settings of now.  False: nothing of them is
 * stored, and they may be decided again.
 */
bool decide_group(struct pipeline *p, const struct delivery *group, size_t n, struct arena *a,
    struct err *e) MUST_CHECK;

#endif
