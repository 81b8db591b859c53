/*
 * Happy path of a delivery:
 *	on_head    path, method and credential are right, nothing is answered yet
 *	on_handle  the body is parsed, its events are hashed and forgotten, the request is held and
 *	           handed over
 *	received_done, from the committer's thread: 200, and everything is freed
 * The others:
 *	a validation event is answered at once with its code, an OPTIONS handshake with its consent
 * What can go wrong:
 *	another path or method        404, 405
 *	no credential, a wrong one    401: proven not to be ours, Event Grid does not come again
 *	a right token without role    403
 *	a foreign handshake           403
 *	a token, but no signing keys  503 with Retry-After: Event Grid comes again
 *	never asked for a certificate 503 too, and the connection ends
 *	no room, shutting down, disk  503 with Retry-After: Event Grid comes again
 *	an unreadable body            none of these: it is an event of its kind, kept and answered
 *200
 */
#include "daemon/intake.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "core/settings.h"

/* All that may come in fits into a record: body, headers (written, in it), hashes, fresh bits. */
_Static_assert(SETTINGS_BODY_MAX + JSON_WRITE_FACTOR * LISTENER_HEAD_MAX +
		       EVENT_BATCH_MAX * (sizeof(struct hash128) + 1) + 4096 <=
		   INBOX_RECORD_MAX,
    "a delivery fits into a record");

/* Figures by name, in one array so that counting is one line. */
enum figure {
	DELIVERIES,
	EVENTS,
	UNREADABLE,
	BYTES,
	HANDSHAKES,
	NO_CREDENTIAL,
	BAD_CREDENTIAL,
	BAD_TOKEN,
	NO_ROLE,
	UNJUDGED,
	FORBIDDEN,
	NOT_FOUND,
	OVERLOAD,
	FIGURES,
};

struct intake {
	struct str path;
	unsigned char hash_key[HASH_KEY_SIZE];
	intake_submit *submit;
	void *submit_ctx;
	pthread_rwlock_t lock; /* of auth: read by listener threads, exchanged by a reload */
	struct auth *auth;
	pthread_key_t scratch; /* an arena of each listener thread, empty between two requests */
	atomic_int_fast64_t figures[FIGURES];
};

static void
count(struct intake *in, enum figure f, int64_t n)
{
	atomic_fetch_add(&in->figures[f], n);
}

/* ---- answers ---- */

static void
answer(struct request *rq, int status)
{
	request_answer(rq, &(struct reply){ .status = status, .body = STR_EMPTY });
}

static void
answer_with(struct request *rq, int status, const char *name, struct str value)
{
	struct reply r = { .status = status, .body = STR_EMPTY, .n_headers = 1 };

	r.headers[0] = (struct reply_header){ name, value };
	request_answer(rq, &r);
}

static void
answer_later(struct intake *in, struct request *rq)
{
	count(in, OVERLOAD, 1);
	answer_with(rq, 503, "Retry-After", STR(INTAKE_RETRY_AFTER));
}

/* A stranger can cause these lines, so they are gated; what was shown is never in them. */
static void
log_refused(struct request *rq, const char *what)
{
	static struct log_gate gate = { .burst = 10 };
	struct log_field fields[] = { { "peer", request_peer(rq) } };

	if (log_gate_open(&gate))
		log_line(LOG_LEVEL_WARNING, fields, 1, "delivery refused: %s", what);
}

/* ---- head: all that needs no body ---- */

/* "Bearer TOKEN", the scheme in any case (RFC 9110); empty when it is another scheme. */
static struct str
bearer_of(struct str authorization)
{
	static const char scheme[] = "Bearer ";

	if (!str_starts_nocase(authorization, STR("Bearer ")))
		return STR_EMPTY;
	return str_trim(str_slice(authorization, sizeof(scheme) - 1, authorization.n));
}

static struct auth_shown
shown_by(struct request *rq, const char *key_header)
{
	struct auth_shown shown = { .code = request_query(rq, "code"), .key = STR_EMPTY };
	size_t n = request_header_count(rq, "Authorization");

	if (*key_header != '\0')
		shown.key = request_header(rq, key_header);
	shown.certificate = request_client_certificate(rq, &shown.certificate_wrong);
	shown.ambiguous = n > 1;
	shown.bearer = n == 0 ? request_query(rq, "access_token")
			      : bearer_of(request_header(rq, "Authorization"));
	return shown;
}

static enum auth_answer
check_caller(struct intake *in, struct request *rq, struct err *why)
{
	struct auth_shown shown;
	enum auth_answer result;

	pthread_rwlock_rdlock(&in->lock);
	shown = shown_by(rq, auth_key_header(in->auth));
	result = auth_check(in->auth, &shown, why);
	pthread_rwlock_unlock(&in->lock);
	return result;
}

