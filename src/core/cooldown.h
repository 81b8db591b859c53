/*
 * A rule that fired does not act again for some time about the same thing: `cooldown: 1h`, and
 * what is the same is told by the fields of `cooldown_by`.
 */
#ifndef CORE_COOLDOWN_H
#define CORE_COOLDOWN_H

#include "core/plan.h"

/*
 * What of this alert the rule tells apart, hashed.  "" = there is no cooldown: the rule has none,
 * or the alert has none of the fields, so that nothing says that it is about the same.
 */
struct str cooldown_key(const struct rule *rule, const struct alert *al, struct arena *a);

#endif
