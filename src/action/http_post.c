/*
 * Post the alert, as the rule words it, to a service of yours: JSON to a URL that a file holds.
 *
 *	1  the template is filled in: a text that is one {alert.FIELD} becomes the field's value
 *	2  POST; any 2xx is done
 *
 * What can go wrong: the service is throttling or in trouble (again, later), it refuses (never).
 * What was posted cannot be looked for: after a crash before the commit it is posted again, with
 * the same Idempotency-Key.
 */
#include "action/action.h"

#include "base/fault.h"
#include "base/hash.h"
#include "core/template.h"
#include "tools.h"

#define BODY_MAX ((size_t)256 * 1024)
#define REST_MS 30000

/* ---- the call ---- */

static bool
refused(struct action_env *env, const struct http_response *rs, struct err *e)
{
	int64_t wait = http_retry_after_ms(rs, env->now_ms);

	if (rs->status == 429) {
		env->rest_ms = wait > 0 ? wait : REST_MS;
		return fail_again(e, env->rest_ms, "the service asks for a rest: 429");
	}
	if (rs->status == 408 || rs->status >= 500)
		return fail_again(
		    e, wait > 0 ? wait : 0, "the service is in trouble: %d", rs->status);
	return fail(e, ERR_INPUT, "the service refused: %d%s", rs->status,
	    rs->status >= 300 && rs->status < 400 ? ", a redirect, which is not followed" : "");
}

/* The same for every try of the step, and for nothing else. */
static struct str
idempotency_key(const struct step *step, struct arena *a)
{
	char uuid[UUID_MAX];

	return arena_str(a, str_of(uuid_from(step->key, uuid)));
}

static bool
post(struct action_env *env, const struct step *step, struct str file, struct str body, int *status,
    struct err *e)
{
	struct http_header headers[] = { { "Content-Type", STR("application/json") },
		{ "Idempotency-Key", idempotency_key(step, env->arena) } };
	struct http_request rq = { .method = "POST",
		.headers = headers,
		.n_headers = sizeof(headers) / sizeof(headers[0]),
		.body = body,
		.has_body = true };
	struct http_response rs;

	if (!http_read_url(file, env->arena, &rq.url, e) ||
	    !http_call(env->http, &rq, env->arena, &rs, e))
		return false;
	*status = rs.status;
	return (rs.status >= 200 && rs.status < 300) || refused(env, &rs, e);
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	const struct template_facts facts = { .alert = env->alert };
	struct arena *a = env->arena;
	struct json *params, *template, *result = json_object(a);
	struct str file, body;
	int status = 0;
	bool ok;

	if (!stored_json(step->params, "parameters", a, &params, e))
		return OUTCOME_NEVER;
	file = json_text(json_get(params, "url_file"));
	template = json_parse(json_text(json_get(params, "body")), a, e);
	if (template == NULL)
		return OUTCOME_NEVER;
	body = json_print(template_fill(template, &facts, a), a);
	if (body.n > BODY_MAX) {
		fail(e, ERR_INPUT, "the filled template has %zu bytes, %zu are sent", body.n,
		    BODY_MAX);
		return OUTCOME_NEVER;
	}
	if (FAULT("action.post.post"))
		return later(e, 0, "fault ordered at action.post.post");
	ok = post(env, step, file, body, &status, e);
	if (FAULT("action.post.post.done"))
		return later(e, 0, "fault ordered at action.post.post.done");
	if (!ok)
		return outcome_of(e);
	json_set_int(result, "answered", status, a);
	step->result = json_print(result, a);
	return OUTCOME_DONE;
}

/* ---- what rules may write ---- */

static bool
check_texts(const struct json *template, struct arena *a, struct err *e)
{
	const char *problem = NULL;

	if (json_is(template, JSON_STRING))
		problem = template_problem(json_text(template), false, a);
	if (problem != NULL)
		return fail(e, ERR_INPUT, "body: '%.*s' %s",
		    STR_ARG(str_slice(json_text(template), 0, 100)), problem);
	for (const struct json *j = json_first(template); j != NULL; j = json_next(j))
		if (!check_texts(j, a, e))
			return false;
	return true;
}

static bool
check(const struct json *params, struct err *e)
{
	struct str file = json_text(json_get(params, "url_file"));
	struct arena *a;
	struct json *template;
	bool ok;

	if (file.n == 0 || (file.p[0] != '/' && !str_starts_nocase(file, STR("credential:"))))
		return fail(e, ERR_INPUT,
		    "url_file must be an absolute path or credential:NAME, not '%.*s'",
		    STR_ARG(file));
	a = arena_new();
	template = json_parse(json_text(json_get(params, "body")), a, e);
	ok = template != NULL ? check_texts(template, a, e) : fail_in(e, "body");
	arena_free(a);
	return ok;
}

static const struct param params[] = {
	{ .name = "url_file",
	    .type = PARAM_TEXT,
	    .required = true,
	    .help = "file with the URL, which is a secret" },
	{ .name = "body",
	    .type = PARAM_TEXT,
	    .required = true,
	    .help = "JSON; a text \"{alert.FIELD}\" in it becomes the alert's value" },
	{ .name = NULL },
};

static const char *const permissions[] = { NULL };

extern const struct action action_http_post;
const struct action action_http_post = {
	.name = "http_post",
	.help = "post the alert as JSON to a service of yours",
	.params = params,
	.check = check,
	.named_by = "url_file",
	.permissions = permissions,
	.run = run,
};
