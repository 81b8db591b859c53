/*
 * In place of http_call() (the linker's --wrap): Azure's answers come out of the input.  What a
 * real call would refuse is refused here too.
 */
#include "fuzz.h"

#define STATUS_NONE 0

bool __wrap_http_call(struct http *h, const struct http_request *rq, struct arena *a,
    struct http_response *rs, struct err *e);

void (*scripted_look)(const struct http_request *rq);
static struct str script;

void
scripted_answers(struct str text)
{
	script = text;
}

/* Header names come in lower case, values trimmed and not empty, as http.c gives them. */
static void
add_header(struct http_response *rs, struct str line, struct arena *a)
{
	struct str value = line, name;
	char *lower;

	str_next(&value, ':', &name);
	if (value.p == NULL || rs->n_headers == HTTP_HEADERS_MAX)
		return;
	lower = arena_alloc(a, name.n + 1);
	for (size_t i = 0; i < name.n; i++)
		lower[i] =
		    (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
	value = str_trim(value);
	rs->headers[rs->n_headers++] = (struct http_header){ .name = lower,
		.value = value.n == 0 ? STR_EMPTY : arena_str(a, value) };
}

static struct str
take_body(void)
{
	struct str line, body = script;

	while (script.n > 0) {
		const char *end = script.p;

		line = take_line(&script);
		if (str_is(line, "----"))
			return str_slice(body, 0, (size_t)(end - body.p));
	}
	return body;
}

bool
__wrap_http_call(struct http *h, const struct http_request *rq, struct arena *a,
    struct http_response *rs, struct err *e)
{
	int64_t status = STATUS_NONE;
	struct str line, body;

	(void)h;
	if (!http_url_allowed(rq->url, e))
		return false;
	if (scripted_look != NULL)
		scripted_look(rq);
	if (!str_to_int(take_line(&script), 100, 599, &status))
		return fail_again(e, 0, "no answer");
	*rs = (struct http_response){ .status = (int)status };
	rs->headers = arena_alloc(a, HTTP_HEADERS_MAX * sizeof(*rs->headers));
	while ((line = take_line(&script)).n > 0)
		add_header(rs, line, a);
	body = take_body();
	rs->body = body.n == 0 ? STR_EMPTY : arena_str(a, body);
	return true;
}
