#include "daemon/told.h"

#include "base/log.h"

struct told *
told_of(const struct decision *decision, struct arena *a)
{
	const struct event *ev = decision->event;
	struct told *t = arena_alloc(a, sizeof(*t));

	t->state = decision->state;
	t->id = arena_str(a, ev->id);
	t->source = arena_str(a, ev->source);
	t->type = arena_str(a, ev->type);
	t->reason = arena_str(a, decision->reason);
	if (decision->alert != NULL) {
		t->alert = arena_str(a, decision->alert->name);
		t->steps = decision->plan->n;
		for (size_t i = 0; i < decision->plan->n; i++)
			t->silenced += decision->plan->steps[i].silence != 0;
	}
	return t;
}

void
told_log(const struct told *t)
{
	struct log_field fields[] = { { "event_id", t->id }, { "source", t->source },
		{ "reason", t->reason } };

	if (t->state == EVENT_STATE_DECIDED)
		log_line(LOG_LEVEL_INFO, fields, 2, "alert \"%.*s\" decided: %zu steps",
		    STR_ARG(t->alert), t->steps);
	else
		log_line(LOG_LEVEL_WARNING, fields, 3, "event of type \"%.*s\" is %s",
		    STR_ARG(t->type), event_state_name(t->state));
}
