/*
 * The query of a request target (RFC 3986 section 3.4), "code=abc&x=1", and the body of a form,
 * which looks like one.
 */
#ifndef DAEMON_QUERY_H
#define DAEMON_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * The first parameter of that name, percent-decoded.  '+' stays '+', since keys are often Base64.
 * Empty when absent, and when its escapes are broken or hide a control byte.
 */
struct str query_value(struct str query, const char *name, struct arena *a);

/* A field of a form, by its name; value stays as it is when it is absent. */
struct form_field {
	const char *name;
	struct str value;
};

/*
 * The body of a form (application/x-www-form-urlencoded): '+' is a blank.  False when something is
 * in it that was not asked for, twice, or not well-formed UTF-8, broken escapes and control bytes
 * included.
 */
bool form_read(struct str body, struct form_field *fields, size_t n, struct arena *a);

#endif