/* What it would have shown, had it been asked, is not known; on a new connection it is asked. */
static bool
was_not_asked(struct request *rq)
{
	struct str ignored;

	return request_client_certificate(rq, &ignored) == CLIENT_CERTIFICATE_NOT_ASKED;
}

static void
put_off(struct intake *in, struct request *rq, const struct err *why)
{
	static struct log_gate gate = { .burst = 10 };
	struct log_field fields[] = { { "peer", request_peer(rq) } };
	struct reply r = {
		.status = 503, .body = STR_EMPTY, .n_headers = 1, .close = was_not_asked(rq)
	};

	count(in, UNJUDGED, 1);
	if (log_gate_open(&gate))
		log_line(LOG_LEVEL_WARNING, fields, 1, "delivery put off: %s", why->text);
	r.headers[0] = (struct reply_header){ "Retry-After", STR(INTAKE_RETRY_AFTER) };
	request_answer(rq, &r);
}

static void
refuse_caller(
    struct intake *in, struct request *rq, enum auth_answer answered, const struct err *why)
{
	static const enum figure figures[] = { [AUTH_NO_CREDENTIAL] = NO_CREDENTIAL,
		[AUTH_BAD] = BAD_CREDENTIAL,
		[AUTH_BAD_TOKEN] = BAD_TOKEN,
		[AUTH_NO_ROLE] = NO_ROLE };
	const char *challenge;
	struct err unasked;

	if (answered != AUTH_LATER && was_not_asked(rq)) {
		fail_again(&unasked, 0, "the connection is older than auth.client_certificates");
		put_off(in, rq, &unasked);
		return;
	}
	if (answered == AUTH_LATER) {
		put_off(in, rq, why);
		return;
	}
	count(in, figures[answered], 1);
	log_refused(rq, why->text);
	pthread_rwlock_rdlock(&in->lock);
	challenge = auth_challenge(in->auth, answered);
	pthread_rwlock_unlock(&in->lock);
	answer_with(
	    rq, answered == AUTH_NO_ROLE ? 403 : 401, "WWW-Authenticate", str_of(challenge));
}

static bool
promises_validation(struct request *rq)
{
	return str_is_nocase(request_header(rq, "aeg-event-type"), "SubscriptionValidation");
}

/* A validation, by its header, of an event subscription that needs no credential for it. */
static bool
is_bare_handshake(struct intake *in, struct request *rq)
{
	bool allowed;

	if (!promises_validation(rq))
		return false;
	pthread_rwlock_rdlock(&in->lock);
	allowed = auth_allows_bare_handshake(in->auth, request_header(rq, "aeg-subscription-name"));
	pthread_rwlock_unlock(&in->lock);
	return allowed;
}

/* What is foreign about it, NULL = nothing.  False: answered 403. */
static bool
let_shake_hands(struct intake *in, struct request *rq, const char *foreign)
{
	if (foreign == NULL)
		return true;
	count(in, FORBIDDEN, 1);
	log_refused(rq, foreign);
	answer(rq, 403);
	return false;
}

static bool
may_have_consent(struct intake *in, struct request *rq, struct str origin)
{
	const char *foreign = NULL;

	pthread_rwlock_rdlock(&in->lock);
	if (!auth_allows_cloud_events(in->auth))
		foreign = "a handshake of CloudEvents, and cloud_events is not in auth.schemas";
	else if (!auth_allows_origin(in->auth, origin))
		foreign = "a handshake of an origin that is not allowed";
	pthread_rwlock_unlock(&in->lock);
	return let_shake_hands(in, rq, foreign);
}

static bool
is_rate(struct str rate)
{
	int64_t n;

	return str_to_int(rate, 1, INT32_MAX, &n);
}

/*
 * CloudEvents abuse protection.  Consent is in the headers alone.  It gives no access: every
 * delivery shows its credential, so a handshake without one is fine, with a wrong one it is not.
 */
static void
consent(struct intake *in, struct request *rq)
{
	struct str origin = request_header(rq, "WebHook-Request-Origin");
	struct str rate = request_header(rq, "WebHook-Request-Rate");
	struct reply r = { .status = 200, .body = STR_EMPTY, .n_headers = 1 };

	r.headers[0] = (struct reply_header){ "Allow", STR("POST") };
	if (origin.n > 0) {
		if (!may_have_consent(in, rq, origin))
			return;
		count(in, HANDSHAKES, 1);
		r.headers[1] = (struct reply_header){ "WebHook-Allowed-Origin", origin };
		r.headers[2] = (struct reply_header){ "WebHook-Allowed-Rate",
			is_rate(rate) ? rate : STR("*") };
		r.n_headers = 3;
	}
	request_answer(rq, &r);
}

