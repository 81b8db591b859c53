/*
 * What Azure Resource Manager's refusals mean.
 * https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
 */
#include <string.h>

#include "arm_internal.h"

/* Two operations on one resource: Azure asks for 10 to 30 seconds. */
#define CONFLICT_WAIT_MS 10000
/* A throttle without Retry-After. */
#define THROTTLE_WAIT_MS 30000
#define RECORD_MAX 300

void
arm_error_read(const struct json *body, struct arm_error *out)
{
	const struct json *error = json_get(body, "error");

	if (!json_is(error, JSON_OBJECT))
		error = body;
	*out = (struct arm_error){
		.code = json_text(json_get(error, "code")),
		.message = json_text(json_get(error, "message")),
		.detail = json_text(json_get(json_first(json_get(error, "details")), "code")),
	};
}

struct str
arm_error_text(const struct json *body, struct arena *a)
{
	struct arm_error x;

	arm_error_read(body, &x);
	return str_slice(arena_printf(a, "%.*s%s%.*s", STR_ARG(x.code), x.message.n > 0 ? ": " : "",
			     STR_ARG(x.message)),
	    0, RECORD_MAX);
}

bool
arm_error_is_conflict(const struct arm_error *x)
{
	static const char *const codes[] = { "AnotherOperationInProgress", "OperationPreempted",
		"ConflictingConcurrentWriteNotAllowed", "RetryableError",
		"RetryableErrorDueToAnotherOperation", "ReferencedResourceNotProvisioned" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (str_is_nocase(x->code, codes[i]) || str_is_nocase(x->detail, codes[i]))
			return true;
	return str_is_nocase(x->code, "Conflict") &&
	       str_has_nocase(x->message, STR("concurrent request"));
}

/* The text between the next two quotes behind `from`. */
static struct str
quoted(struct str text, size_t *from)
{
	size_t open = *from, close;

	while (open < text.n && text.p[open] != '\'')
		open++;
	for (close = open + 1; close < text.n && text.p[close] != '\'';)
		close++;
	if (close >= text.n)
		return STR_EMPTY;
	*from = close + 1;
	return str_slice(text, open + 1, close);
}

/*
 * "... does not have authorization to perform action 'A' over scope 'S' ..."
 * "... does not have permission to perform action(s) 'A' on the linked scope(s) 'S' ..."
 */
static bool
denied(int status, const struct arm_error *x, struct err *e)
{
	struct str mark = STR("does not have"), action = STR_EMPTY, scope = STR_EMPTY;

	for (size_t i = 0; action.n == 0 && i + mark.n <= x->message.n; i++) {
		size_t at = i + mark.n;

		if (!str_eq(str_slice(x->message, i, at), mark))
			continue;
		action = quoted(x->message, &at);
		scope = quoted(x->message, &at);
	}
	if (action.n == 0 || memchr(action.p, '/', action.n) == NULL)
		return fail(e, ERR_DENIED, "Azure answered %d %.*s: %.*s", status, STR_ARG(x->code),
		    STR_ARG(x->message));
	return fail(e, ERR_DENIED,
	    "Azure answered %d %.*s: our identity lacks %.*s on %.*s (a role given just now takes "
	    "some minutes)",
	    status, STR_ARG(x->code), STR_ARG(action), STR_ARG(scope));
}

static bool
is_passing(int status)
{
	return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

static enum err_kind
kind_of(int status, const struct arm_error *x)
{
	if (status == 404)
		return ERR_NOT_FOUND;
	if (status == 412 || (status == 409 && str_is_nocase(x->code, "Conflict")))
		return ERR_CONFLICT;
	return ERR_INPUT;
}

bool
arm_refused(const struct http_response *rs, const struct json *body, int64_t now_ms,
    int64_t *rest_ms, struct arena *a, struct err *e)
{
	int64_t wait = http_retry_after_ms(rs, now_ms);
	struct str text = arm_error_text(body, a);
	struct arm_error x;

	arm_error_read(body, &x);
	if ((rs->status == 409 || rs->status == 429) && arm_error_is_conflict(&x))
		return fail_again(e, wait >= 0 ? wait : CONFLICT_WAIT_MS, "Azure answered %d %.*s",
		    rs->status, STR_ARG(text));
	if (rs->status == 429) {
		wait = wait >= 0 ? wait : THROTTLE_WAIT_MS;
		if (wait > *rest_ms)
			*rest_ms = wait;
	}
	if (is_passing(rs->status))
		return fail_again(
		    e, wait > 0 ? wait : 0, "Azure answered %d %.*s", rs->status, STR_ARG(text));
	if (rs->status == 401 || rs->status == 403)
		return denied(rs->status, &x, e);
	return fail(
	    e, kind_of(rs->status, &x), "Azure answered %d %.*s", rs->status, STR_ARG(text));
}
