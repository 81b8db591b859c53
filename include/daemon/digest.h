/*
 * A storm in which a budget refuses ninety machines is told in one card, not in ninety.
 *
 * Where all that a plan would change was refused because a budget is used up, its own cards are
 * settled at once, as "told in a digest", and one step that tells the channel waits for
 * guards.digest_wait; what is refused meanwhile joins it.
 */
#ifndef DAEMON_DIGEST_H
#define DAEMON_DIGEST_H

#include "action/action.h"
#include "base/arena.h"
#include "core/plan.h"
#include "core/settings.h"
#include "store/store.h"

/* The plan may grow. */
void digest_join(struct plan *plan, struct str alert_id, const struct settings *s,
    const struct guard_facts *facts, struct arena *a);

/* Gives a job that is a digest what it tells. */
bool digest_prepare(struct store *s, struct job *job, struct arena *a, struct err *e) MUST_CHECK;

#endif
