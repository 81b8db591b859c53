/*
 * The keys of rules as tables.  A new key is a row here; one of more than a line is marked as apart
 * and has a reader and, when it is a mapping, a table of its own.
 */
#ifndef CORE_RULE_PARAMS_H
#define CORE_RULE_PARAMS_H

#include "core/param.h"

extern const struct param rule_params[]; /* a rule */
/* Parts of a rule and of a rule file; each stands beside its reader. */
extern const struct param rule_test_params[], time_interval_params[], correlation_params[];

#endif
