/*
 * Incidents of ServiceNow, with the Table API.
 * https://www.servicenow.com/docs/bundle/latest/page/integrate/inbound-rest/concept/c_TableAPI.html
 *
 * The key of the alert is the incident's correlation_id: what was made is found by it.
 */
#include "exchange.h"

#define NAME "ServiceNow"
#define TABLE "/api/now/table/incident"
#define RIGHT                                                           \
	"read and write on the table incident (a role such as itil or " \
	"sn_incident_write)"

static bool
call(struct ticket_job *j, const char *method, struct str tail, const struct json *body,
    struct json **answer, struct err *e)
{
	const struct exchange x = { .system = NAME,
		.method = method,
		.url = arena_printf(
		    j->arena, "%.*s" TABLE "%.*s", STR_ARG(j->system->url), STR_ARG(tail)),
		.body = body,
		.right = RIGHT };

	return exchange(j, &x, answer, e);
}

static bool
read_incident(const struct json *row, struct ticket *out, struct err *e)
{
	*out = (struct ticket){ json_text(json_get(row, "sys_id")),
		json_text(json_get(row, "number")) };
	return out->id.n > 0 || fail_again(e, 0, NAME " answered without a sys_id");
}

static bool
find(struct ticket_job *j, struct ticket *out, bool *found, struct err *e)
{
	const struct json *row;
	struct json *answer;

	*found = false;
	if (!call(j, "GET",
		arena_printf(j->arena,
		    "?sysparm_query=correlation_id%%3D%.*s&sysparm_fields=sys_id%%2Cnumber%%2C"
		    "correlation_id&sysparm_limit=1",
		    STR_ARG(j->key)),
		NULL, &answer, e))
		return false;
	row = json_first(json_get(answer, "result"));
	/* A query that it does not understand is answered with any incident. */
	if (row == NULL || !str_eq(json_text(json_get(row, "correlation_id")), j->key))
		return true;
	*found = true;
	return read_incident(row, out, e);
}

/* 1 is the highest of three. */
static const char *
urgency(enum severity level)
{
	return level == SEVERITY_HIGH ? "1" : level == SEVERITY_MEDIUM ? "2" : "3";
}

static void
set_given(struct json *body, const char *name, struct str value, struct arena *a)
{
	if (value.n > 0)
		json_set_str(body, name, value, a);
}

static bool
open_incident(struct ticket_job *j, struct ticket *out, struct err *e)
{
	struct json *body = json_object(j->arena), *answer;

	json_set_str(body, "short_description", j->title, j->arena);
	json_set_str(body, "description", j->text, j->arena);
	json_set_cstr(body, "urgency", urgency(j->alert->level), j->arena);
	json_set_cstr(body, "impact", urgency(j->alert->level), j->arena);
	json_set_str(body, "correlation_id", j->key, j->arena);
	json_set_cstr(body, "correlation_display", "gridwarden", j->arena);
	set_given(body, "category", j->system->category, j->arena);
	set_given(body, "assignment_group", j->system->assignment_group, j->arena);
	return call(j, "POST", STR_EMPTY, body, &answer, e) &&
	       read_incident(json_get(answer, "result"), out, e);
}

static bool
patch(struct ticket_job *j, const struct ticket *t, struct json *body, struct err *e)
{
	struct json *answer;

	json_set_str(body, "work_notes", j->text, j->arena);
	return call(j, "PATCH",
	    arena_printf(j->arena, "/%.*s", STR_ARG(http_escape(t->id, j->arena))), body, &answer,
	    e);
}

static bool
comment(struct ticket_job *j, const struct ticket *t, struct err *e)
{
	return patch(j, t, json_object(j->arena), e);
}

static bool
close_incident(struct ticket_job *j, const struct ticket *t, bool *closed, struct err *e)
{
	struct json *body = json_object(j->arena);

	*closed = j->system->close_state.n > 0;
	set_given(body, "state", j->system->close_state, j->arena);
	set_given(body, "close_code", j->system->close_code, j->arena);
	if (*closed)
		json_set_str(body, "close_notes", j->text, j->arena);
	return patch(j, t, body, e);
}

extern const struct ticket_system ticket_servicenow;
const struct ticket_system ticket_servicenow = {
	.name = NAME,
	.find = find,
	.open = open_incident,
	.doubles = true,
	.comment = comment,
	.close = close_incident,
};
