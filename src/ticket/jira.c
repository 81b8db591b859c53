/*
 * Issues of Jira, with REST API version 2, where text is text in both editions.
 * https://developer.atlassian.com/cloud/jira/platform/rest/v2/
 *
 * The key of the alert is a label of the issue: what was made is found by it.  Cloud has a search
 * of its own, and its index follows a little later.  Text is shown in the markup of Jira's wiki:
 * it stands in {noformat}, and has no braces itself.
 */
#include "exchange.h"

#define NAME "Jira"
/* "eventual consistency": seconds, as a rule. */
#define INDEX_MS 60000

static bool
call(struct ticket_job *j, const char *method, const char *path, const struct json *body,
    const char *right, struct json **answer, struct err *e)
{
	const struct exchange x = { .system = NAME,
		.method = method,
		.url = arena_printf(j->arena, "%.*s%s", STR_ARG(j->system->url), path),
		.body = body,
		.right = right };

	return exchange(j, &x, answer, e);
}

static bool
read_issue(const struct json *issue, struct ticket *out, struct err *e)
{
	struct str key = json_text(json_get(issue, "key"));

	*out = (struct ticket){ key, key };
	return key.n > 0 || fail_again(e, 0, NAME " answered without the key of an issue");
}

static bool
find(struct ticket_job *j, struct ticket *out, bool *found, struct err *e)
{
	struct json *body = json_object(j->arena), *fields = json_array(j->arena), *answer;
	const struct json *issue;

	json_set_str(body, "jql",
	    arena_printf(j->arena, "project = \"%.*s\" AND labels = \"%.*s\"",
		STR_ARG(j->system->project), STR_ARG(j->key)),
	    j->arena);
	json_set_int(body, "maxResults", 1, j->arena);
	json_add(fields, json_string(STR("key"), j->arena), j->arena);
	json_set(body, "fields", fields, j->arena);
	if (!call(j, "POST",
		j->system->data_center ? "/rest/api/2/search" : "/rest/api/3/search/jql", body,
		"the permission Browse projects", &answer, e))
		return false;
	issue = json_first(json_get(answer, "issues"));
	*found = issue != NULL;
	return issue == NULL || read_issue(issue, out, e);
}

static struct json *
named(const char *member, struct str value, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_str(j, member, value, a);
	return j;
}

static struct str
priority(const struct ticket_job *j)
{
	static const char *const names[] = { [SEVERITY_UNKNOWN] = "",
		[SEVERITY_INFORMATIONAL] = "informational",
		[SEVERITY_LOW] = "low",
		[SEVERITY_MEDIUM] = "medium",
		[SEVERITY_HIGH] = "high" };

	return json_text(json_get(j->system->priority, names[j->alert->level]));
}

static struct str
as_text(const struct ticket_job *j)
{
	return arena_printf(j->arena, "{noformat}\n%.*s\n{noformat}", STR_ARG(j->text));
}

static bool
open_issue(struct ticket_job *j, struct ticket *out, struct err *e)
{
	struct json *fields = json_object(j->arena), *labels = json_array(j->arena),
		    *body = json_object(j->arena), *answer;

	json_set(fields, "project", named("key", j->system->project, j->arena), j->arena);
	json_set(fields, "issuetype", named("name", j->system->issue_type, j->arena), j->arena);
	json_set_str(fields, "summary", j->title, j->arena);
	json_set_str(fields, "description", as_text(j), j->arena);
	json_add(labels, json_string(STR("gridwarden"), j->arena), j->arena);
	json_add(labels, json_string(j->key, j->arena), j->arena);
	json_set(fields, "labels", labels, j->arena);
	if (priority(j).n > 0)
		json_set(fields, "priority", named("name", priority(j), j->arena), j->arena);
	json_set(body, "fields", fields, j->arena);
	return call(j, "POST", "/rest/api/2/issue", body, "the permission Create issues", &answer,
		   e) &&
	       read_issue(answer, out, e);
}

static const char *
issue_path(const struct ticket_job *j, const struct ticket *t, const char *tail)
{
	return arena_printf(
	    j->arena, "/rest/api/2/issue/%.*s/%s", STR_ARG(http_escape(t->id, j->arena)), tail)
	    .p;
}

static bool
comment(struct ticket_job *j, const struct ticket *t, struct err *e)
{
	struct json *answer;

	return call(j, "POST", issue_path(j, t, "comment"), named("body", as_text(j), j->arena),
	    "the permission Add comments", &answer, e);
}

static bool
close_issue(struct ticket_job *j, const struct ticket *t, bool *closed, struct err *e)
{
	struct json *body = json_object(j->arena), *answer;

	*closed = j->system->close_transition.n > 0;
	if (!comment(j, t, e))
		return false;
	if (!*closed)
		return true;
	json_set(body, "transition", named("id", j->system->close_transition, j->arena), j->arena);
	return call(j, "POST", issue_path(j, t, "transitions"), body,
	    "the permission Transition issues", &answer, e);
}

extern const struct ticket_system ticket_jira;
const struct ticket_system ticket_jira = {
	.name = NAME,
	.find = find,
	.open = open_issue,
	.doubles = true,
	.settles_ms = INDEX_MS,
	.comment = comment,
	.close = close_issue,
};
