/*
 * The lists that a set of rules names with in_file: each is read once, however many rules ask it.
 */
#ifndef CORE_RULE_LISTS_H
#define CORE_RULE_LISTS_H

#include "base/yaml.h"
#include "value_set.h"

/* Files that the rules read besides their own. */
#define LIST_FILES_MAX 1000

struct rule_lists;

struct rule_lists *rule_lists_new(const struct rules_outside *outside, struct arena *a);
void rule_lists_free(struct rule_lists *l); /* what a does not own */

/* The list whose file a rule names there.  NULL: it cannot be used, and d says why. */
const struct value_set *rule_lists_get(
    struct rule_lists *l, const struct yaml *path, enum list_way way, bool cased, struct diags *d);

size_t rule_lists_count(const struct rule_lists *l);
struct str rule_lists_file(const struct rule_lists *l, size_t i);
/* Its text, as long as the diags live that the rules were read with. */
struct str rule_lists_text(const struct rule_lists *l, size_t i);

#endif
