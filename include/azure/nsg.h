/*
 * The network security group that cuts a machine off, one for each region, api-version 2024-01-01
 * https://learn.microsoft.com/rest/api/virtualnetwork/network-security-groups/create-or-update
 *
 *	100   in   allow  the forensic sources, when the rule names some
 *	110   out  allow  MicrosoftDefenderForEndpoint, TCP 443, when the rule asks for it
 *	200   out  deny   AzurePlatformIMDS: a deny of everything leaves the metadata service open,
 *	                  which goes on handing out tokens of the machine's identity
 *	4096  in   deny   everything
 *	4096  out  deny   everything
 *
 * The lower number wins: an allow has to stand above the deny.  flushConnection asks Azure to look
 * at established connections again, which rules alone do not touch.
 */
#ifndef AZURE_NSG_H
#define AZURE_NSG_H

#include <stdbool.h>

#include "azure/arm.h"
#include "azure/nic.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#define NSG_QUARANTINE_PREFIX "gridwarden-quarantine-"

struct quarantine {
	struct str id;		    /* of the network security group */
	struct str location;	    /* as Azure writes the machine's */
	const struct json *sources; /* addresses that may come in, texts; NULL or empty = none */
	bool defender;		    /* the sensor of Defender for Endpoint may go on reporting */
};

/*
 * "gridwarden-quarantine-westeurope"; with forensic sources, or with Defender's way out, a digest
 * of them is added: groups with different rules have different names, so that two isolations never
 * undo each other's.
 */
struct str quarantine_id(struct str subscription, struct str resource_group, struct str region,
    const struct json *sources, bool defender, struct arena *a);

/* Is it one of ours, whatever its region and sources? */
bool quarantine_is(struct str nsg);

/*
 * The body of a PUT that makes the group right; NULL when `existing` (as GET shows it) is right.
 * Rules that people added are kept where they do not stand in the place of ours.
 */
struct json *
quarantine_mend(const struct quarantine *q, const struct json *existing, struct arena *a);

/* Is that the name of a rule that we put into such a group? */
bool quarantine_has_rule(struct str name);

/* The rule of that name in a list as GET shows it, or NULL. */
const struct json *nsg_find_rule(const struct json *rules, struct str name);

/* Names of rules that let traffic pass and are not ours: a list of texts. */
struct json *quarantine_leaks(const struct json *existing, struct arena *a);

/* *body is NULL when there is no such group; *etag only when there is. */
bool nsg_get(struct arm *arm, struct str id, struct arena *a, const struct json **body,
    struct str *etag, struct err *e) MUST_CHECK;
bool nsg_put(struct arm *arm, struct str id, const struct json *body, struct str etag,
    struct arena *a, struct arm_answer *out, struct err *e) MUST_CHECK;

#endif
