/*
 * Never silence: steps that tell people what the rules' own reports could not know.
 */
#ifndef DAEMON_REPORT_H
#define DAEMON_REPORT_H

#include "base/arena.h"
#include "core/plan.h"
#include "core/settings.h"
#include "store/store.h"

/*
 * What a plan needs besides what the rules ask for, so that people hear of it.  One that holds
 * something back and reports nothing gets a report to the first channel; what is held for approval
 * is told to each channel of approvals.channels; what a storm used up goes into a digest
 * (daemon/digest.h).  The plan may grow; each step gets its destination.
 */
void report_plan(struct plan *plan, const struct alert *al, const struct settings *s,
    const struct guard_facts *facts, struct arena *a);

/*
 * The steps that tell it when a step was settled: a card, when the alert's report had been sent, or
 * the step failed with none planned; and for each ticket about the alert (action->follows) one that
 * adds to it what became of a disruptive step.  *out lives in the arena.
 */
size_t report_afterwards(const struct claimed *c, const struct step *settled, struct str alert_id,
    const struct settings *s, int64_t now_ms, struct arena *a, struct step **out);

/* Tells the channel of a notice (daemon/notice.h), so long from now. */
struct step report_notice(
    struct str channel, struct str alert_id, int64_t now_ms, int64_t wait_ms, struct arena *a);

#endif
