/*
 * Alerts where Defender for Cloud keeps them, api-version 2022-01-01
 * https://learn.microsoft.com/rest/api/defenderforcloud/alerts
 */
#ifndef AZURE_DEFENDER_ALERT_H
#define AZURE_DEFENDER_ALERT_H

#include "azure/arm.h"
#include "core/alert.h"

/*
 * "/subscriptions/{guid}[/resourceGroups/{name}]/providers/Microsoft.Security/locations/{location}/
 * alerts/{name}", rebuilt from parts: the alert's own `id` (resourceId of an activity log), or what
 * its link to the portal says.  ERR_INPUT when it says neither.
 */
bool defender_alert_id(
    const struct alert *al, struct arena *a, struct str *out, struct err *e) MUST_CHECK;

bool defender_alert_status(
    struct arm *arm, struct str id, struct arena *a, struct str *status, struct err *e) MUST_CHECK;

/* verb: "dismiss", "resolve", "activate" or "inProgress". */
bool defender_alert_set(
    struct arm *arm, struct str id, const char *verb, struct arena *a, struct err *e) MUST_CHECK;

#endif
