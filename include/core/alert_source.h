/*
 * Where Defender for Cloud keeps an alert.
 * https://learn.microsoft.com/rest/api/defenderforcloud/alerts
 */
#ifndef CORE_ALERT_SOURCE_H
#define CORE_ALERT_SOURCE_H

#include "core/alert.h"

/*
 * "/subscriptions/{guid}[/resourceGroups/{name}]/providers/Microsoft.Security/locations/{location}/
 * alerts/{name}", rebuilt from parts: the alert's own `id` (resourceId of an activity log), or what
 * its link to the portal says.  ERR_INPUT when it says neither.
 */
bool
alert_source_id(const struct alert *al, struct arena *a, struct str *out, struct err *e) MUST_CHECK;

#endif
