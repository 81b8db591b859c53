/*
 * The threads behind the pipeline: one committer, one decider, a few performers.  Each waits on its
 * bell and does one job at a time.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/pipeline.h"

#define WORKERS_PERFORMERS 2
/* A job that takes longer hangs: the watchdog is no longer fed. */
#define WORKERS_JOB_MAX_MS PIPELINE_LEASE_MS
/* What calls that are under way still get at the end. */
#define WORKERS_CALLS_MS 5000

struct workers;

/* p must outlive them. */
bool workers_start(struct pipeline *p, struct workers **out, struct err *e) MUST_CHECK;

/*
 * End in the order of the stages: what was taken is committed and answered, the decision that is
 * being made is finished, performers end after the step they are at.  Their calls are cut off
 * after WORKERS_CALLS_MS: that step is done again after the next start, and looks before it acts.
 */
void workers_stop(struct workers *w);
/* After workers_stop(). */
void workers_free(struct workers *w);

/* No worker hangs in a job.  Any thread, until workers_free(). */
bool workers_alive(struct workers *w, int64_t mono_ms);

#endif
