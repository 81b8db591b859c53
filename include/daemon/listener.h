/*
 * A small HTTP/1.1 server, with TLS or without: it turns sockets into calls.  The only user of
 * libmicrohttpd.
 *
 * A request is seen twice, both times in one of the listener's own threads: `head` when its headers
 * are in, `handle` when its body is.  Whoever answers in `head` never has to look at the body.
 * What a stranger can send is bounded before either is called: size of head and body, connections
 * in all and from one address, seconds; framing that two servers could read differently is
 * answered 400.
 */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "daemon/tls.h"

struct listener;
struct request;

/*
 * Memory for one request's head.  Entra tokens with many groups pass 8 KiB, and MHD keeps its own
 * bookkeeping in the same place: 16 KiB, which is enough without tokens, would refuse them.
 */
#define LISTENER_HEAD_MAX ((size_t)32 * 1024)
#define LISTENER_HEADERS_MAX 100
/* Bodies of all requests together: beyond this, 503 until some are answered. */
#define LISTENER_BODIES_MAX ((int64_t)512 * 1024 * 1024)
/* What is read and thrown away so that a client still sending does see a refusal. */
#define LISTENER_DRAIN_MAX ((int64_t)1024 * 1024)
/*
 * Event Grid gives up after 30 s; nobody honest needs 15 for handshake, head and body.  Of a second
 * request on a connection the line is not part of that.
 */
#define LISTENER_DEADLINE_MS 15000
/* A connection is closed so long after an answer, unless another request line is in by then. */
#define LISTENER_IDLE_MS 60000

struct listener_options {
	struct str address; /* "[::]:8443", "127.0.0.1:0" (0 = any free port) */
	int socket; /* listens already, is taken over, and address does not count; 0 = none */
	struct tls_files tls; /* all empty = plain HTTP */
	int64_t body_max;     /* bytes; larger is answered 413 */
	int64_t connections_max;
	int64_t per_address_max; /* connections from one address, see daemon/callers.h */
	int64_t deadline_ms;	 /* handshake, head and body together; 0 = LISTENER_DEADLINE_MS */
	int64_t idle_ms;	 /* 0 = LISTENER_IDLE_MS */
	unsigned threads;	 /* 0 = 2 */
};

/*
 * head: may answer; if it does not, the body is read and handle is called.  NULL = never answers.
 * handle: answers, or holds the request and hands it to another thread.
 */
struct listener_handler {
	void (*head)(void *ctx, struct request *rq);
	void (*handle)(void *ctx, struct request *rq);
	void *ctx;
};

bool listener_start(const struct listener_options *o, const struct listener_handler *h,
    struct listener **out, struct err *e) MUST_CHECK;
int listener_port(const struct listener *l);
/*
 * From now on who comes hears 503 with Retry-After, but at a socket that was taken over waits there
 * for the next process; answers close their connections.  True when no request is held any more,
 * false when some still are after limit_ms.
 */
bool listener_drain(struct listener *l, int64_t limit_ms);
/* Ends all connections and threads.  Every held request must have been answered. */
void listener_stop(struct listener *l);

/*
 * Another certificate and another trust in clients, see tls_set().  For plain HTTP only no files
 * (empty names) are right.  Any thread.
 */
bool listener_set_tls(struct listener *l, const struct tls_files *f, struct err *e) MUST_CHECK;
/* See tls_expires_ms() and tls_number(); 0 = plain HTTP. */
int64_t listener_certificate_expires_ms(const struct listener *l);
uint64_t listener_tls_number(const struct listener *l);

struct listener_figures {
	int64_t connections;	   /* open now */
	int64_t held;		   /* requests waiting for an answer from another thread */
	int64_t requests;	   /* heads seen, ever */
	int64_t refused;	   /* answered by the listener itself: 400, 413, 431, 503 */
	int64_t expired;	   /* connections cut at their deadline */
	int64_t handshakes_failed; /* TLS: something came, but no handshake was completed */
	int64_t displaced;	   /* connections cut because there was a crowd */
	int64_t overload;	   /* of the refused: bodies had used their memory */
	int64_t overload_ms;	   /* when that was so last, monotonic; 0 = never */
};
void listener_figures(struct listener *l, struct listener_figures *out);

/* ---- a request; texts are borrowed until it is answered ---- */

struct str request_method(const struct request *rq); /* "POST" */
struct str request_path(const struct request *rq);   /* as sent: not decoded, without query */
struct str request_peer(const struct request *rq);   /* address without port */
struct str request_body(const struct request *rq);   /* in handle and after; empty in head */
/* The first header of that name (without case), trimmed; empty when absent. */
struct str request_header(const struct request *rq, const char *name);
size_t request_header_count(const struct request *rq, const char *name);
/* Both at one look. */
struct str request_header_counted(const struct request *rq, const char *name, size_t *times);
/*
 * The first query parameter of that name, percent-decoded.  '+' stays '+': keys are Base64.
 * Empty when absent, and when its escapes are broken or hide a control byte.
 */
struct str request_query(struct request *rq, const char *name);
/*
 * The certificate that the client of this connection showed.  name, until the next call: its name
 * when it is trusted, what is wrong with it when not.  In head, and in handle before it is held.
 */
enum client_certificate request_client_certificate(struct request *rq, struct str *name);

/* Memory that lives as long as the request: until it is answered. */
struct arena *request_arena(struct request *rq);

/* ---- the answer ---- */

#define REPLY_HEADERS_MAX 10

struct reply_header {
	const char *name;
	struct str value;
};

struct reply {
	int status;
	const char *content_type; /* NULL when there is no body */
	struct str body;
	struct reply_header headers[REPLY_HEADERS_MAX];
	size_t n_headers;
	bool close; /* the connection ends with this answer */
};

/*
 * In handle(): keep the connection waiting.  Call it before the request is handed to another
 * thread, and do not touch the request after handing it over.
 */
void request_hold(struct request *rq);

/*
 * Exactly once for each request; what the reply points to is copied.  Of a held request: any
 * thread, and the request is gone when it returns.
 */
void request_answer(struct request *rq, const struct reply *r);

#endif
