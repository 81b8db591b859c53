#include "join.h"

#include <inttypes.h>

/* What happened longer ago is another story, with its own copies of the disks. */
#define JOIN_MS 3600000
#define TURN_MS 1000

bool
join_earlier(struct store *s, struct job *job, struct arena *a, struct err *e)
{
	const struct action *action = action_find(job->step.action);
	struct step *earlier;
	int64_t busy;

	if (action == NULL || !action->contains || job->step.undo_of != 0)
		return true;
	if (!store_list_earlier(s, &job->step, job->step.created_ms - JOIN_MS, a, &earlier,
		&job->n_earlier, &busy, e))
		return false;
	job->earlier = earlier;
	/* What has begun goes on: the other one cannot have begun, but for its way back. */
	if (busy == 0 || job->step.before.n > 0)
		return true;
	return fail_again(
	    e, TURN_MS, "waiting for action %" PRId64 ", which is about the same machine", busy);
}
