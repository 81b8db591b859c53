/*
 * Event Grid deliveries: three schemas by body shape, whatever the content type says.
 *
 * Event Grid schema  https://learn.microsoft.com/azure/event-grid/event-schema
 * CloudEvents 1.0    https://learn.microsoft.com/azure/event-grid/cloud-event-schema
 *                    (structured, batch, and binary with ce-* headers, unless Event Grid's own are
 *                    there: it sends no binary mode, its delivery properties could forge them)
 * Custom input       the body is the publisher's own, delivered as it was published
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stddef.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"

enum event_schema { SCHEMA_EVENT_GRID, SCHEMA_CLOUD_EVENTS, SCHEMA_CUSTOM, SCHEMA_UNKNOWN };

enum event_kind {
	EVENT_NOTIFICATION, /* something happened: to be stored and decided */
	EVENT_VALIDATION,   /* Event Grid asks whether this endpoint wants its events */
	EVENT_DELETION,	    /* the event subscription was deleted */
	EVENT_UNREADABLE,   /* kept and shown, never acted on; `reason` says why */
};

/*
 * What of the HTTP request an event needs to be understood again later.  Stored with the body.
 * Header values are trimmed; absent ones are empty.
 *
 * One that came more than once is named in `repeated`: two readers could take different ones, so
 * its delivery is unreadable.
 */
struct event_headers {
	struct str content_type;
	struct str aeg_event_type; /* Notification, SubscriptionValidation, ... */
	struct str aeg_subscription_name;
	struct str aeg_delivery_count;
	struct str aeg_data_version;
	struct str ce_id, ce_source, ce_type, ce_subject, ce_time, ce_specversion; /* binary mode */
	struct str repeated;
};

struct event {
	enum event_kind kind;
	enum event_schema schema;
	struct str id, source, type, subject, time; /* decoded; source is Event Grid's topic */
	struct str data;	    /* the payload: raw JSON; empty when there is none */
	struct str raw;		    /* the whole event as received (slice of the body) */
	struct str subscription;    /* the event subscription that delivered it; "" = unknown */
	struct str validation_code; /* EVENT_VALIDATION */
	struct str reason;	    /* EVENT_UNREADABLE: why, in words for a person */
};

/* Event Grid sends at most 5,000 events in a batch; beyond this the delivery is unreadable. */
#define EVENT_BATCH_MAX 10000
/* Values in a delivery; more make it unreadable: a tree of so many takes about 25 MB. */
#define EVENT_VALUES_MAX 250000

struct event_batch {
	struct event *events; /* in the order of the body; at least one */
	size_t n;
};

/*
 * Cannot fail: what cannot be read is one event of kind EVENT_UNREADABLE; in a batch only the
 * element concerned.  The same body and headers always give the same events in the same order, and
 * a notification's `raw` with the same headers gives it again.  Slices point into body.
 *
 * An object with the names of both envelopes is unreadable: it could be read as either.  A whole
 * CloudEvent with nothing of Event Grid's but a `topic` has an extension of that name, no source.
 *
 * An event without an id of its own (custom schema, unreadable) gets one made from its text.  A
 * validation event counts only when it is alone, as Event Grid sends it: hidden in a batch it is
 * unreadable.  What the headers say about the kind holds only for a body that has no type of its
 * own: a notice of deletion may come in any shape.
 */
void event_batch_parse(
    struct str body, const struct event_headers *headers, struct arena *a, struct event_batch *out);

/* Headers to one line of JSON and back, for the journal.  What is read may point into text. */
struct str event_headers_print(const struct event_headers *h, struct arena *a);
void event_headers_read(struct str text, struct arena *a, struct event_headers *out);

/*
 * Same source, type, id and body, delivered by the same event subscription: the same event.  Ids
 * alone are not unique; and what an event subscription brings that is not allowed must not make a
 * duplicate of what the allowed one brings.
 */
void
event_hash(const struct event *ev, const unsigned char key[HASH_KEY_SIZE], struct hash128 *out);

const char *event_schema_name(enum event_schema s); /* "event_grid", "cloud_events", ... */
const char *event_kind_name(enum event_kind k);	    /* "notification", "unreadable", ... */

#endif
