/*
 * A set of keyed 128-bit hashes that forgets: beyond its limit the older half goes.  The hashes
 * come from a keyed function, so their own bytes serve as the place in the table.
 */
#ifndef STORE_KNOWN_H
#define STORE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"

struct known;

struct known *known_new(size_t max);
void known_free(struct known *k);

/* It will be asked for soon: fetch the place where it would be. */
void known_expect(const struct known *k, const struct hash128 *h);
bool known_has(const struct known *k, const struct hash128 *h);
bool known_add(struct known *k, const struct hash128 *h); /* false: it was there */
void known_clear(struct known *k);

#endif
