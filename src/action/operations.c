/*
 * Happy path: every operation in the cursor has ended well and leaves it.
 * What can go wrong: one is still running (wait), its state cannot be read (wait, or look at the
 * resource when Azure has forgotten it), or it failed (start again, a few times).
 */
#include "operations.h"

#include <inttypes.h>

#include "tools.h"

/* After a failed operation Azure wants a moment. */
#define FAILED_MS 10000

struct waiting {
	struct json *still; /* those that go on */
	int64_t failures;
	int64_t wait_ms;     /* the soonest next poll; -1 = nothing to wait for */
	struct str of;	     /* one that is waited for */
	bool failed, unread; /* e says what */
	struct err e;
};

static struct json *
entry(struct str of, struct str operation, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_str(j, "of", of, a);
	json_set_str(j, "operation", operation, a);
	return j;
}

static struct str
cursor_text(int64_t failures, struct json *running, struct arena *a)
{
	struct json *cursor = json_object(a);

	if (failures == 0 && json_count(running) == 0)
		return STR_EMPTY;
	json_set_int(cursor, "failures", failures, a);
	json_set(cursor, "running", running, a);
	return json_print(cursor, a);
}

/* A cursor that cannot be read is none: the resources tell the truth. */
static const struct json *
read_cursor(struct str text, struct arena *a, int64_t *failures)
{
	struct json *cursor;
	struct err ignored;

	*failures = 0;
	if (!stored_json(text, "cursor", a, &cursor, &ignored))
		return NULL;
	json_int(json_get(cursor, "failures"), failures);
	return json_get(cursor, "running");
}

void
operations_add(
    struct action_env *env, struct str *cursor, struct str of, const struct arm_answer *answer)
{
	const struct json *running;
	struct json *list;
	int64_t failures;

	if (answer->operation.n == 0)
		return;
	running = read_cursor(*cursor, env->arena, &failures);
	list = running == NULL ? json_array(env->arena) : json_copy(running, env->arena);
	json_add(list, entry(of, answer->operation, env->arena), env->arena);
	*cursor = cursor_text(failures, list, env->arena);
}

static void
wait_for(struct waiting *w, struct str of, struct str operation, int64_t ms, struct arena *a)
{
	json_add(w->still, entry(of, operation, a), a);
	if (w->wait_ms < 0 || ms < w->wait_ms)
		w->wait_ms = ms;
	w->of = of;
}

static void
poll_one(struct action_env *env, const struct json *j, struct waiting *w)
{
	struct str of = json_text(json_get(j, "of"));
	struct str operation = json_text(json_get(j, "operation"));
	enum arm_progress progress;
	struct json *result;
	struct err e;
	int64_t ms = 0;

	if (!arm_poll(env->arm, &operation, env->arena, &progress, &ms, &result, &e)) {
		if (outcome_of(&e) == OUTCOME_NEVER)
			return; /* no longer to be asked: look at the resource */
		w->unread = true;
		w->e = e;
		wait_for(w, of, operation, e.retry_ms, env->arena);
		return;
	}
	switch (progress) {
	case ARM_RUNNING:
		wait_for(w, of, operation, ms, env->arena);
		break;
	case ARM_SUCCEEDED:
		break;
	case ARM_FAILED:
		w->failed = true;
		w->failures += e.kind == ERR_AGAIN ? 0 : 1;
		w->e = e;
		fail_in(&w->e, "changing %.*s", STR_ARG(str_leaf(of)));
		break;
	}
}

static enum outcome
failed(const struct waiting *w, struct err *e)
{
	int64_t ms = w->e.kind == ERR_AGAIN && w->e.retry_ms > 0 ? w->e.retry_ms : FAILED_MS;

	*e = w->e;
	if (w->failures < OPERATION_FAILURES_MAX)
		return later(e, ms, "%s", w->e.text);
	fail_in(e, "gave up after %" PRId64 " attempts", w->failures);
	return OUTCOME_NEVER;
}

enum outcome
operations_poll(struct action_env *env, struct str *cursor, struct err *e)
{
	struct waiting w = { .still = json_array(env->arena), .wait_ms = -1 };
	const struct json *running = read_cursor(*cursor, env->arena, &w.failures);

	for (const struct json *j = json_first(running); j != NULL; j = json_next(j))
		poll_one(env, j, &w);
	*cursor = cursor_text(w.failures, w.still, env->arena);
	if (w.failed)
		return failed(&w, e);
	if (w.wait_ms < 0)
		return OUTCOME_DONE;
	if (w.unread)
		return later(e, w.wait_ms, "%s", w.e.text);
	return later(e, w.wait_ms, "waiting for Azure to change %.*s", STR_ARG(str_leaf(w.of)));
}
