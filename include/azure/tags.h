/*
 * The tags of any resource, without touching the rest of it, api-version 2024-03-01
 * https://learn.microsoft.com/rest/api/resources/tags
 */
#ifndef AZURE_TAGS_H
#define AZURE_TAGS_H

#include "azure/arm.h"

/* *tags is an object, empty when there are none. */
bool tags_get(struct arm *arm, struct str resource, struct arena *a, struct json **tags,
    struct err *e) MUST_CHECK;

/* operation: "Merge", or "Delete" of those that have exactly these values. */
bool tags_change(struct arm *arm, struct str resource, const char *operation,
    const struct json *tags, struct arena *a, struct arm_answer *out, struct err *e) MUST_CHECK;

#endif
