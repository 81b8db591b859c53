/*
 * What the tests of rules never saw.
 */
#ifndef CMD_TEST_COVERAGE_H
#define CMD_TEST_COVERAGE_H

#include "base/arena.h"
#include "base/json.h"
#include "core/rules.h"
#include "daemon/rule_tests.h"

/*
 * Rules that are off aside:
 *
 *	{"percent":75,"answers":8,"answers_seen":6,"rules":3,
 *	 "without_test":[{"rule":"a","file":"10.yaml","line":3,"column":5}],
 *	 "never_fire":[{...}],
 *	 "conditions":[{"rule":"b","file":"10.yaml","line":7,"column":7,"field":"severity|gte",
 *	   "wanted":"Low","yes":true,"no":false}]}
 *
 * Each condition can say yes and no: those are the answers.  Conditions are listed of rules that
 * have a test.
 */
struct json *coverage_json(const struct rules *rules, const struct rule_tests *t, struct arena *a);

/* In one list, for a table: "file", "line", "column", "rule", "result", "text". */
struct json *coverage_rows(const struct json *coverage, struct arena *a);

#endif
