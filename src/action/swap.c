#include "swap.h"

#include "base/fault.h"
#include "operations.h"
#include "tools.h"

void
swap_init(struct swap *s, struct action_env *env, struct step *step)
{
	*s = (struct swap){ .env = env, .step = step };
	several_init(&s->nics);
}

static bool
put(struct swap *s, struct nic *n, struct str nsg, const struct json *addresses, struct err *e)
{
	struct arm_answer answer;

	if (is_halted(s->env, s->step, e))
		return false;
	if (FAULT("action.isolate.put"))
		return fail_again(e, 0, "fault ordered at action.isolate.put");
	if (!nic_put(s->env->arm, n, nsg, addresses, s->env->arena, &answer, e))
		return false;
	if (FAULT("action.isolate.put.done"))
		return fail_again(e, 0, "fault ordered at action.isolate.put.done");
	n->nsg = nsg;
	operations_add(s->env, &s->step->cursor, n->id, &answer);
	several_wait(&s->nics, n->id, answer.operation.n > 0 ? answer.poll_ms : SOON_MS);
	s->nics.sent++;
	return true;
}

bool
swap_nic(struct swap *s, struct nic *n, struct str nsg, const struct json *addresses)
{
	enum provisioning state = provisioning_of(n->body);
	struct err e;

	if (state == PROVISIONING_SUCCEEDED && str_eq_nocase(n->nsg, nsg) &&
	    nic_has_addresses(n, addresses)) {
		s->nics.right++;
		return true;
	}
	if (state == PROVISIONING_RUNNING)
		several_wait(&s->nics, n->id, BUSY_MS);
	else if (!put(s, n, nsg, addresses, &e))
		several_trouble(&s->nics, &e);
	return false;
}
