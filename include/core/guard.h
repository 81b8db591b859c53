/*
 * Guards: what must not be touched.  Each answers with the reason, for the record and the card.
 */
#ifndef CORE_GUARD_H
#define CORE_GUARD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "core/resource_id.h"
#include "core/settings.h"

/* Protected by subscription, resource group or id pattern; *why gets the entry as written. */
bool guard_protects(const struct settings *s, const struct resource_id *id, struct buf *why);

/* May be touched at all: there is no guards.scope, or an entry of it fits. */
bool guard_in_scope(const struct settings *s, const struct resource_id *id);

/*
 * Protected by a tag.  tags: object of name -> value as Azure gives it, NULL for none.  Names are
 * compared without case, values with it, as Azure does.
 */
bool guard_protects_tags(const struct settings *s, const struct json *tags, struct buf *why);

/* Some entry asks for tags: an action that cannot read them must not go on. */
bool guard_needs_tags(const struct settings *s);

#endif
