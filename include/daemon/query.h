/*
 * The query of a request target (RFC 3986 section 3.4), "code=abc&x=1".
 */
#ifndef DAEMON_QUERY_H
#define DAEMON_QUERY_H

#include "base/arena.h"
#include "base/str.h"

/*
 * The first parameter of that name, percent-decoded.  '+' stays '+', since keys are often Base64.
 * Empty when absent, and when its escapes are broken or hide a control byte.
 */
struct str query_value(struct str query, const char *name, struct arena *a);

#endif
