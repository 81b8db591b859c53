/*
 * The names of an object's members, to see whether one stands there twice.
 */
#ifndef CORE_EVENT_NAMES_H
#define CORE_EVENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/* Real envelopes have a dozen members; beyond this the names move into the arena. */
#define NAMES_AT_HAND 32

struct names {
	struct str at_hand[NAMES_AT_HAND];
	struct str *list; /* at_hand, or in the arena */
	size_t n, room;
	struct arena *arena;
};

/* Not to be copied or moved afterwards: it may point into itself. */
void names_init(struct names *ns, struct arena *a);
void names_add(struct names *ns, struct str name); /* borrowed */
/* *name is one that stands there twice.  Changes the order of the names. */
bool names_twice(struct names *ns, bool nocase, struct str *name);

#endif
