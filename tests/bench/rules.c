/*
 * What deciding costs by the number of rules, without a daemon: `make bench-rules`.
 *
 * Each rule asks for a severity and for a text in the display name.  Two of them fire, however many
 * there are.  Prints nanoseconds of thread CPU time for an alert, the median of RUNS runs: asked
 * through the index, and each rule asked.  It measures and promises nothing: it ends with 0.
 */
#include <stdio.h>

#include "base/buf.h"
#include "core/alert.h"
#include "core/event.h"
#include "core/rules.h"
#include "measure.h"

#define RUNS 15
#define FILE_RULES 1000
#define RULES_LARGEST 10000

static const char *const words[] = { "suspicious", "process", "executed", "brute", "force",
	"attempt", "logon", "from", "unusual", "location", "mining", "digital", "currency",
	"malware", "detected", "failed", "crypto", "shell", "encoded", "storage", "access", "tor",
	"node", "privileged", "container", "registry", "credential", "dump", "lateral", "movement",
	"web", "server" };
#define WORDS (sizeof(words) / sizeof(words[0]))

static bool
any_action(const void *ctx, const struct yaml *name, const struct yaml *params, struct arena *a,
    struct rule_action *out, struct diags *d)
{
	(void)ctx, (void)name, (void)params, (void)d;
	*out = (struct rule_action){ .name = arena_str(a, STR("notify")) };
	return true;
}

/* Three words and a number that no alert has, but in the two that fire. */
static void
add_rule(struct buf *b, size_t i)
{
	static const char *const levels[] = { "High", "Medium", "Low", "Informational" };

	buf_printf(b, "- {name: r%zu, actions: [notify], match: {severity: %s, ", i,
	    i == 3 || i == 7 ? "High" : levels[i % 4]);
	if (i == 3 || i == 7)
		buf_add_cstr(b, i == 3 ? "alertDisplayName|contains: suspicious process}}\n"
				       : "alertDisplayName|contains: executed on a}}\n");
	else
		buf_printf(b, "alertDisplayName|contains: %s %s %s %zu}}\n", words[i % WORDS],
		    words[i / WORDS % WORDS], words[(7 * i + 3) % WORDS], i);
}

static struct rules *
make_rules(size_t n)
{
	struct source files[RULES_LARGEST / FILE_RULES];
	struct buf texts[RULES_LARGEST / FILE_RULES];
	struct arena *a = arena_new();
	struct diags d;
	struct rules *r;
	size_t n_files = 0;

	diags_init(&d, a);
	for (size_t i = 0; i < n; i++) {
		if (i % FILE_RULES == 0) {
			buf_init(&texts[n_files], (size_t)1 << 20);
			buf_add_cstr(&texts[n_files++], "rules:\n");
		}
		add_rule(&texts[n_files - 1], i);
	}
	for (size_t i = 0; i < n_files; i++)
		files[i] = (struct source){ "r.yaml", buf_str(&texts[i]) };
	r = rules_parse(files, n_files, &(const struct rules_outside){ .check = any_action }, &d);
	if (r == NULL)
		abort();
	for (size_t i = 0; i < n_files; i++)
		buf_done(&texts[i]);
	arena_free(a);
	return r;
}

static void
indexed(const struct rules *r, const struct alert *al, int64_t now_ms, struct arena *a,
    struct verdict **out, size_t *n)
{
	(void)rules_judge(r, al, now_ms, a, out, n);
}

typedef void judging(const struct rules *r, const struct alert *al, int64_t now_ms, struct arena *a,
    struct verdict **out, size_t *n);

static double
cost(judging *judge, const struct rules *r, const struct alert *al, int rounds)
{
	struct arena *a = arena_new();
	struct verdict *v;
	double times[RUNS];
	size_t n;

	for (int i = 0; i < RUNS; i++) {
		double start = now_ns();

		for (int k = 0; k < rounds; k++) {
			judge(r, al, 0, a, &v, &n);
			arena_reset(a);
		}
		times[i] = (now_ns() - start) / rounds;
	}
	arena_free(a);
	return median(times, RUNS);
}

int
main(void)
{
	struct str body = STR(
	    "[{\"id\":\"1\",\"topic\":\"/subscriptions/s\",\"subject\":\"web-01\","
	    "\"eventType\":\"Contoso.Security.AlertRaised\",\"eventTime\":"
	    "\"2026-11-23T03:12:46.1234567Z\",\"dataVersion\":\"1.0\",\"data\":{"
	    "\"AlertDisplayName\":\"Suspicious process executed on a web server\","
	    "\"AlertType\":\"VM_SuspiciousProcess\",\"Severity\":\"High\",\"Status\":\"New\"}}]");
	static const struct event_headers headers; /* none */
	struct arena *a = arena_new();
	struct event_batch batch;
	struct alert al;
	struct err e;
	double ten = 0;

	event_batch_parse(body, &headers, a, &batch);
	if (!alert_parse(&batch.events[0], a, &al, &e))
		abort();
	printf("%7s %12s %9s %14s\n", "rules", "indexed ns", "to ten", "each asked ns");
	for (size_t n = 10; n <= RULES_LARGEST; n *= 10) {
		struct rules *r = make_rules(n);
		double ns = cost(indexed, r, &al, 2000);

		ten = n == 10 ? ns : ten;
		printf("%7zu %12.0f %9.2f %14.0f\n", n, ns, ns / ten,
		    cost(rules_judge_all, r, &al, (int)(20000 / n) + 1));
		rules_free(r);
	}
	arena_free(a);
	return 0;
}
