/*
 * Tags on a resource beside those that it has, and off again: what tag_resource does, and
 * isolate_vm at its end.
 *
 * The record: {"was": {"name": "value" or null}}.
 */
#ifndef ACTION_TAGGING_H
#define ACTION_TAGGING_H

#include "action/action.h"

struct tagging {
	struct action_env *env;
	const struct step *step;
	struct str path;	   /* of the resource */
	const struct json *wanted; /* names and values */
	struct json *record;	   /* NULL = nothing recorded yet */
	struct str *cursor;	   /* of its long operations */
	struct json *now;	   /* the resource's, once tagging_look() is done */
};

/* What both ways begin with: nothing under way, and the tags as they are now. */
enum outcome tagging_look(struct tagging *t, struct err *e);

/*
 * One round, after a look.  What has no record gets one first: LATER, to be committed before the
 * next.  DONE: all are there.
 */
enum outcome tagging_put(struct tagging *t, struct err *e);

/*
 * The way back, after a look: each name gets the value that it had, or goes.  One that somebody
 * changed since is left alone, unless by force.  DONE: *result is {"untagged", "drifted"}, both
 * lists of names.
 */
enum outcome tagging_back(struct tagging *t, bool force, struct json **result, struct err *e);

/* May these be written?  what: the parameter that holds them. */
bool tagging_check(const struct json *tags, const char *what, struct err *e) MUST_CHECK;

#endif
