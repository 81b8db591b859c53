/*
 * What people are told of gridwarden itself, in the first channel: as a step like any other, which
 * survives a restart and is tried again.  It hangs on an event that is made for it and shown among
 * the alerts as a notice; no rule is asked about it.
 */
#ifndef DAEMON_NOTICE_H
#define DAEMON_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/settings.h"
#include "daemon/pipeline.h"

/* Said of a topic. */
struct notice {
	const char *topic; /* "configuration" */
	/* Without spaces; the same again is not told twice; "" = all is well, told after another.
	 */
	struct str state;
	struct str title, text;
	const char *severity;
	int64_t wait_ms; /* what is over by then is not told at all */
};

/* *told false: it was before.  Any thread. */
bool notice_tell(struct pipeline *p, const struct settings *s, const struct notice *n, bool *told,
    struct err *e) MUST_CHECK;

#endif
