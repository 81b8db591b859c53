#include "daemon/digest.h"

#include <string.h>

#define TOLD "told in a digest"
#define LISTED_MAX 1000

/* All that would change something was refused for that, and something would. */
static bool
is_all_over_budget(const struct plan *plan)
{
	bool over = false;

	for (size_t i = 0; i < plan->n; i++) {
		if (!plan->steps[i].disruptive)
			continue;
		if (!step_is_over_budget(&plan->steps[i]))
			return false;
		over = true;
	}
	return over;
}

static struct str
digest_params(struct str channel, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_str(j, "channel", channel, a);
	json_set_bool(j, "digest", true, a);
	return json_print(j, a);
}

/* The one that waits for this channel, or the first of a new storm. */
static struct step
digest_step(const struct step *card, struct str alert_id, const struct settings *s,
    const struct guard_facts *facts, struct arena *a)
{
	struct step step = *card;

	step.rule = STR("(gridwarden)");
	step.params = digest_params(card->target, a);
	step.due_ms = facts->now_ms + s->digest_wait_ms;
	step.key = facts->waiting_digest(facts->count_ctx, card->target, step.params, a);
	if (step.key.n == 0)
		step.key = step_key(alert_id, step.action, step.params, step.target, 0, a);
	return step;
}

static bool
is_card(const struct step *s)
{
	return s->reports && s->state == STEP_WAITING && str_is(s->action, "notify");
}

void
digest_join(struct plan *plan, struct str alert_id, const struct settings *s,
    const struct guard_facts *facts, struct arena *a)
{
	struct step *grown;
	size_t n = plan->n;

	if (s->digest_wait_ms == 0 || !is_all_over_budget(plan))
		return;
	grown = arena_alloc(a, 2 * n * sizeof(*grown));
	memcpy(grown, plan->steps, n * sizeof(*grown));
	for (size_t i = 0; i < n; i++) {
		if (!is_card(&grown[i]))
			continue;
		grown[plan->n++] = digest_step(&grown[i], alert_id, s, facts, a);
		grown[i].state = STEP_DONE;
		grown[i].reason = STR(TOLD);
	}
	plan->steps = grown;
}

bool
digest_prepare(struct store *s, struct job *job, struct arena *a, struct err *e)
{
	struct step *steps;

	if (!str_is(job->step.action, "notify") ||
	    !str_eq(job->step.params, digest_params(job->step.target, a)))
		return true;
	if (!store_list_digest(s, job->step.target, STR(TOLD), job->step.created_ms, LISTED_MAX, a,
		&steps, &job->n_steps, &job->digest, e))
		return fail_again(e, 0, "%s", arena_str(a, str_of(e->text)).p);
	job->steps = steps;
	return true;
}
