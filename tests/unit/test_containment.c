#include "core/containment.h"

#include "test.h"

#define NOW 1000000
#define LATER (NOW + 5000)
#define VERIFIED "{\"interfaces\":[{}],\"proof\":{\"state\":\"verified\"}}"
#define UNKNOWN "{\"interfaces\":[{}],\"proof\":{\"state\":\"unknown\"}}"
#define DRIFTED "{\"restored\":[],\"drifted\":[{\"id\":\"x\"}]}"

static struct arena *a;

static struct step
a_step(enum step_state state, int64_t attempts, const char *result)
{
	if (a == NULL)
		a = arena_new();
	return (struct step){ .id = 7,
		.state = state,
		.attempts = attempts,
		.due_ms = NOW,
		.result = str_of(result) };
}

static struct step
an_undo(int64_t id, enum step_state state, int64_t due_ms, const char *result)
{
	struct step s = a_step(state, 0, result);

	s.id = id;
	s.undo_of = 7;
	s.due_ms = due_ms;
	return s;
}

static struct containment
seen(struct step s, const struct step *undos, size_t n)
{
	struct containment c;

	containment_of(&s, undos, n, NOW, a, &c);
	return c;
}

static const char *
alone(enum step_state state, int64_t attempts, const char *result)
{
	return seen(a_step(state, attempts, result), NULL, 0).state;
}

TEST(an_isolation_goes_from_planned_to_verified)
{
	CHECK_CSTR(alone(STEP_APPROVAL, 0, ""), "planned");
	CHECK_CSTR(alone(STEP_WAITING, 0, ""), "planned");
	CHECK_CSTR(alone(STEP_RUNNING, 1, ""), "applying");
	CHECK_CSTR(alone(STEP_WAITING, 2, ""), "applying");
	CHECK_CSTR(alone(STEP_WAITING, 3, "{\"proof\":{\"state\":\"asking\"}}"), "isolated");
	CHECK_CSTR(alone(STEP_RUNNING, 4, "{\"proof\":{\"state\":\"asking\"}}"), "isolated");
	CHECK_CSTR(alone(STEP_DONE, 5, UNKNOWN), "isolated");
	CHECK_CSTR(alone(STEP_DONE, 5, VERIFIED), "verified");
	CHECK_CSTR(alone(STEP_FAILED, 5, ""), "failed");
}

TEST(what_a_guard_forbade_contains_nothing)
{
	CHECK(alone(STEP_REFUSED, 0, "") == NULL);
	CHECK(alone(STEP_SHADOW, 0, "") == NULL);
}

TEST(a_way_back_at_a_later_time_is_its_end_and_changes_nothing_yet)
{
	struct step undo = an_undo(9, STEP_WAITING, LATER, "");
	struct containment c = seen(a_step(STEP_DONE, 5, VERIFIED), &undo, 1);

	CHECK_CSTR(c.state, "verified");
	CHECK_INT(c.expires_ms, LATER);
	CHECK_INT(c.undo, 9);
}

TEST(a_way_back_is_releasing_then_released)
{
	struct step undo = an_undo(9, STEP_WAITING, NOW, "");

	CHECK_CSTR(seen(a_step(STEP_DONE, 5, VERIFIED), &undo, 1).state, "releasing");
	undo = an_undo(9, STEP_RUNNING, NOW, "");
	CHECK_CSTR(seen(a_step(STEP_DONE, 5, VERIFIED), &undo, 1).state, "releasing");
	undo = an_undo(9, STEP_WAITING, LATER, ""); /* tried, and again later */
	undo.attempts = 1;
	CHECK_CSTR(seen(a_step(STEP_DONE, 5, VERIFIED), &undo, 1).state, "releasing");
	CHECK_INT(seen(a_step(STEP_DONE, 5, VERIFIED), &undo, 1).expires_ms, 0);
	undo = an_undo(9, STEP_DONE, NOW, "{}");
	CHECK_CSTR(seen(a_step(STEP_DONE, 5, VERIFIED), &undo, 1).state, "released");
}

TEST(the_last_way_back_counts)
{
	struct step undos[2] = { an_undo(9, STEP_FAILED, NOW, DRIFTED),
		an_undo(11, STEP_DONE, NOW, "{}") };

	CHECK_CSTR(seen(a_step(STEP_DONE, 5, VERIFIED), undos, 1).state, "drifted");
	CHECK_CSTR(seen(a_step(STEP_DONE, 5, VERIFIED), undos, 2).state, "released");
	CHECK_INT(seen(a_step(STEP_DONE, 5, VERIFIED), undos, 2).undo, 11);
	undos[0].result = STR("{}");
	CHECK_CSTR(seen(a_step(STEP_DONE, 5, VERIFIED), undos, 1).state, "failed");
}
