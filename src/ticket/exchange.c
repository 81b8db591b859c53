/*
 * Happy path: the secret is read, the call made, 2xx comes back with JSON.
 * What can go wrong: no answer and trouble (later), a throttle (later, and the system rests), 401
 * and 403 (never: the text says which right is missing), anything else (never, in their words).
 */
#include "exchange.h"

#include "base/base64.h"
#include "base/file.h"

/* "Too many", and not for how long. */
#define REST_MS 30000
/* The file with the secret cannot be read now: an administrator may be at work on it. */
#define FILE_RETRY_MS 30000
#define HEADERS_MAX 4

bool
exchange_secret(struct str file, const char *key, struct arena *a, struct str *out, struct err *e)
{
	if (file_read_secret(arena_cstr(a, file), a, out, e))
		return true;
	e->kind = ERR_AGAIN;
	e->retry_ms = FILE_RETRY_MS;
	return fail_in(e, "%s", key);
}

/* "" when the settings name no credential. */
static bool
authorization(const struct ticket_job *j, struct str *out, struct err *e)
{
	const struct settings_ticket *s = j->system;
	struct str secret, pair;

	*out = STR_EMPTY;
	if (s->token_file.n > 0) {
		if (!exchange_secret(s->token_file, "token_file", j->arena, &secret, e))
			return false;
		*out = arena_printf(j->arena, "Bearer %.*s", STR_ARG(secret));
	} else if (s->password_file.n > 0) {
		if (!exchange_secret(s->password_file, "password_file", j->arena, &secret, e))
			return false;
		pair = arena_printf(j->arena, "%.*s:%.*s", STR_ARG(s->user), STR_ARG(secret));
		*out = arena_printf(j->arena, "Basic %.*s", STR_ARG(base64_encode(pair, j->arena)));
	}
	return true;
}

static bool
refused(
    struct ticket_job *j, const struct exchange *x, const struct http_response *rs, struct err *e)
{
	int64_t wait = http_retry_after_ms(rs, j->now_ms);
	struct str words = http_said(rs->body, j->arena);

	if (rs->status == 429) {
		wait = wait > 0 ? wait : REST_MS;
		j->rest_ms = wait;
		return fail_again(
		    e, wait, "%s asks for a rest: %d %.*s", x->system, rs->status, STR_ARG(words));
	}
	if (rs->status == 408 || rs->status >= 500)
		return fail_again(e, wait > 0 ? wait : 0, "%s is in trouble: %d %.*s", x->system,
		    rs->status, STR_ARG(words));
	if (rs->status == 401 || rs->status == 403)
		return fail(e, ERR_DENIED, "%s answered %d: our sign-in lacks %s: %.*s", x->system,
		    rs->status, x->right, STR_ARG(words));
	if (rs->status == 404)
		return fail(e, ERR_NOT_FOUND, "%s answered 404 %.*s", x->system, STR_ARG(words));
	return fail(e, ERR_INPUT, "%s refused it: %d %.*s", x->system, rs->status, STR_ARG(words));
}

bool
exchange(struct ticket_job *j, const struct exchange *x, struct json **answer, struct err *e)
{
	struct http_header headers[HEADERS_MAX] = { { "Accept", STR("application/json") },
		{ "Idempotency-Key", j->once }, { "Content-Type", STR("application/json") } };
	struct http_request rq = { .method = x->method,
		.url = x->url,
		.headers = headers,
		.n_headers = x->body != NULL ? 3 : 2,
		.body = x->body != NULL ? json_print(x->body, j->arena) : STR_EMPTY,
		.has_body = x->body != NULL };
	struct http_response rs;
	struct str credential = STR_EMPTY;
	struct err not_json;

	if (!x->anonymous && !authorization(j, &credential, e))
		return false;
	if (credential.n > 0)
		headers[rq.n_headers++] = (struct http_header){ "Authorization", credential };
	if (!http_call(j->http, &rq, j->arena, &rs, e))
		return fail_in(e, "%s", x->system);
	if (rs.status < 200 || rs.status >= 300)
		return refused(j, x, &rs, e);
	*answer = rs.body.n == 0 ? NULL : json_parse(rs.body, j->arena, &not_json);
	return true;
}
