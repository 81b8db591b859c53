/*
 * A receiver of the user's own: JSON out of a template is posted to it.  It cannot be asked what it
 * has: Idempotency-Key is the same when the same is posted again, {ticket.key} for all that is
 * posted about one alert.
 */
#include "core/template.h"
#include "exchange.h"

#define NAME "the receiver"

static bool
address(const struct ticket_job *j, struct str *url, struct err *e)
{
	*url = j->system->url;
	return url->n > 0 || http_read_url(j->system->url_file, j->arena, url, e);
}

static bool
post(struct ticket_job *j, const char *event, struct err *e)
{
	const struct template_facts facts = {
		.alert = j->alert, .event = event, .key = j->key, .title = j->title, .text = j->text
	};
	struct exchange x = { .system = NAME,
		.method = "POST",
		.body = template_fill(j->system->template, &facts, j->arena),
		.right = "leave to post" };
	struct json *answer;

	return address(j, &x.url, e) && exchange(j, &x, &answer, e);
}

static bool
open_ticket(struct ticket_job *j, struct ticket *out, struct err *e)
{
	*out = (struct ticket){ j->key, j->key };
	return post(j, "open", e);
}

static bool
comment(struct ticket_job *j, const struct ticket *t, struct err *e)
{
	j->key = t->id;
	return post(j, "comment", e);
}

static bool
close_ticket(struct ticket_job *j, const struct ticket *t, bool *closed, struct err *e)
{
	j->key = t->id;
	*closed = true;
	return post(j, "close", e);
}

extern const struct ticket_system ticket_http;
const struct ticket_system ticket_http = {
	.name = NAME,
	.open = open_ticket,
	.comment = comment,
	.close = close_ticket,
};
