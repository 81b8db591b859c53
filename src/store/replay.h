/*
 * Reading a segment back at start: what holds is kept, what does not is mended.
 *
 * Records are numbered without a hole.  Behind the last one that holds comes
 * - nothing, or the torn rest of a write that was never answered: zeroed ("cut");
 * - in the middle, bytes that do not hold with records behind them: a gap record is laid over
 *   them.  If the missing records belong to the same write as the next one they were never
 *   answered; otherwise they were, and count as lost.
 * Every record that holds is handed out, also one of a write that was never answered: its sender
 * comes again and is then told "duplicate".
 */
#ifndef STORE_REPLAY_H
#define STORE_REPLAY_H

#include "base/err.h"
#include "known.h"
#include "segment.h"
#include "store/inbox.h"

struct replay {
	struct known *known; /* gets the hashes */
	uint64_t decided;    /* records up to here are not missed */
	uint64_t lost;
	char damage[INBOX_DAMAGE_MAX]; /* the first place, in words */
};

/*
 * Fill the segment's last_seq and end.  `behind` is the first number of the next segment, 0 for
 * the newest: in an older one records from there on are those of a write that failed.
 */
bool replay_segment(struct replay *r, struct segment *s, uint64_t behind, struct err *e) MUST_CHECK;

/* Records first..last of what the journal should hold are not there. */
void replay_lost(struct replay *r, const char *where, int64_t at, uint64_t first, uint64_t last);

#endif
