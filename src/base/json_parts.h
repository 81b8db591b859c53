/*
 * Small pieces between json_read.c and json_text.c.
 */
#ifndef BASE_JSON_PARTS_H
#define BASE_JSON_PARTS_H

#include "base/str.h"

/* Bytes at the front that a JSON string holds as they are: ASCII, no quote, backslash, control. */
size_t json_plain_length(struct str s);

/* Four hex digits at p, or -1. */
int json_hex4(const unsigned char *p, const unsigned char *end);

#endif
