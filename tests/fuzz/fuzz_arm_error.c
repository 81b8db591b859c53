/*
 * azure/arm_error.c and http_retry_after_ms(): one answer of Azure that is no success.
 *
 * What must hold: it is an error of the kind that its status stands for, with words, and a wait
 * that is neither negative nor longer than the cap.
 */
#include "arm_internal.h"
#include "fuzz.h"

#define NOW_MS INT64_C(1764000000000)
#define WAIT_MAX_MS (24 * 3600 * INT64_C(1000))

static void
check_kind(int status, const struct err *e)
{
	if (status == 429 || status == 408 || status == 500 || status == 503)
		MUST(e->kind == ERR_AGAIN);
	if (status == 401 || status == 403)
		MUST(e->kind == ERR_DENIED);
	if (status == 404)
		MUST(e->kind == ERR_NOT_FOUND);
	if (status == 412)
		MUST(e->kind == ERR_CONFLICT);
	if (status == 400)
		MUST(e->kind == ERR_INPUT);
}

FUZZ(input)
{
	struct http_request rq = { .method = "GET", .url = STR("https://management.azure.com/") };
	struct http_response rs;
	struct json *body;
	int64_t rest_ms = 0;
	struct err e = { .retry_ms = 0 };

	scripted_answers(input);
	if (!http_call(NULL, &rq, arena, &rs, &e) || rs.status < 300)
		return;
	body = json_parse(rs.body, arena, &e);
	MUST(arm_error_text(body, arena).n <= 300);
	e.retry_ms = 0;
	MUST(!arm_refused(&rs, body, NOW_MS, &rest_ms, arena, &e));
	MUST(e.text[0] != '\0');
	MUST(
	    e.retry_ms >= 0 && e.retry_ms <= WAIT_MAX_MS && rest_ms >= 0 && rest_ms <= WAIT_MAX_MS);
	check_kind(rs.status, &e);
}
