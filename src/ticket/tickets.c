/*
 * The table of ticket systems.
 */
#include "action/ticket.h"

extern const struct ticket_system ticket_sentinel, ticket_servicenow, ticket_jira, ticket_pagerduty,
    ticket_http;

static const struct ticket_system *const systems[TICKET_TYPES] = {
	[TICKET_SENTINEL] = &ticket_sentinel,
	[TICKET_SERVICENOW] = &ticket_servicenow,
	[TICKET_JIRA] = &ticket_jira,
	[TICKET_PAGERDUTY] = &ticket_pagerduty,
	[TICKET_HTTP] = &ticket_http,
};

const struct ticket_system *
ticket_system(enum ticket_type type)
{
	return systems[type];
}
