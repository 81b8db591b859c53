/*
 * A call:
 *	the URL is made of the configured host and a path from validated parts;
 *	token and headers of Azure's common API are added, the answer is recorded for the timeline;
 *	2xx: its body, its ETag, and the cursor of a long operation that goes on (longop.c).
 *
 * What can go wrong: no answer (ERR_AGAIN: look before you act again), a token that is not valid
 * any more (one more try with a fresh one), a refusal (arm_error.c).
 */
#include "azure/arm.h"

#include <string.h>

#include "arm_internal.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"

/* Calls of one job beyond this are made and not recorded. */
#define CALLS_MAX 500
#define NO_TEXT_MAX 200

struct str
arm_url(const struct arm *arm, struct str path, const char *api_version, struct arena *a)
{
	struct str base = arm->settings->resource_manager;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	return arena_printf(
	    a, "%.*s%.*s?api-version=%s", STR_ARG(base), STR_ARG(path), api_version);
}

bool
arm_is_ours(const struct arm *arm, struct str url, struct arena *a)
{
	struct str ours, theirs;

	return url.n <= ARM_URL_MAX && http_origin(arm->settings->resource_manager, a, &ours) &&
	       http_origin(url, a, &theirs) && str_eq(ours, theirs);
}

/* ---- the record ---- */

/* The path alone: queries hold signatures. */
static struct str
path_of(struct str url)
{
	size_t from = 0, to = 0;

	for (size_t i = 0; i + 3 <= url.n && from == 0; i++)
		if (memcmp(url.p + i, "://", 3) == 0)
			from = i + 3;
	while (from < url.n && url.p[from] != '/')
		from++;
	for (to = from; to < url.n && url.p[to] != '?';)
		to++;
	return str_slice(url, from, to);
}

static void
record(struct arm *arm, const char *method, struct str url, const struct http_response *rs,
    struct str error)
{
	if (arm->n_calls == CALLS_MAX)
		return;
	arm->calls = arena_grow(
	    arm->log_arena, arm->calls, arm->n_calls, &arm->cap_calls, sizeof(*arm->calls));
	arm->calls[arm->n_calls++] = (struct step_call){
		.at_ms = clock_now_ms(), /* a job makes many calls: now_ms is when it began */
		.method = arena_str(arm->log_arena, str_of(method)),
		.path = arena_str(arm->log_arena, path_of(url)),
		.status = rs == NULL ? 0 : rs->status,
		.request_id =
		    rs == NULL ? STR_EMPTY
			       : arena_str(arm->log_arena, http_get_header(rs, "x-ms-request-id")),
		.error = arena_str(arm->log_arena, error),
	};
}

/* ---- one exchange ---- */

#define HEADERS_MAX 10

struct outgoing {
	struct http_header headers[HEADERS_MAX];
	size_t n;
	char request_id[UUID_MAX];
};

static void
add(struct outgoing *o, const char *name, struct str value)
{
	o->headers[o->n++] = (struct http_header){ name, value };
}

static void
add_headers(const struct arm *arm, struct str authorization, bool body, struct str if_match,
    struct outgoing *o)
{
	add(o, "Authorization", authorization);
	add(o, "Accept", STR("application/json"));
	add(o, "Accept-Language", STR("en-US"));
	add(o, "User-Agent", STR("gridwarden/" GRIDWARDEN_VERSION));
	add(o, "x-ms-client-request-id", str_of(uuid_random(o->request_id)));
	add(o, "x-ms-return-client-request-id", STR("true"));
	if (arm->correlation_id.n > 0)
		add(o, "x-ms-correlation-request-id", arm->correlation_id);
	if (body)
		add(o, "Content-Type", STR("application/json"));
	if (if_match.n > 0)
		add(o, "If-Match", if_match);
}

