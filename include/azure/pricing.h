/*
 * Defender's plans of a subscription.
 * https://learn.microsoft.com/rest/api/defenderforcloud/pricings (Microsoft.Security 2024-01-01)
 */
#ifndef AZURE_PRICING_H
#define AZURE_PRICING_H

#include "azure/arm.h"

#define PRICING_API_VERSION "2024-01-01"

struct pricing {
	struct str name;     /* "VirtualMachines" */
	struct str tier;     /* "Standard": it is on; "Free" */
	struct str sub_plan; /* "P2"; "" = it has none, or all of it */
	struct str coverage; /* "FullyCovered", "PartiallyCovered", "NotCovered"; "" = not said */
	bool deprecated;
	struct str *replaced_by; /* plans that took the place of a deprecated one */
	size_t n_replaced_by;
	const struct json *extensions; /* NULL = none */
};

/* Out of an answer of Azure; texts are borrowed from it. */
void pricing_read(const struct json *j, struct arena *a, struct pricing *out);
bool pricing_is_on(const struct pricing *p);

/* The call that turns a plan on, with a sub-plan or "" for Azure's choice, or off. */
struct arm_call pricing_call(
    struct str subscription, struct str name, bool on, struct str sub_plan, struct arena *a);

/*
 * What of the plan's extensions did not work, although the answer was 200: "AgentlessVmScanning:
 * message", one line each; empty when all did.
 */
struct str pricing_trouble(const struct pricing *p, struct arena *a);

#endif
