/*
 * Looking back: the stored events in the order in which they were decided, read from the file
 * itself, beside a daemon that goes on writing or without one.
 *
 * Each call is a short read of its own, so that the log of the running store can shrink between
 * them; nothing is written, locked or brought up to date.  A handle belongs to one thread.
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "core/plan.h"

struct history;

/*
 * "sqlite:/path/file.db": a store, or a copy of one (store_copy()).  ERR_NOT_FOUND when there is no
 * such file, ERR_DENIED when it may not be read, ERR_INPUT when it is no store or a newer one's.
 */
bool history_open(struct str url, struct history **out, struct err *e) MUST_CHECK;
void history_close(struct history *p);

/* Rows of the events that were received from since_ms up to before until_ms. */
struct history_range {
	int64_t first, last; /* last < first: none were */
	int64_t oldest_ms;   /* when the first was received */
};
/*
 * Found by halving: events are stored as they were received, but for a clock that was set back by
 * more than HISTORY_DISORDER_MS.  Some of the range may be from outside of it: look at received_ms.
 */
#define HISTORY_DISORDER_MS 600000
bool history_find(struct history *p, int64_t since_ms, int64_t until_ms, struct history_range *out,
    struct err *e) MUST_CHECK;

struct history_event {
	int64_t id, alert; /* rows; of the alert it is what people type */
	int64_t received_ms;
	struct str state; /* event_state_name() */
	struct str raw, headers;
	struct str rules_hash;	/* of the rules that decided */
	bool is_first, is_last; /* of this alert's events, from range.first on; of all */
	/* What was decided to change something: key, rule, action, target, state and times alone.
	 */
	struct step *steps;
	size_t n_steps;
};

/* Enough for one call, in memory and time. */
#define HISTORY_EVENTS_MAX 500
#define HISTORY_BYTES_MAX (2 * 1024 * 1024)
/*
 * The next events from that row on, which may be before the range; n 0 when there are none up to
 * its end.
 */
bool history_read(struct history *p, const struct history_range *range, int64_t from,
    struct arena *a, struct history_event **out, size_t *n, struct err *e) MUST_CHECK;

#endif
