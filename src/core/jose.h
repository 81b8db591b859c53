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

/* On checked text: an object of at most max members, no two of the same name. */
bool jose_is_unambiguous(struct str object, size_t max, struct arena *a);
/* The text of a member; "" when it is absent, empty or no text. */
struct str jose_text(struct str object, const char *name, struct arena *a);
bool jose_has(struct str object, const char *name);

#endif
