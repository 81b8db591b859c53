/*
 * A store in a folder of its own, and decisions to put into it.  Another implementation passes all
 * but test_store_open.c unchanged: it only has to be named in `under_test`.
 */
#ifndef TESTS_STORE_WORLD_H
#define TESTS_STORE_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"
#include "folder.h"
#include "test.h"

static bool (*const under_test)(struct str url, struct store **out, struct err *e) = store_open;

#define VM(sub, name)                                                           \
	"/subscriptions/" sub "/resourceGroups/rg/providers/Microsoft.Compute/" \
	"virtualMachines/" name
#define SUB_A "aaaaaaaa-0000-0000-0000-000000000001"
#define SUB_B "bbbbbbbb-0000-0000-0000-000000000002"
#define WAIT_MS 60000 /* how long a report waits */
#define LEASE_MS 30000

/* ---- a store in a folder of its own ---- */

static char path[128];
static struct arena *arena;

static inline void
free_arena(void)
{
	arena_free(arena);
	arena = NULL;
}

static inline void
fresh_folder(void)
{
	static bool registered;

	if (!registered)
		atexit(free_arena);
	registered = true;
	free_arena();
	arena = arena_new();
	folder_make("store");
	snprintf(path, sizeof(path), "%s/gridwarden.db", folder);
}

static inline bool
try_open(struct store **s, struct err *e)
{
	return under_test(arena_printf(arena, "sqlite:%s", path), s, e);
}

static inline struct store *
open_store(void)
{
	struct store *s;
	struct err e;

	CHECK_OK(try_open(&s, &e));
	return s;
}

static inline struct store *
new_store(void)
{
	fresh_folder();
	return open_store();
}

static inline void
order_fault(const char *orders)
{
	if (orders == NULL)
		unsetenv("GRIDWARDEN_FAULT");
	else
		setenv("GRIDWARDEN_FAULT", orders, 1);
}

/* ---- decisions ---- */

/* A decision with its event, alert and up to eight steps. */
struct sample {
	struct event event;
	struct alert alert;
	struct step steps[8];
	struct plan plan;
	struct decision d;
};

static inline struct sample *
sample(int n, const char *alert)
{
	struct sample *s = arena_alloc(arena, sizeof(*s));

	s->event = (struct event){ .kind = EVENT_NOTIFICATION,
		.id = arena_printf(arena, "event-%d", n),
		.source = STR("/subscriptions/" SUB_A),
		.type = STR("Microsoft.Security/alerts"),
		.subject = STR("subject"),
		.raw = arena_printf(arena, "{\"event\":%d}", n) };
	s->alert = (struct alert){ .form = "rest-2022",
		.id = str_of(alert),
		.name = STR("Suspicious process executed"),
		.type = STR("VM_SuspiciousProcess"),
		.severity = STR("High"),
		.status = STR("Active"),
		.resource_text = STR(VM(SUB_A, "web-01")),
		.compromised_entity = STR("web-01"),
		.event = &s->event };
	s->plan.steps = s->steps;
	s->d = (struct decision){ .event = &s->event,
		.received_ms = 1000 + n,
		.decided_ms = 2000 + n,
		.headers = STR("{}"),
		.state = EVENT_STATE_DECIDED,
		.reason = STR_EMPTY,
		.alert = &s->alert,
		.trace = STR("[\"trace\"]"),
		.rules_hash = STR("0123456789ab"),
		.plan = &s->plan };
	memcpy(s->d.hash.bytes, &n, sizeof(n));
	s->d.hash.bytes[15] = 1;
	return s;
}

/* A step of that plan, due at once; its key is made from what makes it one effect. */
static inline struct step *
add(struct sample *s, const char *action, int64_t now_ms)
{
	struct step *step = &s->steps[s->plan.n++];

	*step = (struct step){ .key = arena_printf(
				   arena, "%s/%.*s/%zu", action, STR_ARG(s->alert.id), s->plan.n),
		.rule = STR("rule"),
		.action = str_of(action),
		.target = STR(VM(SUB_A, "web-01")),
		.params = STR("{}"),
		.disruptive = true,
		.state = STEP_WAITING,
		.created_ms = now_ms,
		.due_ms = now_ms };
	return step;
}

static inline struct step *
add_report(struct sample *s, int64_t now_ms)
{
	struct step *step = add(s, "notify", now_ms);

	step->target = STR("soc");
	step->disruptive = false;
	step->reports = true;
	return step;
}

/* In a group of its own; was it new? */
static inline bool
put(struct store *st, const struct sample *s)
{
	bool fresh;
	struct err e;

	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_put_decision(st, &s->d, &fresh, &e));
	CHECK_OK(store_commit(st, 0, &e));
	return fresh;
}

/* One waiting step, put. */
static inline struct store *
store_with_one_step(void)
{
	struct store *st = new_store();
	struct sample *s = sample(1, "alert-1");

	add(s, "isolate_vm", 5000);
	CHECK(put(st, s));
	return st;
}

static inline bool
claim(struct store *st, int64_t now_ms, struct claimed *c, int64_t *next_ms)
{
	bool found;
	struct err e;

	CHECK_OK(store_claim_step(st, now_ms, LEASE_MS, WAIT_MS, arena, c, &found, next_ms, &e));
	return found;
}

/* The action of what is claimed then; "" when nothing is ready. */
static inline struct str
claim_action(struct store *st, int64_t now_ms)
{
	struct claimed c;
	int64_t next;

	return claim(st, now_ms, &c, &next) ? c.step.action : STR_EMPTY;
}

/* When to look again; nothing must be ready. */
static inline int64_t
next_look(struct store *st, int64_t now_ms)
{
	struct claimed c;
	int64_t next = 0;

	CHECK(!claim(st, now_ms, &c, &next));
	return next;
}

static inline void
settle(struct store *st, struct step *step, enum step_state state, int64_t now_ms)
{
	struct err e;

	step->state = state;
	CHECK_OK(store_settle_step(st, step, now_ms, NULL, 0, &e));
}

static inline struct step
step_of(struct store *st, int64_t id)
{
	struct step_call *calls;
	struct step step;
	struct err e;
	size_t n;

	CHECK_OK(store_show_step(st, id, arena, &step, &calls, &n, &e));
	return step;
}

static inline struct store_figures
figures(struct store *st)
{
	struct store_figures f;
	struct err e;

	CHECK_OK(store_figures(st, &f, &e));
	return f;
}

/* A store opened anew, by a process that begins to decide.  *newest: as it is told. */
static inline struct store *
open_decider(uint64_t *newest)
{
	struct store *st = open_store();
	struct err e;

	CHECK_OK(store_count_death(st, newest, &e));
	return st;
}

/* How many processes died of this record (event -1) or event, which is looked into now. */
static inline int64_t
hand_out(struct store *st, uint64_t seq, int64_t event)
{
	int64_t deaths;
	struct err e;

	CHECK_OK(store_begin(st, &e));
	CHECK_OK(store_hand_out(st, seq, event, &deaths, &e));
	store_rollback(st);
	return deaths;
}

static inline int64_t
counted(struct store *st, const char *action, const char *subscription, const char *target,
    const char *rule, int64_t since_ms)
{
	struct step_filter which = { str_of(action), str_of(subscription), str_of(target),
		str_of(rule), since_ms };

	return store_count_steps(st, &which);
}

#endif
