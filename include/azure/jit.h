/*
 * Just-in-time access policies of Defender for Cloud, api-version 2020-01-01
 * https://learn.microsoft.com/rest/api/defenderforcloud/jit-network-access-policies
 *
 * A policy holds the machines of one resource group and region, and a machine is in at most one.
 * PUT replaces the policy with all its machines and there is no ETag, so a change is read, merged,
 * written and read again.
 */
#ifndef AZURE_JIT_H
#define AZURE_JIT_H

#include <stdbool.h>
#include <stdint.h>

#include "azure/arm.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "core/resource_id.h"

#define JIT_API_VERSION "2020-01-01"
/* Behind "/subscriptions/ID": all policies of it. */
#define JIT_POLICIES "/providers/Microsoft.Security/jitNetworkAccessPolicies"

struct jit_policy {
	struct str path;	 /* resource id, rebuilt from parts */
	const struct json *body; /* as Azure shows it; NULL = there is none yet */
};

/*
 * The policy that holds the machine; else the one named "default" of its resource group and
 * region; else the place where "default" would be.
 */
bool jit_find(struct arm *arm, const struct resource_id *vm, struct str region, struct arena *a,
    struct jit_policy *out, struct err *e) MUST_CHECK;
/* The policy at a path that jit_find() gave; body NULL when it is gone. */
bool jit_get(struct arm *arm, struct str path, struct arena *a, struct jit_policy *out,
    struct err *e) MUST_CHECK;
bool jit_put(struct arm *arm, struct str path, const struct json *body, struct arena *a,
    struct err *e) MUST_CHECK;
bool jit_delete(struct arm *arm, struct str path, struct arena *a, struct err *e) MUST_CHECK;

/*
 * Ask for access to ports (numbers) of a machine from a source until then (RFC 3339, UTC).  What
 * came of it is read in the policy's properties.requests; the same again is another request, and a
 * newer one for a port ends the older.
 */
bool jit_initiate(struct arm *arm, struct str path, struct str vm, const struct json *ports,
    struct str source, struct str ends, struct str justification, struct arena *a,
    struct err *e) MUST_CHECK;
/* The calls that jit_put() and jit_initiate() make. */
struct arm_call jit_put_call(struct str path, const struct json *body);
struct arm_call jit_initiate_call(struct str path, struct str vm, const struct json *ports,
    struct str source, struct str ends, struct str justification, struct arena *a);

/* One port of a machine: any protocol, as the portal arms it.  sources: texts, at least one. */
struct json *
jit_port(int64_t number, int64_t longest_ms, const struct json *sources, struct arena *a);

/* What may be written of a policy (NULL = a new one): all machines, no requests. */
struct json *jit_writable(const struct json *policy, struct arena *a);

/* Ports of a machine in a policy; NULL when it is not in it. */
const struct json *jit_ports(const struct json *policy, struct str vm);

/* Is this number of `ports` exactly as `port` says? */
bool jit_holds(const struct json *ports, const struct json *port);

/*
 * The body of a PUT after which the machine has the wanted ports; NULL when it has them.  A number
 * that is there in another form is replaced; all else is kept as it is.
 */
struct json *
jit_merge(const struct json *policy, struct str vm, const struct json *wanted, struct arena *a);

/*
 * The way back: numbers that jit_merge() changed become what they were in `was` (the policy before,
 * NULL = none).  *body is NULL when nothing has to be written; it may have no machines left.
 * Numbers that somebody changed meanwhile are left alone and listed in drifted.
 */
struct jit_return {
	struct json *body;
	struct json *removed, *drifted; /* port numbers */
};
void jit_take_back(const struct json *policy, struct str vm, const struct json *wanted,
    const struct json *was, struct arena *a, struct jit_return *out);

/* Do all machines of `before` but the given one stand in `after`? */
bool jit_keeps_others(const struct json *before, const struct json *after, struct str vm);

/* ISO 8601 as Azure uses it: days, hours, minutes, whole seconds. */
bool jit_duration_ms(struct str text, int64_t *ms);

#endif
