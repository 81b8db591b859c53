/*
 * Prometheus text and health pages of the operations listener.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include "daemon/approvals.h"
#include "daemon/intake.h"
#include "daemon/key_cache.h"
#include "daemon/listener.h"
#include "daemon/operations.h"
#include "daemon/pipeline.h"
#include "daemon/renewal.h"
#include "daemon/worker.h"

enum reload_trigger { RELOAD_SIGNAL, RELOAD_COMMAND, RELOAD_FILES };
#define RELOAD_TRIGGERS (RELOAD_FILES + 1)

struct metrics {
	struct pipeline *pipeline;
	struct intake *intake;
	struct key_cache *keys;
	struct listener *listener;
	struct renewal *renewal;
	struct workers *workers;
	struct approvals *approvals;
	_Atomic int64_t reload_ms;	     /* of the last good load */
	_Atomic bool reload_ok;		     /* the last try was good */
	_Atomic int64_t tests, tests_failed; /* of the rules of the last try that could be read */
	_Atomic int64_t reloads[RELOAD_TRIGGERS][2]; /* refused, done */
	_Atomic bool draining;			     /* shutting down: not ready */
	struct operations_page pages[5];	     /* filled by metrics_pages() */
};

/* /metrics, /livez, /readyz, /healthz; m must outlive the listener that serves them. */
const struct operations_page *metrics_pages(struct metrics *m);

#endif
