#include "daemon/report.h"

#include <inttypes.h>

#include "action/action.h"
#include "core/mute.h"
#include "daemon/digest.h"

/* A step that tells people; `about` makes its key differ from what the rules asked for. */
static struct step
to_people(struct str action, struct str target, struct str params, struct str about,
    struct str alert_id, int64_t now_ms, struct arena *a)
{
	struct step step = { .rule = STR("(gridwarden)"),
		.action = action,
		.target = target,
		.params = params,
		.reports = true,
		.state = STEP_WAITING,
		.created_ms = now_ms,
		.due_ms = now_ms };

	step.key = step_key(alert_id, step.action, about, target, 0, a);
	step.destination = action_destination(&step, a);
	return step;
}

static struct step
to_channel(
    struct str channel, struct str about, struct str alert_id, int64_t now_ms, struct arena *a)
{
	struct json *params = json_object(a);

	json_set_str(params, "channel", channel, a);
	return to_people(STR("notify"), channel, json_print(params, a), about, alert_id, now_ms, a);
}

struct step
report_notice(
    struct str channel, struct str alert_id, int64_t now_ms, int64_t wait_ms, struct arena *a)
{
	struct step step = to_channel(channel, STR("notice"), alert_id, now_ms, a);

	step.due_ms = now_ms + wait_ms;
	return step;
}

/* What a plan has to tell, and whom it tells anyway. */
static bool
tells(const struct plan *plan, struct str channel)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].reports && plan->steps[i].state != STEP_REFUSED &&
		    str_eq(plan->steps[i].target, channel))
			return true;
	return false;
}

static void
add_channel(
    struct plan *plan, struct str channel, struct str alert_id, int64_t now_ms, struct arena *a)
{
	struct step *grown = arena_alloc(a, (plan->n + 1) * sizeof(*grown));

	for (size_t i = 0; i < plan->n; i++)
		grown[i] = plan->steps[i];
	grown[plan->n++] = to_channel(channel, STR("held back"), alert_id, now_ms, a);
	plan->steps = grown;
}

/* What is held or refused is told at all, and to those who may let it go on. */
static void
complete(struct plan *plan, const struct alert *al, const struct settings *s, int64_t now_ms,
    struct arena *a)
{
	const struct settings_approvals *ap = &s->approvals;
	bool held = false, back = false, told = false;

	for (size_t i = 0; i < plan->n; i++) {
		enum step_state state = plan->steps[i].state;

		told = told || (plan->steps[i].reports && state != STEP_REFUSED);
		held = held || state == STEP_APPROVAL;
		back = back || (state == STEP_REFUSED && !step_is_quiet(&plan->steps[i]));
	}
	for (size_t i = 0; held && i < ap->n_channels; i++)
		if (!tells(plan, ap->channels[i]))
			add_channel(plan, ap->channels[i], al->id, now_ms, a);
	told = told || (held && ap->n_channels > 0);
	if ((held || back) && !told && s->n_channels > 0)
		add_channel(plan, s->channels[0].name, al->id, now_ms, a);
}

void
report_plan(struct plan *plan, const struct alert *al, const struct settings *s,
    const struct guard_facts *facts, struct arena *a)
{
	complete(plan, al, s, facts->now_ms, a);
	mute_plan(plan, al, facts, a);
	digest_join(plan, al->id, s, facts, a);
	for (size_t i = 0; i < plan->n; i++)
		plan->steps[i].destination = action_destination(&plan->steps[i], a);
}

static bool
follows(struct str action)
{
	const struct action *found = action_find(action);

	return found != NULL && found->follows;
}

/* Whom a card tells; "" = nobody, or one that is still to come tells this too. */
static struct str
channel_for(const struct claimed *c, const struct step *settled, const struct settings *s)
{
	struct str channel = STR_EMPTY;

	/* A card that failed cannot be told by another one; what else tells people can. */
	if (settled->reports && !(settled->state == STEP_FAILED && follows(settled->action)))
		return STR_EMPTY;
	if (!settled->disruptive && settled->state == STEP_DONE)
		return STR_EMPTY;
	for (size_t i = 0; i < c->n_steps; i++) {
		const struct step *other = &c->steps[i];

		if (!other->reports || follows(other->action))
			continue;
		if (other->state == STEP_WAITING || other->state == STEP_RUNNING)
			return STR_EMPTY;
		channel = other->target;
	}
	if (channel.n == 0 && s->n_channels > 0 && settled->state != STEP_DONE)
		channel = s->channels[0].name;
	return channel;
}

static bool
is_taken_back(const struct claimed *c, const struct step *step)
{
	for (size_t i = 0; i < c->n_steps; i++)
		if (c->steps[i].undo_of == step->id && c->steps[i].state == STEP_DONE)
			return true;
	return false;
}

/*
 * A ticket that is there or to come.  Whether it knows already is seen when it is told: what was
 * claimed here may be old by now.
 */
static bool
is_to_follow(const struct claimed *c, const struct step *other, const struct step *settled)
{
	bool alive = other->state == STEP_WAITING || other->state == STEP_RUNNING ||
		     other->state == STEP_DONE;

	return settled->disruptive && alive && other->id != settled->id && other->undo_of == 0 &&
	       !other->reports && follows(other->action) && !is_taken_back(c, other);
}

static bool
was_told(const struct claimed *c, struct str channel)
{
	for (size_t i = 0; i < c->n_steps; i++)
		if (c->steps[i].reports && !follows(c->steps[i].action) &&
		    str_eq(c->steps[i].target, channel))
			return true;
	return false;
}

size_t
report_afterwards(const struct claimed *c, const struct step *settled, struct str alert_id,
    const struct settings *s, int64_t now_ms, struct arena *a, struct step **out)
{
	const struct settings_approvals *ap = &s->approvals;
	struct step *list = arena_alloc(a, (c->n_steps + 1 + ap->n_channels) * sizeof(*list));
	struct str channel = channel_for(c, settled, s);
	struct str about =
	    arena_printf(a, "step %" PRId64 " %s", settled->id, step_state_name(settled->state));
	size_t n = 0;

	if (channel.n > 0)
		list[n++] = to_channel(channel, about, alert_id, now_ms, a);
	for (size_t i = 0; channel.n > 0 && i < ap->n_channels; i++)
		if (!str_eq(ap->channels[i], channel) && was_told(c, ap->channels[i]))
			list[n++] = to_channel(ap->channels[i], about, alert_id, now_ms, a);
	for (size_t i = 0; i < c->n_steps; i++) {
		const struct step *other = &c->steps[i];

		if (is_to_follow(c, other, settled))
			list[n++] = to_people(other->action, other->target, other->params, about,
			    alert_id, now_ms, a);
	}
	for (size_t i = 0; i < n; i++) {
		list[i].event_id = settled->event_id;
		list[i].alert_id = settled->alert_id;
	}
	*out = list;
	return n;
}
