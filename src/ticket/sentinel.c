/*
 * Incidents of Microsoft Sentinel, api-version 2024-03-01
 * https://learn.microsoft.com/rest/api/securityinsights/incidents
 *
 * The incident's name is a UUID made from the alert's key, a comment's one made from the step that
 * tells it: the same again is the same incident, the same comment.  An incident that is there is
 * written with its ETag, and closed only while nobody has begun to work on it.
 */
#include "action/ticket.h"

#include <inttypes.h>

#include "base/buf.h"

#define NAME "Sentinel"
#define API_VERSION "2024-03-01"

static struct str
path_of(const struct ticket_job *j, struct str incident)
{
	struct buf b;

	buf_init(&b, 2 * RESOURCE_ID_MAX);
	resource_id_format(&j->system->workspace, &b);
	buf_printf(&b, "/providers/Microsoft.SecurityInsights/incidents/%.*s",
	    STR_ARG(http_escape(incident, j->arena)));
	return buf_to_arena(&b, j->arena);
}

static struct str
name_of(const struct ticket_job *j)
{
	char uuid[UUID_MAX];

	return arena_str(j->arena, str_of(uuid_from(j->key, uuid)));
}

static bool
call(struct ticket_job *j, const char *method, struct str path, const struct json *body,
    struct arm_answer *answer, struct err *e)
{
	const struct arm_call c = {
		.method = method, .path = path, .api_version = API_VERSION, .body = body
	};

	return arm_send(j->arm, &c, j->arena, answer, e);
}

static void
read_incident(const struct json *body, struct str name, struct arena *a, struct ticket *out)
{
	int64_t number;

	*out = (struct ticket){ name, name };
	if (json_int(json_at(body, "properties.incidentNumber"), &number))
		out->number = arena_printf(a, "%" PRId64, number);
}

static bool
find(struct ticket_job *j, struct ticket *out, bool *found, struct err *e)
{
	struct arm_answer answer;
	struct str name = name_of(j);

	*found = false;
	if (!call(j, "GET", path_of(j, name), NULL, &answer, e))
		return e->kind == ERR_NOT_FOUND;
	*found = true;
	read_incident(answer.body, name, j->arena, out);
	return true;
}

static const char *
severity(enum severity level)
{
	return level == SEVERITY_UNKNOWN ? "Medium" : severity_name(level);
}

static bool
open_incident(struct ticket_job *j, struct ticket *out, struct err *e)
{
	struct json *body = json_object(j->arena), *p = json_object(j->arena),
		    *labels = json_array(j->arena), *label = json_object(j->arena);
	struct arm_answer answer;
	struct str name = name_of(j);

	json_set_str(p, "title", j->title, j->arena);
	json_set_cstr(p, "severity", severity(j->alert->level), j->arena);
	json_set_cstr(p, "status", "New", j->arena);
	json_set_str(p, "description", j->text, j->arena);
	json_set_cstr(label, "labelName", "gridwarden", j->arena);
	json_add(labels, label, j->arena);
	json_set(p, "labels", labels, j->arena);
	json_set(body, "properties", p, j->arena);
	if (!call(j, "PUT", path_of(j, name), body, &answer, e))
		return false;
	read_incident(answer.body, name, j->arena, out);
	return true;
}

static bool
comment(struct ticket_job *j, const struct ticket *t, struct err *e)
{
	struct json *body = json_object(j->arena), *p = json_object(j->arena);
	struct str path = arena_printf(
	    j->arena, "%.*s/comments/%.*s", STR_ARG(path_of(j, t->id)), STR_ARG(j->once));
	struct arm_answer answer;

	json_set_str(p, "message", j->text, j->arena);
	json_set(body, "properties", p, j->arena);
	return call(j, "PUT", path, body, &answer, e);
}

/* What a PUT may hold: it replaces the incident. */
static struct json *
writable(const struct json *properties, struct arena *a)
{
	static const char *const names[] = { "title", "severity", "status", "description", "labels",
		"owner", "firstActivityTimeUtc", "lastActivityTimeUtc" };
	struct json *p = json_object(a);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_get(properties, names[i]) != NULL)
			json_set(p, names[i], json_copy(json_get(properties, names[i]), a), a);
	return p;
}

/* New, and nobody's. */
static bool
is_untouched(const struct json *properties)
{
	const struct json *owner = json_get(properties, "owner");

	return str_is(json_text(json_get(properties, "status")), "New") &&
	       json_text(json_get(owner, "objectId")).n == 0 &&
	       json_text(json_get(owner, "assignedTo")).n == 0;
}

static bool
close_incident(struct ticket_job *j, const struct ticket *t, bool *closed, struct err *e)
{
	struct str path = path_of(j, t->id);
	struct json *body = json_object(j->arena), *p;
	const struct json *was;
	struct arm_answer answer;

	if (!comment(j, t, e) || !call(j, "GET", path, NULL, &answer, e))
		return false;
	was = json_get(answer.body, "properties");
	*closed = str_is(json_text(json_get(was, "status")), "Closed");
	if (*closed || !is_untouched(was))
		return true;
	p = writable(was, j->arena);
	json_set_cstr(p, "status", "Closed", j->arena);
	json_set_cstr(p, "classification", "Undetermined", j->arena);
	json_set_cstr(p, "classificationComment", "Taken back in gridwarden", j->arena);
	json_set_str(body, "etag", answer.etag, j->arena);
	json_set(body, "properties", p, j->arena);
	*closed = true;
	return call(j, "PUT", path, body, &answer, e);
}

extern const struct ticket_system ticket_sentinel;
const struct ticket_system ticket_sentinel = {
	.name = NAME,
	.find = find,
	.open = open_incident,
	.comment = comment,
	.close = close_incident,
};
