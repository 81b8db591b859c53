/*
 * Between isolate_vm.c (cutting off), isolate_more.c (what a rule asks for besides) and
 * isolate_back.c (the way back).
 *
 * The record, committed before what it is about is changed:
 *
 *	{"machine", "location", "tags",
 *	 "interfaces": [{"id", "etag", "nsg", "nic"}],
 *	 "addresses": {"list": [{"interface", "configuration", "reference", "address", "dynamic"}],
 *	  "refused": "why"},
 *	 "copies": as in copies.h, with the number of the "action" that made them,
 *	 "tag": as in tagging.h, "power": as in power.h}
 *
 * nsg is null when the interface had none.  An interface that carried a quarantine group already
 * when it was first seen is recorded as such; what it had before that is unknown, and the way back
 * leaves it alone.  The last three are there only when a rule asks for them; tag and power have
 * the "cursor" of their own long operations, those of interfaces are in the step's.
 */
#ifndef ACTION_ISOLATION_H
#define ACTION_ISOLATION_H

#include "action/action.h"
#include "azure/nic.h"
#include "azure/nsg.h"
#include "azure/vm.h"

struct isolation {
	struct action_env *env;
	struct step *step;
	struct json *params;
	struct resource_id id;
	struct vm vm;
	struct nic *nics;    /* vm.n_interfaces of them */
	struct json *record; /* NULL = nothing recorded yet */
	struct quarantine group;
	const struct json *group_body; /* as it is now; NULL = missing */
};

struct json *isolation_id_or_null(struct str id, struct arena *a);

/* ---- isolate_copies.c ---- */

/* Its part of the record: what shall be copied, or why nothing can be. */
struct json *isolation_record_copies(struct isolation *w);
/* Begin copying, once it is recorded; whatever comes of it, the cut does not wait. */
void isolation_start_copies(struct isolation *w);
/* One round, as copies_go_on(); last: what is not there by now is told as missing. */
enum outcome isolation_copy(struct isolation *w, bool last, struct json **out, struct err *e);

/* ---- isolate_more.c ---- */

/*
 * One round over what is to be done once all interfaces are cut off, with the proof.  result: of
 * the isolation; what came of it is added.  earlier: the result after the round before, NULL = this
 * is the first.  DONE: all is settled; what could not be done is told in "not_done", and fails
 * nothing.
 */
enum outcome
isolation_more(struct isolation *w, const struct json *earlier, struct json *result, struct err *e);

/*
 * The operations that the step waits for fail again and again.  True: it was the addresses, without
 * which it goes on.
 */
bool isolation_was_more(struct isolation *w, const struct err *e);

/* ---- isolate_back.c ---- */

enum outcome isolation_back(struct action_env *env, struct step *step, struct err *e);

#endif
