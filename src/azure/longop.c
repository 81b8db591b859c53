/*
 * Long operations of Azure Resource Manager
 * https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
 *
 *	async     Azure-AsyncOperation: its address answers {"status": ...}; it wins over the others
 *	location  Location: 202 while it runs, then the result
 *	body      PUT and PATCH without either: the resource's own provisioningState
 *
 * Microsoft.Network sends the first with 200 and 201 too, so every 2xx is looked at.  The cursor is
 * one line of JSON:
 *	kind, url        as above
 *	resource         URL of the resource of a PUT or PATCH; it can always tell how things stand
 *	outcome          URL of the result of a POST, asked once when async has ended
 *	deadline_ms      of the whole operation
 *	misses           polls answered 404: Azure may need a moment to know its own operation
 *
 * What can go wrong: the poll is refused or lost (not the operation's end: ask again later), the
 * address is forgotten (the resource is asked instead), another host (never followed), the
 *operation itself fails or takes too long.
 */
#include <string.h>

#include "arm_internal.h"

#define POLL_DEFAULT_MS 5000
#define POLL_MIN_MS 500 /* Retry-After: 0 is no invitation to hammer */
#define POLL_MAX_MS 60000
#define MISSES_MAX 5

static int64_t
poll_wait(const struct http_response *rs, int64_t now_ms)
{
	int64_t wait = http_retry_after_ms(rs, now_ms);

	if (wait < 0)
		return POLL_DEFAULT_MS;
	if (wait < POLL_MIN_MS)
		return POLL_MIN_MS;
	return wait > POLL_MAX_MS ? POLL_MAX_MS : wait;
}

