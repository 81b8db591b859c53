/*
 * Happy path of a request, in one of libmicrohttpd's threads but for the answer:
 *	on_target     the request line is in: a struct request is made
 *	on_request    first call: the head is checked, `head` may answer
 *	              then with each part of the body: it is gathered
 *	              then once more: `handle` answers, or holds the request (the connection is
 *	              suspended) until another thread answers it (the connection is resumed)
 *	              then, if it was held, once more: the answer is queued
 *	on_completed  the answer is sent, or the client is gone: the request is freed; when
 *	              libmicrohttpd forgets that call, it is freed with its connection
 * What can go wrong:
 *	ambiguous framing             400, and the connection is closed
 *	too many headers, too large   431, 413; what still comes is thrown away up to a limit
 *	bodies have used their memory 503
 *	a client that takes for ever  its socket is shut down at the deadline (reaper.c), or before
 *	                              that when others have no room
 *
 * A suspended connection is not looked at by libmicrohttpd, not even when the client goes away, so
 * a held request cannot be freed under the thread that is going to answer it.
 */
#include "daemon/listener.h"

#include <assert.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/acceptor.h"
#include "daemon/address.h"
#include "daemon/framing.h"
#include "daemon/reaper.h"
#include "daemon/tls.h"
#include "connection.h"
#include "listener_parts.h"
#include "request.h"

#define THREADS 2
/* When fewer than an eighth of the connections are left, newcomers displace others. */
#define CROWD 8
#define RETRY_AFTER STR("30")

/* So many times the largest body is thrown away after a 413. */
#define TOO_LARGE_DRAIN 4

/* ---- the answer ---- */

static struct MHD_Response *
response_make(const struct reply *r, bool close)
{
	/* MHD copies the body, but takes it without const. */
	union {
		const char *in;
		void *out;
	} body = { .in = r->body.p };
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    r->body.n, r->body.n == 0 ? NULL : body.out, MHD_RESPMEM_MUST_COPY);

	if (response == NULL)
		abort(); /* out of memory */
	if (r->content_type != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->content_type);
	for (size_t i = 0; i < r->n_headers; i++) {
		char *value = xstrndup(r->headers[i].value);

		MHD_add_response_header(response, r->headers[i].name, value);
		free(value);
	}
	if (close)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	return response;
}

static bool
is_plain_200(const struct reply *r)
{
	return r->status == MHD_HTTP_OK && r->body.n == 0 && r->content_type == NULL &&
	       r->n_headers == 0;
}

static void
response_choose(struct request *rq, const struct reply *r)
{
	bool close = r->close || atomic_load(&rq->l->draining);

	rq->response = !close && is_plain_200(r) ? rq->l->kept : response_make(r, close);
}

static void
response_drop(struct request *rq)
{
	if (rq->response != NULL && rq->response != rq->l->kept)
		MHD_destroy_response(rq->response);
	rq->response = NULL;
}

void
request_hold(struct request *rq)
{
	struct listener *l = rq->l;

	assert(rq->stage == STAGE_HANDLED && !rq->held && !rq->answered);
	rq->held = true;
	pthread_mutex_lock(&l->lock);
	l->held++;
	pthread_mutex_unlock(&l->lock);
	watch_pause(rq->watch);
	MHD_suspend_connection(rq->mhd);
}

void
request_answer(struct request *rq, const struct reply *r)
{
	struct listener *l = rq->l;

	assert(!rq->answered);
	rq->answered = true;
	rq->status = (unsigned)r->status;
	response_choose(rq, r);
	if (!rq->held)
		return;
	watch_limit(rq->watch, l->o.deadline_ms);
	MHD_resume_connection(rq->mhd);
	/* From here on rq may be gone. */
	pthread_mutex_lock(&l->lock);
	if (--l->held == 0)
		pthread_cond_broadcast(&l->none_held);
	pthread_mutex_unlock(&l->lock);
}

static enum MHD_Result
queue(struct request *rq)
{
	enum MHD_Result done = MHD_queue_response(rq->mhd, rq->status, rq->response);

	response_drop(rq);
	return done;
}

/* An answer of the listener's own; no body, since it may not be read. */
static void
refuse(struct request *rq, int status)
{
	struct reply r = { .status = status, .body = STR_EMPTY, .close = true };

	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		r.headers[r.n_headers++] = (struct reply_header){ "Retry-After", RETRY_AFTER };
	atomic_fetch_add(&rq->l->refused, 1);
	request_answer(rq, &r);
}

