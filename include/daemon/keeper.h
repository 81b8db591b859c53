/*
 * The thread that keeps the store small: once an hour, and after a reload, it deletes what is older
 * than the setting `retention` and gives space back; and the one that checks a large database to
 * its end after the start.  Nobody waits for either.
 */
#ifndef DAEMON_KEEPER_H
#define DAEMON_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/load.h"
#include "store/store.h"

#define KEEPER_PERIOD_MS ((int64_t)3600 * 1000)
/* Between two small transactions: others come first. */
#define KEEPER_PAUSE_MS 20

struct keeper;

/* Both must outlive it. */
bool keeper_start(
    struct store *store, struct current *current, struct keeper **out, struct err *e) MUST_CHECK;
/* Settings have changed: look now. */
void keeper_ring(struct keeper *k);
/* Ends the check and what is being deleted, within one small transaction. */
void keeper_stop(struct keeper *k);

#endif
