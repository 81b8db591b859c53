/*
 * What `correlation` of a rule becomes.  Made by correlation_parse.c, asked by correlation.c.
 */
#ifndef CORE_CORRELATION_PARTS_H
#define CORE_CORRELATION_PARTS_H

#include "base/diag.h"
#include "base/yaml.h"
#include "core/rules.h"

enum correlation_type {
	CORRELATION_EVENTS,
	CORRELATION_VALUES,
	CORRELATION_TEMPORAL,
	CORRELATION_ORDERED,
};

/* What is counted of one rule. */
struct feed {
	struct hash128 id;
	size_t rule;	      /* its index */
	struct str *group_by; /* fields of its alerts */
	size_t n;
	struct str value;    /* value_count: the field that is counted; "" = none */
	int64_t timespan_ms; /* the longest of all that count it so */
	size_t *counted_by;  /* indexes of the correlations */
	size_t n_counted_by;
};

struct correlation {
	enum correlation_type type;
	const char *type_name;
	struct str *rules; /* names, in the order written */
	size_t n;
	struct feed **feeds;  /* one for each, once the rules are linked */
	struct str *group_by; /* as written */
	size_t n_group_by;
	struct str value;
	int64_t timespan_ms;
	int64_t least, most; /* what is counted is within both; INT64_MAX = no upper end */
	struct str wanted;   /* the condition in words */
	struct hash128 id;
	const struct yaml *y; /* where it is written: only while the rules are read */
};

/* ---- reading it ---- */

/* Of the key `correlation`.  NULL when d got errors. */
struct correlation *correlation_parse(const struct yaml *y, struct arena *a, struct diags *d);

/* How rules are found while they are linked. */
struct correlation_rules {
	struct rule *list;
	size_t n;
	/* The rule of that name; SIZE_MAX: there is none. */
	size_t (*find)(void *ctx, struct str name);
	void *ctx;
};

/*
 * Once all rules are read: each correlation is bound to the rules that it counts, which stand
 * before it.  Gives the feeds of all, each once.
 */
struct feed **
correlations_link(struct correlation_rules *r, size_t *n_feeds, struct arena *a, struct diags *d);

/* ---- asking it ---- */

struct counting; /* of one alert */

struct counting *counting_new(const struct alert *al, const struct past *past, struct arena *a);
/* The rule said yes or unsure: this alert is a hit of all its feeds. */
void counting_note(struct counting *c, const struct verdict *v);
/* A correlation is asked; `match` is what its match, if it has one, said. */
void counting_ask(struct counting *c, struct verdict *v, enum answer match);
void counting_done(const struct counting *c, struct counted *out);

#endif
