/*
 * The card that tells a team: what happened, what was done about it, why, until when, and how to
 * undo it.  Text from the alert is hostile: it goes only where Teams renders no markup, without
 * control and bidirectional characters, and is cut, so that the card always fits.
 *
 * message_card   https://learn.microsoft.com/outlook/actionable-messages/message-card-reference
 * adaptive_card  1.4, in the wrapper of the Workflows webhook
 *                https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors
 */
#ifndef CORE_CARD_H
#define CORE_CARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "core/alert.h"
#include "core/approval.h"
#include "core/plan.h"
#include "core/settings.h"

/* Teams refuses messages over 28 KB; part of that is measured after re-encoding on their side. */
#define CARD_MAX (20 * 1024)

/* A rule that fired and the conditions that matched, as a sentence. */
struct verdict_text {
	struct str rule, why; /* "severity is High; alertDisplayName contains ..." */
};

struct card {
	struct str name;     /* display name */
	struct str severity; /* word */
	struct str status;
	struct str time; /* start of the alert, ISO 8601 */
	struct str type, entity, resource, description, tactics;
	struct str uri; /* portal link of the alert; "" = none */
	const struct str *remediation;
	size_t n_remediation;
	bool sample, shadow;
	const struct verdict_text *reasons;
	size_t n_reasons;
	const struct step *steps; /* what was done, refused, failed or is still going on */
	size_t n_steps;
	bool (*undoable)(struct str action); /* is there a way back from it?  NULL = from all */
	const struct approval_page
	    *approvals;	    /* links to it for what is held; NULL = there is none */
	struct str channel; /* that those links are for */
};

/* What the alert itself says; nothing was done yet. */
struct card card_about(const struct alert *al);

/* One line of JSON, at most CARD_MAX bytes: facts shrink, then the card; it never fails. */
struct str card_print(const struct card *c, enum channel_format format, struct arena *a);

/*
 * The same as plain text of several lines, for ticket systems: at most max bytes (TICKET_TEXT_MIN
 * and more), without anything that one of them takes for markup.
 */
#define TICKET_TEXT_MIN 1024
struct str card_print_text(const struct card *c, size_t max, struct arena *a);
/* What was done and how to undo it alone. */
struct str card_print_news(const struct card *c, size_t max, struct arena *a);
/* "High: Suspicious process executed": at most max characters of the alert's name, on one line. */
struct str card_print_title(const struct card *c, size_t max, struct arena *a);

/* One step as a sentence: "isolate_vm web-01: done (2 network interfaces)". */
struct str step_sentence(const struct step *s, struct arena *a);

#endif
