/*
 * The operations surface, plain HTTP on a private address: GET and HEAD of a few pages, each filled
 * by a function.
 */
#ifndef DAEMON_OPERATIONS_H
#define DAEMON_OPERATIONS_H

#include "base/buf.h"
#include "daemon/listener.h"

#define OPERATIONS_PAGE_MAX ((size_t)1024 * 1024)
#define OPERATIONS_CONNECTIONS_MAX 64

struct operations_page {
	const char *path; /* "/metrics" */
	const char *content_type;
	/* Fill out and return the HTTP status.  Called in a listener thread, must not wait long. */
	int (*fill)(void *ctx, struct buf *out);
	void *ctx;
};

/* pages: ends with an entry whose path is NULL; must outlive the listener. */
struct listener_handler operations_handler(const struct operations_page *pages);

#endif
