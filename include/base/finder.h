/*
 * Many literals looked for in a text at once, without case (A-Z only), in one pass over the text
 * however many they are: Aho and Corasick, "Efficient string matching", CACM 18(6), 1975.
 *
 * Built by one thread; once it is ready many threads may look.
 */
#ifndef BASE_FINDER_H
#define BASE_FINDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct finder;

struct finder *finder_new(void);
void finder_free(struct finder *f);

/* The literal's number, counted from 0; the same literal gets the same.  Not an empty one. */
uint32_t finder_add(struct finder *f, struct str literal);
size_t finder_count(const struct finder *f);

/* No literal can be added any more. */
void finder_ready(struct finder *f);

typedef void finder_found(void *ctx, uint32_t literal);

/* Calls back for each place where a literal ends, once for each. */
void finder_scan(const struct finder *f, struct str text, finder_found *found, void *ctx);

#endif
