/*
 * Incidents of PagerDuty, with the Events API version 2.
 * https://developer.pagerduty.com/docs/send-alert-event
 *
 * The key of the alert is the dedup_key: events with it are one incident while it is open, however
 * often they come.  There are no comments: a further trigger is kept in the incident's log.
 */
#include "core/text.h"
#include "exchange.h"

#define NAME "PagerDuty"
#define HOST "https://events.pagerduty.com"
#define FIELD_MAX 500

static bool
send_event(struct ticket_job *j, const char *action, struct json *payload, struct err *e)
{
	struct str url = j->system->url.n > 0 ? j->system->url : STR(HOST), routing_key;
	struct json *body = json_object(j->arena), *answer;
	const struct exchange x = { .system = NAME,
		.method = "POST",
		.url = arena_printf(j->arena, "%.*s/v2/enqueue", STR_ARG(url)),
		.body = body,
		.right = "a valid integration key",
		.anonymous = true };

	if (!exchange_secret(
		j->system->routing_key_file, "routing_key_file", j->arena, &routing_key, e))
		return false;
	json_set_str(body, "routing_key", routing_key, j->arena);
	json_set_cstr(body, "event_action", action, j->arena);
	json_set_str(body, "dedup_key", j->key, j->arena);
	if (payload != NULL) {
		json_set_cstr(body, "client", "gridwarden", j->arena);
		json_set(body, "payload", payload, j->arena);
	}
	return exchange(j, &x, &answer, e);
}

static const char *
severity(enum severity level)
{
	static const char *const names[] = { [SEVERITY_UNKNOWN] = "warning",
		[SEVERITY_INFORMATIONAL] = "info",
		[SEVERITY_LOW] = "warning",
		[SEVERITY_MEDIUM] = "error",
		[SEVERITY_HIGH] = "critical" };

	return names[level];
}

/* It must not be empty. */
static struct str
source_of(const struct alert *al)
{
	if (al->resource_text.n > 0)
		return al->resource_text;
	return al->compromised_entity.n > 0 ? al->compromised_entity : STR("gridwarden");
}

static struct json *
payload_of(const struct ticket_job *j)
{
	struct json *payload = json_object(j->arena), *details = json_object(j->arena);

	json_set_str(payload, "summary", j->title, j->arena);
	json_set_str(
	    payload, "source", text_tame(source_of(j->alert), FIELD_MAX, j->arena), j->arena);
	json_set_cstr(payload, "severity", severity(j->alert->level), j->arena);
	json_set_str(payload, "class", text_tame(j->alert->type, FIELD_MAX, j->arena), j->arena);
	json_set_str(details, "text", j->text, j->arena);
	json_set(payload, "custom_details", details, j->arena);
	return payload;
}

static bool
open_incident(struct ticket_job *j, struct ticket *out, struct err *e)
{
	*out = (struct ticket){ j->key, j->key };
	return send_event(j, "trigger", payload_of(j), e);
}

static bool
comment(struct ticket_job *j, const struct ticket *t, struct err *e)
{
	j->key = t->id;
	if (!send_event(j, "trigger", payload_of(j), e))
		return false;
	return !(j->system->acknowledge && j->contained) || send_event(j, "acknowledge", NULL, e);
}

static bool
resolve(struct ticket_job *j, const struct ticket *t, bool *closed, struct err *e)
{
	j->key = t->id;
	*closed = true;
	return send_event(j, "resolve", NULL, e);
}

extern const struct ticket_system ticket_pagerduty;
const struct ticket_system ticket_pagerduty = {
	.name = NAME,
	.open = open_incident,
	.comment = comment,
	.close = resolve,
};
