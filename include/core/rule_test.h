/*
 * Runs a test of a rule: the judge, the plan and the guards are those of the daemon.
 *
 * The rule is asked among all others, so that one in front of it may stop it; what it does is what
 * it would do alone, as if nothing had been done in the last hour, and as if neither guards.mode
 * nor the rule's own mode were `shadow`: a test holds before and after somebody says enforce.
 *
 * Guards of the settings count in a test that says what is held or refused.  In others only what is
 * about the alert: a rule that is unsure, a sample, no usable resource.
 */
#ifndef CORE_RULE_TEST_H
#define CORE_RULE_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/alert.h"
#include "core/plan.h"
#include "core/rules.h"
#include "core/settings.h"

/*
 * The alert of a test: text is what its file holds, one event in any form that can be delivered.
 * overrides (NULL = none): paths of fields to what they hold in this test, null takes one away.
 * A path is one of the file's, or a field of alerts; what is below an object of the alert
 * (extendedProperties.x) need not be there.
 * NULL when it cannot be used.  Points into text.
 */
const struct alert *rule_test_alert(
    struct str text, const struct json *overrides, struct arena *a, struct err *e) MUST_CHECK;

/* Where that file is: relative to the folder of the rule's file; "" = written in the test. */
struct str rule_test_path(const struct rule *rule, const struct rule_test *test, struct arena *a);

/* What all rules say about the alert at a time; for all tests of that. */
struct rule_test_judged {
	const struct alert *alert;
	int64_t now_ms;
	struct verdict *verdicts;
	size_t n;
};
void rule_test_judge(const struct rules *rules, const struct alert *al, int64_t now_ms,
    struct arena *a, struct rule_test_judged *out);

struct rule_test_result {
	bool passed;
	enum answer answer;
	const struct rule *stopped_by;	/* the rule was not asked: that one fires, and stops */
	struct str expected, happened;	/* "fires; isolate_vm and notify done" */
	const struct trace_line *lines; /* all conditions that were tried */
	size_t n_lines;
};

/* settings NULL: without guards.  judged: at the time of the test, if it says one. */
void rule_test_run(const struct rule *rule, const struct rule_test *test,
    const struct rule_test_judged *judged, const struct settings *settings, struct arena *a,
    struct rule_test_result *out);

#endif
