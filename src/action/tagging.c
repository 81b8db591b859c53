/*
 * Happy path: what stood under these names is recorded, ours are merged, and the tags are read
 * again.
 * What can go wrong: the resource is gone, it takes no tags, a permission is missing,
 * somebody changed a value since (on the way back it is left alone).
 */
#include "tagging.h"

#include <string.h>

#include "azure/tags.h"
#include "base/fault.h"
#include "operations.h"
#include "tools.h"

#define TAGS_MAX 15	   /* a resource takes 50 */
#define NAME_MAX_CHARS 128 /* storage accounts take no longer ones */
#define VALUE_MAX_CHARS 256

static bool
is_value(const struct json *have, struct str want)
{
	return json_is(have, JSON_STRING) && str_eq(json_text(have), want);
}

static enum outcome
change(struct tagging *t, const char *operation, const struct json *tags, struct err *e)
{
	struct arm_answer answer;

	if (is_halted(t->env, t->step, e))
		return OUTCOME_NEVER;
	if (FAULT("action.tag.patch"))
		return later(e, 0, "fault ordered at action.tag.patch");
	if (!tags_change(t->env->arm, t->path, operation, tags, t->env->arena, &answer, e))
		return outcome_of(e);
	if (FAULT("action.tag.patch.done"))
		return later(e, 0, "fault ordered at action.tag.patch.done");
	operations_add(t->env, t->cursor, t->path, &answer);
	return later(e, answer.operation.n > 0 ? answer.poll_ms : SOON_MS,
	    "waiting for Azure to tag %.*s", STR_ARG(str_leaf(t->path)));
}

static enum outcome
record(struct tagging *t, struct err *e)
{
	struct arena *a = t->env->arena;
	struct json *was = json_object(a);

	for (const struct json *j = json_first(t->wanted); j != NULL; j = json_next(j)) {
		const struct json *have = json_get_nocase(t->now, json_name(j));

		json_set(was, arena_cstr(a, json_name(j)),
		    have == NULL ? json_null(a) : json_copy(have, a), a);
	}
	t->record = json_object(a);
	json_set(t->record, "was", was, a);
	return later(e, 0, "tags recorded, none changed yet");
}

enum outcome
tagging_look(struct tagging *t, struct err *e)
{
	enum outcome outcome = operations_poll(t->env, t->cursor, e);

	if (outcome != OUTCOME_DONE)
		return outcome;
	if (tags_get(t->env->arm, t->path, t->env->arena, &t->now, e))
		return OUTCOME_DONE;
	if (e->kind == ERR_NOT_FOUND)
		fail_in(e, "the resource is gone");
	return outcome_of(e);
}

enum outcome
tagging_put(struct tagging *t, struct err *e)
{
	struct arena *a = t->env->arena;
	struct json *missing = json_object(a);

	if (t->record == NULL)
		return record(t, e);
	for (const struct json *j = json_first(t->wanted); j != NULL; j = json_next(j))
		if (!is_value(json_get_nocase(t->now, json_name(j)), json_text(j)))
			json_set(missing, arena_cstr(a, json_name(j)), json_copy(j, a), a);
	return json_count(missing) == 0 ? OUTCOME_DONE : change(t, "Merge", missing, e);
}

/* ---- the way back ---- */

struct untagging {
	bool force;
	struct json *back;    /* to get their former value */
	struct json *away;    /* to be removed, while they have this value */
	struct json *names;   /* all that are as they were */
	struct json *drifted; /* changed by somebody */
};

static void
sort_out(const struct tagging *t, const struct json *ours, struct untagging *u)
{
	struct str name = json_name(ours);
	const struct json *was = json_get_str(json_get(t->record, "was"), name);
	const struct json *now = json_get_nocase(t->now, name);
	struct arena *a = t->env->arena;
	bool restored = json_is(was, JSON_STRING) ? is_value(now, json_text(was)) : now == NULL;
	bool drifted = !restored && !u->force && !is_value(now, json_text(ours));

	if (restored || drifted)
		json_add(restored ? u->names : u->drifted, json_string(name, a), a);
	else if (json_is(was, JSON_STRING))
		json_set(u->back, arena_cstr(a, name), json_copy(was, a), a);
	else
		json_set(u->away, arena_cstr(a, name), json_copy(now, a), a);
}

enum outcome
tagging_back(struct tagging *t, bool force, struct json **result, struct err *e)
{
	struct arena *a = t->env->arena;
	struct untagging u = { force, json_object(a), json_object(a), json_array(a),
		json_array(a) };
	struct json *j = json_object(a);

	for (const struct json *x = json_first(t->wanted); x != NULL; x = json_next(x))
		if (json_get_str(json_get(t->record, "was"), json_name(x)) != NULL)
			sort_out(t, x, &u);
	if (json_count(u.back) > 0)
		return change(t, "Merge", u.back, e);
	if (json_count(u.away) > 0)
		return change(t, "Delete", u.away, e);
	json_set(j, "untagged", u.names, a);
	json_set(j, "drifted", u.drifted, a);
	*result = j;
	return OUTCOME_DONE;
}

/* ---- what rules may write ---- */

static bool
check_tag(const struct json *t, const char *what, struct err *e)
{
	struct str name = json_name(t);

	if (name.n == 0 || name.n > NAME_MAX_CHARS || json_text(t).n > VALUE_MAX_CHARS)
		return fail(e, ERR_INPUT,
		    "%s has '%.*s': names have 1 to %d characters, values up to %d", what,
		    STR_ARG(name), NAME_MAX_CHARS, VALUE_MAX_CHARS);
	for (size_t i = 0; i < name.n; i++)
		if (strchr("<>%&\\?/", name.p[i]) != NULL)
			return fail(e, ERR_INPUT,
			    "%s has '%.*s': Azure takes none of < > %% & \\ ? / in a name", what,
			    STR_ARG(name));
	return true;
}

bool
tagging_check(const struct json *tags, const char *what, struct err *e)
{
	if (json_count(tags) == 0 || json_count(tags) > TAGS_MAX)
		return fail(e, ERR_INPUT, "%s has %zu entries, 1 to %d are taken", what,
		    json_count(tags), TAGS_MAX);
	for (const struct json *x = json_first(tags); x != NULL; x = json_next(x)) {
		if (!check_tag(x, what, e))
			return false;
		if (json_get_nocase(tags, json_name(x)) != x)
			return fail(e, ERR_INPUT,
			    "%s has '%.*s' twice: Azure compares names without case", what,
			    STR_ARG(json_name(x)));
	}
	return true;
}
