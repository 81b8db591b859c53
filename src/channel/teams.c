/*
 * Happy path: 202 without a body (a Workflow), or 200 with the text 1 (a connector).
 * What can go wrong: no answer, a throttle (the channel rests), a refusal; and connectors that
 * answer 200 and hide what happened in the text: "... returned HTTP error 429 with ...".
 */
#include "action/channel.h"

#include <string.h>

/* "Too many", and not for how long. */
#define REST_MS 30000

static bool
is_connector(struct str url)
{
	return str_has_nocase(url, STR("/webhookb2/")) ||
	       str_has_nocase(url, STR("webhook.office.com"));
}

/* The status in "HTTP error 429"; 0 = the text tells of none. */
static int
hidden_status(struct str body)
{
	struct str mark = STR("HTTP error ");
	int64_t status;

	for (size_t i = 0; i + mark.n + 3 <= body.n; i++)
		if (str_eq_nocase(str_slice(body, i, i + mark.n), mark) &&
		    str_to_int(str_slice(body, i + mark.n, i + mark.n + 3), 100, 599, &status))
			return (int)status;
	return 0;
}

static bool
refused(const struct http_response *rs, int status, int64_t now_ms, struct arena *a,
    struct channel_answer *out, struct err *e)
{
	int64_t wait = http_retry_after_ms(rs, now_ms);
	struct str words = http_said(rs->body, a);

	if (status == 429) {
		wait = wait > 0 ? wait : REST_MS;
		out->rest_ms = wait;
		return fail_again(
		    e, wait, "Teams asks for a rest: %d %.*s", status, STR_ARG(words));
	}
	if (status == 408 || status >= 500)
		return fail_again(
		    e, wait > 0 ? wait : 0, "Teams is in trouble: %d %.*s", status, STR_ARG(words));
	if (status == 404 || status == 410)
		return fail(e, ERR_INPUT,
		    "Teams refused the card: %d, the webhook does not exist (any more) %.*s",
		    status, STR_ARG(words));
	return fail(e, ERR_INPUT, "Teams refused the card: %d %.*s", status, STR_ARG(words));
}

bool
teams_post(struct http *h, const struct settings_channel *c, struct str card, int64_t now_ms,
    struct arena *a, struct channel_answer *out, struct err *e)
{
	struct http_header json = { "Content-Type", STR("application/json") };
	struct http_request rq = {
		.method = "POST", .headers = &json, .n_headers = 1, .body = card, .has_body = true
	};
	struct http_response rs;
	int status;

	*out = (struct channel_answer){ 0, 0 };
	if (!http_read_url(c->url_file, a, &rq.url, e) || !http_call(h, &rq, a, &rs, e))
		return false;
	out->status = rs.status;
	status = is_connector(rq.url) && rs.status == 200 ? hidden_status(rs.body) : 0;
	if (status != 0 || rs.status >= 300)
		return refused(&rs, status != 0 ? status : rs.status, now_ms, a, out, e);
	return true;
}
