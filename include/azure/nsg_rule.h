/*
 * One rule of a network security group that belongs to somebody else, api-version 2024-01-01
 * https://learn.microsoft.com/rest/api/virtualnetwork/security-rules
 */
#ifndef AZURE_NSG_RULE_H
#define AZURE_NSG_RULE_H

#include "azure/arm.h"

/* Ours stand here: in front of what people write, as far as they left the place free. */
#define NSG_BLOCK_FIRST 100
#define NSG_BLOCK_LAST 199

/* The first priority of ours that no inbound rule of the group has; 0 = none is left. */
int64_t nsg_free_priority(const struct json *group);

/* Names of inbound rules that let something in before priority is asked: a list of texts. */
struct json *nsg_allowed_before(const struct json *group, int64_t priority, struct arena *a);

/* Does the rule, as GET shows it, deny exactly these sources everything inbound? */
bool nsg_blocks(const struct json *rule, const struct json *sources);

/* Deny the sources everything inbound. */
bool nsg_block(struct arm *arm, struct str group, struct str rule, int64_t priority,
    const struct json *sources, struct arena *a, struct arm_answer *out, struct err *e) MUST_CHECK;
bool nsg_unblock(struct arm *arm, struct str group, struct str rule, struct arena *a,
    struct arm_answer *out, struct err *e) MUST_CHECK;

#endif
