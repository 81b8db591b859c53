#include "base/json.h"
#include "net/http.h"

#define SAID_MAX 200

/* {"errorMessages": ["..."], "errors": {"priority": "..."}}; of PagerDuty errors is a list */
static struct str
listed(const struct json *j, struct arena *a)
{
	const struct json *message = json_first(json_get(j, "errorMessages"));
	const struct json *error = json_first(json_get(j, "errors"));

	if (json_text(message).n > 0)
		return json_text(message);
	if (json_text(error).n == 0)
		return STR_EMPTY;
	if (json_name(error).n == 0)
		return json_text(error);
	return arena_printf(a, "%.*s: %.*s", STR_ARG(json_name(error)), STR_ARG(json_text(error)));
}

struct str
http_said(struct str body, struct arena *a)
{
	struct err ignored;
	struct json *j = json_parse(body, a, &ignored);
	struct str text = json_text(json_at(j, "error.message")), part;
	char *line;

	if (text.n == 0)
		text = listed(j, a);
	if (text.n == 0)
		text = json_text(json_get(j, "message"));
	if (text.n == 0)
		text = str_trim(body);
	part = str_slice(text, 0, SAID_MAX);
	line = arena_alloc(a, part.n + 1);
	for (size_t i = 0; i < part.n; i++)
		line[i] = (unsigned char)part.p[i] < 0x20 || part.p[i] == 0x7f ? ' ' : part.p[i];
	return (struct str){ line, part.n };
}
