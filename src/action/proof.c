/*
 * Happy path: ask, wait for the long operation, find that nothing is allowed.
 * What can go wrong: the machine does not run, the permission is missing, Azure does not answer in
 * time - it stays unknown whether traffic passes, and why.  What was changed a moment ago may not
 * be in force yet: as long as something is allowed, it is asked again until the time is over.
 */
#include "proof.h"

#include "azure/effective.h"
#include "tools.h"

/* In most cases Azure answers within ten seconds; people wait for the card. */
#define PROOF_MAX_MS 90000
#define AGAIN_MS 5000

struct round {
	const struct proof *p;
	struct arena *arena;
	int64_t until_ms;
	int64_t wait_ms; /* the soonest next look; -1 = none is needed */
	size_t leaking, unknown;
};

static void
wait_for(struct round *r, int64_t ms)
{
	if (r->wait_ms < 0 || ms < r->wait_ms)
		r->wait_ms = ms;
}

static bool
time_is_over(const struct round *r)
{
	return r->p->env->now_ms >= r->until_ms;
}

static const struct json *
found_before(const struct proof *p, struct str nic)
{
	for (const struct json *j = json_first(json_get(p->before, "interfaces")); j != NULL;
	     j = json_next(j))
		if (str_eq_nocase(json_text(json_get(j, "id")), nic))
			return j;
	return NULL;
}

static void
set_unknown(struct round *r, struct json *entry, struct str why)
{
	json_remove(entry, "operation");
	json_set_str(entry, "unknown", why, r->arena);
}

/* Asking did not work: again while there is time, for what may pass. */
static void
trouble(struct round *r, struct json *entry, const struct err *e)
{
	if (outcome_of(e) == OUTCOME_NEVER || time_is_over(r))
		set_unknown(r, entry, arena_str(r->arena, str_of(e->text)));
	else
		wait_for(r, e->retry_ms > 0 ? e->retry_ms : AGAIN_MS);
}

static void
judge(struct round *r, struct json *entry, const struct nic *n, const struct json *groups)
{
	struct json *leaks = effective_leaks(groups, n->nsg, r->arena);

	json_remove(entry, "operation");
	json_set(entry, "leaks", leaks, r->arena);
	if (json_count(leaks) > 0 && !time_is_over(r))
		wait_for(r, AGAIN_MS);
}

static void
ask(struct round *r, struct json *entry, const struct nic *n)
{
	struct arm_answer answer;
	struct err e;

	if (!effective_ask(r->p->env->arm, n->id, r->arena, &answer, &e)) {
		trouble(r, entry, &e);
	} else if (answer.operation.n > 0) {
		json_set_str(entry, "operation", answer.operation, r->arena);
		wait_for(r, answer.poll_ms);
	} else {
		judge(r, entry, n, answer.body);
	}
}

static void
poll(struct round *r, struct json *entry, const struct nic *n, struct str operation)
{
	enum arm_progress progress;
	struct json *groups;
	struct err e;
	int64_t ms;

	if (!arm_poll(r->p->env->arm, &operation, r->arena, &progress, &ms, &groups, &e)) {
		trouble(r, entry, &e);
	} else if (progress == ARM_SUCCEEDED) {
		judge(r, entry, n, groups);
	} else if (progress == ARM_FAILED) {
		json_remove(entry, "operation");
		trouble(r, entry, &e);
	} else if (time_is_over(r)) {
		set_unknown(r, entry, STR("Azure did not answer in time"));
	} else {
		json_set_str(entry, "operation", operation, r->arena);
		wait_for(r, ms);
	}
}

static bool
is_settled(const struct json *entry)
{
	const struct json *leaks = json_get(entry, "leaks");

	return json_get(entry, "unknown") != NULL || (leaks != NULL && json_count(leaks) == 0);
}

static struct json *
look_at(struct round *r, const struct nic *n)
{
	const struct json *before = found_before(r->p, n->id);
	struct json *entry = before == NULL ? json_object(r->arena) : json_copy(before, r->arena);
	struct str operation = json_text(json_get(entry, "operation"));

	json_set_str(entry, "id", n->id, r->arena);
	if (is_settled(entry))
		; /* it stays so */
	else if (operation.n > 0)
		poll(r, entry, n, operation);
	else
		ask(r, entry, n);
	r->unknown += json_get(entry, "unknown") != NULL;
	r->leaking += json_count(json_get(entry, "leaks")) > 0;
	return entry;
}

static const char *
state_of(const struct round *r)
{
	if (r->wait_ms >= 0)
		return "asking";
	if (r->leaking > 0)
		return "still_allowed";
	return r->unknown > 0 ? "unknown" : "verified";
}

enum outcome
proof_go_on(
    const struct proof *p, const struct nic *nics, size_t n, struct json **now, struct err *e)
{
	struct arena *a = p->env->arena;
	struct round r = { .p = p, .arena = a, .wait_ms = -1 };
	struct json *list = json_array(a);

	if (!json_int(json_get(p->before, "until_ms"), &r.until_ms))
		r.until_ms = p->env->now_ms + PROOF_MAX_MS;
	for (size_t i = 0; i < n; i++)
		json_add(list, look_at(&r, &nics[i]), a);
	*now = json_object(a);
	json_set_cstr(*now, "state", state_of(&r), a);
	json_set_int(*now, "until_ms", r.until_ms, a);
	json_set(*now, "interfaces", list, a);
	if (r.wait_ms < 0)
		return OUTCOME_DONE;
	return later(e, r.wait_ms, "cut off; waiting for Azure to tell what is in force");
}