static void
on_head(void *ctx, struct request *rq)
{
	struct intake *in = ctx;
	bool options = str_is(request_method(rq), "OPTIONS");
	enum auth_answer caller;
	struct err why;

	if (!str_eq(request_path(rq), in->path)) {
		count(in, NOT_FOUND, 1);
		answer(rq, 404);
		return;
	}
	if (!options && !str_is(request_method(rq), "POST")) {
		count(in, NOT_FOUND, 1);
		answer_with(rq, 405, "Allow", STR("POST, OPTIONS"));
		return;
	}
	caller = check_caller(in, rq, &why);
	if (caller == AUTH_NO_CREDENTIAL && (options || is_bare_handshake(in, rq)))
		caller = AUTH_OK;
	if (caller != AUTH_OK)
		refuse_caller(in, rq, caller, &why);
	else if (options)
		consent(in, rq);
}

/* ---- handle: the body is there ---- */

static struct event_headers
event_headers(const struct request *rq)
{
	struct event_headers h = { .repeated = STR_EMPTY };
	const struct {
		const char *name;
		struct str *to;
	} wanted[] = { { "content-type", &h.content_type }, { "aeg-event-type", &h.aeg_event_type },
		{ "aeg-subscription-name", &h.aeg_subscription_name },
		{ "aeg-delivery-count", &h.aeg_delivery_count },
		{ "aeg-data-version", &h.aeg_data_version }, { "ce-id", &h.ce_id },
		{ "ce-source", &h.ce_source }, { "ce-type", &h.ce_type },
		{ "ce-subject", &h.ce_subject }, { "ce-time", &h.ce_time },
		{ "ce-specversion", &h.ce_specversion } };
	size_t times;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		*wanted[i].to = request_header_counted(rq, wanted[i].name, &times);
		if (times > 1 && h.repeated.n == 0)
			h.repeated = str_of(wanted[i].name);
	}
	return h;
}

/* Event Grid sends its validation alone; inside a batch, or without a code, it is no handshake. */
static bool
is_validation(const struct event_batch *batch)
{
	const struct event *first = &batch->events[0];

	return batch->n == 1 && first->kind == EVENT_VALIDATION && first->validation_code.n > 0 &&
	       first->validation_code.n <= INTAKE_VALIDATION_CODE_MAX;
}

static bool
may_validate(struct intake *in, struct request *rq, struct str subscription, const struct event *ev)
{
	const char *foreign = NULL;

	pthread_rwlock_rdlock(&in->lock);
	if (!auth_allows_subscription(in->auth, subscription))
		foreign = "a handshake of an event subscription that is not allowed";
	else if (!auth_allows_validation_in(in->auth, ev->schema))
		foreign = "a handshake in a schema that is not in auth.schemas";
	else if (!auth_allows_source(in->auth, ev->source))
		foreign = "a handshake of a source that is not in auth.sources";
	pthread_rwlock_unlock(&in->lock);
	return let_shake_hands(in, rq, foreign);
}

static void
answer_validation(struct intake *in, struct request *rq, const struct event *ev,
    struct str subscription, struct arena *a)
{
	struct log_field fields[] = { { "event_subscription", subscription },
		{ "peer", request_peer(rq) } };
	struct json *reply = json_object(a);

	if (!may_validate(in, rq, subscription, ev))
		return;
	count(in, HANDSHAKES, 1);
	log_line(LOG_LEVEL_INFO, fields, 2, "event subscription validated");
	json_set_str(reply, "validationResponse", ev->validation_code, a);
	request_answer(rq,
	    &(struct reply){
		.status = 200, .content_type = "application/json", .body = json_print(reply, a) });
}

/* What is needed of a delivery until it is answered. */
static struct received *
received_new(struct intake *in, struct request *rq, const struct event_batch *batch,
    const struct event_headers *headers)
{
	struct arena *a = request_arena(rq);
	struct received *r = arena_alloc(a, sizeof(*r));
	struct delivery *d = &r->delivery;
	struct hash128 *hashes = arena_alloc(a, batch->n * sizeof(*hashes));

	for (size_t i = 0; i < batch->n; i++) {
		event_hash(&batch->events[i], in->hash_key, &hashes[i]);
		r->unreadable += batch->events[i].kind == EVENT_UNREADABLE;
	}
	d->received_ms = clock_now_ms();
	d->headers = event_headers_print(headers, a);
	d->body = request_body(rq);
	d->hashes = hashes;
	d->fresh = arena_alloc(a, batch->n * sizeof(*d->fresh));
	d->n = batch->n;
	r->intake = in;
	r->request = rq;
	return r;
}

