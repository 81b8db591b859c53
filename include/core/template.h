/*
 * What is posted to a service of the user's own: JSON in which some texts stand for values.
 *
 *	{"title": "{ticket.title}", "host": "{alert.compromisedEntity}", "queue": "soc"}
 *
 * A text that is a placeholder as a whole becomes the value, as JSON: a text of an attacker stays
 * one text whatever is in it, as nothing is ever pasted into another.  {alert.FIELD} is any field
 * name of a rule (core/alert.h, alert_field): what is absent becomes null, several values a list.
 * {ticket.FIELD}: event, key, title, text.  "{{" at the front stands for "{".
 */
#ifndef CORE_TEMPLATE_H
#define CORE_TEMPLATE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "core/alert.h"

/* A longer value is cut. */
#define TEMPLATE_VALUE_MAX 8192

struct template_facts {
	const struct alert *alert;
	const char *event; /* "open", "comment", "close"; NULL = there is no ticket */
	struct str key, title, text;
};

/*
 * What is wrong with a text of a template, as the end of a sentence that names it; NULL = nothing.
 * Without a ticket {ticket.FIELD} is wrong, too.
 */
const char *template_problem(struct str text, bool ticket, struct arena *a);

struct json *
template_fill(const struct json *template, const struct template_facts *f, struct arena *a);

#endif
