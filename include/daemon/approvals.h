/*
 * The page where people approve or deny what is held, for a listener of its own.
 *
 *	GET, HEAD  URL/approvals/TOKEN   shows the step and two forms; never decides
 *	POST       URL/approvals/TOKEN   a form: token (of that step and one decision) and name
 *
 *	200  shown; or decided     400  the form is not complete        403  no link of ours
 *	404  nothing is here       409  said already, or decided already
 *	410  over: it was decided, nobody approved it in time, or it is not kept any more
 *
 * Who holds a link may decide: the page knows no one.  See docs/decisions/028.
 */
#ifndef DAEMON_APPROVALS_H
#define DAEMON_APPROVALS_H

#include <stdint.h>

#include "daemon/listener.h"
#include "daemon/pipeline.h"

/* Connections at one time, and from one address: behind a proxy all come from one. */
#define APPROVALS_CONNECTIONS_MAX 128
/* A form has a token and a name. */
#define APPROVALS_BODY_MAX 4096
/* Characters of the name that somebody gives. */
#define APPROVALS_NAME_MAX 64

struct approvals;

/* p must outlive it. */
struct approvals *approvals_new(struct pipeline *p);
void approvals_free(struct approvals *ap);

/* For listener_start(). */
struct listener_handler approvals_handler(struct approvals *ap);

struct approvals_figures {
	int64_t decided; /* answers that were kept */
	int64_t refused; /* links and forms that were not ours, or over, or used */
};
void approvals_figures(struct approvals *ap, struct approvals_figures *out);

#endif
