/*
 * core/settings.c: a settings file.
 *
 * What must hold: settings come out if and only if there is no error, and then they keep what the
 * rest of the program relies on: numbers within their limits, "insecure" on loopback only, URLs
 * that may be called, channels and ticket systems that can be found by name.
 */
#include "core/settings.h"
#include "endpoint.h"
#include "fuzz.h"

static void
check_listener(const struct settings *s)
{
	struct str host;

	MUST(endpoint_parse(s->listen.address, &host));
	MUST(!s->auth.insecure || endpoint_is_loopback(host));
	MUST(s->listen.path.n > 0 && s->listen.path.p[0] == '/');
	MUST(s->listen.body_max > 0 && s->listen.connections_max > 0);
	MUST(s->listen.per_address_max > 0);
	MUST((s->listen.certificate.n > 0) == (s->listen.private_key.n > 0));
	MUST(s->operations.n == 0 || endpoint_parse(s->operations, &host));
}

static void
check_azure(const struct settings_azure *az)
{
	struct str scheme, host;
	struct err e;

	MUST(endpoint_parse_url(az->resource_manager, &scheme, &host));
	MUST(http_url_allowed(az->resource_manager, &e));
	MUST(endpoint_parse_url(az->login, &scheme, &host) && http_url_allowed(az->login, &e));
	MUST(endpoint_parse_url(az->imds, &scheme, &host) && http_url_allowed(az->imds, &e));
	MUST(az->operation_timeout_ms > 0);
}

/* Secrets come out of files, and what goes into a query or a path is what it says. */
static void
check_ticket(const struct settings_ticket *t)
{
	struct err e;

	MUST(t->url.n == 0 || http_url_allowed(t->url, &e));
	MUST((t->user.n > 0) == (t->password_file.n > 0));
	if (t->type == TICKET_SENTINEL)
		MUST(resource_id_is(&t->workspace, "Microsoft.OperationalInsights", "workspaces") &&
		     t->workspace.rest.n == 0);
	if (t->type == TICKET_JIRA)
		MUST(t->project.n > 0 && memchr(t->project.p, '"', t->project.n) == NULL);
	if (t->type == TICKET_HTTP)
		MUST(json_is(t->template, JSON_OBJECT));
	if (t->type == TICKET_PAGERDUTY)
		MUST(t->routing_key_file.n > 0);
}

/* A page that is served has a certificate, and links to it lead somewhere. */
static void
check_approvals(const struct settings *s)
{
	const struct settings_approvals *ap = &s->approvals;
	struct str scheme, host;

	MUST(ap->quorum >= 1 && ap->quorum <= 5);
	MUST((ap->address.n > 0) == (ap->public_url.n > 0));
	if (ap->address.n > 0)
		MUST(endpoint_parse(ap->address, &host) && ap->certificate.n > 0 &&
		     ap->private_key.n > 0 && endpoint_parse_url(ap->public_url, &scheme, &host) &&
		     str_is(scheme, "https"));
	for (size_t i = 0; i < ap->n_channels; i++)
		MUST(settings_channel(s, ap->channels[i]) != NULL &&
		     settings_links_in(s, ap->channels[i]));
}

static void
check_settings(const struct settings *s)
{
	check_listener(s);
	check_azure(&s->azure);
	check_approvals(s);
	MUST(s->report_wait_ms >= 0);
	for (size_t i = 0; i < s->n_channels; i++)
		MUST(settings_channel(s, s->channels[i].name) == &s->channels[i]);
	for (size_t i = 0; i < s->n_tickets; i++) {
		MUST(settings_ticket(s, s->tickets[i].name) == &s->tickets[i]);
		check_ticket(&s->tickets[i]);
	}
	for (size_t i = 0; i < s->n_budgets; i++)
		MUST(s->budgets[i].per_hour >= 0 && s->budgets[i].action.n > 0);
	for (size_t i = 0; i < s->n_protects; i++)
		MUST(s->protects[i].text.n > 0);
}

FUZZ(input)
{
	struct source src = { "/etc/gridwarden/gridwarden.yaml", input };
	struct settings *s;
	struct diags d;
	struct buf text;

	diags_init(&d, arena);
	s = settings_parse(&src, &d);
	MUST((s != NULL) == (d.errors == 0));
	if (s != NULL)
		check_settings(s);
	settings_free(s);
	buf_init(&text, 1024 * 1024);
	diags_print(&d, &text);
	buf_done(&text);
}
