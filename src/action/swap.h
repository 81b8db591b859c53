/*
 * Exchanging the network security group of several interfaces, there and back.  All interfaces are
 * changed together: each PUT is sent without waiting for the one before, their long operations go
 * into the step's cursor.  An interface that cannot be changed does not keep the others open.
 */
#ifndef ACTION_SWAP_H
#define ACTION_SWAP_H

#include "action/action.h"
#include "azure/nic.h"

struct swap {
	struct action_env *env;
	struct step *step;
	size_t right;	 /* interfaces that are as they should be, for good */
	size_t sent;	 /* changed just now */
	int64_t wait_ms; /* the soonest look at those that are changing; -1 = none is */
	struct str of;	 /* one of them */
	bool passing, hopeless;
	struct err e; /* with passing or hopeless: of the first such interface */
};

void swap_init(struct swap *s, struct action_env *env, struct step *step);

/*
 * Does the interface carry it, with nothing under way?  Otherwise see to it; n->nsg follows what
 * was sent.
 */
bool swap_nic(struct swap *s, struct nic *n, struct str nsg);

/* A call about one of the interfaces failed. */
void swap_trouble(struct swap *s, const struct err *e);

/* An interface that somebody else is changing. */
void swap_wait(struct swap *s, struct str of, int64_t ms);

/* What it comes to: DONE when nothing had to be changed. */
enum outcome swap_outcome(const struct swap *s, struct err *e);

#endif