/* The head was let through, so the sender is probably ours: it shall see the 413. */
static void
refuse_too_large(struct request *rq)
{
	rq->drain_max += TOO_LARGE_DRAIN * rq->l->o.body_max;
	refuse(rq, MHD_HTTP_CONTENT_TOO_LARGE);
}

static void
refuse_for_memory(struct request *rq)
{
	atomic_fetch_add(&rq->l->overload, 1);
	atomic_store(&rq->l->overload_ms, clock_mono_ms());
	refuse(rq, MHD_HTTP_SERVICE_UNAVAILABLE);
}

/* ---- a request comes in ---- */

static const struct sockaddr *
address_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

/* The target as it was sent, before libmicrohttpd decodes it in place. */
static void *
on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct arena *a = arena_new();
	struct request *rq = arena_alloc(a, sizeof(*rq));

	rq->l = cls;
	rq->mhd = mhd;
	rq->arena = a;
	rq->connection =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	rq->connection->request = rq;
	rq->watch = rq->connection->watch;
	rq->peer = address_text(address_of(mhd), a);
	rq->raw_target = target;
	rq->target = rq->query = arena_str(a, str_of(target));
	(void)str_next(&rq->query, '?', &rq->path);
	if (rq->query.p == NULL)
		rq->query = STR_EMPTY;
	atomic_fetch_add(&rq->l->requests, 1);
	watch_busy(rq->watch, rq->l->o.deadline_ms);
	return rq;
}

static enum MHD_Result
take_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t n_name, const char *value,
    size_t n_value)
{
	struct request *rq = cls;
	struct header *h;

	(void)kind;
	if (rq->n_headers == rq->cap_headers)
		return MHD_NO;
	h = &rq->headers[rq->n_headers++];
	h->name = (struct str){ name, n_name };
	h->value =
	    (struct str){ value, n_value }; /* never NULL: a line without a colon is no header */
	return MHD_YES;
}

/* False: too many.  libmicrohttpd keeps their bytes until the request is completed. */
static bool
take_headers(struct request *rq)
{
	int n = MHD_get_connection_values_n(rq->mhd, MHD_HEADER_KIND, NULL, NULL);

	if (n < 0 || n > LISTENER_HEADERS_MAX)
		return false;
	rq->cap_headers = (size_t)n;
	rq->headers = arena_alloc(rq->arena, rq->cap_headers * sizeof(*rq->headers));
	MHD_get_connection_values_n(rq->mhd, MHD_HEADER_KIND, take_header, rq);
	return true;
}

/*
 * After a refusal: a client that goes on sending would get a reset instead of the answer, so what
 * it sends is read and thrown away, if that ends soon.
 */
static bool
worth_draining(const struct request *rq)
{
	const struct framing *f = &rq->framing;

	if (f->expects_continue)
		return false; /* it has not begun to send */
	return f->chunked || (f->has_length && f->length > 0 && f->length <= rq->drain_max);
}

