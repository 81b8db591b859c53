/*
 * Set the status of the alert in Defender for Cloud.
 *
 *	1  find the alert's own resource id, read its status; record both; committed
 *	2  set it; it is there on a fresh reading: done
 *
 * Undo sets the status that it had, unless somebody set another one since.
 * What can go wrong: the event does not say where the alert is kept (events of the plain form do
 * not), the alert is gone, a permission is missing.
 *
 * The record: {"alert": resource id, "was": "Active"}.
 */
#include "action/action.h"

#include "azure/defender_alert.h"
#include "base/fault.h"
#include "core/alert_source.h"
#include "tools.h"

static const struct status {
	const char *verb; /* of rules and of Azure's API */
	const char *name; /* what Azure shows then */
} statuses[] = {
	{ "dismiss", "Dismissed" },
	{ "resolve", "Resolved" },
	{ "activate", "Active" },
	{ "inProgress", "InProgress" },
};
#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

struct setting {
	struct action_env *env;
	struct step *step;
	struct json *params, *record;
	const struct status *wanted;
	struct str alert;
	struct str now;
};

static const struct status *
by_verb(struct str verb)
{
	for (size_t i = 0; i < STATUSES; i++)
		if (str_is_nocase(verb, statuses[i].verb))
			return &statuses[i];
	return NULL;
}

static const struct status *
by_name(struct str name)
{
	for (size_t i = 0; i < STATUSES; i++)
		if (str_is_nocase(name, statuses[i].name))
			return &statuses[i];
	return NULL;
}

static bool
begin(struct setting *w, struct action_env *env, struct step *step, struct err *e)
{
	*w = (struct setting){ .env = env, .step = step };
	if (!stored_json(step->params, "parameters", env->arena, &w->params, e) ||
	    !stored_json(step->before, "record", env->arena, &w->record, e))
		return false;
	w->wanted = by_verb(json_text(json_get(w->params, "status")));
	w->alert = json_text(json_get(w->record, "alert"));
	if (w->wanted == NULL)
		return fail(e, ERR_INPUT, "the stored parameters name no status");
	return w->alert.n > 0 || alert_source_id(env->alert, env->arena, &w->alert, e);
}

static enum outcome
look(struct setting *w, struct err *e)
{
	if (defender_alert_status(w->env->arm, w->alert, w->env->arena, &w->now, e))
		return OUTCOME_DONE;
	return outcome_of(e);
}

static enum outcome
done(struct setting *w, const char *drifted)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);

	json_set_str(j, "status", w->now, a);
	json_set(j, "was", json_copy(json_get(w->record, "was"), a), a);
	if (drifted != NULL) {
		json_set(j, "drifted", json_array(a), a);
		json_add(json_member(j, "drifted"), json_string(str_of(drifted), a), a);
	}
	w->step->result = json_print(j, a);
	return OUTCOME_DONE;
}

static enum outcome
change(struct setting *w, const struct status *to, struct err *e)
{
	if (FAULT("action.status.post"))
		return later(e, 0, "fault ordered at action.status.post");
	if (!defender_alert_set(w->env->arm, w->alert, to->verb, w->env->arena, e))
		return outcome_of(e);
	if (FAULT("action.status.post.done"))
		return later(e, 0, "fault ordered at action.status.post.done");
	return later(e, SOON_MS, "status set, reading it again");
}

static enum outcome
record(struct setting *w, struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *r = json_object(a);

	json_set_str(r, "alert", w->alert, a);
	json_set_str(r, "was", w->now, a);
	w->step->before = json_print(r, a);
	return later(e, 0, "status recorded, not changed yet");
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct setting w;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	outcome = look(&w, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (w.record == NULL)
		return record(&w, e);
	return str_is_nocase(w.now, w.wanted->name) ? done(&w, NULL) : change(&w, w.wanted, e);
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	struct setting w;
	const struct status *was;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	was = by_name(json_text(json_get(w.record, "was")));
	if (was == NULL) {
		fail(e, ERR_INPUT, "the alert had the status '%.*s', which cannot be set",
		    STR_ARG(json_text(json_get(w.record, "was"))));
		return OUTCOME_NEVER;
	}
	outcome = look(&w, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (str_is_nocase(w.now, was->name))
		return done(&w, NULL);
	return str_is_nocase(w.now, w.wanted->name) ? change(&w, was, e) : done(&w, "status");
}

static const struct param params[] = {
	{ .name = "status",
	    .type = PARAM_CHOICE,
	    .required = true,
	    .choices = "dismiss|resolve|activate|inProgress",
	    .help = "what becomes of the alert" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.Security/locations/alerts/read",
	"Microsoft.Security/locations/alerts/dismiss/action",
	"Microsoft.Security/locations/alerts/resolve/action",
	"Microsoft.Security/locations/alerts/activate/action",
	"Microsoft.Security/locations/alerts/inProgress/action",
	NULL,
};

extern const struct action action_set_alert_status;
const struct action action_set_alert_status = {
	.name = "set_alert_status",
	.help = "set the status of the alert in Defender for Cloud",
	.params = params,
	.shorthand = "status",
	.permissions = permissions,
	.disruptive = true,
	.run = run,
	.undo = undo,
};
