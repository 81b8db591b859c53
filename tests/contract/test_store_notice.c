/* What is told of gridwarden itself: each state once, and that all is well only after another. */
#include "store_world.h"

static int64_t serial;

/* A notice with one step, due then. */
static struct decision
notice(int64_t due_ms)
{
	struct event *ev = arena_alloc(arena, sizeof(*ev));
	struct alert *al = arena_alloc(arena, sizeof(*al));
	struct plan *plan = arena_alloc(arena, sizeof(*plan));
	struct step *step = arena_alloc(arena, sizeof(*step));
	struct decision d = { .event = ev,
		.received_ms = 1000,
		.decided_ms = 1000,
		.headers = STR("{}"),
		.state = EVENT_STATE_NOTICE,
		.alert = al,
		.trace = STR("{}"),
		.plan = plan };

	*ev = (struct event){ .kind = EVENT_NOTIFICATION, .raw = STR("{}") };
	serial++;
	memcpy(d.hash.bytes, &serial, sizeof(serial));
	al->id = arena_printf(arena, "notice-%d", (int)serial);
	al->name = STR("notice");
	al->form = "flat";
	*step = (struct step){ .key = al->id,
		.action = STR("notify"),
		.target = STR("soc"),
		.params = STR("{}"),
		.reports = true,
		.state = STEP_WAITING,
		.created_ms = 1000,
		.due_ms = due_ms };
	*plan = (struct plan){ .steps = step, .n = 1 };
	return d;
}

static bool
told(struct store *s, const char *state, int64_t due_ms)
{
	struct decision d = notice(due_ms);
	struct err e;
	bool is;

	CHECK_OK(store_tell(s, "configuration", str_of(state), &d, &is, &e));
	return is;
}

static int64_t
steps(struct store *s, enum step_state state)
{
	struct store_figures f;
	struct err e;

	CHECK_OK(store_figures(s, &f, &e));
	return f.steps[state];
}

/* A performer has it: it is as good as told. */
static void
take(struct store *s)
{
	struct claimed c;
	int64_t next;
	bool found;
	struct err e;

	CHECK_OK(store_claim_step(s, 5000, LEASE_MS, WAIT_MS, arena, &c, &found, &next, &e));
	CHECK(found);
}

TEST(a_state_is_told_once_also_over_a_restart)
{
	struct store *s = new_store();

	CHECK(!told(s, "", 1000)); /* all was well before */
	CHECK(told(s, "bad-1", 1000));
	CHECK(!told(s, "bad-1", 1000));
	store_close(s);
	s = open_store();
	CHECK(!told(s, "bad-1", 1000));
	CHECK_INT(steps(s, STEP_WAITING), 1);
	store_close(s);
}

TEST(that_all_is_well_again_is_told_once_and_the_same_trouble_then_anew)
{
	struct store *s = new_store();

	CHECK(told(s, "bad-1", 1000));
	take(s);
	CHECK(told(s, "", 1000));
	CHECK(!told(s, "", 1000));
	take(s);
	CHECK(told(s, "bad-1", 1000));
	store_close(s);
}

TEST(what_was_over_before_anybody_was_told_is_not_told)
{
	struct store *s = new_store();

	CHECK(told(s, "bad-1", 60000));
	CHECK(told(s, "bad-2", 60000)); /* in its place */
	CHECK_INT(steps(s, STEP_WAITING), 1);
	CHECK(!told(s, "", 1000));
	CHECK_INT(steps(s, STEP_WAITING), 0);
	CHECK_INT(steps(s, STEP_REFUSED), 2);
	CHECK(!told(s, "", 1000));
	store_close(s);
}
