/*
 * The page of approvals as HTML: small, without a script, every text from outside escaped.
 */
#ifndef DAEMON_APPROVAL_HTML_H
#define DAEMON_APPROVAL_HTML_H

#include "base/arena.h"
#include "base/str.h"
#include "core/card.h"
#include "store/store.h"

struct approval_view {
	const struct step *step;
	const struct alert_row *alert;
	const struct verdict_text *reasons; /* why the rule fired */
	size_t n_reasons;
	const struct approval *answers; /* up to now */
	size_t n_answers;
	int64_t quorum, now_ms;
	struct str channel;	     /* whose link it is */
	struct str approve, deny;    /* tokens; empty = nothing is to be decided */
	struct str problem;	     /* what was wrong with the form; "" = nothing */
	struct str heading, message; /* in place of the forms */
};

/* All of it; in the arena. */
struct str approval_html(const struct approval_view *v, struct arena *a);
/* A page that only says something. */
struct str approval_html_message(const char *heading, struct str message, struct arena *a);

/* The Content-Security-Policy that lets nothing happen but this page's style and its forms. */
struct str approval_html_policy(struct arena *a);

#endif
