/*
 * What was decided, remembered for the decisions that follow: the facts that a store answers for
 * the daemon (guard_facts), for who decides a past again and must touch no store.  Pure; one
 * thread.
 */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/plan.h"
#include "core/rules.h"
#include "core/settings.h"

struct ledger;

/* What is older than window_ms counts for no budget and cooldown, and is forgotten. */
struct ledger *ledger_new(int64_t window_ms);
void ledger_free(struct ledger *l); /* NULL is fine */

/* The longest time that a budget of these settings, or a cooldown of these rules, looks back. */
int64_t ledger_window_ms(const struct settings *s, const struct rules *r);

/* The facts at that moment, which is not before the one of the call before. */
struct guard_facts ledger_facts(struct ledger *l, int64_t now_ms);

/* The alert that a plan is about. */
struct ledger_alert {
	int64_t id; /* as people type it */
	struct str key;
	bool more; /* it will be decided again, so its steps have to be known then */
};

/*
 * Put a plan into the ledger, as store_put_decision() does: a step that was put before leaves the
 * plan; what is let through, and rules whose cooldown begins, count from now on.
 */
void ledger_put(struct ledger *l, struct plan *plan, const struct ledger_alert *about);

#endif
