/*
 * Rules in Sigma's words (https://sigmahq.io/sigma-specification/), and the judge.
 *
 *	rules:
 *	  - name: isolate-on-suspicious-process
 *	    match: {severity: High, alertDisplayName|contains: Suspicious process executed}
 *	    actions: [{isolate_vm: {}}, {notify: soc}]
 *
 * `match` is a mapping of conditions that must all hold, a list of such mappings of which one must
 * hold, or named selections with `condition`.  Values are compared without case; * and ? are
 * wildcards, a backslash takes their meaning away.  A list of values is any-of, with the modifier
 * `all` each.  What may stand behind a field is a table, src/core/modifiers.c.
 *
 * With `correlation` a rule counts what other rules said, see core/correlation.h.
 */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/str.h"
#include "base/yaml.h"
#include "core/alert.h"
#include "core/correlation.h"
#include "core/param.h"

/*
 * Three-valued: a limit of the matcher or a value that cannot be compared is "unsure".  The fourth
 * is in traces alone: the answer was known before it was asked.
 */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNSURE, ANSWER_NOT_ASKED };

/* What a step acts on. */
enum target_kind {
	TARGET_RESOURCE, /* the alert's Azure resource */
	TARGET_NAMED,	 /* something of the settings: a channel, a ticket system */
};

struct rule_action {
	struct str name;   /* "isolate_vm" */
	struct str params; /* one line of JSON, defaults filled in, keys in table order */
	enum target_kind target;
	struct str named; /* TARGET_NAMED: its name, "soc" */
	bool disruptive;  /* counts against budgets; never done for a sample or when unsure */
	bool reports;	  /* tells people what was done: waits for the others */
	bool pages;	  /* people are told by it: silences hold it back */
};

/*
 * core/ does not know which actions exist: rules_parse() is given this.  What is wrong
 * goes to d.  False: the action is not usable.
 */
typedef bool rule_action_check(const void *ctx, const struct yaml *name, const struct yaml *params,
    struct arena *a, struct rule_action *out, struct diags *d);

/*
 * The text of a file that a rule names, beside the folder of the rule file.  *out: its name, for
 * messages and for who watches it, and its text, both in a.
 */
typedef bool rule_file_read(
    struct str folder, struct str path, struct arena *a, struct source *out, struct err *e);

/* What core/ does not know of itself, for rules_parse(). */
struct rules_outside {
	rule_action_check *check;
	const void *ctx;				      /* of check */
	bool (*is_action)(struct str name);		      /* that check knows; NULL: not told */
	rule_file_read *read;				      /* NULL: no file may be named */
	struct zone *(*zone)(struct str name, struct err *e); /* zone_open(); NULL: only UTC */
	int64_t now_ms; /* for what is only warned of: how long something still holds */
};

/* What is to come of a test's alert; what is not said may be anything.  Run by core/rule_test.h. */
struct rule_expect {
	bool says_fires;
	enum answer fires;
	/* Names of actions, exactly these: done, held for approval, refused by a guard; or NULL. */
	const struct json *actions, *held, *refused;
	struct str reason; /* stands in the reason of each that is held or refused; "" = any */
};

/* A test in the rule file. */
struct rule_test {
	int line, col;
	struct str alert;	   /* file, relative to the rule file; "" = written in the test */
	int alert_line, alert_col; /* where that stands */
	struct str written;	   /* the alert, JSON; "" = in the file */
	const struct json *overrides; /* fields that are otherwise than there, by path; or NULL */
	int64_t at_ms;		      /* when it is tried; 0 = now */
	struct rule_expect expect;
};

enum rule_mode { RULE_ENFORCE, RULE_SHADOW, RULE_OFF };

struct rule {
	struct str name;
	struct str description;
	struct str file; /* where it is written */
	int line, col;
	enum rule_mode mode;
	bool allow_sample;	  /* sample alerts may be acted on destructively */
	bool stop;		  /* when it fires, no later rule is asked */
	struct rule_times *times; /* when it acts; NULL: always */
	int64_t cooldown_ms;	  /* 0 = none */
	struct str *cooldown_by;  /* fields; none: whatever the alert is about */
	size_t n_cooldown_by;
	struct rule_action *actions;
	size_t n_actions;
	struct rule_test *tests;
	size_t n_tests;
	struct matcher *matcher;	 /* judge.c; NULL: a correlation that takes every alert */
	struct correlation *correlation; /* correlation.c; NULL: it is none */
	struct feed **feeds;		 /* under which a hit of this rule is kept */
	size_t n_feeds;
};

/* The keys of a rule file, for the reference and the schema. */
extern const struct param rule_file_params[];

struct rules; /* immutable; many threads may read it */

