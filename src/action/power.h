/*
 * Switching a virtual machine off, and on again: what power_off_vm does, and isolate_vm at its end.
 *
 * The record: {"power": "running", "refused": true}; refused when it was never switched off by us.
 */
#ifndef ACTION_POWER_H
#define ACTION_POWER_H

#include "action/action.h"

struct power {
	struct action_env *env;
	const struct step *step;
	const struct resource_id *id;
	bool stay;	     /* keep the host and the addresses */
	struct json *record; /* NULL = not recorded yet */
	struct str *cursor;  /* of its long operations */
	struct str now;	     /* out: how it was found */
};

/*
 * One round.  What has no record gets one first: LATER, to be committed before the next.  DONE: it
 * is off.
 */
enum outcome power_off(struct power *p, struct err *e);

/* The same for the way back: on, when it ran before we switched it off. */
enum outcome power_on_again(struct power *p, struct err *e);

/* {"power": now, "was"} */
struct json *power_result(const struct power *p);

#endif
