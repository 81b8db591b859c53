#include "daemon/approval.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/log.h"
#include "daemon/report.h"

/* Who was told that it is held, is told that it was denied. */
static bool
make_reports(struct pipeline *p, const struct approval *word, const struct settings *s,
    struct arena *a, struct step **reports, size_t *n, struct err *e)
{
	struct alert_detail alert;
	struct step_call *calls;
	struct claimed c;
	struct step step;
	size_t n_calls;

	*n = 0;
	if (word->approves)
		return true;
	if (!store_show_step(p->store, word->step_id, a, &step, &calls, &n_calls, e) ||
	    !store_show_alert(p->store, step.alert_id, a, &alert, e))
		return false;
	c = (struct claimed){ .step = step, .steps = alert.steps, .n_steps = alert.n_steps };
	step.state = STEP_REFUSED;
	*n = report_afterwards(&c, &step, alert.row.alert, s, word->at_ms, a, reports);
	return true;
}

static void
say(const struct approval *w, const struct approval_outcome *o)
{
	char id[24];
	struct str number = { id, (size_t)snprintf(id, sizeof(id), "%" PRId64, w->step_id) };
	struct log_field fields[] = { { "step", number }, { "name", w->name }, { "way", w->way },
		{ "seat", w->seat }, { "address", w->address }, { "agent", w->agent } };

	if (o->missing > 0)
		log_line(LOG_LEVEL_INFO, fields, 6,
		    "action %" PRId64 " was approved, it takes %" PRId64 " more", w->step_id,
		    o->missing);
	else
		log_line(LOG_LEVEL_INFO, fields, 6, "action %" PRId64 " was %s", w->step_id,
		    w->approves ? "approved" : "denied");
}

static bool
answer(struct pipeline *p, const struct approval *word, const struct settings *s, struct arena *a,
    struct approval_outcome *out, struct err *e)
{
	struct step *reports = NULL;
	size_t n;

	if (!make_reports(p, word, s, a, &reports, &n, e) ||
	    !store_answer_approval(p->store, word, s->approvals.quorum, reports, n, out, e))
		return false;
	say(word, out);
	approval_links_note(p->links, s, out->answers);
	bell_ring(&p->due);
	return !FAULT("approval.kept") || fail(e, ERR_SYSTEM, "fault ordered at approval.kept");
}

bool
approval_answer(struct pipeline *p, const struct approval *word, struct arena *a,
    struct approval_outcome *out, struct err *e)
{
	struct config *c = current_get(p->current);
	bool ok = answer(p, word, c->settings, a, out, e);

	config_unref(c);
	return ok;
}