static bool
is_put(const char *method)
{
	return strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

/* ---- begin ---- */

static struct json *
cursor_new(const struct arm *arm, const char *kind, struct str url, struct arena *a)
{
	struct json *cursor = json_object(a);

	json_set_cstr(cursor, "kind", kind, a);
	json_set_str(cursor, "url", url, a);
	json_set_int(cursor, "deadline_ms", arm->now_ms + arm->settings->operation_timeout_ms, a);
	return cursor;
}

/* An address to poll; on another host it is not followed and *strange names the header. */
static struct str
address(const struct arm *arm, const struct http_response *rs, const char *header, struct arena *a,
    const char **strange)
{
	struct str url = http_get_header(rs, header);

	if (url.n == 0 || arm_is_ours(arm, url, a))
		return url;
	*strange = header;
	return STR_EMPTY;
}

static bool
choose(const struct arm *arm, const struct arm_call *c, const struct http_response *rs,
    const struct json *body, struct arena *a, struct json **cursor, struct err *e)
{
	const char *strange = NULL;
	struct str async = address(arm, rs, "azure-asyncoperation", a, &strange);
	struct str location = address(arm, rs, "location", a, &strange);
	struct str state = json_text(json_at(body, "properties.provisioningState"));
	struct str resource = arm_url(arm, c->path, c->api_version, a);

	*cursor = NULL;
	if (async.n > 0)
		*cursor = cursor_new(arm, "async", async, a);
	else if (location.n > 0)
		*cursor = cursor_new(arm, "location", location, a);
	else if (is_put(c->method) && (strange != NULL || rs->status == 202 ||
					  (state.n > 0 && !str_is_nocase(state, "Succeeded"))))
		*cursor = cursor_new(arm, "body", resource, a);
	else if (strange != NULL)
		return fail(
		    e, ERR_INPUT, "Azure's %s points to another host, not followed", strange);
	if (*cursor != NULL && is_put(c->method))
		json_set_str(*cursor, "resource", resource, a);
	else if (async.n > 0 && location.n > 0)
		json_set_str(*cursor, "outcome", location, a);
	return true;
}

bool
longop_begin(const struct arm *arm, const struct arm_call *c, const struct http_response *rs,
    const struct json *body, struct arena *a, struct str *cursor, int64_t *poll_ms, struct err *e)
{
	struct json *begun = NULL;

	if (rs->status != 204 && !choose(arm, c, rs, body, a, &begun, e))
		return false;
	*cursor = begun == NULL ? STR_EMPTY : json_print(begun, a);
	*poll_ms = begun == NULL ? 0 : poll_wait(rs, arm->now_ms);
	return true;
}

/* ---- poll ---- */

struct poll {
	struct arm *arm;
	struct arena *arena;
	struct json *cursor;
	struct http_response rs;
	struct json *body;
	struct json *result;
};

static enum arm_progress
failed(const struct json *body, struct str how, struct arena *a, struct err *e)
{
	struct arm_error x;

	arm_error_read(body, &x);
	fail(e, arm_error_is_conflict(&x) ? ERR_AGAIN : ERR_INPUT,
	    "Azure's operation ended as %.*s: %.*s", STR_ARG(how),
	    STR_ARG(arm_error_text(body, a)));
	return ARM_FAILED;
}

static enum arm_progress
by_status(struct str status, const struct json *body, struct arena *a, struct err *e)
{
	if (str_is_nocase(status, "Succeeded"))
		return ARM_SUCCEEDED;
	if (str_is_nocase(status, "Failed") || str_is_nocase(status, "Canceled") ||
	    str_is_nocase(status, "Cancelled"))
		return failed(body, status, a, e);
	return ARM_RUNNING;
}

/* Azure does not know the address (any more): ask the resource, or be patient for a while. */
static enum arm_progress
forgotten(struct poll *p, struct err *e)
{
	struct str resource = json_text(json_get(p->cursor, "resource"));
	int64_t misses = 0;

	if (resource.n > 0) {
		json_set_cstr(p->cursor, "kind", "body", p->arena);
		json_set_str(p->cursor, "url", resource, p->arena);
		return ARM_RUNNING;
	}
	(void)json_int(json_get(p->cursor, "misses"), &misses);
	if (misses == MISSES_MAX) {
		fail(e, ERR_INPUT, "Azure does not know its own operation any more (%d)",
		    p->rs.status);
		return ARM_FAILED;
	}
	json_set_int(p->cursor, "misses", misses + 1, p->arena);
	return ARM_RUNNING;
}

/* The result of a POST stands elsewhere: go there next. */
static enum arm_progress
to_outcome(struct poll *p)
{
	json_set_cstr(p->cursor, "kind", "location", p->arena);
	json_set_str(p->cursor, "url", json_text(json_get(p->cursor, "outcome")), p->arena);
	json_remove(p->cursor, "outcome");
	return ARM_RUNNING;
}

static enum arm_progress
read_async(struct poll *p, struct err *e)
{
	struct str status = json_text(json_get(p->body, "status"));
	enum arm_progress progress;

	if (status.n == 0)
		progress = p->rs.status == 202 ? ARM_RUNNING : ARM_SUCCEEDED;
	else
		progress = by_status(status, p->body, p->arena, e);
	if (progress == ARM_SUCCEEDED && json_get(p->cursor, "outcome") != NULL)
		return to_outcome(p);
	return progress;
}

static enum arm_progress
read_location(struct poll *p)
{
	if (p->rs.status == 202)
		return ARM_RUNNING;
	p->result = p->body;
	return ARM_SUCCEEDED;
}

static enum arm_progress
read_body(struct poll *p, struct err *e)
{
	struct str state = json_text(json_at(p->body, "properties.provisioningState"));

	p->result = p->body;
	return state.n == 0 ? ARM_SUCCEEDED : by_status(state, p->body, p->arena, e);
}

/* Poll answers may carry a newer address of the same kind. */
static void
follow(struct poll *p, const char *header)
{
	const char *strange = NULL;
	struct str url = address(p->arm, &p->rs, header, p->arena, &strange);

	if (url.n > 0)
		json_set_str(p->cursor, "url", url, p->arena);
}

/* False: how the operation stands could not be read. */
static bool
read_refusal(struct poll *p, struct str kind, enum arm_progress *progress, struct err *e)
{
	if (str_is(kind, "location") && p->rs.status == 409) {
		*progress = failed(p->body, STR("Failed"), p->arena, e);
		return true;
	}
	(void)arm_refused(&p->rs, p->body, p->arm->now_ms, &p->arm->rest_ms, p->arena, e);
	if (e->kind == ERR_AGAIN || e->kind == ERR_DENIED)
		return fail_in(e, "asking how the operation stands");
	*progress = str_is(kind, "body") ? ARM_FAILED : forgotten(p, e);
	return true;
}

static bool
ask(struct poll *p, enum arm_progress *progress, struct err *e)
{
	struct str url = json_text(json_get(p->cursor, "url"));
	struct str kind = json_text(json_get(p->cursor, "kind"));

	if (!arm_is_ours(p->arm, url, p->arena))
		return fail(e, ERR_INPUT, "the address of the operation is on another host");
	if (!arm_exchange(p->arm, "GET", url, NULL, STR_EMPTY, p->arena, &p->rs, &p->body, e))
		return fail_in(e, "asking how the operation stands");
	if (p->rs.status >= 300)
		return read_refusal(p, kind, progress, e);
	if (str_is(kind, "async")) {
		follow(p, "azure-asyncoperation");
		*progress = read_async(p, e);
	} else if (str_is(kind, "location")) {
		follow(p, "location");
		*progress = read_location(p);
	} else {
		*progress = read_body(p, e);
	}
	return true;
}

bool
arm_poll(struct arm *arm, struct str *operation, struct arena *a, enum arm_progress *progress,
    int64_t *poll_ms, struct json **result, struct err *e)
{
	struct poll p = { .arm = arm, .arena = a, .cursor = json_parse(*operation, a, e) };
	enum arm_progress now = ARM_RUNNING;
	int64_t deadline_ms = 0;

	if (p.cursor == NULL)
		return fail_in(e, "the cursor of the operation");
	if (!ask(&p, &now, e))
		return false;
	(void)json_int(json_get(p.cursor, "deadline_ms"), &deadline_ms);
	if (now == ARM_RUNNING && arm->now_ms >= deadline_ms) {
		fail(e, ERR_INPUT, "Azure's operation did not end within %lld s",
		    (long long)(arm->settings->operation_timeout_ms / 1000));
		now = ARM_FAILED;
	}
	*progress = now;
	*operation = json_print(p.cursor, a);
	*poll_ms = poll_wait(&p.rs, arm->now_ms);
	*result = p.result;
	return true;
}
