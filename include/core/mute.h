/*
 * Who is not told, and why: silences.  Only notifications are held back, never what is done about
 * an alert; and of what changes something, or waits for a person, people are told all the same.
 */
#ifndef CORE_MUTE_H
#define CORE_MUTE_H

#include "core/plan.h"

/*
 * Notifications of the plan that are to be held back become STEP_SUPPRESSED, with the reason.  May
 * be called again when the plan has grown.
 */
void mute_plan(
    struct plan *plan, const struct alert *al, const struct guard_facts *facts, struct arena *a);

#endif
