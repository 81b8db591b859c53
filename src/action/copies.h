/*
 * Snapshots of the disks of a machine, and their chain of custody: what snapshot_vm does, and
 * isolate_vm on its way.
 *
 * The record: {"location", "by", "disks": [{"disk", "snapshot", "at", "request_id", "failed"}],
 * "left_out": [{"disk", "why"}], "started"}; at and request_id are there once Azure took it.
 */
#ifndef ACTION_COPIES_H
#define ACTION_COPIES_H

#include "action/action.h"
#include "azure/vm.h"
#include "several.h"

struct copies {
	struct action_env *env;
	const struct step *step;
	const struct resource_id *id; /* the machine */
	struct str resource_group;    /* of the snapshots; "" = the machine's */
	struct json *record;	      /* NULL = nothing recorded yet */
	struct str *cursor;	      /* of the long operations */
	/* copies.c */
	struct several all;
	struct json *snapshots, *failed;
};

/*
 * Which disk gets which snapshot, as a record: the same step gives the same names.  False: the
 * machine has no disk that can be copied.
 */
bool copies_record(struct copies *c, const struct vm *vm, struct err *e) MUST_CHECK;

/*
 * Ask Azure once for each snapshot and leave it at that: what fails, or comes too late, is for
 * copies_go_on().  Takes a few seconds at most, and a throttle lets nothing rest.  A second time it
 * does nothing.
 */
void copies_start(struct copies *c);

/*
 * One round over all.  LATER: some are under way.  DONE, or NEVER when some failed for good:
 * *result is {"snapshots", "failed", "left_out", "by"}.
 */
enum outcome copies_go_on(struct copies *c, struct json **result, struct err *e);

/* That result for what is there just now, the rest being not there in time. */
struct json *copies_give_up(struct copies *c);

#endif
