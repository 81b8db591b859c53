/*
 * Keys of steps that were seen, in eight bytes each: a million take 16 MiB at most.  Keys are
 * digests, so two of them having the same eight bytes is not to be expected.
 */
#ifndef CORE_KEY_SET_H
#define CORE_KEY_SET_H

#include <stdbool.h>

#include "base/str.h"

struct key_set;

struct key_set *key_set_new(void);
void key_set_free(struct key_set *s);
bool key_set_has(const struct key_set *s, struct str key);
void key_set_add(struct key_set *s, struct str key);

#endif
