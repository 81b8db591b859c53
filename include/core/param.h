/*
 * What may be written in a YAML file, as data.  One table of these gives the parser, the defaults
 * and the words of every refusal; the settings file and the actions of the rule files both use it.
 */
#ifndef CORE_PARAM_H
#define CORE_PARAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/yaml.h"

enum param_type {
	PARAM_TEXT,
	PARAM_BOOL,
	PARAM_INTEGER,	/* within min..max */
	PARAM_DURATION, /* "8h"; becomes milliseconds, min..max are milliseconds */
	PARAM_SIZE,	/* "4MiB", "512KiB" or bytes; becomes bytes */
	PARAM_CHOICE,	/* one of choices, separated by '|' */
	PARAM_PORT,	/* 1..65535 */
	PARAM_CIDR,	/* IPv4 or IPv6 address with or without prefix length */
	PARAM_URL,	/* https://host[:port][/path]; http:// on this machine, or for the host
			   in choices */
	PARAM_RESOURCE_ID,
	PARAM_GROUP,	  /* a mapping with the keys of `group` */
	PARAM_NAMED,	  /* a mapping from names of the user's choice to `group` */
	PARAM_STRING_MAP, /* a mapping from text to text */
	PARAM_TREE,	  /* any mapping: JSON, in which texts without quotes that JSON knows as
			     numbers, true or false are those */
	PARAM_TEXT_OR_TREE,
	PARAM_SHAPE,   /* apart, and no mapping of keys: `shape` names what it looks like */
	PARAM_REFUSED, /* known, and not in this version: help says why and what to do */
};

struct param {
	const char *name;
	enum param_type type;
	bool list; /* a list of these; a single one is taken as a list of one */
	bool required;
	const char *fallback; /* as the user would write it; NULL = absent when not written */
	int64_t min, max;
	const char *choices;
	const struct param *group; /* ends with an entry whose name is NULL */
	const char *shape;	   /* PARAM_SHAPE: a name of core/shapes.h */
	const char *shorthand;	   /* PARAM_GROUP: a single text stands for {shorthand: text} */
	bool absent;		   /* PARAM_GROUP: no defaults when it is not written at all */
	bool apart;	  /* params_read() asks only whether it is there: who owns it reads it */
	const char *help; /* one line, for the manual and the schema */
};

/*
 * Check a mapping (the caller has seen that it is one) against a table and give the value as JSON,
 * defaults filled in; y NULL gives the defaults alone.  All mistakes go to d, with "did you mean"
 * for unknown keys.  What is wrong is left out of the result.
 */
struct json *
params_read(const struct param *table, const struct yaml *y, struct arena *a, struct diags *d);

#endif
