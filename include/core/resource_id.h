/*
 * Azure resource ids, parsed by a grammar and rebuilt from the parts: what came from outside never
 * reaches a URL as received.  Compared without case, as Azure Resource Manager does
 * (https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules).
 *
 *	/subscriptions/{guid}
 *	/subscriptions/{guid}/resourceGroups/{name}
 *	/subscriptions/{guid}[/resourceGroups/{name}]/providers/{namespace}/{type}/{name}[/...]
 *
 * Each segment is 1 to 260 of A-Z a-z 0-9 . _ - ( ) and no segment is "." or ".."; a space, '%',
 * '?', '#', a backslash and anything not ASCII is refused.
 */
#ifndef CORE_RESOURCE_ID_H
#define CORE_RESOURCE_ID_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define RESOURCE_ID_MAX 1024

/* Slices of the text it was parsed from.  Absent parts are empty. */
struct resource_id {
	struct str subscription; /* the GUID */
	struct str
	    resource_group;  /* empty for a subscription and for subscription-level resources */
	struct str provider; /* "Microsoft.Compute" */
	struct str type;     /* "virtualMachines": the first type after the provider */
	struct str name;     /* "web-01" */
	struct str rest;     /* "extensions/agent": what is below that resource, validated */
};

bool resource_id_parse(struct str text, struct resource_id *out, struct err *e) MUST_CHECK;

/* That provider and type, or something below such a resource: `rest` tells. */
bool resource_id_is(const struct resource_id *id, const char *provider, const char *type);
bool resource_id_eq(const struct resource_id *x, const struct resource_id *y);

/* Rebuild, in Azure's own spelling of the fixed words. */
void resource_id_format(const struct resource_id *id, struct buf *out);
/* The same without `rest`: the machine of an extension, the account of a container. */
void resource_id_format_owner(const struct resource_id *id, struct buf *out);
struct str resource_id_owner_path(const struct resource_id *id, struct arena *a);
/* As format, with all letters lower: equal ids give equal text.  For keys and columns. */
void resource_id_format_key(const struct resource_id *id, struct buf *out);

#endif
