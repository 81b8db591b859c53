/*
 * Which events are taken: the lists auth.subscriptions, auth.schemas, auth.sources and
 * auth.event_types.
 *
 * A credential says that Event Grid delivers, not for whom: whoever may make event subscriptions
 * and knows the key can have another topic deliver here.  An event that a list does not name is
 * kept and shown, never judged.
 *
 * Only Event Grid's own schema has a source that Event Grid writes; that of a CloudEvent is the
 * publisher's, and whoever knows what is listed can write it.  So the schema is asked before it.
 */
#ifndef CORE_SOURCE_LIST_H
#define CORE_SOURCE_LIST_H

#include <stdbool.h>

#include "base/arena.h"
#include "core/event.h"
#include "core/settings.h"

/* An entry that stands for an event which has no source, type or event subscription at all. */
#define SOURCE_LIST_NONE "none"

/*
 * True: every list that is not empty names what the event has.  False: *why says what is not
 * allowed and which setting says so.  Pure: the same settings and event give the same answer.
 *
 * Compared without case, * is any text and ? one character.  Event Grid's own notices (a deleted
 * event subscription) are not asked for schema and type, nor for a source when they have none.
 */
bool source_list_allows(
    const struct settings_auth *auth, const struct event *ev, struct arena *a, struct str *why);

/* The same of one list and one value: an empty list names everything. */
bool source_list_names(const struct str *list, size_t n, struct str value);

/* The same of the list of schemas. */
bool source_list_judges(const struct str *schemas, size_t n, enum event_schema schema);

/* One entry of a list names this value; the empty one is named by SOURCE_LIST_NONE and by *. */
bool source_list_fits(struct str entry, struct str value);

/* A value that the entry names; empty for SOURCE_LIST_NONE. */
struct str source_list_example(struct str entry, struct arena *a);

/* What is wrong with an entry of auth.sources or auth.event_types, in words; NULL = nothing. */
const char *source_list_problem(struct str entry, bool is_source);

#endif
