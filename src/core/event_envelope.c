/*
 * Happy path: one walk over an object notes what the envelopes' names stand for; by which of them
 * are there the envelope is known.
 * What can go wrong: the text is no JSON; names of both envelopes are there.
 */
#include "event_envelope.h"

#include <string.h>

/* Compared with case, as both specifications say. */
static const struct str member_names[MEMBERS] = {
	[MEMBER_ID] = { "id", 2 },
	[MEMBER_TOPIC] = { "topic", 5 },
	[MEMBER_EVENT_TYPE] = { "eventType", 9 },
	[MEMBER_SUBJECT] = { "subject", 7 },
	[MEMBER_EVENT_TIME] = { "eventTime", 9 },
	[MEMBER_DATA] = { "data", 4 },
	[MEMBER_DATA_VERSION] = { "dataVersion", 11 },
	[MEMBER_METADATA_VERSION] = { "metadataVersion", 15 },
	[MEMBER_SPECVERSION] = { "specversion", 11 },
	[MEMBER_SOURCE] = { "source", 6 },
	[MEMBER_TYPE] = { "type", 4 },
	[MEMBER_TIME] = { "time", 4 },
	[MEMBER_DATA_BASE64] = { "data_base64", 11 },
};

const char *
member_name(enum member m)
{
	return member_names[m].p;
}

static void
note_member(struct envelope *en, struct str name, struct str value)
{
	if (value.p[0] == 'n') /* null */
		return;
	for (size_t i = 0; i < MEMBERS; i++)
		if (name.n == member_names[i].n && memcmp(name.p, member_names[i].p, name.n) == 0 &&
		    en->values[i].n == 0)
			en->values[i] = value;
}

bool
envelope_read(struct json_reader *r, struct arena *a, struct envelope *en)
{
	const unsigned char *from = r->p;
	struct json_level l;
	struct str key, value;

	memset(en->values, 0, sizeof(en->values));
	names_init(&en->names, a);
	if (!json_read_open(r, &l))
		return false;
	while (json_read_next(r, &l, &key)) {
		if (!json_read_value(r, &value))
			return false;
		key = json_text_decode(key, a);
		if (l.n <= JSON_MEMBERS_MAX) /* else it is set aside anyway */
			names_add(&en->names, key);
		note_member(en, key, value);
	}
	en->raw = (struct str){ (const char *)from, (size_t)(r->p - from) };
	return !r->failed;
}

bool
envelope_text(const struct envelope *en, enum member m, struct arena *a, struct str *out)
{
	if (json_text_type(en->values[m]) != JSON_STRING)
		return false;
	*out = json_text_string(en->values[m], a);
	return true;
}

/* Two of its names make an envelope: one alone may be the publisher's own. */
static bool
looks_like_event_grid(const struct envelope *en)
{
	int found = 0;

	for (enum member m = MEMBER_TOPIC; m <= MEMBER_METADATA_VERSION; m++)
		found += en->values[m].n > 0;
	return found >= 2;
}

/*
 * Attributes of CloudEvents have names of small letters and digits, so of Event Grid's own this one
 * may be an extension.  It says nothing then: the source of a whole CloudEvent is its `source`.
 * What Event Grid delivers in its own schema it has stamped with more than the topic.
 */
static bool
topic_is_extension(const struct envelope *en)
{
	static const enum member whole[] = { MEMBER_TOPIC, MEMBER_SPECVERSION, MEMBER_ID,
		MEMBER_SOURCE, MEMBER_TYPE };

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (json_text_type(en->values[whole[i]]) != JSON_STRING ||
		    en->values[whole[i]].n == strlen("\"\""))
			return false;
	return str_is(en->values[MEMBER_SPECVERSION], "\"1.0\"");
}

/*
 * Specversion beside a name that only Event Grid's envelope has: whoever publishes adds the other
 * envelope's members, and would choose in which of the two his event is read.
 */
static bool
has_two_envelopes(const struct envelope *en, enum member *of_event_grid)
{
	/* Topic last: beside any of the others it is no extension. */
	static const enum member own[] = { MEMBER_EVENT_TYPE, MEMBER_EVENT_TIME,
		MEMBER_DATA_VERSION, MEMBER_METADATA_VERSION, MEMBER_TOPIC };

	if (en->values[MEMBER_SPECVERSION].n == 0)
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (en->values[own[i]].n > 0) {
			*of_event_grid = own[i];
			return own[i] != MEMBER_TOPIC || !topic_is_extension(en);
		}
	return false;
}

enum event_schema
envelope_schema(const struct envelope *en, enum member *of_event_grid)
{
	if (has_two_envelopes(en, of_event_grid))
		return SCHEMA_UNKNOWN;
	if (en->values[MEMBER_SPECVERSION].n > 0)
		return SCHEMA_CLOUD_EVENTS;
	return looks_like_event_grid(en) ? SCHEMA_EVENT_GRID : SCHEMA_CUSTOM;
}
