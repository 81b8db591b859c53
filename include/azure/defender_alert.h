/*
 * Alerts where Defender for Cloud keeps them, api-version 2022-01-01
 * https://learn.microsoft.com/rest/api/defenderforcloud/alerts
 */
#ifndef AZURE_DEFENDER_ALERT_H
#define AZURE_DEFENDER_ALERT_H

#include "azure/arm.h"
#include "base/json.h"

/* The alert as Azure has it now; ERR_NOT_FOUND says so in words. */
bool defender_alert_get(struct arm *arm, struct str id, struct arena *a, const struct json **out,
    struct err *e) MUST_CHECK;
bool defender_alert_status(
    struct arm *arm, struct str id, struct arena *a, struct str *status, struct err *e) MUST_CHECK;

/* verb: "dismiss", "resolve", "activate" or "inProgress". */
bool defender_alert_set(
    struct arm *arm, struct str id, const char *verb, struct arena *a, struct err *e) MUST_CHECK;

#endif
