#include "daemon/report.h"

#include <inttypes.h>

#include "action/action.h"

/* A step that tells one channel; `about` makes its key differ from the rule's own report. */
static struct step
to_channel(
    struct str channel, struct str about, struct str alert_id, int64_t now_ms, struct arena *a)
{
	struct json *params = json_object(a);
	struct step step = { .rule = STR("(gridwarden)"),
		.action = STR("notify"),
		.target = channel,
		.reports = true,
		.state = STEP_WAITING,
		.created_ms = now_ms,
		.due_ms = now_ms };

	json_set_str(params, "channel", channel, a);
	step.params = json_print(params, a);
	step.key = step_key(alert_id, step.action, about, channel, 0, a);
	step.destination = action_destination(&step, a);
	return step;
}

void
report_complete(struct plan *plan, const struct alert *al, const struct settings *s, int64_t now_ms,
    struct arena *a)
{
	struct step *grown;
	bool held = false;

	for (size_t i = 0; i < plan->n; i++) {
		enum step_state state = plan->steps[i].state;

		if (plan->steps[i].reports)
			return;
		held = held || state == STEP_REFUSED || state == STEP_APPROVAL;
	}
	if (!held || s->n_channels == 0)
		return;
	grown = arena_alloc(a, (plan->n + 1) * sizeof(*grown));
	for (size_t i = 0; i < plan->n; i++)
		grown[i] = plan->steps[i];
	grown[plan->n] = to_channel(s->channels[0].name, STR("held back"), al->id, now_ms, a);
	plan->steps = grown;
	plan->n++;
}

bool
report_afterwards(const struct claimed *c, const struct step *settled, struct str alert_id,
    const struct settings *s, int64_t now_ms, struct arena *a, struct step *out)
{
	struct str channel = STR_EMPTY, about;

	if (settled->reports || (!settled->disruptive && settled->state == STEP_DONE))
		return false;
	for (size_t i = 0; i < c->n_steps; i++) {
		const struct step *other = &c->steps[i];

		if (!other->reports)
			continue;
		if (other->state == STEP_WAITING || other->state == STEP_RUNNING)
			return false; /* it will tell this too */
		channel = other->target;
	}
	if (channel.n == 0 && s->n_channels > 0 && settled->state != STEP_DONE)
		channel = s->channels[0].name;
	if (channel.n == 0)
		return false;
	about =
	    arena_printf(a, "step %" PRId64 " %s", settled->id, step_state_name(settled->state));
	*out = to_channel(channel, about, alert_id, now_ms, a);
	out->event_id = settled->event_id;
	out->alert_id = settled->alert_id;
	return true;
}
