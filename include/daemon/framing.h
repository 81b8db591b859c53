/*
 * Where a request ends must be beyond doubt: a front proxy and this server may otherwise read one
 * stream as two different requests.  libmicrohttpd 0.9.75 is lenient there, so each head is
 * checked before anything else looks at it (RFC 9112 sections 3.2, 5.1, 6.1, 6.3).
 *
 * The library hides a NUL in a value, folded lines and a bare LF from its user: a front proxy has
 * to refuse those.
 */
#ifndef DAEMON_FRAMING_H
#define DAEMON_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct header {
	struct str name, value;
};

struct framing {
	bool chunked;
	bool has_length;
	int64_t length;
	bool expects_continue; /* the client waits for a word before it sends the body */
};

/* False: to be answered 400, and the connection closed.  e says which rule was broken. */
bool framing_check(struct str target, struct str version, const struct header *headers, size_t n,
    struct framing *out, struct err *e) MUST_CHECK;

#endif
