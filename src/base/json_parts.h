/*
 * Small pieces between json_read.c, json_skip.c and json_text.c.
 */
#ifndef BASE_JSON_PARTS_H
#define BASE_JSON_PARTS_H

#include "base/json.h"
#include "base/str.h"

/* Bytes at the front that a JSON string holds as they are: ASCII, no quote, backslash, control. */
size_t json_plain_length(struct str s);

/* Four hex digits at p, or -1. */
int json_hex4(const unsigned char *p, const unsigned char *end);

/* Behind the number or word at p; NULL when it is none. */
const unsigned char *json_scalar_end(const unsigned char *p, const unsigned char *end);

/* This processor has what json_skip() takes. */
bool json_skip_possible(void);
/*
 * Behind the array or object at p, and how many values it is made of.  NULL when something is wrong
 * with it or with the bytes close behind it, when an object in it has more than JSON_MEMBERS_MAX
 * members, when it is nested deeper than depth_max, or when it is not possible here: read it by
 * steps then.
 */
const unsigned char *
json_skip(const unsigned char *p, const unsigned char *end, int depth_max, size_t *values);

/* The next value, not in one go: what json_skip() is held against. */
bool json_read_by_steps(struct json_reader *r) MUST_CHECK;

#endif
