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
 * The record: {"was": {"name": "value" or null}}.
 */
#include "action/action.h"

#include <string.h>

#include "azure/tags.h"
#include "base/fault.h"
#include "operations.h"
#include "tools.h"

#define TAGS_MAX 15	   /* a resource takes 50 */
#define NAME_MAX_CHARS 128 /* storage accounts take no longer ones */
#define VALUE_MAX_CHARS 256

struct tagging {
	struct action_env *env;
	struct step *step;
	struct resource_id id;
	struct str path;
	struct json *params, *record;
	const struct json *wanted; /* the tags of the rule */
	struct json *now;	   /* those of the resource */
};

static bool
begin(struct tagging *w, struct action_env *env, struct step *step, struct err *e)
{
	*w = (struct tagging){ .env = env, .step = step };
	if (step->target.n == 0)
		return fail(e, ERR_INPUT,
		    "tag_resource needs a resource, the alert names no Azure resource");
	if (!resource_id_parse(step->target, &w->id, e) ||
	    !stored_json(step->params, "parameters", env->arena, &w->params, e) ||
	    !stored_json(step->before, "record", env->arena, &w->record, e))
		return false;
	w->wanted = json_get(w->params, "tags");
	w->path = resource_id_owner_path(&w->id, env->arena);
	return true;
}

static bool
is_value(const struct json *have, struct str want)
{
	return json_is(have, JSON_STRING) && str_eq(json_text(have), want);
}

static enum outcome
change(struct tagging *w, const char *operation, const struct json *tags, struct err *e)
{
	struct arm_answer answer;

	if (FAULT("action.tag.patch"))
		return later(e, 0, "fault ordered at action.tag.patch");
	if (!tags_change(w->env->arm, w->path, operation, tags, w->env->arena, &answer, e))
		return outcome_of(e);
	if (FAULT("action.tag.patch.done"))
		return later(e, 0, "fault ordered at action.tag.patch.done");
	operations_add(w->env, w->step, w->path, &answer);
	return later(e, answer.operation.n > 0 ? answer.poll_ms : SOON_MS,
	    "waiting for Azure to tag %.*s", STR_ARG(str_leaf(w->path)));
}

static enum outcome
record(struct tagging *w, struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *r = json_object(a), *was = json_object(a);

	for (const struct json *t = json_first(w->wanted); t != NULL; t = json_next(t)) {
		const struct json *have = json_get_nocase(w->now, json_name(t));

		json_set(was, arena_cstr(a, json_name(t)),
		    have == NULL ? json_null(a) : json_copy(have, a), a);
	}
	json_set(r, "was", was, a);
	w->step->before = json_print(r, a);
	return later(e, 0, "tags recorded, none changed yet");
}

static enum outcome
tag(struct tagging *w, struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *missing = json_object(a), *j = json_object(a);

	for (const struct json *t = json_first(w->wanted); t != NULL; t = json_next(t))
		if (!is_value(json_get_nocase(w->now, json_name(t)), json_text(t)))
			json_set(missing, arena_cstr(a, json_name(t)), json_copy(t, a), a);
	if (json_count(missing) > 0)
		return change(w, "Merge", missing, e);
	json_set(j, "tags", json_copy(w->wanted, a), a);
	w->step->result = json_print(j, a);
	return OUTCOME_DONE;
}

/* What both ways begin with: nothing under way, and the tags as they are now. */
static enum outcome
look(struct tagging *w, struct err *e)
{
	enum outcome outcome = operations_poll(w->env, w->step, e);

	if (outcome != OUTCOME_DONE)
		return outcome;
	if (tags_get(w->env->arm, w->path, w->env->arena, &w->now, e))
		return OUTCOME_DONE;
	if (e->kind == ERR_NOT_FOUND)
		fail_in(e, "the resource is gone");
	return outcome_of(e);
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct tagging w;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	outcome = look(&w, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (w.record != NULL)
		return tag(&w, e);
	if (protected_now(env, &w.id, w.now, e))
		return OUTCOME_REFUSED;
	return record(&w, e);
}

/* ---- undo ---- */

struct untagging {
	struct json *back;    /* to get their former value */
	struct json *away;    /* to be removed, while they have ours */
	struct json *names;   /* all that are as they were */
	struct json *drifted; /* changed by somebody */
};

static void
sort_out(const struct tagging *w, const struct json *t, struct untagging *u)
{
	const struct json *was = json_get_str(json_get(w->record, "was"), json_name(t));
	const struct json *now = json_get_nocase(w->now, json_name(t));
	struct arena *a = w->env->arena;
	bool restored = json_is(was, JSON_STRING) ? is_value(now, json_text(was)) : now == NULL;
	struct json *list = restored ? u->names : u->drifted;

	if (restored || !is_value(now, json_text(t)))
		json_add(list, json_string(json_name(t), a), a);
	else if (json_is(was, JSON_STRING))
		json_set(u->back, arena_cstr(a, json_name(t)), json_copy(was, a), a);
	else
		json_set(u->away, arena_cstr(a, json_name(t)), json_copy(t, a), a);
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	struct arena *a = env->arena;
	struct untagging u = { json_object(a), json_object(a), json_array(a), json_array(a) };
	struct json *j = json_object(a);
	struct tagging w;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	outcome = look(&w, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	for (const struct json *t = json_first(w.wanted); t != NULL; t = json_next(t))
		sort_out(&w, t, &u);
	if (json_count(u.back) > 0)
		return change(&w, "Merge", u.back, e);
	if (json_count(u.away) > 0)
		return change(&w, "Delete", u.away, e);
	json_set(j, "untagged", u.names, a);
	json_set(j, "drifted", u.drifted, a);
	step->result = json_print(j, a);
	return OUTCOME_DONE;
}

/* ---- what rules may write ---- */

static bool
check_tag(const struct json *t, struct err *e)
{
	struct str name = json_name(t);

	if (name.n == 0 || name.n > NAME_MAX_CHARS || json_text(t).n > VALUE_MAX_CHARS)
		return fail(e, ERR_INPUT,
		    "tags has '%.*s': names have 1 to %d characters, values up to %d",
		    STR_ARG(name), NAME_MAX_CHARS, VALUE_MAX_CHARS);
	for (size_t i = 0; i < name.n; i++)
		if (strchr("<>%&\\?/", name.p[i]) != NULL)
			return fail(e, ERR_INPUT,
			    "tags has '%.*s': Azure takes none of < > %% & \\ ? / in a name",
			    STR_ARG(name));
	return true;
}

static bool
check(const struct json *params, struct err *e)
{
	const struct json *tags = json_get(params, "tags");

	if (json_count(tags) == 0 || json_count(tags) > TAGS_MAX)
		return fail(e, ERR_INPUT, "tags has %zu entries, 1 to %d are taken",
		    json_count(tags), TAGS_MAX);
	for (const struct json *x = json_first(tags); x != NULL; x = json_next(x)) {
		if (!check_tag(x, e))
			return false;
		if (json_get_nocase(tags, json_name(x)) != x)
			return fail(e, ERR_INPUT,
			    "tags has '%.*s' twice: Azure compares names without case",
			    STR_ARG(json_name(x)));
	}
	return true;
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
