/*
 * Rows of the store as the command line gets them.
 */
#include "admin_rows.h"

#include "action/action.h"
#include "base/clock.h"
#include "core/containment.h"

void
row_set_time(struct json *j, const char *name, int64_t ms, struct arena *a)
{
	char text[CLOCK_TEXT_MAX];

	if (ms > 0)
		json_set_cstr(j, name, clock_format(ms, text), a);
	else
		json_set(j, name, json_null(a), a);
}

/* Stored JSON text as a value; what cannot be read is shown as the text it is. */
void
row_set_stored(struct json *j, const char *name, struct str text, struct arena *a)
{
	struct json *value;
	struct err e;

	if (text.n == 0)
		return;
	value = json_parse(text, a, &e);
	json_set(j, name, value == NULL ? json_string(text, a) : value, a);
}

struct json *
row_of_step(const struct step *s, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_int(j, "id", s->id, a);
	json_set_int(j, "alert", s->alert_id, a);
	json_set_str(j, "action", s->action, a);
	json_set_cstr(j, "state", step_state_name(s->state), a);
	json_set_str(j, "target", s->target, a);
	json_set_str(j, "rule", s->rule, a);
	if (s->undo_of != 0)
		json_set_int(j, "undo_of", s->undo_of, a);
	json_set_str(j, "reason", s->reason, a);
	if (s->approved_by.n > 0)
		json_set_str(j, "approved_by", s->approved_by, a);
	json_set_int(j, "attempts", s->attempts, a);
	row_set_time(j, "created", s->created_ms, a);
	row_set_time(j, "due", s->state == STEP_WAITING ? s->due_ms : step_held_until_ms(s), a);
	row_set_time(j, "settled", s->settled_ms, a);
	row_set_stored(j, "params", s->params, a);
	row_set_stored(j, "result", s->result, a);
	return j;
}

/* Of a step that contains a machine, how that stands. */
bool
row_set_containment(
    struct json *j, struct store *store, const struct step *s, struct arena *a, struct err *e)
{
	const struct action *action = action_find(s->action);
	struct containment c;
	struct step *undos;
	struct json *inner;
	size_t n;

	if (action == NULL || !action->contains || s->undo_of != 0)
		return true;
	if (!store_list_undos(store, s->id, a, &undos, &n, e))
		return false;
	containment_of(s, undos, n, clock_now_ms(), a, &c);
	if (c.state == NULL)
		return true;
	inner = json_object(a);
	json_set_cstr(inner, "state", c.state, a);
	row_set_time(inner, "expires", c.expires_ms, a);
	if (c.undo != 0)
		json_set_int(inner, "undo", c.undo, a);
	json_set(j, "containment", inner, a);
	return true;
}

static struct json *
approval_json(const struct approval *ap, struct arena *a)
{
	struct json *j = json_object(a);

	row_set_time(j, "time", ap->at_ms, a);
	json_set_cstr(j, "answer", ap->approves ? "approved" : "denied", a);
	json_set_str(j, "name", ap->name, a);
	json_set_str(j, "way", ap->way, a);
	json_set_str(j, "seat", ap->seat, a);
	if (ap->address.n > 0)
		json_set_str(j, "address", ap->address, a);
	if (ap->agent.n > 0)
		json_set_str(j, "agent", ap->agent, a);
	return j;
}

/* Who said what about a step that is or was held. */
bool
row_set_approvals(
    struct json *j, struct store *store, const struct step *s, struct arena *a, struct err *e)
{
	struct json *list = json_array(a);
	struct approval *rows;
	size_t n;

	if (!store_list_approvals(store, s->id, a, &rows, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		json_add(list, approval_json(&rows[i], a), a);
	if (n > 0)
		json_set(j, "approvals", list, a);
	return true;
}

struct json *
row_of_alert(const struct alert_row *r, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_int(j, "id", r->id, a);
	row_set_time(j, "received", r->received_ms, a);
	json_set_str(j, "severity", r->severity, a);
	json_set_str(j, "name", r->name, a);
	json_set_str(j, "resource", r->resource, a);
	json_set_str(j, "entity", r->entity, a);
	json_set_str(j, "status", r->status, a);
	json_set_str(j, "type", r->type, a);
	json_set_str(j, "alert_id", r->alert, a);
	json_set_str(j, "form", r->form, a);
	json_set_str(j, "state", r->state, a);
	json_set_str(j, "reason", r->reason, a);
	json_set_int(j, "events", r->events, a);
	json_set_str(j, "steps", r->summary, a);
	return j;
}

struct json *
row_of_call(const struct step_call *c, struct arena *a)
{
	struct json *j = json_object(a);
	char time[CLOCK_TEXT_MAX];

	json_set_cstr(j, "time", clock_format_ms(c->at_ms, time), a);
	json_set_str(j, "method", c->method, a);
	json_set_str(j, "path", c->path, a);
	json_set_int(j, "status", c->status, a);
	json_set_str(j, "request_id", c->request_id, a);
	if (c->error.n > 0)
		json_set_str(j, "error", c->error, a);
	return j;
}
