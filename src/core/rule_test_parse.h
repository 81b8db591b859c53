/*
 * `tests` of a rule, as they are written.
 */
#ifndef CORE_RULE_TEST_PARSE_H
#define CORE_RULE_TEST_PARSE_H

#include "base/yaml.h"
#include "core/rules.h"

/* list NULL: there are none.  The rule has its actions already. */
void rule_tests_parse(const struct yaml *list, struct rule *rule, struct arena *a, struct diags *d);

#endif
