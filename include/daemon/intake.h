/*
 * The public surface: turns requests into handshakes answered, refusals, and deliveries handed to
 * the pipeline.  Nothing here waits: a delivery is held until the pipeline says what became of it.
 *
 * https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema
 * https://learn.microsoft.com/azure/event-grid/end-point-validation-cloud-events-schema
 * https://learn.microsoft.com/azure/event-grid/delivery-and-retry
 */
#ifndef DAEMON_INTAKE_H
#define DAEMON_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "core/event.h"
#include "daemon/auth.h"
#include "daemon/listener.h"
#include "store/inbox.h"

/* Seconds, told with every 503; Event Grid itself waits at least 30 before it comes again. */
#define INTAKE_RETRY_AFTER "30"
/* Event Grid's codes are GUIDs. */
#define INTAKE_VALIDATION_CODE_MAX 512

struct intake;

/*
 * One delivery on its way to the journal.  Everything in it lives until received_done(), and many
 * wait at a time: so the events that were read are not in it.
 */
struct received {
	struct delivery delivery; /* ready for inbox_append(): headers, body, hashes, fresh, n */
	int64_t unreadable;	  /* of its events */
	struct received *next;	  /* for the queue of whoever took it */
	struct request *request;
	struct intake *intake;
};

/*
 * Take a delivery.  True: taken; received_done() will be called for it once, by any thread, maybe
 * before this returns.  False: no room, or shutting down; the sender is told to come again.
 * Must not wait.
 */
typedef bool intake_submit(void *ctx, struct received *r);

struct intake_options {
	struct str path;		       /* "/api/events" */
	unsigned char hash_key[HASH_KEY_SIZE]; /* for event_hash() */
	intake_submit *submit;
	void *submit_ctx;
};

/* Takes auth over. */
struct intake *intake_new(const struct intake_options *o, struct auth *auth);
/* After the end of the listener that it was for. */
void intake_free(struct intake *in);
/* After a reload: takes the new one over and frees the old one.  Any thread. */
void intake_set_auth(struct intake *in, struct auth *auth);

/* For listener_start(). */
struct listener_handler intake_handler(struct intake *in);

enum kept {
	KEPT,	    /* on disk: 200 */
	KEPT_LATER, /* could not be kept now: 503 with Retry-After */
};

/* Answer the sender; r is gone with its request.  Any thread. */
void received_done(struct received *r, enum kept kept);

struct intake_figures {
	int64_t deliveries;		       /* answered 200 after they were kept */
	int64_t events;			       /* in those deliveries */
	int64_t unreadable;		       /* of those events */
	int64_t bytes;			       /* bodies of those deliveries */
	int64_t handshakes;		       /* validations and OPTIONS consented to */
	int64_t no_credential, bad_credential; /* 401 */
	int64_t bad_token;		       /* 401 too */
	int64_t no_role;		       /* 403: right tokens without the role */
	int64_t unjudged;		       /* 503: credentials that cannot be told now */
	int64_t forbidden;		       /* 403: handshakes refused */
	int64_t not_found;		       /* 404 and 405 */
	int64_t overload;		       /* 503: could not be kept */
};
void intake_figures(const struct intake *in, struct intake_figures *out);

#endif
