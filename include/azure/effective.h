/*
 * Effective security rules: what Azure itself computes for a network interface from all that has a
 * say, api-version 2024-01-01
 * https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces/list-effective-network-security-groups
 */
#ifndef AZURE_EFFECTIVE_H
#define AZURE_EFFECTIVE_H

#include "azure/arm.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/*
 * A long operation, whose result effective_leaks() reads; ERR_INPUT when the machine does not run.
 * Needs networkInterfaces/effectiveNetworkSecurityGroups/action.
 */
bool effective_ask(struct arm *arm, struct str nic, struct arena *a, struct arm_answer *out,
    struct err *e) MUST_CHECK;

/*
 * What still lets traffic of an interface pass although it carries the quarantine group: a list of
 * sentences' ends, "inbound by security admin rule always-ssh of network manager hub".  Empty:
 * nothing does, but what the group itself lets in on purpose.
 *
 * Of the subnet's group nothing is said: where both have a say, traffic needs both, and the
 * interface's own denies all.  What a network manager allows may pass the groups by.
 */
struct json *effective_leaks(const struct json *groups, struct str quarantine, struct arena *a);

#endif
