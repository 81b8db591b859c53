/*
 * A step of a plan for one machine, as a card and a sentence tell it.
 */
#ifndef TESTS_UNIT_STEP_SAMPLE_H
#define TESTS_UNIT_STEP_SAMPLE_H

#include "core/plan.h"
#include "test.h"

#define VM                                                                                 \
	"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/" \
	"Microsoft.Compute/virtualMachines/web-01"

static struct str empty = { "", 0 };

static inline struct step
step_of(const char *action, enum step_state state)
{
	return (struct step){ .id = 7,
		.key = empty,
		.rule = STR("r"),
		.action = str_of(action),
		.target = STR(VM),
		.params = STR("{}"),
		.disruptive = true,
		.state = state,
		.reason = empty,
		.before = empty,
		.cursor = empty,
		.result = empty,
		.destination = empty };
}

#endif
