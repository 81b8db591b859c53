#include "parse_settings.h"

#define TICKETS BASE "tickets:\n"
#define WORKSPACE                                                                   \
	"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-soc" \
	"/providers/Microsoft.OperationalInsights/workspaces/soc"

static const struct settings_ticket *
the_ticket(const char *text)
{
	parse(text);
	CHECK_INT(s->n_tickets, 1);
	CHECK(settings_ticket(s, s->tickets[0].name) == &s->tickets[0]);
	CHECK(settings_ticket(s, STR("other")) == NULL);
	return &s->tickets[0];
}

TEST(each_type_of_ticket_system_is_read)
{
	const struct settings_ticket *t;

	t = the_ticket(TICKETS "  soc: {type: sentinel, workspace: " WORKSPACE "}\n");
	CHECK_INT(t->type, TICKET_SENTINEL);
	CHECK_STR(t->name, "soc");
	CHECK_STR(t->workspace.name, "soc");
	t = the_ticket(TICKETS "  snow: {type: servicenow, url: 'https://x.service-now.com/',\n"
			       "    user: gw, password_file: snow, close_state: '7'}\n");
	CHECK_INT(t->type, TICKET_SERVICENOW);
	CHECK_STR(t->url, "https://x.service-now.com");
	CHECK_STR(t->password_file, "/etc/gw/snow");
	CHECK_STR(t->close_state, "7");
	t = the_ticket(TICKETS "  jira: {type: jira, url: 'https://jira.example', project: SEC,\n"
			       "    token_file: 'credential:jira', edition: data_center,\n"
			       "    priority: {high: Highest}, close_transition: 31}\n");
	CHECK_INT(t->type, TICKET_JIRA);
	CHECK(t->data_center);
	CHECK_STR(t->token_file, "credential:jira");
	CHECK_STR(t->issue_type, "Task");
	CHECK_STR(json_text(json_get(t->priority, "high")), "Highest");
	CHECK_STR(t->close_transition, "31");
	t = the_ticket(
	    TICKETS "  pd: {type: pagerduty, routing_key_file: pd, acknowledge: true}\n");
	CHECK_INT(t->type, TICKET_PAGERDUTY);
	CHECK(t->acknowledge);
	t = the_ticket(
	    TICKETS "  own: {type: http, url_file: u, template: {a: '{ticket.text}', b: 7}}\n");
	CHECK_INT(t->type, TICKET_HTTP);
	CHECK_STR(json_print(t->template, arena), "{\"a\":\"{ticket.text}\",\"b\":7}");
}

TEST(a_key_goes_with_its_type_and_what_a_type_needs_must_be_there)
{
	check_refused(
	    TICKETS "  a: {workspace: " WORKSPACE "}\n", 4, 6, "the key 'type' is missing");
	check_refused(
	    TICKETS "  a: {type: jir, url: 'https://j'}\n", 4, 13, "did you mean 'jira'?");
	check_refused(TICKETS "  a: {type: sentinel}\n", 4, 6, "sentinel needs workspace");
	check_refused(TICKETS "  a: {type: sentinel, workspace: " WORKSPACE ", project: SEC}\n", 4,
	    164, "project goes with type jira");
	check_refused(TICKETS "  a: {type: servicenow, url: 'https://s'}\n", 4, 6,
	    "servicenow needs password_file/token_file");
	check_refused(TICKETS
	    "  a: {type: servicenow, url: 'https://s', user: u, password_file: p,\n"
	    "    token_file: t}\n",
	    4, 6, "password_file/token_file: one of them, not both");
	check_refused(TICKETS
	    "  a: {type: jira, url: 'https://s', project: SEC, password_file: p}\n",
	    4, 6, "user and password_file go together");
	check_refused(TICKETS "  a: {type: pagerduty}\n", 4, 6, "pagerduty needs routing_key_file");
	check_refused(TICKETS "  a: {type: http, url: 'https://h'}\n", 4, 6, "http needs template");
	check_refused(TICKETS "  a: {type: http, template: {}}\n", 4, 6, "http needs url/url_file");
	check_refused(TICKETS "  a: {type: http, url: 'http://h.example', template: {}}\n", 4, 25,
	    "must begin with https://");
	check_refused(TICKETS "  a: {type: http, url: 'https://h', template: text}\n", 4, 47,
	    "template must be a mapping, not a text");
}

TEST(a_value_that_cannot_work_is_refused_where_it_stands)
{
	check_refused(TICKETS "  a: {type: sentinel, workspace: /subscriptions/"
			      "11111111-2222-3333-4444-555555555555}\n",
	    4, 34, "workspace must be the id of a Log Analytics workspace");
	check_refused(TICKETS "  a: {type: jira, url: 'https://j', token_file: t,\n"
			      "      project: 'SEC\" OR 1'}\n",
	    5, 17, "project must be a key such as SEC");
	check_refused(TICKETS "  a: {type: jira, url: 'https://j', token_file: t, project: S,\n"
			      "      close_transition: Done}\n",
	    5, 25, "close_transition must be the number of a transition");
	check_refused(TICKETS "  a: {type: http, url: 'https://h', template: {x:\n"
			      "      ['{alert.name} on fire']}}\n",
	    5, 9, "a placeholder stands alone in its text");
	check_refused(TICKETS "  a: {type: http, url: 'https://h', template: {x:\n"
			      "      '{ticket.titel}'}}\n",
	    5, 8, "did you mean '{ticket.title}'?");
}
