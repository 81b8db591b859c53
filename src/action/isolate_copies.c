/*
 * Snapshots of the disks of a machine that is cut off.
 *
 *	1  which disk gets which snapshot is recorded with the interfaces
 *	2  Azure is asked for them before the first interface is changed, and not waited for
 *	3  once all are cut off, what became of them is seen to, and told
 *
 * What can go wrong: a disk is refused, or is not copied in time: told, and the machine is cut off
 * all the same.  An isolation of the same machine just before has copied the disks already: its
 * snapshots are taken over, and those that are missing are made.
 */
#include "copies.h"
#include "isolation.h"
#include "tools.h"

/* The snapshots that an isolation of this machine made just now; NULL = none did. */
static const struct json *
made_before(const struct isolation *w, int64_t *by)
{
	for (size_t i = 0; i < w->env->n_earlier; i++) {
		const struct step *s = &w->env->earlier[i];
		struct json *record;
		struct err ignored;

		if (stored_json(s->before, "record", w->env->arena, &record, &ignored) &&
		    json_get(json_get(record, "copies"), "disks") != NULL) {
			*by = s->id;
			return json_get(record, "copies");
		}
	}
	return NULL;
}

static struct json *
taken_over(const struct isolation *w, const struct json *copies, int64_t by)
{
	struct arena *a = w->env->arena;
	struct json *r = json_copy(copies, a);

	json_remove(r, "cursor");
	json_set_int(r, "action", by, a);
	for (struct json *j = json_child(json_member(r, "disks")); j != NULL; j = json_sibling(j))
		json_remove(j, "failed");
	return r;
}

static struct copies
copies_of(struct isolation *w, struct str *cursor)
{
	struct json *record = json_member(w->record, "copies");

	*cursor = json_text(json_get(record, "cursor"));
	return (struct copies){ .env = w->env,
		.step = w->step,
		.id = &w->id,
		.resource_group = json_text(json_at(w->params, "snapshot.resource_group")),
		.record = record,
		.cursor = cursor };
}

static void
keep_cursor(struct copies *c)
{
	if (c->cursor->n > 0)
		json_set_str(c->record, "cursor", *c->cursor, c->env->arena);
	else
		json_remove(c->record, "cursor");
}

struct json *
isolation_record_copies(struct isolation *w)
{
	struct arena *a = w->env->arena;
	const struct json *before;
	struct json *none;
	struct str cursor;
	struct copies c;
	struct err e;
	int64_t by = 0;

	before = made_before(w, &by);
	if (before != NULL)
		return taken_over(w, before, by);
	c = copies_of(w, &cursor);
	if (copies_record(&c, &w->vm, &e))
		return c.record;
	none = json_object(a);
	json_set_cstr(none, "none", e.text, a);
	return none;
}

void
isolation_start_copies(struct isolation *w)
{
	struct str cursor;
	struct copies c = copies_of(w, &cursor);

	if (json_get(c.record, "disks") == NULL)
		return;
	copies_start(&c);
	keep_cursor(&c);
	w->step->before = json_print(w->record, w->env->arena);
}

enum outcome
isolation_copy(struct isolation *w, bool last, struct json **out, struct err *e)
{
	const struct json *none = json_at(w->record, "copies.none");
	enum outcome outcome;
	struct str cursor;
	struct copies c = copies_of(w, &cursor);
	int64_t by;

	if (json_get(c.record, "disks") == NULL) {
		fail(e, ERR_INPUT, "%.*s", STR_ARG(json_text(none)));
		return OUTCOME_NEVER;
	}
	outcome = copies_go_on(&c, out, e);
	if (outcome == OUTCOME_LATER && last) {
		*out = copies_give_up(&c);
		if (json_count(json_get(*out, "failed")) == 0)
			outcome = OUTCOME_DONE;
	}
	keep_cursor(&c);
	if (*out != NULL && json_int(json_get(c.record, "action"), &by))
		json_set_int(*out, "action", by, w->env->arena);
	return outcome;
}
