#include "daemon/outcome.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"

/* Trouble without a hint: 1 s, 2 s, 4 s ... a minute, so that a fault of ours cannot hammer. */
static int64_t
backoff_ms(int64_t troubles)
{
	int64_t ms = 1000;

	for (int64_t i = 1; i < troubles && ms < 60000; i++)
		ms *= 2;
	return ms > 60000 ? 60000 : ms;
}

static void
try_again(struct step *step, const struct step *before, int64_t now_ms, const struct err *e)
{
	bool moved = !str_eq(step->before, before->before) || !str_eq(step->cursor, before->cursor);

	/* A way back is never given up: the machine would stay cut off. */
	if (step->undo_of == 0 && now_ms - step->created_ms > OUTCOME_GIVE_UP_MS) {
		step->state = STEP_FAILED;
		return;
	}
	step->state = STEP_WAITING;
	step->due_ms = now_ms;
	step->troubles = e->retry_ms > 0 || moved ? 0 : step->troubles + 1;
	if (e->retry_ms > 0)
		step->due_ms += e->retry_ms;
	else if (!moved)
		step->due_ms += backoff_ms(step->troubles);
}

void
outcome_conclude(struct step *step, const struct step *before, enum outcome outcome, int64_t now_ms,
    struct arena *a, const struct err *e)
{
	step->reason = outcome == OUTCOME_DONE ? STR_EMPTY : arena_str(a, str_of(e->text));
	switch (outcome) {
	case OUTCOME_DONE:
		step->state = STEP_DONE;
		break;
	case OUTCOME_NEVER:
		step->state = STEP_FAILED;
		break;
	case OUTCOME_REFUSED:
		step->state = STEP_REFUSED;
		break;
	case OUTCOME_LATER:
		try_again(step, before, now_ms, e);
		break;
	}
}

void
outcome_log(const struct step *step)
{
	char id[24];
	struct str number = { id, (size_t)snprintf(id, sizeof(id), "%" PRId64, step->id) };
	struct log_field fields[] = { { "step", number }, { "rule", step->rule },
		{ "target", step->target }, { "reason", step->reason } };
	bool well = step->state == STEP_DONE;

	if (step->state == STEP_WAITING)
		log_line(LOG_LEVEL_DEBUG, fields, 4, "%.*s goes on later", STR_ARG(step->action));
	else
		log_line(well ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, fields, well ? 3 : 4,
		    "%s%.*s %s", step->undo_of != 0 ? "undo of " : "", STR_ARG(step->action),
		    step_state_name(step->state));
}
