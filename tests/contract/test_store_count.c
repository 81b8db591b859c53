/* What every store must remember for correlations: exactly, through restarts and failures. */
#include "store_world.h"

#include <inttypes.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "base/json.h"
#include "correlation_model.h"

/* ---- one alert after the other ---- */

static bool
no_action(const void *ctx, const struct yaml *name, const struct yaml *params, struct arena *a,
    struct rule_action *out, struct diags *d)
{
	(void)ctx, (void)params, (void)d;
	*out = (struct rule_action){
		.name = arena_str(a, name->text), .params = STR("{}"), .named = STR_EMPTY
	};
	return true;
}

static struct rules *
rules_from(const char *text)
{
	struct arena *a = arena_new();
	struct source source = { "r.yaml", str_of(text) };
	struct diags d;
	struct rules *r;

	diags_init(&d, a);
	r = rules_parse(&source, 1, &(const struct rules_outside){ .check = no_action }, &d);
	if (r == NULL)
		print_error("%.*s\n", STR_ARG(d.list[0].text));
	CHECK(r != NULL);
	arena_free(a);
	return r;
}

/* An alert as event n; the JSON has ' for ". */
static void
read_alert(int n, const char *json, struct arena *a, struct event *ev, struct alert *al)
{
	char *text = arena_alloc(a, strlen(json) + 1);
	struct err e;

	for (size_t i = 0; json[i] != '\0'; i++)
		text[i] = json[i] == '\'' ? '"' : json[i];
	*ev = (struct event){ .kind = EVENT_NOTIFICATION,
		.schema = SCHEMA_EVENT_GRID,
		.id = arena_printf(a, "e-%d", n),
		.source = STR("/t"),
		.type = STR("t"),
		.subject = STR_EMPTY,
		.raw = str_of(text),
		.data = str_of(text) };
	CHECK_OK(alert_parse(ev, a, al, &e));
}

/* Judge it over what the store knows, and keep it.  False: it was not kept, and nothing of it. */
static bool
decide(struct store *st, const struct rules *r, int n, const char *json, int64_t at_ms,
    struct arena *a, struct judged *judged)
{
	struct event ev;
	struct alert al;
	struct past past = store_past(st, at_ms);
	struct decision d = { .event = &ev,
		.received_ms = at_ms,
		.decided_ms = at_ms,
		.headers = STR("{}"),
		.state = EVENT_STATE_DECIDED,
		.reason = STR_EMPTY,
		.alert = &al,
		.trace = STR("{}"),
		.rules_hash = STR("x"),
		.counted = &judged->counted };
	bool fresh;
	struct err e;

	read_alert(n, json, a, &ev, &al);
	memcpy(d.hash.bytes, &n, sizeof(n));
	CHECK_OK(store_begin(st, &e));
	rules_judge_after(r, &al, at_ms, &past, a, judged);
	if (!store_put_decision(st, &d, &fresh, &e)) {
		store_rollback(st);
		return false;
	}
	return store_commit(st, 0, &e);
}

/* ---- random alerts ---- */

static void
run_model(uint64_t seed, int restart_every, const char *fault)
{
	struct rules *r = rules_from(model_rules);
	struct store *st = new_store();
	struct arena *a = arena_new();
	struct model *m = xcalloc(1, sizeof(*m));

	m->seed = seed;
	m->now_ms = 1700000000000;
	for (int i = 0; i < MODEL_ALERTS; i++) {
		struct model_alert next;
		struct judged judged;
		char json[1000];

		arena_reset(a);
		model_next(m, &next);
		model_json(m, &next, json, sizeof(json));
		if (fault != NULL && i % 7 == 0) {
			order_fault(fault);
			(void)!decide(st, r, i, json, next.at_ms, a, &judged);
			order_fault(NULL);
		}
		if (restart_every > 0 && i % restart_every == 0) {
			store_close(st);
			st = open_store();
		}
		CHECK(decide(st, r, i, json, next.at_ms, a, &judged));
		model_compare(m, &next, &judged);
	}
	free(m);
	arena_free(a);
	store_close(st);
	rules_free(r);
}

TEST(what_is_counted_is_what_recounting_everything_says)
{
	for (uint64_t seed = 100; seed < 104; seed++)
		run_model(seed, 0, NULL);
}

TEST(restarts_change_nothing_of_what_is_counted)
{
	run_model(200, 17, NULL);
	run_model(201, 1, NULL);
}

TEST(what_was_not_committed_is_not_counted)
{
	run_model(300, 0, "store.commit:fail:1+");
	run_model(301, 5, "store.count:fail:1+");
	run_model(302, 0, "store.ioerr:fail:1+");
}
