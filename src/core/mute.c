#include "core/mute.h"

static bool
notifies(const struct step *s)
{
	return s->state == STEP_WAITING && (s->reports || s->pages);
}

/* Something will be changed, or a person must say whether it is: nobody may miss that. */
static bool
must_be_told(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *s = &plan->steps[i];

		if (s->disruptive && (s->state == STEP_WAITING || s->state == STEP_APPROVAL))
			return true;
	}
	return false;
}

static bool
has_notifications(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (notifies(&plan->steps[i]))
			return true;
	return false;
}

void
mute_plan(
    struct plan *plan, const struct alert *al, const struct guard_facts *facts, struct arena *a)
{
	const struct silence *by;
	struct str why;

	if (facts->silences == NULL || !has_notifications(plan) || must_be_told(plan))
		return;
	by = silences_find(facts->silences, al, facts->now_ms, a);
	if (by == NULL)
		return;
	why = silence_words(by, a);
	for (size_t i = 0; i < plan->n; i++) {
		struct step *s = &plan->steps[i];

		if (!notifies(s))
			continue;
		s->state = STEP_SUPPRESSED;
		s->reason = why;
		s->silence = by->id;
	}
}
