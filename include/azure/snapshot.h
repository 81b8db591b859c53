/*
 * Snapshots of managed disks, api-version 2024-03-02
 * https://learn.microsoft.com/rest/api/compute/snapshots/create-or-update
 */
#ifndef AZURE_SNAPSHOT_H
#define AZURE_SNAPSHOT_H

#include "azure/arm.h"

/* Azure takes names of this many of A-Z a-z 0-9 _ -. */
#define SNAPSHOT_NAME_MAX 80

/*
 * "web-01_OsDisk-gridwarden-0123456789abcdef": the same disk and the same `of` give the same id.  A
 * PUT on a name that exists succeeds without a word, so nothing else may give it.
 */
struct str snapshot_id(struct str subscription, struct str resource_group, struct str disk,
    struct str of, struct arena *a);

/* *body is NULL when there is no such snapshot. */
bool snapshot_get(struct arm *arm, struct str id, struct arena *a, const struct json **body,
    struct err *e) MUST_CHECK;

/*
 * Incremental, of the disk as it is now, and to be exported by nobody until somebody decides so.
 * location: the disk's, which is its machine's.  tags: an object; belongs to the call then.
 */
bool snapshot_put(struct arm *arm, struct str id, struct str disk, struct str location,
    struct json *tags, struct arena *a, struct arm_answer *out, struct err *e) MUST_CHECK;

/* All bytes are there; disks of the kinds Ultra and Premium v2 go on being copied for a while. */
bool snapshot_is_whole(const struct json *body);

#endif