static bool
head_ok(struct request *rq, const char *method, const char *version, struct err *e)
{
	struct head head = { method, rq->raw_target, version, 0 };

	head.n =
	    MHD_get_connection_info(rq->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
	return framing_is_plain(&head, rq->target, rq->headers, rq->n_headers, e) &&
	       framing_check(
		   rq->target, str_of(version), rq->headers, rq->n_headers, &rq->framing, e);
}

static enum MHD_Result
on_head(struct request *rq, const char *method, const char *version)
{
	static struct log_gate gate = { .burst = 10 };
	struct listener *l = rq->l;
	struct err e;

	rq->drain_max = LISTENER_DRAIN_MAX;
	if (!take_headers(rq)) {
		refuse(rq, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE);
		return queue(rq);
	}
	if (!head_ok(rq, method, version, &e)) {
		if (log_gate_open(&gate))
			log_info("request from %.*s refused: %s", STR_ARG(rq->peer), e.text);
		refuse(rq, MHD_HTTP_BAD_REQUEST);
		return queue(rq);
	}
	if (atomic_load(&l->draining))
		refuse(rq, MHD_HTTP_SERVICE_UNAVAILABLE);
	else if (l->handler.head != NULL)
		l->handler.head(l->handler.ctx, rq);
	if (!rq->answered && rq->framing.length > l->o.body_max)
		refuse_too_large(rq);
	if (rq->answered && !worth_draining(rq))
		return queue(rq);
	body_init(
	    &rq->body, &l->bodies, l->o.body_max, rq->framing.has_length ? rq->framing.length : -1);
	return MHD_YES;
}

/* False: the connection is cut, since what comes does not end. */
static bool
on_body(struct request *rq, const char *data, size_t n)
{
	enum body_added added = BODY_OK;

	if (!rq->answered)
		added = body_add(&rq->body, data, n);
	if (added == BODY_TOO_LARGE)
		refuse_too_large(rq);
	if (added == BODY_NO_MEMORY)
		refuse_for_memory(rq);
	if (!rq->answered)
		return true;
	body_free(&rq->body);
	rq->drained += (int64_t)n;
	return rq->drained <= rq->drain_max;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *n, void **context)
{
	struct request *rq = *context;

	(void)cls;
	(void)mhd;
	(void)url; /* decoded: on_target has it as sent */
	if (rq->stage == STAGE_HEAD) {
		rq->stage = STAGE_BODY;
		rq->method = arena_str(rq->arena, str_of(method));
		return on_head(rq, method, version);
	}
	if (*n > 0) {
		bool go_on = on_body(rq, data, *n);

		*n = 0;
		return go_on ? MHD_YES : MHD_NO;
	}
	if (rq->stage == STAGE_BODY && !rq->answered) {
		rq->stage = STAGE_HANDLED;
		rq->l->handler.handle(rq->l->handler.ctx, rq);
		/* Held: it may be answered already, by a thread that rq belongs to now. */
		if (rq->held)
			return MHD_YES;
	}
	assert(rq->answered);
	return queue(rq);
}

static void
request_free(struct request *rq)
{
	rq->connection->request = NULL;
	response_drop(rq);
	body_free(&rq->body);
	arena_free(rq->arena);
}

static void
on_completed(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct request *rq = *context;

	(void)cls;
	(void)mhd;
	(void)code;
	if (rq == NULL)
		return;
	*context = NULL;
	watch_idle(rq->watch, rq->l->o.idle_ms);
	request_free(rq);
}

/*
 * In the acceptor's thread.  libmicrohttpd gives the connection to the next of its threads.  Should
 * that one lack memory for it, we never hear of its end and its place is lost: whoever asks for
 * memory next ends the process.
 */
static bool
on_accept(void *cls, int fd, const struct sockaddr *address, socklen_t n)
{
	struct listener *l = cls;

	return MHD_add_connection(l->mhd, fd, address, n) == MHD_YES;
}

/*
 * libmicrohttpd 0.9.75 closes without a word of the request when it finds something wrong while it
 * is about to say that something else is wrong.  It closes no suspended connection, so nobody else
 * has that request.
 */
static void
on_closed(struct listener *l, struct connection *c, struct MHD_Connection *mhd, int fd)
{
	if (c->request != NULL) {
		assert(!c->request->held || c->request->answered);
		request_free(c->request);
	}
	if (!connection_end(c, fd)) /* the socket is still open here */
		atomic_fetch_add(&l->handshakes_failed, 1);
	acceptor_ended(l->acceptor, address_of(mhd));
}

static void
on_connection(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct listener *l = cls;
	int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		on_closed(l, *context, mhd, fd);
		*context = NULL;
		return;
	}
	*context = connection_begin(l->reaper, fd, l->o.deadline_ms, l->tls,
	    l->tls == NULL
		? NULL
		: MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session);
}

