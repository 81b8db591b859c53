/*
 * Places in a text: line and column, both from 1, the column in characters.  Lines end as in YAML:
 * LF, CR LF or a lone CR.
 */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

#include <stddef.h>

#include "base/str.h"

struct place {
	int line, col;
};

struct place place_of(struct str text, size_t offset);
/* Where one is after the bytes [from, to), having been at `at` before them. */
struct place place_walk(struct str text, struct place at, size_t from, size_t to);
/* The byte at a place; the end of the text when there is no such place. */
size_t place_offset(struct str text, struct place at);

#endif
