/*
 * Tickets: how an alert becomes somebody's work.  A new ticket system is one file with one struct,
 * one line in the table in src/ticket/tickets.c, and its keys in the settings.
 *
 * Errors tell what to do: ERR_AGAIN (throttled, in trouble, no answer: retry_ms), ERR_CONFLICT
 * (read again), ERR_DENIED (the text names the right that is missing), others: refused for good.
 * No secret is ever in e.
 */
#ifndef ACTION_TICKET_H
#define ACTION_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "azure/arm.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "core/alert.h"
#include "core/settings.h"
#include "net/http.h"

/* Sentinel takes 5000 characters, ServiceNow 4000. */
#define TICKET_TEXT_MAX 3900
/* ServiceNow cuts a short description at 160 characters, Jira refuses a summary over 255. */
#define TICKET_TITLE_MAX 120

/* One that exists. */
struct ticket {
	struct str id;	   /* what calls need: a GUID, a sys_id, an issue key, a dedup_key */
	struct str number; /* as people say it */
};

/* What is to be told, and what may be used for it.  Belongs to one performer's thread. */
struct ticket_job {
	const struct settings_ticket *system;
	struct arm *arm;
	struct http *http;
	struct arena *arena;
	int64_t now_ms;
	const struct alert *alert;
	struct str key;	  /* the same for all that is told about one alert */
	struct str title; /* both without markup: core/card.h */
	struct str text;
	struct str once; /* UUID: the same when this very thing is told again */
	bool contained;	 /* all that was to be contained is */
	int64_t rest_ms; /* out: the system asked for a rest of this long (429) */
};

struct ticket_system {
	const char *name; /* for sentences: "ServiceNow" */
	/*
	 * The alert's ticket, when there is one.  NULL: cannot be asked for, and open() again is
	 * the same ticket.
	 */
	bool (*find)(struct ticket_job *j, struct ticket *out, bool *found, struct err *e);
	/* A ticket, after find() saw none. */
	bool (*open)(struct ticket_job *j, struct ticket *out, struct err *e);
	/* open() twice makes two: what it may have done must be found before it is called again. */
	bool doubles;
	int64_t settles_ms; /* find() may not see for so long what open() made */
	bool (*comment)(struct ticket_job *j, const struct ticket *t, struct err *e);
	/* *closed false: it was only told, as the settings or somebody's work on it want it. */
	bool (*close)(struct ticket_job *j, const struct ticket *t, bool *closed, struct err *e);
};

const struct ticket_system *ticket_system(enum ticket_type type);

#endif
