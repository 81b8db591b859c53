/*
 * What `match` of a rule becomes: selections of conditions, and an expression over them.  Made by
 * match_parse.c and condition.c, asked by judge.c.
 */
#ifndef CORE_MATCHER_H
#define CORE_MATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/yaml.h"
#include "core/cidr.h"
#include "core/rules.h"
#include "rule_lists.h"

/* ---- text patterns (pattern.c) ---- */

/* Sigma's wildcards: * any text, ? one character, a backslash before them takes that away. */
enum element_kind { ELEMENT_CHAR, ELEMENT_ONE, ELEMENT_ANY };

struct pattern {
	struct element {
		enum element_kind kind;
		char c;
	} * elements;
	size_t n;
	struct str piece; /* the longest run of plain characters: in every text that fits */
	uint32_t *back; /* for each byte of it: how much of it still fits when the next does not */
	bool open;	/* nothing but that piece, anywhere in the text */
};

/*
 * What one condition may spend over all its values, in characters and steps: attackers choose the
 * values.  About fifty milliseconds; when it is used up the answer is unsure.
 */
#define CONDITION_WORK_MAX 20000000
/* All conditions of all rules together, about one alert: a quarter of a second. */
#define ALERT_WORK_MAX 100000000

void pattern_parse(
    struct str text, bool open_front, bool open_end, struct arena *a, struct pattern *out);
/*
 * *work is what is left to spend.  A text without the piece is a no that costs its length at most:
 * the index of rules relies on that (rule_index.c).
 */
enum answer pattern_match(const struct pattern *p, struct str text, bool cased, int64_t *work);

/* ---- regular expressions (regex.c), the one door to PCRE2 ---- */

#define REGEX_PATTERN_MAX 4096

struct regex; /* immutable; many threads may match with it */
/* flags: FLAG_RE_... of enum flag.  NULL on failure. */
struct regex *regex_new(struct str text, unsigned flags, size_t *error_at, struct err *e);
void regex_free(struct regex *r);
/* Finds it anywhere in the text.  A limit that was hit is unsure; *work as above. */
enum answer regex_match(const struct regex *r, struct str text, int64_t *work);

/* A decimal number as JSON writes it, and nothing else: no hexadecimal, no infinity. */
bool number_parse(struct str text, double *out);

/* ---- conditions ---- */

enum op {
	OP_LIKE, /* equal, with wildcards; also contains, startswith, endswith */
	OP_RE,
	OP_CIDR,
	OP_IN_FILE,
	OP_EXISTS,
	OP_GT,
	OP_GTE,
	OP_LT,
	OP_LTE,
};

enum flag {
	FLAG_ALL = 1,	      /* each of the values, not just one */
	FLAG_CASED = 2,	      /* upper and lower case matter */
	FLAG_RE_CASELESS = 4, /* OP_RE: they do not */
	FLAG_RE_LINES = 8,    /* OP_RE: ^ and $ are the ends of each line */
	FLAG_RE_DOT_ALL = 16, /* OP_RE: . is the end of a line too */
	FLAG_IN_FILE = 32,    /* OP_IN_FILE: the values are those of a file */
};
#define FLAGS_RE ((unsigned)(FLAG_RE_CASELESS | FLAG_RE_LINES | FLAG_RE_DOT_ALL))

struct wanted {
	struct str text;
	bool null; /* the field is absent or empty */
	bool exists;
	double number;
	enum severity level;
	struct pattern pattern;
	struct cidr cidr;
	struct regex *regex;
	const struct value_set *set; /* OP_IN_FILE */
};

struct condition {
	int line, col;
	size_t number;	    /* in its matcher, counted from 0 */
	struct str field;   /* without modifiers */
	struct str written; /* with them */
	struct str text;    /* the wanted values for the trace */
	enum op op;
	unsigned flags;	  /* of enum flag */
	bool negated;	  /* holds when none of the values is the field's */
	bool by_severity; /* compare as severities */
	struct wanted *wanted;
	size_t n;
};

/* All conditions must hold. */
struct group {
	struct condition *conditions;
	size_t n;
};

/* One group must hold. */
struct selection {
	struct str name; /* "" = the plain match */
	struct group *groups;
	size_t n;
};

enum node_kind { NODE_SELECTION, NODE_NOT, NODE_AND, NODE_OR };

struct node {
	enum node_kind kind;
	size_t selection;
	struct node *left, *right;
};

struct matcher {
	struct selection *selections;
	size_t n, n_conditions;
	struct str condition; /* over the selections, as written; "" = a plain match */
	struct node *root;
};

/* A loop over each condition of the matcher. */
#define FOR_EACH_CONDITION(m, c)                                                         \
	for (size_t s_ = 0; s_ < (m)->n; s_++)                                           \
		for (size_t g_ = 0; g_ < (m)->selections[s_].n; g_++)                    \
			for (size_t c_ = 0; c_ < (m)->selections[s_].groups[g_].n; c_++) \
				for (const struct condition *c =                         \
					 &(m)->selections[s_].groups[g_].conditions[c_]; \
				     c != NULL; c = NULL)

/* NULL when d got errors.  Regular expressions are owned by whoever frees the matcher. */
struct matcher *
match_parse(const struct yaml *match, struct rule_lists *lists, struct arena *a, struct diags *d);
void matcher_done(struct matcher *m);
/* Does some condition ask for one of these fields? */
bool matcher_asks(const struct matcher *m, const char *const *fields, size_t n);

/* A field that looks like a slip of one that alerts have is warned of. */
void warn_misspelt_field(struct str field, const struct yaml *y, struct diags *d);

/* The words of a condition, and what cannot stand in one, are no names. */
bool selection_name_fits(struct str name);

/* `condition: a and not (b or c)` over the selections of m. */
struct node *
condition_parse(const struct yaml *text, const struct matcher *m, struct arena *a, struct diags *d);
/* It as one text, of a list "(a) or (b)". */
struct str condition_text(const struct yaml *condition, struct arena *a);

/* One alert while rules are asked about it: what may still be spent, and fields looked up once. */
#define FIELDS_KEPT_MAX 32
struct inquiry {
	const struct alert *alert;
	int64_t now_ms;
	struct arena *arena;
	int64_t work; /* left */
	struct kept_field {
		struct str name;
		struct field_values values;
	} kept[FIELDS_KEPT_MAX];
	size_t n_kept;
};
struct inquiry *inquiry_new(const struct alert *al, int64_t now_ms, struct arena *a); /* in a */

/* All of *out but the rule. */
void matcher_judge(const struct matcher *m, struct inquiry *q, struct verdict *out);
/* The same with the lines alone that decided. */
enum answer matcher_decided_by(
    const struct matcher *m, struct inquiry *q, struct trace_line **lines, size_t *n);

#endif