static void
hand_over(struct intake *in, struct received *r)
{
	request_hold(r->request); /* before: it may be answered before submit returns */
	if (!in->submit(in->submit_ctx, r))
		received_done(r, KEPT_LATER);
}

/*
 * Who promised a validation may have come in without a credential.  What was sent is none: now one
 * must be shown, whatever the settings said about handshakes when the head came.
 */
static bool
breaks_promise(struct intake *in, struct request *rq)
{
	enum auth_answer caller;
	struct err why;

	if (!promises_validation(rq))
		return false;
	caller = check_caller(in, rq, &why);
	if (caller == AUTH_OK)
		return false;
	refuse_caller(in, rq, caller, &why);
	return true;
}

static void
scratch_free(void *scratch)
{
	arena_free(scratch);
}

static struct arena *
scratch_of_thread(struct intake *in)
{
	struct arena *scratch = pthread_getspecific(in->scratch);

	if (scratch == NULL) {
		scratch = arena_new();
		if (pthread_setspecific(in->scratch, scratch) != 0)
			abort(); /* out of memory */
	}
	return scratch;
}

static void
on_handle(void *ctx, struct request *rq)
{
	struct intake *in = ctx;
	struct arena *scratch = scratch_of_thread(in);
	struct event_headers headers = event_headers(rq);
	struct received *r = NULL;
	struct event_batch batch;

	event_batch_parse(request_body(rq), &headers, scratch, &batch);
	if (is_validation(&batch))
		answer_validation(in, rq, &batch.events[0], headers.aeg_subscription_name, scratch);
	else if (!breaks_promise(in, rq))
		r = received_new(in, rq, &batch, &headers);
	/* Before it is held: events are up to 200 times as large as the body. */
	arena_reset(scratch);
	if (r != NULL)
		hand_over(in, r);
}

static void
count_kept(const struct received *r)
{
	count(r->intake, DELIVERIES, 1);
	count(r->intake, EVENTS, (int64_t)r->delivery.n);
	count(r->intake, UNREADABLE, r->unreadable);
	count(r->intake, BYTES, (int64_t)r->delivery.body.n);
}

void
received_done(struct received *r, enum kept kept)
{
	if (kept == KEPT) {
		count_kept(r);
		answer(r->request, 200);
	} else {
		answer_later(r->intake, r->request);
	}
}

/* ---- the intake itself ---- */

struct intake *
intake_new(const struct intake_options *o, struct auth *auth)
{
	struct intake *in = xcalloc(1, sizeof(*in));

	assert(o->submit != NULL && auth != NULL);
	in->path = (struct str){ xstrndup(o->path), o->path.n };
	memcpy(in->hash_key, o->hash_key, sizeof(in->hash_key));
	in->submit = o->submit;
	in->submit_ctx = o->submit_ctx;
	in->auth = auth;
	pthread_rwlock_init(&in->lock, NULL);
	if (pthread_key_create(&in->scratch, scratch_free) != 0)
		abort(); /* no more than a few in a process */
	return in;
}

void
intake_free(struct intake *in)
{
	union {
		const char *in;
		void *out;
	} path;

	if (in == NULL)
		return;
	auth_free(in->auth);
	pthread_rwlock_destroy(&in->lock);
	pthread_key_delete(in->scratch);
	path.in = in->path.p;
	free(path.out);
	free(in);
}

void
intake_set_auth(struct intake *in, struct auth *auth)
{
	struct auth *old;

	pthread_rwlock_wrlock(&in->lock);
	old = in->auth;
	in->auth = auth;
	pthread_rwlock_unlock(&in->lock);
	auth_free(old);
}

struct listener_handler
intake_handler(struct intake *in)
{
	return (struct listener_handler){ .head = on_head, .handle = on_handle, .ctx = in };
}

void
intake_figures(const struct intake *in, struct intake_figures *out)
{
	out->deliveries = atomic_load(&in->figures[DELIVERIES]);
	out->events = atomic_load(&in->figures[EVENTS]);
	out->unreadable = atomic_load(&in->figures[UNREADABLE]);
	out->bytes = atomic_load(&in->figures[BYTES]);
	out->handshakes = atomic_load(&in->figures[HANDSHAKES]);
	out->no_credential = atomic_load(&in->figures[NO_CREDENTIAL]);
	out->bad_credential = atomic_load(&in->figures[BAD_CREDENTIAL]);
	out->bad_token = atomic_load(&in->figures[BAD_TOKEN]);
	out->no_role = atomic_load(&in->figures[NO_ROLE]);
	out->unjudged = atomic_load(&in->figures[UNJUDGED]);
	out->forbidden = atomic_load(&in->figures[FORBIDDEN]);
	out->not_found = atomic_load(&in->figures[NOT_FOUND]);
	out->overload = atomic_load(&in->figures[OVERLOAD]);
}
