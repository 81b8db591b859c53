/*
 * Put tags on the resource that the alert is about, beside those that it has.
 *
 *	1  read its tags; record what stood under these names; committed
 *	2  merge ours, wait until Azure has them; all there on a fresh reading: done
 *
 * Undo gives each name the value back that it had, or removes it.  A value that somebody changed
 * since is left alone.
 * What can go wrong: the resource is gone or protected, it takes no tags, a permission is missing.
 *
 * The record is that of tagging.h.
 */
#include "action/action.h"

#include "tagging.h"
#include "tools.h"

static bool
begin(struct action_env *env, struct step *step, struct resource_id *id, struct tagging *out,
    struct err *e)
{
	struct json *params;

	*out = (struct tagging){ .env = env, .step = step, .cursor = &step->cursor };
	if (step->target.n == 0)
		return fail(e, ERR_INPUT,
		    "tag_resource needs a resource, the alert names no Azure resource");
	if (!resource_id_parse(step->target, id, e) ||
	    !stored_json(step->params, "parameters", env->arena, &params, e) ||
	    !stored_json(step->before, "record", env->arena, &out->record, e))
		return false;
	out->wanted = json_get(params, "tags");
	out->path = resource_id_owner_path(id, env->arena);
	return true;
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct json *result = json_object(env->arena);
	struct resource_id id;
	enum outcome outcome;
	struct tagging t;

	if (!begin(env, step, &id, &t, e))
		return OUTCOME_NEVER;
	outcome = tagging_look(&t, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (t.record == NULL && protected_now(env, &id, t.now, e))
		return OUTCOME_REFUSED;
	outcome = tagging_put(&t, e);
	step->before = json_print(t.record, env->arena);
	if (outcome != OUTCOME_DONE)
		return outcome;
	json_set(result, "tags", json_copy(t.wanted, env->arena), env->arena);
	step->result = json_print(result, env->arena);
	return OUTCOME_DONE;
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	struct json *result = NULL;
	struct resource_id id;
	enum outcome outcome;
	struct tagging t;

	if (!begin(env, step, &id, &t, e))
		return OUTCOME_NEVER;
	outcome = tagging_look(&t, e);
	if (outcome == OUTCOME_DONE)
		outcome = tagging_back(&t, false, &result, e);
	if (outcome == OUTCOME_DONE)
		step->result = json_print(result, env->arena);
	return outcome;
}

static bool
check(const struct json *params, struct err *e)
{
	return tagging_check(json_get(params, "tags"), "tags", e);
}

static const struct param params[] = {
	{ .name = "tags",
	    .type = PARAM_STRING_MAP,
	    .required = true,
	    .help = "names and values; other tags of the resource stay as they are" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.Resources/tags/read",
	"Microsoft.Resources/tags/write",
	NULL,
};

extern const struct action action_tag_resource;
const struct action action_tag_resource = {
	.name = "tag_resource",
	.help = "put tags on the resource that the alert is about",
	.params = params,
	.check = check,
	.permissions = permissions,
	.disruptive = true,
	.run = run,
	.undo = undo,
};
