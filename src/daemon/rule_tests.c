/*
 * Happy path: tests are put in the order of their files, so that each file is read, understood and
 * judged once; each test then costs some microseconds.
 * What can go wrong: a file that is missing or no alert makes its tests unusable; what is beyond a
 * limit of number, bytes or time is left out, which is no better than a failure.
 */
#include "daemon/rule_tests.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "core/rule_test.h"
#include "core/trace.h"

#define TEXT_MAX 2000

/* The file that the tests at hand are about. */
struct at_hand {
	struct str text;
	size_t bytes; /* of all files so far */
	bool usable, judged_all;
	struct err error;
	struct rule_test_judged judged; /* as it is, and now; once somebody needed it */
};

struct running {
	const struct rules *rules;
	const struct settings *settings;
	int64_t now_ms, until_ms;
	struct arena *arena; /* of the result */
	struct arena *file;  /* of what is at hand */
	struct arena *test;  /* of one test */
	struct rule_tests *out;
};

const char *
rule_test_state_name(enum rule_test_state s)
{
	static const char *const names[] = {
		[RULE_TEST_PASSED] = "passed",
		[RULE_TEST_FAILED] = "failed",
		[RULE_TEST_UNUSABLE] = "unusable",
		[RULE_TEST_LEFT_OUT] = "left out",
		[RULE_TEST_SKIPPED] = "skipped",
	};

	return names[s];
}

size_t
rule_tests_bad(const struct rule_tests *t)
{
	return t->counts[RULE_TEST_FAILED] + t->counts[RULE_TEST_UNUSABLE] +
	       t->counts[RULE_TEST_LEFT_OUT];
}

/* ---- which there are ---- */

static void
collect(struct running *r)
{
	size_t n = 0;

	for (size_t i = 0; i < rules_count(r->rules); i++)
		n += rules_at(r->rules, i)->n_tests;
	r->out->list = arena_alloc(r->arena, n * sizeof(*r->out->list));
	for (size_t i = 0; i < rules_count(r->rules); i++) {
		const struct rule *rule = rules_at(r->rules, i);

		for (size_t k = 0; k < rule->n_tests; k++)
			r->out->list[r->out->n++] = (struct rule_test_outcome){ .rule = rule,
				.test = &rule->tests[k],
				.alert = rule_test_path(rule, &rule->tests[k], r->arena),
				.state =
				    rule->mode == RULE_OFF ? RULE_TEST_SKIPPED : RULE_TEST_PASSED };
	}
}

static void
prepare_coverage(struct running *r)
{
	size_t n = rules_count(r->rules);

	r->out->coverage = arena_alloc(r->arena, n * sizeof(*r->out->coverage));
	for (size_t i = 0; i < n; i++)
		r->out->coverage[i].seen = arena_alloc(r->arena,
		    rule_conditions(rules_at(r->rules, i)) * sizeof(struct condition_seen));
}

static int
by_file(const void *x, const void *y)
{
	const struct rule_test_outcome *a = *(struct rule_test_outcome *const *)x,
				       *b = *(struct rule_test_outcome *const *)y;
	int order = str_cmp(a->alert, b->alert);

	return order != 0 ? order : a < b ? -1 : a > b;
}

static struct rule_test_outcome **
sorted(struct running *r)
{
	struct rule_test_outcome **order =
	    arena_alloc(r->arena, r->out->n * sizeof(struct rule_test_outcome *));

	for (size_t i = 0; i < r->out->n; i++)
		order[i] = &r->out->list[i];
	if (r->out->n > 0)
		qsort(order, r->out->n, sizeof(*order), by_file);
	return order;
}

/* ---- one file, and its tests ---- */

static void
take_file(struct running *r, struct at_hand *h, const struct rule_test_outcome *t)
{
	arena_reset(r->file);
	h->judged_all = false;
	h->text = t->test->written;
	h->usable = t->alert.n == 0 || file_read(arena_cstr(r->file, t->alert), RULE_TEST_FILE_MAX,
					   r->file, &h->text, &h->error);
	h->bytes += h->text.n;
}

/* The alert as this test has it, judged; NULL when there is none, and e says why. */
static const struct rule_test_judged *
judged_for(struct running *r, struct at_hand *h, const struct rule_test *test,
    struct rule_test_judged *own, struct err *e)
{
	bool shared = test->overrides == NULL && test->at_ms == 0;
	struct arena *a = shared ? r->file : r->test;
	const struct alert *al;

	if (shared && h->judged_all)
		return &h->judged;
	al = rule_test_alert(h->text, test->overrides, a, e);
	if (al == NULL)
		return NULL;
	rule_test_judge(r->rules, al, test->at_ms != 0 ? test->at_ms : r->now_ms, a, own);
	if (!shared)
		return own;
	h->judged = *own;
	h->judged_all = true;
	return &h->judged;
}

static void
cover(struct running *r, const struct rule *rule, const struct rule_test_result *result)
{
	struct rule_coverage *c = &r->out->coverage[rule - rules_at(r->rules, 0)];

	c->tests++;
	c->fired = c->fired || result->answer == ANSWER_YES;
	for (size_t i = 0; i < result->n_lines; i++) {
		struct condition_seen *seen = &c->seen[result->lines[i].condition];

		seen->yes = seen->yes || result->lines[i].answer == ANSWER_YES;
		seen->no = seen->no || result->lines[i].answer == ANSWER_NO;
	}
}

static void
unusable(struct running *r, struct rule_test_outcome *t, const struct err *e)
{
	t->state = RULE_TEST_UNUSABLE;
	t->problem = arena_str(r->arena, str_of(e->text));
}

