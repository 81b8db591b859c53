/*
 * What becomes of one event: whether it is judged at all, the verdicts, the plan.  The daemon,
 * `explain` and `backtest` all ask here.  Pure: what needs a look-up is handed in as facts.
 */
#ifndef CORE_DECIDE_H
#define CORE_DECIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "core/alert.h"
#include "core/event.h"
#include "core/plan.h"
#include "core/rules.h"
#include "core/settings.h"

enum event_state {
	EVENT_STATE_DECIDED,
	EVENT_STATE_UNREADABLE,
	EVENT_STATE_DAMAGED, /* the decider died of it, three times */
	EVENT_STATE_NOTICE,  /* subscription deleted and the like */
	EVENT_STATE_REFUSED, /* foreign: auth.subscriptions, sources or event_types say no */
};

/* What an event is decided by. */
struct decide_by {
	const struct settings *settings;
	const struct rules *rules;
	const struct guard_facts *facts;
	const struct past *past; /* what correlations count; NULL = nothing was received before */
	bool explains;	 /* each rule is asked, also where the index knows that it says no */
	struct str only; /* a rule's name: the others' verdicts do not count; "" = all do */
};

struct decided {
	enum event_state state;	   /* never EVENT_STATE_DAMAGED */
	struct str reason;	   /* why unreadable or refused */
	const struct alert *alert; /* NULL but for EVENT_STATE_DECIDED, and so are all below */
	struct verdict *verdicts;
	size_t n;
	size_t not_asked; /* rules that could only say no */
	struct plan plan;
	struct counted counted; /* what is to be remembered of it, for the past of the next */
};

/* All of *out lives in a, or is borrowed from by and ev. */
void decide_event(
    const struct decide_by *by, const struct event *ev, struct arena *a, struct decided *out);

#endif