/* A line for each bad handshake, without an address: a scan would fill the log. */
static void on_log(void *cls, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

static void
on_log(void *cls, const char *fmt, va_list ap)
{
	static struct log_gate gate = { .burst = 10 };
	char text[512];

	(void)cls;
	/* Not even the number of lines that were left out is for higher levels. */
	if (!log_is_on(LOG_LEVEL_DEBUG))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (log_gate_open(&gate))
		log_debug("http: %.*s", STR_ARG(str_trim(str_of(text))));
}

/* ---- start and stop ---- */

static bool
mhd_start(struct listener *l, struct err *e)
{
	/* Not epoll: with it, libmicrohttpd 0.9.75 spins while a handshake is half done. */
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			 (l->tls == NULL ? 0 : MHD_USE_TLS);

	/* clang-format off: one option a line */
	l->mhd = MHD_start_daemon(flags, 0, NULL, NULL, on_request, l, MHD_OPTION_EXTERNAL_LOGGER,
	    on_log, l, /* first, or the default one speaks */
	    MHD_OPTION_THREAD_POOL_SIZE, l->o.threads, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    LISTENER_HEAD_MAX,
	    /* The acceptor counts; a thread of the library that has more than its share does not,
	       and one more each, since it tells of an end before it has counted it. */
	    MHD_OPTION_CONNECTION_LIMIT, ((unsigned)l->o.connections_max + 1) * l->o.threads,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(l->o.idle_ms / 1000 + 1),
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, l, MHD_OPTION_NOTIFY_COMPLETED, on_completed, l,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, l,
	    l->tls == NULL ? MHD_OPTION_END : MHD_OPTION_HTTPS_PRIORITIES, tls_priority,
	    MHD_OPTION_HTTPS_CERT_CALLBACK2, tls_retriever(), MHD_OPTION_END);
	/* clang-format on */
	return l->mhd != NULL ||
	       fail(e, ERR_SYSTEM, "cannot start the HTTP server on port %d", l->port);
}

static struct listener *
listener_new(const struct listener_options *o, const struct listener_handler *h)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	assert(h->handle != NULL && o->body_max > 0 && o->connections_max > 0 &&
	       o->per_address_max > 0);
	l->o = *o;
	l->handler = *h;
	l->fd = -1;
	if (l->o.deadline_ms == 0)
		l->o.deadline_ms = LISTENER_DEADLINE_MS;
	if (l->o.idle_ms == 0)
		l->o.idle_ms = LISTENER_IDLE_MS;
	if (l->o.threads == 0)
		l->o.threads = THREADS;
	if (l->o.connections_max < (int64_t)l->o.threads)
		l->o.connections_max = (int64_t)l->o.threads;
	l->kept = response_make(&(struct reply){ .body = STR_EMPTY }, false);
	pthread_mutex_init(&l->lock, NULL);
	clock_cond_init(&l->none_held);
	return l;
}

static void
listener_free(struct listener *l)
{
	acceptor_stop(l->acceptor);
	if (l->mhd != NULL)
		MHD_stop_daemon(l->mhd);
	acceptor_free(l->acceptor);
	if (l->fd >= 0)
		close(l->fd);
	reaper_stop(l->reaper);
	MHD_destroy_response(l->kept);
	tls_free(l->tls);
	pthread_cond_destroy(&l->none_held);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static bool
take_address(struct listener *l, struct err *e)
{
	if (l->o.socket == 0)
		return address_listen(l->o.address, &l->fd, &l->port, e);
	if (!address_adopt(l->o.socket, &l->port, e))
		return false;
	l->fd = l->o.socket;
	return true;
}

bool
listener_start(const struct listener_options *o, const struct listener_handler *h,
    struct listener **out, struct err *e)
{
	struct listener *l = listener_new(o, h);
	struct acceptor_options ao = { .max = l->o.connections_max,
		.caller_max = l->o.per_address_max,
		.take = on_accept,
		.ctx = l };

	if (o->tls.certificate.n > 0 && !tls_new(&o->tls, &l->tls, e))
		goto failed;
	if (!reaper_start(l->o.deadline_ms / 8, l->o.connections_max - l->o.connections_max / CROWD,
		&l->reaper, e) ||
	    !take_address(l, e) || !mhd_start(l, e))
		goto failed;
	ao.fd = l->fd;
	if (!acceptor_start(&ao, &l->acceptor, e))
		goto failed;
	*out = l;
	return true;
failed:
	listener_free(l);
	return false;
}

bool
listener_drain(struct listener *l, int64_t limit_ms)
{
	struct timespec until = clock_in_ms(limit_ms);
	bool done;
	int waited = 0;

	atomic_store(&l->draining, true);
	if (l->o.socket != 0)
		acceptor_stop(l->acceptor);
	pthread_mutex_lock(&l->lock);
	while (l->held > 0 && waited == 0)
		waited = pthread_cond_timedwait(&l->none_held, &l->lock, &until);
	done = l->held == 0;
	pthread_mutex_unlock(&l->lock);
	return done;
}

void
listener_stop(struct listener *l)
{
	if (l == NULL)
		return;
	/* libmicrohttpd ends the process when a suspended connection is left. */
	while (!listener_drain(l, LISTENER_DEADLINE_MS))
		log_warning("the listener waits for requests that nobody has answered yet");
	listener_free(l);
}
