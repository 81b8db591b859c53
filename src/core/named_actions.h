/*
 * Actions with names of the user's choice, that the rules of all files refer to:
 *
 *	actions:
 *	  quarantine: {isolate_vm: {snapshot: true, expires_after: 8h}}
 *	rules:
 *	  - actions: [quarantine, {quarantine: {expires_after: 2h}}]
 *
 * One may refer to another.  Each is checked as it stands, used or not; what a rule overrides is
 * checked again there.
 */
#ifndef CORE_NAMED_ACTIONS_H
#define CORE_NAMED_ACTIONS_H

#include "base/yaml.h"
#include "core/rules.h"

#define NAMED_ACTIONS_MAX 1000

struct named_actions;

struct named_actions *named_actions_new(const struct rules_outside *outside, struct arena *a);

/* `actions` of one file; the tree must outlive *n.  Then, once, when there are all of them: */
void named_actions_add(struct named_actions *n, const struct yaml *actions, struct diags *d);
void named_actions_check(struct named_actions *n, struct diags *d);

/* One entry of a rule's `actions`, whatever it names.  False: d says why, or has said it. */
bool named_actions_take(
    struct named_actions *n, const struct yaml *entry, struct rule_action *out, struct diags *d);

/* Those that no rule refers to are warned of. */
void named_actions_unused(const struct named_actions *n, struct diags *d);

#endif
