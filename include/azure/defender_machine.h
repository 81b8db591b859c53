/*
 * Machines in Microsoft Defender for Endpoint, whose sensor isolates them
 * https://learn.microsoft.com/defender-endpoint/api/isolate-machine
 *
 * Not Azure Resource Manager: another host, tokens for another audience, application permissions of
 * its own (Machine.Isolate, Machine.Read.All), 100 calls a minute and 1500 an hour.  Errors are as
 * in arm.h.  Ids: 40 hexadecimal digits of a machine, a GUID of an action.
 */
#ifndef AZURE_DEFENDER_MACHINE_H
#define AZURE_DEFENDER_MACHINE_H

#include "azure/arm.h"

bool defender_machine_id_is(struct str id);

/* ERR_NOT_FOUND when it is not known there. */
bool defender_machine_get(struct arm *arm, struct str id, struct arena *a,
    const struct json **machine, struct err *e) MUST_CHECK;
/* All of that device in Entra ID (a GUID), or whose name begins so. */
bool defender_machines_of_device(struct arm *arm, struct str aad_device, struct arena *a,
    const struct json **list, struct err *e) MUST_CHECK;
bool defender_machines_named(struct arm *arm, struct str prefix, struct arena *a,
    const struct json **list, struct err *e) MUST_CHECK;

/*
 * Which of these is the virtual machine?  One that says so by its vmId; else, when none does, one
 * that says nothing and has its name.  Of several the one that is active.  NULL: none is.  False:
 * several are alive, and which is meant nobody can say.
 */
bool defender_choose(const struct json *machines, struct str vm_id, struct str name,
    const struct json **out, struct err *e) MUST_CHECK;

/*
 * Isolations of a machine and their ends, the newest first: {"id", "type" (Isolate, Unisolate),
 * "status", "requestor", "requestorComment", "creationDateTimeUtc"}.
 */
bool defender_actions(struct arm *arm, struct str machine, struct arena *a, struct json **list,
    struct err *e) MUST_CHECK;

/* isolation: "Full" or "Selective", "" = its end.  ERR_AGAIN while another one is under way. */
bool defender_isolate(struct arm *arm, struct str machine, const char *isolation,
    struct str comment, struct arena *a, struct str *action, struct err *e) MUST_CHECK;
bool defender_cancel(struct arm *arm, struct str action, struct str comment, struct arena *a,
    struct err *e) MUST_CHECK;

#endif
