/*
 * How two ways to decide the same past differ: fed with each event's two decisions, it counts what
 * would be done to which resource, whom it would tell, which budgets it would meet, and which rules
 * fire.  Pure; one thread.
 *
 * "done" stands for let through: what then came of it nobody can tell.
 */
#ifndef CORE_DIFFERENCE_H
#define CORE_DIFFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/decide.h"

/* What a plan says about one effect on one resource. */
enum effect { EFFECT_NONE, EFFECT_REFUSED, EFFECT_SHADOW, EFFECT_HELD, EFFECT_DONE };
#define EFFECTS (EFFECT_DONE + 1)

/* Resources are kept up to here, and alerts of each that show why; what is left out is counted. */
#define DIFFERENCE_ROWS_MAX 20000
#define DIFFERENCE_CASES_MAX 5
/* Of what was decided otherwise then, only examples are kept. */
#define DIFFERENCE_THEN_MAX 200

/* An alert about which the two decide otherwise. */
struct difference_case {
	int64_t alert, at_ms; /* row, received */
	struct str name;
	struct {
		enum effect effect;
		struct str rule, reason;
	} before, after;
	bool params; /* done both times, with other parameters */
};

/* A disruptive action on a resource. */
struct difference_row {
	struct str action, target;
	int64_t before[EFFECTS], after[EFFECTS];
	int64_t differ; /* alerts about which they decide otherwise */
	struct difference_case *cases;
	size_t n_cases;
};

/* Something that is counted twice. */
struct difference_count {
	struct str what, where; /* "notify", "soc"; of a budget its reason and "" */
	struct str rule;	/* "" = of no rule */
	int64_t before, after;
};

struct difference_rule {
	const struct rule *before, *after; /* NULL: not among those */
	int64_t fired[2], unsure[2];	   /* before and after */
};

struct difference_totals {
	int64_t events, alerts; /* that were decided; alerts: each once */
	int64_t oldest_ms, newest_ms;
	int64_t unreadable, refused, notices; /* by today's settings */
	int64_t cards[2];		      /* notify, before and after */
	int64_t left_out;		      /* rows beyond DIFFERENCE_ROWS_MAX */
	/* Of what was decided then, as it is stored: */
	int64_t other_rules;  /* events that other rules decided than those of before */
	int64_t then_differs; /* events about which before decides otherwise today */
};

struct difference;

/* Both sets of rules must outlive it. */
struct difference *difference_new(const struct rules *before, const struct rules *after);
void difference_free(struct difference *d); /* NULL is fine */

struct difference_event {
	int64_t alert, received_ms;
	bool is_first;	  /* of its alert */
	bool other_rules; /* decided it then */
	/* What was decided then to change something. */
	bool has_then;
	const struct step *then;
	size_t n_then;
};
/* Plans are as the ledger left them: without what was put before. */
void difference_add(struct difference *d, const struct difference_event *ev,
    const struct decided *before, const struct decided *after);

/* ---- what came out; all is borrowed from d ---- */

const struct difference_totals *difference_totals(const struct difference *d);
/* Rows that differ, those with more or less done first, then by action and target. */
const struct difference_row **difference_rows(struct difference *d, size_t *n);
/* What tells people or systems: notify, open_ticket, ... by rule; differing or not. */
const struct difference_count *difference_messages(struct difference *d, size_t *n);
const struct difference_count *difference_budgets(struct difference *d, size_t *n);
const struct difference_rule *difference_rules(struct difference *d, size_t *n);
/* Examples of what was decided otherwise then: before is then, after is today. */
const struct difference_row **difference_then(struct difference *d, size_t *n);

/* Resources by which this action is done in one of the two only, or in both. */
struct difference_gain {
	int64_t more, less, same;
};
struct difference_gain difference_gain(const struct difference *d, struct str action);
bool difference_any(const struct difference *d); /* does anything differ? */
const char *effect_name(enum effect e); /* "nothing", "refused", "shadow", "held", "done" */

#endif