/* The one of the subscription that is called: of several tenants each has its own. */
static struct credential *
credential_of(const struct arm *arm, struct str url)
{
	struct str path = path_of(url), rest = path, part, subscription = STR_EMPTY;

	if (str_starts_nocase(path, STR("/subscriptions/"))) {
		rest = str_slice(path, strlen("/subscriptions/"), path.n);
		if (str_next(&rest, '/', &part))
			subscription = part;
	}
	return credential_for(
	    arm->credential, subscription.n > 0 ? subscription : arm->subscription);
}

static bool
send_once(struct arm *arm, const char *method, struct str url, const struct json *body,
    struct str if_match, struct arena *a, struct http_response *rs, struct json **answer,
    struct err *e)
{
	struct http_request rq = { .method = method, .url = url, .timeout_ms = arm->timeout_ms };
	struct outgoing out = { .n = 0 };
	struct str authorization;
	struct err not_json;

	if (!credential_get(credential_of(arm, url), arm->http, arm->settings->audience,
		arm->now_ms, a, &authorization, e))
		return false;
	add_headers(arm, authorization, body != NULL, if_match, &out);
	rq.headers = out.headers;
	rq.n_headers = out.n;
	rq.has_body = strcmp(method, "GET") != 0;
	rq.body = body == NULL ? STR_EMPTY : json_print(body, a);
	if (!http_call(arm->http, &rq, a, rs, e)) {
		record(arm, method, url, NULL, str_of(e->text));
		return false;
	}
	*answer = rs->body.n == 0 ? NULL : json_parse(rs->body, a, &not_json);
	record(arm, method, url, rs, rs->status < 300 ? STR_EMPTY : arm_error_text(*answer, a));
	return true;
}

bool
arm_exchange(struct arm *arm, const char *method, struct str url, const struct json *body,
    struct str if_match, struct arena *a, struct http_response *rs, struct json **answer,
    struct err *e)
{
	if (!send_once(arm, method, url, body, if_match, a, rs, answer, e))
		return false;
	if (rs->status != 401)
		return true;
	credential_drop(credential_of(arm, url), arm->settings->audience);
	return send_once(arm, method, url, body, if_match, a, rs, answer, e);
}

/* ---- calls ---- */

bool
arm_succeeded(struct arm *arm, const struct http_response *rs, const struct json *body,
    struct arena *a, struct err *e)
{
	if (rs->status >= 300)
		return arm_refused(rs, body, arm->now_ms, &arm->rest_ms, a, e);
	if (rs->body.n > 0 && body == NULL)
		return fail_again(e, 0, "Azure answered %d with something that is not JSON: %.*s",
		    rs->status, STR_ARG(str_slice(rs->body, 0, NO_TEXT_MAX)));
	return true;
}

static struct str
etag_of(const struct http_response *rs, const struct json *body)
{
	struct str etag = http_get_header(rs, "etag");

	return etag.n > 0 ? etag : json_text(json_get(body, "etag"));
}

bool
arm_send(struct arm *arm, const struct arm_call *c, struct arena *a, struct arm_answer *out,
    struct err *e)
{
	bool changes = strcmp(c->method, "GET") != 0;
	struct arm_answer answer = { .operation = STR_EMPTY };
	struct http_response rs;

	if (changes && FAULT("arm.send"))
		return fail_again(e, 0, "fault ordered at arm.send");
	if (!arm_exchange(arm, c->method, arm_url(arm, c->path, c->api_version, a), c->body,
		c->if_match, a, &rs, &answer.body, e))
		return fail_in(e, "%s %.*s", c->method, STR_ARG(c->path));
	if (changes && FAULT("arm.sent"))
		return fail_again(e, 0, "fault ordered at arm.sent");
	if (!arm_succeeded(arm, &rs, answer.body, a, e))
		return fail_in(e, "%s %.*s", c->method, STR_ARG(c->path));
	answer.status = rs.status;
	answer.etag = etag_of(&rs, answer.body);
	if (changes &&
	    !longop_begin(arm, c, &rs, answer.body, a, &answer.operation, &answer.poll_ms, e))
		return fail_in(e, "%s %.*s", c->method, STR_ARG(c->path));
	*out = answer;
	return true;
}
