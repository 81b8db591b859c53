/*
 * YAML 1.2 (and so JSON) with the place of everything.  Strict: duplicate keys, aliases, anchors,
 * tags, merge keys, directives, several documents, a byte order mark, control characters and tabs
 * as indentation are mistakes, reported with their place.  Scalars stay text: what a value means
 * is decided by who knows its type.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"

/* Larger files, deeper trees and more values are refused before they cost anything. */
#define YAML_SIZE_MAX (1024 * 1024)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 100000

enum yaml_type { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml;
struct yaml_pair {
	struct yaml *key; /* always a scalar */
	struct yaml *value;
};

/* Open data, in the arena it was parsed into. */
struct yaml {
	enum yaml_type type;
	const struct source *source;
	int line, col;		 /* 1-based place of its first character, col in characters */
	struct str text;	 /* scalar: its text */
	bool plain;		 /* scalar: written without quotes */
	bool null;		 /* scalar: plain and empty, ~, null, Null or NULL */
	size_t n;		 /* sequence: items; mapping: pairs */
	struct yaml **items;	 /* sequence */
	struct yaml_pair *pairs; /* mapping, in the order of the file */
};

/*
 * Parse one file.  NULL when there is no usable tree; the reasons are in d.  An empty file gives
 * an empty mapping.
 */
struct yaml *yaml_parse(const struct source *src, struct arena *a, struct diags *d);

struct yaml *yaml_get(const struct yaml *mapping, const char *key);	  /* NULL when absent */
struct yaml_pair *yaml_pair(const struct yaml *mapping, const char *key); /* with its key's place */
/*
 * Where the i-th value of a list is written: the list itself when it is not, or when the only value
 * stands without a dash.  NULL only for a list NULL.
 */
const struct yaml *yaml_entry(const struct yaml *list, size_t i);
const char *yaml_type_name(const struct yaml *y); /* "a text", "a list", "a mapping", "nothing" */

/* at NULL: a mistake without a place. */
void yaml_error(struct diags *d, const struct yaml *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void yaml_warning(struct diags *d, const struct yaml *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/*
 * A mistake inside a scalar, at a byte of its text.  Found again in the file even when the text was
 * folded over lines; behind an escape of a double-quoted text the place of the escape is given.
 */
void yaml_error_inside(struct diags *d, const struct yaml *scalar, size_t offset, const char *fmt,
    ...) PRINTF_LIKE(4, 5);

#endif
