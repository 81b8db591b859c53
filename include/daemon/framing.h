/*
 * Where a request ends must be beyond doubt: a front proxy and this server may otherwise read one
 * stream as two different requests.  libmicrohttpd 0.9.75 is lenient there, so each head is
 * checked before anything else looks at it (RFC 9112 sections 3.2, 5.1, 6.1, 6.3).
 *
 * The library also hides a NUL, folded lines, a bare LF and nameless headers (where it takes the
 * head to end) from its user.  It cuts the head up in place, though, so they show in where the
 * parts are.
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

/*
 * Where the library found the parts of a head that is `n` bytes long from its method on.  All point
 * into one buffer, with NULs for the delimiters.
 */
struct head {
	const char *method, *target, *version;
	size_t n;
};

/*
 * Is there nothing between these parts and the headers but the delimiters that belong there?
 * False, as below: the library and another server might read this head differently.  `target` is
 * the target as sent, which the library decodes afterwards.
 */
bool framing_is_plain(const struct head *head, struct str target, const struct header *headers,
    size_t n, struct err *e) MUST_CHECK;

/* False: to be answered 400, and the connection closed.  e says which rule was broken. */
bool framing_check(struct str target, struct str version, const struct header *headers, size_t n,
    struct framing *out, struct err *e) MUST_CHECK;

#endif
