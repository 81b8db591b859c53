/*
 * The guard that asks Defender for Cloud (guards.confirm_at_source): an event says that there is an
 * alert; before anything is changed because of it, Defender for Cloud has to say the same.
 */
#ifndef ACTION_CONFIRM_H
#define ACTION_CONFIRM_H

#include "action/action.h"

/* So long a step waits for Defender for Cloud when it cannot be asked; then it is refused. */
#define CONFIRM_WAIT_MS (5 * 60000)

/*
 * DONE: confirmed, not asked for by the settings, or the step has begun to change things already.
 * LATER: it could not be asked.  REFUSED: e says what it did not confirm.
 */
enum outcome confirm_at_source(struct action_env *env, const struct step *step, struct err *e);

#endif
