/*
 * Reading loose JSON: what alert.c and alert_field.c share.
 */
#ifndef CORE_ALERT_PARTS_H
#define CORE_ALERT_PARTS_H

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"

/* The object or array that a string holds; anything else is given back as it is. */
const struct json *look_inside(const struct json *j, struct arena *a);

/* The first member of these names ("intent|Tactics", without case) that is not null; or NULL. */
const struct json *first_of(const struct json *object, const char *names);

/* The first of these members that has text: a scalar, or an object with `value`. */
struct str text_of(const struct json *object, const char *names, struct arena *a);

/*
 * The words of a list in any of its forms: an array, an array inside a string, text with commas.
 * Gives at most max of them.
 */
size_t words_of(const struct json *j, struct arena *a, struct str *out, size_t max);

#endif
