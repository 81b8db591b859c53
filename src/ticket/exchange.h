/*
 * One call to a ticket system that is not Azure.
 */
#ifndef TICKET_EXCHANGE_H
#define TICKET_EXCHANGE_H

#include "action/ticket.h"
#include "base/json.h"

struct exchange {
	const char *system; /* "Jira" */
	const char *method;
	struct str url;
	const struct json *body; /* NULL = none */
	const char *right;	 /* what a 401 or 403 means, "the role itil" */
	bool anonymous;		 /* the credential is in the body or the URL */
};

/* True: 2xx; *answer is its JSON, NULL when it is none. */
bool exchange(
    struct ticket_job *j, const struct exchange *x, struct json **answer, struct err *e) MUST_CHECK;

/* A secret out of its file, read each time.  What cannot be read now may be later. */
bool exchange_secret(
    struct str file, const char *key, struct arena *a, struct str *out, struct err *e) MUST_CHECK;

#endif
