/*
 * What tokens and keys have in common: JSON objects whose members must not be open to a second
 * reading.
 */
#ifndef CORE_JOSE_H
#define CORE_JOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"

struct jose_member {
	struct str name;  /* decoded */
	struct str value; /* JSON */
};

struct jose {
	struct jose_member *members;
	size_t n;
};

/* One strict pass: an object of at most max members, no two of the same name. */
bool jose_read(struct str text, size_t max, struct arena *a, struct jose *out);
/* A member's JSON; "" when it is absent. */
struct str jose_value(const struct jose *o, const char *name);
/* The text of a member; "" when it is absent, empty or no text. */
struct str jose_text(const struct jose *o, const char *name, struct arena *a);
bool jose_has(const struct jose *o, const char *name);

/* Of checked JSON: the elements of an array.  False: it is none, or has more than max. */
bool jose_list(struct str text, size_t max, struct arena *a, struct str **out, size_t *n);

#endif
