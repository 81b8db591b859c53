/*
 * What is to be done about one alert: steps, with guards applied and reasons kept.  Pure: facts
 * that need a look-up are handed in.
 */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "core/alert.h"
#include "core/rules.h"
#include "core/settings.h"
#include "core/silence.h"

/*
 * Stored as text (step_state_name): a new state needs a name there and a place in every switch the
 * compiler then complains about.
 */
enum step_state {
	STEP_WAITING,  /* to be done at due_ms, or again */
	STEP_RUNNING,  /* a performer has the lease */
	STEP_APPROVAL, /* held for a person */
	STEP_DONE,
	STEP_FAILED,
	STEP_REFUSED,	 /* by a guard; reason says which */
	STEP_SUPPRESSED, /* people are not told: core/mute.h; reason says why */
	STEP_SHADOW,	 /* would have been done; shadow mode */
};

/* The record of one effect.  Stored: a new member needs a column in the schema, STEP_COLUMNS and
 * read_step(). */
struct step {
	int64_t id;	  /* given by the store; what people type */
	int64_t event_id; /* rows of the store */
	int64_t alert_id;
	struct str key;	 /* same key = same effect: (alert, action, params, target, undo) */
	struct str rule; /* the first rule that asked for it */
	struct str action;
	struct str target; /* resource id rebuilt from its parts, or a channel's name */
	struct str params; /* JSON */
	bool disruptive, reports;
	bool pages;	 /* people are told by it, as in struct rule_action; not stored */
	int64_t undo_of; /* id of the step that this one takes back; 0 = a step forward */
	enum step_state state;
	struct str reason; /* why refused, held, failed or shadow */
	int64_t attempts;  /* claims, good and bad */
	int64_t troubles;  /* in a row: tries without progress, and without a hint when to come */
	/* Wall clock.  STEP_APPROVAL: refused at due_ms, when that is later than created_ms. */
	int64_t created_ms, due_ms, settled_ms;
	struct str before;	/* JSON: what was there; committed before the first change */
	struct str cursor;	/* JSON: where a long operation stands; the action's own */
	struct str result;	/* JSON: what was done */
	struct str destination; /* what rests together when throttled */
	/* Who approved it, "Ann (command line), Ben (link in soc)"; of the table of approvals. */
	struct str approved_by;
	int64_t silence; /* that suppressed it; 0 = none */
};

/* One call to Azure as it happened: the timeline of a step. */
struct step_call {
	int64_t at_ms;
	struct str method, path; /* path without query */
	int status;		 /* 0 = no answer */
	struct str request_id;	 /* x-ms-request-id, what Microsoft's support asks for */
	struct str error;	 /* "code: message"; "" when it went well */
};

/* Which disruptive steps a budget counts: those of an action that were let through since then. */
struct step_filter {
	struct str action;
	struct str subscription; /* in this one, without case; "" = in all */
	struct str target;	 /* on this one, without case; "" = on any */
	struct str rule;	 /* that this one asked for; "" = any */
	int64_t since_ms;
};

/* When, and because of which alert. */
struct rule_fired {
	int64_t at_ms;
	int64_t alert; /* as people type it */
	struct str alert_key;
};

/* What the guards need to know and core/ cannot look up itself. */
struct guard_facts {
	int64_t now_ms;
	int64_t (*count)(void *ctx, const struct step_filter *which);
	void *count_ctx;
	int64_t panic_ms; /* a person stopped all that is destructive then; 0 = nobody did */
	/*
	 * The key of the digest with these parameters that waits for the channel; "" = none waits.
	 * ctx is count_ctx.
	 */
	struct str (*waiting_digest)(
	    void *ctx, struct str channel, struct str params, struct arena *a);
	/*
	 * When the rule last fired for what it tells apart (core/cooldown.h); false: it did not.
	 * ctx is count_ctx.  NULL: as if it never had.
	 */
	bool (*fired)(
	    void *ctx, struct str rule, struct str key, struct arena *a, struct rule_fired *out);
	/* Why a person is to look at all that is destructive, as a reason; "" or all zeros: no. */
	struct str doubt;
	const struct silences *silences; /* NULL = there are none */
};

struct plan {
	struct step *steps; /* waiting, approval, refused, suppressed or shadow */
	size_t n;
	/* Rules with a cooldown that begins now, to be kept with the plan. */
	struct firing {
		struct str rule, key;
		int64_t until_ms;
	} * firings;
	size_t n_firings;
};

/*
 * Equal steps of several rules are one.  A rule that is unsure gives its disruptive steps as
 * refused ("unsure ...") and its others as if it had fired.
 */
void plan_build(const struct settings *s, const struct verdict *v, size_t nv,
    const struct alert *al, const struct guard_facts *facts, struct arena *a, struct plan *out);

/* Key of a step; undo_of distinguishes taking back from doing. */
struct str step_key(struct str alert, struct str action, struct str params, struct str target,
    int64_t undo_of, struct arena *a);

/* The step that takes a finished one back, due then.  Copies what undo needs. */
void step_undo(
    const struct step *done, struct str alert, int64_t due_ms, struct arena *a, struct step *out);

/*
 * What becomes of a thing that somebody changed since: "force" puts it back all the same, "merge"
 * leaves it as it is now.  Without this the way back stops there and says so.  Another answer is
 * another step.
 */
void step_undo_anyway(struct step *undo, struct str alert, const char *how, struct arena *a);
/* NULL when nothing was said. */
const char *step_undo_how(const struct json *params);

/* Was it refused because its rule is to be quiet now?  It is recorded, and nobody is told. */
bool step_is_quiet(const struct step *s);

/* Of "/subscriptions/<this>/...", in lower case, for budgets; empty for other targets. */
#define STEP_SUBSCRIPTION_MAX 64
struct str step_subscription(struct str target, char out[STEP_SUBSCRIPTION_MAX]);

/* Was it refused or held because a budget is used up, or its target cools down? */
bool step_met_budget(const struct step *s);
/* Was it refused because a budget is used up? */
bool step_is_over_budget(const struct step *s);

/* When a step that is held is refused; 0 = it is not held, or for ever. */
int64_t step_held_until_ms(const struct step *s);

const char *step_state_name(enum step_state s);
bool step_state_parse(struct str name, enum step_state *out);

#endif
