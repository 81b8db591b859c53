/*
 * One object of a delivery: the members of both envelopes, and which of the two it is in.
 */
#ifndef CORE_EVENT_ENVELOPE_H
#define CORE_EVENT_ENVELOPE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "core/event.h"
#include "event_names.h"

enum member {
	MEMBER_ID,
	MEMBER_TOPIC,
	MEMBER_EVENT_TYPE,
	MEMBER_SUBJECT,
	MEMBER_EVENT_TIME,
	MEMBER_DATA,
	MEMBER_DATA_VERSION,
	MEMBER_METADATA_VERSION,
	MEMBER_SPECVERSION,
	MEMBER_SOURCE,
	MEMBER_TYPE,
	MEMBER_TIME,
	MEMBER_DATA_BASE64,
	MEMBERS
};

/* An object as one walk over it found it. */
struct envelope {
	struct str raw;
	struct str values[MEMBERS]; /* raw JSON; empty: not there, or null, which says the same */
	struct names names;	    /* of all members */
};

const char *member_name(enum member m);

/* Of the object that the reader is at; false when it is no JSON. */
bool envelope_read(struct json_reader *r, struct arena *a, struct envelope *en);
/* A member that is a string, decoded; false, and *out as it was, when there is none. */
bool envelope_text(const struct envelope *en, enum member m, struct arena *a, struct str *out);
/* SCHEMA_UNKNOWN: it is in both, and *of_event_grid is what a CloudEvent must not have. */
enum event_schema envelope_schema(const struct envelope *en, enum member *of_event_grid);

#endif