/*
 * All files together, in the order given; rule names are unique over all of them.  NULL when d has
 * errors.  The result owns a copy of all it needs.  `hash` of the texts names the version.
 */
struct rules *rules_parse(
    const struct source *files, size_t n, const struct rules_outside *outside, struct diags *d);
void rules_free(struct rules *r);
size_t rules_count(const struct rules *r);
const struct rule *rules_at(const struct rules *r, size_t i);
struct str rules_hash(const struct rules *r); /* 12 hex digits */
/* Other files that were read for them: a change of one is a change of the rules. */
size_t rules_lists(const struct rules *r);
struct str rules_list(const struct rules *r, size_t i);
struct str rules_list_text(const struct rules *r, size_t i); /* only while the diags live */

/* A condition as it is written. */
struct rule_condition {
	int line, col;
	struct str selection, field, wanted; /* as in struct trace_line */
};
/* The conditions of a rule, in the order of the file. */
size_t rule_conditions(const struct rule *rule);
struct rule_condition rule_condition(const struct rule *rule, size_t i);

/* Does it act only at some times? */
bool rule_is_timed(const struct rule *rule);

/* What is counted of a rule: the name under which its hits are kept, and for how long at least. */
struct rule_feed {
	struct hash128 id;
	struct str rule;
	int64_t timespan_ms;
	bool plain; /* the rule is no correlation: its hits can be told from the alert alone */
};
size_t rules_feeds(const struct rules *r);
struct rule_feed rules_feed(const struct rules *r, size_t i);

/* ---- judge ---- */

/* One condition as it was tried. */
struct trace_line {
	struct str selection; /* "" for a plain match */
	size_t group;	      /* of a list of which one must hold: which, from 1; 0 = no list */
	struct str field;   /* as the rule writes it, with modifiers: "alertDisplayName|contains" */
	struct str wanted;  /* "Suspicious process executed", "High or Medium" */
	struct str seen;    /* the value of the alert, shortened; "(absent)" */
	struct str note;    /* which line of a list held it, or did once; or empty */
	struct str problem; /* why unsure; empty otherwise */
	enum answer answer;
	bool stopped;	  /* the rule's answer was known with this one: asked last */
	size_t condition; /* its number in the rule, rule_condition() */
	/* Of a correlation: its type; field is empty, wanted a sentence.  NULL: a condition. */
	const char *correlation;
	int64_t *alerts; /* numbers of those that counted, this one left out; the newest first */
	size_t n_alerts;
};

struct selection_answer {
	struct str name;
	enum answer answer;
};

struct verdict {
	const struct rule *rule;
	enum answer answer;
	struct str muted; /* why its actions are held back, for the record; "" = they are not */
	struct trace_line *lines; /* in the order in which they were asked, others behind them */
	size_t n_lines;
	struct str condition; /* over named selections, as written; "" = a plain match */
	struct selection_answer *selections;
	size_t n_selections;
};

#define TRACE_VALUE_MAX 200

/*
 * The verdicts as of now_ms, in the order of the rules; rules that are off, or behind a `stop` that
 * fired, are left out.  Needs no lock; spends at most a bounded time on each condition.
 *
 * Of many rules rules_judge() leaves out those that are certain to say no, at a cost that hardly
 * depends on how many there are: what it lists as yes or unsure is the same.  It returns how many
 * it left out so.
 */
size_t rules_judge(const struct rules *r, const struct alert *al, int64_t now_ms, struct arena *a,
    struct verdict **out, size_t *n);
void rules_judge_all(const struct rules *r, const struct alert *al, int64_t now_ms, struct arena *a,
    struct verdict **out, size_t *n);

/* Asks one rule, whatever others say and whether or not it is off. */
enum answer rule_judge(const struct rule *rule, const struct alert *al, int64_t now_ms,
    struct arena *a, struct trace_line **lines, size_t *n);
/* The same, with those lines alone that decided: one of them is to be otherwise for another answer.
 */
enum answer rule_decided_by(const struct rule *rule, const struct alert *al, int64_t now_ms,
    struct arena *a, struct trace_line **lines, size_t *n);

/* The same with what was received before, in place of nothing, and what is to be remembered. */
struct judged {
	struct verdict *verdicts;
	size_t n;
	size_t left_out;
	struct counted counted;
};
void rules_judge_after(const struct rules *r, const struct alert *al, int64_t now_ms,
    const struct past *past, struct arena *a, struct judged *out);
void rules_judge_all_after(const struct rules *r, const struct alert *al, int64_t now_ms,
    const struct past *past, struct arena *a, struct judged *out);

const char *answer_name(enum answer a); /* "no", "yes", "unsure", "not asked" */

#endif
