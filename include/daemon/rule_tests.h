/*
 * The tests that rule files hold, run all together: before rules are put in force, by `check` and
 * by `test`.  core/rule_test.h says what a test means.
 */
#ifndef DAEMON_RULE_TESTS_H
#define DAEMON_RULE_TESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "core/rules.h"
#include "core/settings.h"

/* More are an error: a reload is not to be slow. */
#define RULE_TESTS_MAX 50000
/* An alert of a test, and the files of all tests together; each is read once. */
#define RULE_TEST_FILE_MAX ((size_t)1024 * 1024)
#define RULE_TEST_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* What is not done by then has failed: the daemon feeds no watchdog while it tests. */
#define RULE_TESTS_LIMIT_MS 10000

enum rule_test_state {
	RULE_TEST_PASSED,
	RULE_TEST_FAILED,
	RULE_TEST_UNUSABLE, /* its alert cannot be read */
	RULE_TEST_LEFT_OUT, /* beyond a limit */
	RULE_TEST_SKIPPED,  /* its rule is off, and asked about nothing */
};
#define RULE_TEST_STATES (RULE_TEST_SKIPPED + 1)

struct rule_test_outcome {
	const struct rule *rule;
	const struct rule_test *test;
	struct str alert; /* its path; "" = written in the test */
	enum rule_test_state state;
	struct str problem;	       /* unusable, left out: why */
	struct str expected, happened; /* failed */
	struct trace_line *decided;    /* failed: the conditions that decided */
	size_t n_decided;
};

/* What the tests of one rule have seen of it. */
struct rule_coverage {
	size_t tests; /* that were run */
	bool fired;
	struct condition_seen {
		bool yes, no;
	} * seen; /* one for each condition, rule_condition() */
};

struct rule_tests {
	struct rule_test_outcome *list; /* in the order of the rules */
	size_t n;
	size_t counts[RULE_TEST_STATES];
	struct rule_coverage *coverage; /* one for each rule, rules_at() */
};

/* settings NULL: without guards.  limit_ms: RULE_TESTS_LIMIT_MS, INT64_MAX for none. */
void rule_tests_run(const struct rules *rules, const struct settings *settings, int64_t limit_ms,
    struct arena *a, struct rule_tests *out);

/* How many keep the rules from being put in force. */
size_t rule_tests_bad(const struct rule_tests *t);

/* An error for each of those, at its place; files are those that the rules were read from. */
void rule_tests_report(
    const struct rule_tests *t, const struct source *files, size_t n, struct diags *d);

const char *rule_test_state_name(enum rule_test_state s); /* "passed", "failed", ... */

#endif
