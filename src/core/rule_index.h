/*
 * Which of many rules may say yes or unsure about an alert, without asking each: the cost of an
 * alert hardly depends on their number.
 *
 * Of each rule that has one, a set of (field, piece of text) is kept of which one must be in the
 * alert; all pieces of a field are looked for in one pass over its values.  Rules that have no such
 * set (all they ask for is a regular expression, a range, a negation) are always asked.  Immutable
 * once it is made; many threads may ask it.
 */
#ifndef CORE_RULE_INDEX_H
#define CORE_RULE_INDEX_H

#include "core/rules.h"

struct rule_index;

/* So few are all asked, so that each of them can be explained. */
#define RULE_INDEX_FROM 64

/* Of the rules in the list, which must outlive it; those that are off are left out. */
struct rule_index *rule_index_new(const struct rule *list, size_t n);
void rule_index_free(struct rule_index *x);

/* A bit for each rule, 64 to a word: set for all that may say anything but no, and for others. */
#define BIT_WORDS(n) (((n) + 63) / 64)
uint64_t *rule_index_ask(const struct rule_index *x, const struct alert *al, struct arena *a);

#endif
