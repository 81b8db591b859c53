/*
 * What both formats of a card are made of, tamed and cut to a size.
 */
#ifndef CORE_CARD_PARTS_H
#define CORE_CARD_PARTS_H

#include "core/card.h"

/* How much of each a card shows.  card.c tries smaller ones until the card fits. */
struct card_size {
	size_t text;	    /* characters of a fact */
	size_t step;	    /* of a step: why it failed names a resource and a permission */
	size_t description; /* characters; 0 = left out */
	size_t steps, reasons, remediation, links;
};

struct card_fact {
	const char *name; /* ours */
	struct str value; /* tamed */
};
#define CARD_FACTS_MAX 12

struct card_link {
	struct str title; /* tamed */
	struct str url;	  /* ours */
};
/* With the link to the alert it is four: a MessageCard has no more. */
#define CARD_LINKS_MAX 3

struct card_list {
	struct str *lines; /* tamed */
	size_t n, more;	   /* more: how many are not shown */
};

struct card_parts {
	struct str name; /* of the alert */
	struct str severity;
	enum severity level;
	struct card_fact facts[CARD_FACTS_MAX]; /* Severity, Status, Time, then what there is */
	size_t n_facts;
	struct str description;
	struct card_list done;	  /* what was done: one sentence for each step */
	struct card_list reasons; /* why */
	struct card_list undo;	  /* commands */
	struct card_list remediation;
	bool sample, shadow, approval, undone;
	bool failed;				/* or done, and left something */
	struct str uri;				/* safe to be a link; "" = none */
	struct card_link links[CARD_LINKS_MAX]; /* to approve or deny; only in cards of a channel */
	size_t n_links;
};

/* Done, and yet a person has to look: a rule still lets traffic through, or an undo met a change.
 */
bool step_left_something(const struct step *s, struct arena *a);

/* Without brackets that a ticket system could make markup of. */
struct str card_plain(struct str s, struct arena *a);
struct str card_text(const struct card_parts *p, struct arena *a); /* all of it */
struct str card_news(const struct card_parts *p, struct arena *a); /* badges, steps, undo */

struct json *card_message(const struct card_parts *p, struct arena *a);
struct json *card_adaptive(const struct card_parts *p, struct arena *a);

#endif
