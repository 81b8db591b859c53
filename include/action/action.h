/*
 * Actions: what rules can ask for.  A new action is one file with one struct, and one line in the
 * table in actions.c.
 *
 * run() is called again after every LATER, after a crash and after a lost lease: it looks before it
 * acts, and finds its own earlier work done.  What it puts into step->before, ->cursor and
 * ->result is committed when it returns, before it is called again: so what undo needs is recorded
 * by returning OUTCOME_LATER with delay 0 *before* the first change.
 */
#ifndef ACTION_ACTION_H
#define ACTION_ACTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "azure/arm.h"
#include "base/arena.h"
#include "base/err.h"
#include "core/approval.h"
#include "core/card.h"
#include "core/param.h"
#include "core/plan.h"
#include "core/rules.h"
#include "core/settings.h"

enum outcome {
	OUTCOME_DONE,	 /* the effect is there; result says what */
	OUTCOME_LATER,	 /* call again: e->retry_ms from now; e->text says what is waited for */
	OUTCOME_NEVER,	 /* cannot be done: e says why */
	OUTCOME_REFUSED, /* a guard forbids it, seen only now (a protecting tag): e says which */
};

/* What a step may use.  Belongs to one performer's thread. */
struct action_env {
	const struct settings *settings;
	struct arm *arm; /* its calls are the step's timeline */
	struct http *http;
	struct arena *arena; /* the job's */
	int64_t now_ms;
	int64_t rest_ms;	   /* out: the destination asked for a rest of this long (429) */
	const struct alert *alert; /* the alert that the step is about */
	const struct verdict_text *reasons; /* why the rules fired, for reports */
	size_t n_reasons;
	const struct step
	    *steps; /* all steps of that alert, for reports; of a digest what it tells */
	size_t n_steps;
	int64_t digest; /* how many steps a digest is about; 0 = the step is none */
	/* What the same action did to the same machine lately, and was not taken back. */
	const struct step *earlier;
	size_t n_earlier;
	const atomic_bool *halted; /* look before each destructive change; may be NULL */
	const struct approval_page *approvals; /* for links in cards; NULL = there is no page */
};

struct action {
	const char *name;	    /* as rules write it: "isolate_vm" */
	const char *help;	    /* one line, for check, the console and the manual */
	const struct param *params; /* rules are checked against these when they are read */
	/* What the table cannot say; e says what is wrong with the parameters.  NULL = nothing. */
	bool (*check)(const struct json *params, struct err *e);
	const char *shorthand; /* "- notify: soc" means {channel: soc}; NULL = none */
	const char *named_by;  /* the parameter that names the target; NULL = the resource */
	/* With named_by: the i-th name that the settings have; false = no more. */
	bool (*name_of)(const struct settings *s, size_t i, struct str *out);
	const char *named_what;		/* for sentences: "channel" */
	const char *const *permissions; /* Azure operations it needs; ends with NULL */
	/* Application permissions of that service, which are no Azure operations; or NULL. */
	const char *const *app_roles;
	const char *service; /* what throttles its steps together; NULL = their subscription */
	bool disruptive;     /* counts against budgets, can be held for approval */
	bool reports;	     /* tells people: done last */
	/* Of another that tells people, as a pager does: does it, with this name?  NULL = never. */
	bool (*pages)(const struct settings *s, struct str name);
	/* Cuts a machine off: it has a state (core/containment.h), and its undo stops at drift. */
	bool contains;
	/* A step of it that reports is told what became of others after it was done: report.h */
	bool follows;
	enum outcome (*run)(struct action_env *env, struct step *step, struct err *e);
	enum outcome (*undo)(
	    struct action_env *env, struct step *step, struct err *e); /* or NULL */
};

extern const struct action *const actions[]; /* ends with NULL */
const struct action *action_find(struct str name);
const char *action_nearest(struct str name); /* for "did you mean"; NULL when none is near */

/* For rules_parse(); ctx is the const struct settings * that names channels, or NULL. */
bool action_check(const void *ctx, const struct yaml *name, const struct yaml *params,
    struct arena *a, struct rule_action *out, struct diags *d);

/*
 * A warning for each file of a credential that is of no use, at its place in src: it may be mended
 * later, and is read again for each token.
 */
void action_try_credentials(
    const struct settings *s, const struct source *src, struct arena *a, struct diags *d);

/* What rests when a step is throttled: a subscription, a channel.  Steps of it wait together. */
struct str action_destination(const struct step *s, struct arena *a);

/* ---- for the performers: all they need to know of the floors below ---- */

struct action_shared; /* one for each version of the settings; any thread may use it */
struct action_shared *action_shared_new(const struct settings *s); /* s must outlive it */
void action_shared_free(struct action_shared *sh);

struct performer; /* one for each performer's thread: its connections */
/* While *ending is true its calls are cut off; see http_obey(). */
struct performer *performer_new(struct action_shared *sh, const atomic_bool *ending);
void performer_free(struct performer *p);

/* What the daemon hands in with a claimed step. */
struct job {
	struct step step;
	const struct alert *alert;
	struct str correlation_id;
	const struct verdict_text *reasons;
	size_t n_reasons;
	const struct step *steps;
	size_t n_steps;
	int64_t digest;
	const struct step *earlier; /* as in action_env; for actions that contain */
	size_t n_earlier;
	const atomic_bool *halted; /* nothing destructive goes on; NULL = never */
	const struct approval_page *approvals;
	/* out */
	int64_t rest_ms;
	const struct step_call *calls;
	size_t n_calls;
};

/* Run (or, when step.undo_of is set, undo) the job's step once.  All in arena a. */
enum outcome
performer_run(struct performer *p, struct job *job, int64_t now_ms, struct arena *a, struct err *e);

/* Once, before threads. */
bool action_global_init(struct err *e) MUST_CHECK;

#endif