static void
keep_failure(struct running *r, struct rule_test_outcome *t, const struct rule_test_judged *judged,
    const struct rule_test_result *result)
{
	t->state = RULE_TEST_FAILED;
	t->expected = arena_str(r->arena, result->expected);
	t->happened = arena_str(r->arena, result->happened);
	if (result->stopped_by == NULL)
		(void)rule_decided_by(
		    t->rule, judged->alert, judged->now_ms, r->arena, &t->decided, &t->n_decided);
}

static void
run_one(struct running *r, struct at_hand *h, struct rule_test_outcome *t)
{
	struct rule_test_result result;
	struct rule_test_judged own;
	const struct rule_test_judged *judged;
	struct err e;

	if (!h->usable) {
		unusable(r, t, &h->error);
		return;
	}
	arena_reset(r->test);
	judged = judged_for(r, h, t->test, &own, &e);
	if (judged == NULL) {
		unusable(r, t, &e);
		return;
	}
	rule_test_run(t->rule, t->test, judged, r->settings, r->test, &result);
	cover(r, t->rule, &result);
	if (!result.passed)
		keep_failure(r, t, judged, &result);
}

/* True: nothing more is run. */
static bool
is_beyond(struct running *r, const struct at_hand *h, size_t done, struct str *why)
{
	if (done >= RULE_TESTS_MAX)
		*why = arena_printf(r->arena, "there are more than %d tests", RULE_TESTS_MAX);
	else if (h->bytes > RULE_TEST_BYTES_MAX)
		*why = arena_printf(r->arena, "the alerts of all tests are more than %zu MiB",
		    RULE_TEST_BYTES_MAX >> 20);
	else if (clock_mono_ms() > r->until_ms)
		*why = arena_printf(
		    r->arena, "the tests take longer than %d s", RULE_TESTS_LIMIT_MS / 1000);
	else
		return false;
	return true;
}

static void
run_all(struct running *r, struct rule_test_outcome **order)
{
	struct at_hand h = { .bytes = 0 };
	const struct rule_test_outcome *last = NULL;
	struct str why = STR_EMPTY;
	size_t done = 0;

	for (size_t i = 0; i < r->out->n; i++) {
		struct rule_test_outcome *t = order[i];

		if (t->state == RULE_TEST_SKIPPED)
			continue;
		if (why.n > 0 || is_beyond(r, &h, done, &why)) {
			t->state = RULE_TEST_LEFT_OUT;
			t->problem = why;
			continue;
		}
		if (last == NULL || t->alert.n == 0 || !str_eq(t->alert, last->alert))
			take_file(r, &h, t);
		last = t;
		run_one(r, &h, t);
		done++;
	}
}

void
rule_tests_run(const struct rules *rules, const struct settings *settings, int64_t limit_ms,
    struct arena *a, struct rule_tests *out)
{
	int64_t mono_ms = clock_mono_ms();
	struct running r = { .rules = rules,
		.settings = settings,
		.now_ms = clock_now_ms(),
		.until_ms = limit_ms > INT64_MAX - mono_ms ? INT64_MAX : mono_ms + limit_ms,
		.arena = a,
		.file = arena_new(),
		.test = arena_new(),
		.out = out };

	*out = (struct rule_tests){ .n = 0 };
	collect(&r);
	prepare_coverage(&r);
	run_all(&r, sorted(&r));
	for (size_t i = 0; i < out->n; i++)
		out->counts[out->list[i].state]++;
	arena_free(r.test);
	arena_free(r.file);
}

/* ---- what is wrong, at its place ---- */

static const struct source *
source_of(const struct rule *rule, const struct source *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(rule->file, files[i].name))
			return &files[i];
	return NULL;
}

/* "; severity is High: no, saw Low" */
static void
add_decided(struct buf *b, const struct rule_test_outcome *t)
{
	for (size_t i = 0; i < t->n_decided; i++) {
		const struct trace_line *line = &t->decided[i];
		struct buf phrase;

		buf_init(&phrase, TEXT_MAX);
		trace_phrase(line->field, line->wanted, &phrase);
		buf_printf(b, "%s %.*s: %s, saw %.*s", i == 0 ? " -" : ";",
		    STR_ARG(buf_str(&phrase)), answer_name(line->answer), STR_ARG(line->seen));
		buf_done(&phrase);
	}
}

static void
report_one(const struct rule_test_outcome *t, const struct source *src, struct diags *d)
{
	struct buf b;

	if (t->state != RULE_TEST_FAILED) {
		diags_add(d, DIAG_ERROR, src, t->test->alert_line, t->test->alert_col,
		    "the test of '%.*s' cannot be run: %.*s", STR_ARG(t->rule->name),
		    STR_ARG(t->problem));
		return;
	}
	buf_init(&b, TEXT_MAX);
	add_decided(&b, t);
	diags_add(d, DIAG_ERROR, src, t->test->line, t->test->col,
	    "the test of '%.*s' fails: expected: %.*s; happened: %.*s%.*s", STR_ARG(t->rule->name),
	    STR_ARG(t->expected), STR_ARG(t->happened), STR_ARG(buf_str(&b)));
	buf_done(&b);
}

void
rule_tests_report(const struct rule_tests *t, const struct source *files, size_t n, struct diags *d)
{
	bool left_out = false; /* said once: what is beyond a limit is much */

	for (size_t i = 0; i < t->n; i++) {
		const struct rule_test_outcome *one = &t->list[i];

		if (one->state == RULE_TEST_PASSED || one->state == RULE_TEST_SKIPPED ||
		    (one->state == RULE_TEST_LEFT_OUT && left_out))
			continue;
		report_one(one, source_of(one->rule, files, n), d);
		left_out = left_out || one->state == RULE_TEST_LEFT_OUT;
	}
}
