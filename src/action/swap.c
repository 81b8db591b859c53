#include "swap.h"

#include "base/fault.h"
#include "operations.h"
#include "tools.h"

void
swap_init(struct swap *s, struct action_env *env, struct step *step)
{
	*s = (struct swap){ .env = env, .step = step, .wait_ms = -1 };
}

void
swap_trouble(struct swap *s, const struct err *e)
{
	bool hopeless = outcome_of(e) == OUTCOME_NEVER;

	if ((hopeless && !s->hopeless) || (!s->passing && !s->hopeless))
		s->e = *e;
	s->hopeless = s->hopeless || hopeless;
	s->passing = s->passing || !hopeless;
}

void
swap_wait(struct swap *s, struct str of, int64_t ms)
{
	if (s->wait_ms < 0 || ms < s->wait_ms)
		s->wait_ms = ms;
	s->of = of;
}

static bool
put(struct swap *s, struct nic *n, struct str nsg, struct err *e)
{
	struct arm_answer answer;

	if (is_halted(s->env, s->step, e))
		return false;
	if (FAULT("action.isolate.put"))
		return fail_again(e, 0, "fault ordered at action.isolate.put");
	if (!nic_put_nsg(s->env->arm, n, nsg, s->env->arena, &answer, e))
		return false;
	if (FAULT("action.isolate.put.done"))
		return fail_again(e, 0, "fault ordered at action.isolate.put.done");
	n->nsg = nsg;
	operations_add(s->env, s->step, n->id, &answer);
	swap_wait(s, n->id, answer.operation.n > 0 ? answer.poll_ms : SOON_MS);
	s->sent++;
	return true;
}

bool
swap_nic(struct swap *s, struct nic *n, struct str nsg)
{
	enum provisioning state = provisioning_of(n->body);
	struct err e;

	if (state == PROVISIONING_SUCCEEDED && str_eq_nocase(n->nsg, nsg)) {
		s->right++;
		return true;
	}
	if (state == PROVISIONING_RUNNING)
		swap_wait(s, n->id, BUSY_MS);
	else if (!put(s, n, nsg, &e))
		swap_trouble(s, &e);
	return false;
}

enum outcome
swap_outcome(const struct swap *s, struct err *e)
{
	if (s->hopeless || s->passing) {
		*e = s->e;
		return s->hopeless ? OUTCOME_NEVER : OUTCOME_LATER;
	}
	if (s->wait_ms >= 0)
		return later(
		    e, s->wait_ms, "waiting for Azure to change %.*s", STR_ARG(short_name(s->of)));
	return OUTCOME_DONE;
}
