/*
 * How a contained machine stands, in one word made of the step that contained it and of its ways
 * back.  Pure.
 */
#ifndef CORE_CONTAINMENT_H
#define CORE_CONTAINMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/plan.h"

struct containment {
	/*
	 * "planned", "applying"; "isolated" (cut off, not proven), "verified"; "releasing",
	 * "released"; "failed" (the last that was tried), "drifted" (the way back stopped at what
	 * somebody changed since).  NULL: nothing was contained, a guard forbade it.
	 */
	const char *state;
	int64_t expires_ms; /* the way back is due then; 0 = nobody set a time */
	int64_t undo;	    /* id of the last way back; 0 = none */
};

/* undos: all steps with undo_of = s->id, the oldest first. */
void containment_of(const struct step *s, const struct step *undos, size_t n, int64_t now_ms,
    struct arena *a, struct containment *out);

#endif
