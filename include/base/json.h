/*
 * JSON.  Two views of the same thing:
 *
 * - text: json_check() is a strict RFC 8259 scan (UTF-8, numbers, control bytes, depth, no \u0000);
 *   on text it passed, members and elements can be walked as slices of the text, without a tree and
 *   without losing a digit;
 * - tree: json_parse() scans first, then builds nodes.  Nodes live in the arena they were made in
 *   and are never freed one by one.  Every function accepts NULL where a node is expected and
 *   treats it as absent.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Deeper nesting is refused: nothing real needs it and the stack has an end. */
#define JSON_DEPTH_MAX 64

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* ---- text ---- */

/* The whole text is one JSON value.  The error says what is wrong and at which byte. */
bool json_check(struct str text, struct err *e) MUST_CHECK;

/* All below: only on text that json_check() passed, or a slice that one of these handed out. */
enum json_type json_text_type(struct str value);
/* Walk an object: *at starts at 0.  key is still escaped (see json_text_string). */
bool json_text_member(struct str object, size_t *at, struct str *key, struct str *value);
bool json_text_element(struct str array, size_t *at, struct str *value);
/* The first member of that name; names are compared by their decoded text, case-sensitive. */
bool json_text_find(struct str object, const char *name, struct str *value);
/* The decoded text of a string value; empty when it is not a string. */
struct str json_text_string(struct str value, struct arena *a);

/* ---- tree ---- */

struct json;

/* NULL on failure. */
struct json *json_parse(struct str text, struct arena *a, struct err *e) MUST_CHECK;
struct str json_print(const struct json *j, struct arena *a);	     /* one line */
struct str json_print_pretty(const struct json *j, struct arena *a); /* for people */

enum json_type json_type(const struct json *j); /* JSON_NULL for NULL */
bool json_is(const struct json *j, enum json_type type);
const struct json *json_get(const struct json *object, const char *name);
const struct json *json_get_str(const struct json *object, struct str name);
const struct json *json_get_nocase(const struct json *object, struct str name);
/* "properties.networkProfile.networkInterfaces": names joined by dots, case-sensitive. */
const struct json *json_at(const struct json *j, const char *path);
struct str json_text(const struct json *j); /* of a string; empty otherwise */
bool json_true(const struct json *j);
bool json_int(const struct json *j, int64_t *out); /* a whole number within 2^53 */
double json_number(const struct json *j);	   /* 0 when it is not a number */
/* A scalar as text: strings as they are, numbers and booleans as JSON writes them; else empty. */
struct str json_scalar(const struct json *j, struct arena *a);

size_t json_count(const struct json *j);
const struct json *json_first(const struct json *j); /* first child of an array or object */
const struct json *json_next(const struct json *child);
struct str json_name(const struct json *child); /* its member name; empty in an array */
bool json_equal(const struct json *x, const struct json *y);

struct json *json_object(struct arena *a);
struct json *json_array(struct arena *a);
struct json *json_string(struct str s, struct arena *a); /* invalid UTF-8 is replaced by U+FFFD */
struct json *json_integer(int64_t n, struct arena *a);
struct json *json_boolean(bool b, struct arena *a);
struct json *json_null(struct arena *a);
struct json *json_copy(const struct json *j, struct arena *a); /* deep */

/*
 * Put a value in: a member of that name is replaced.  value belongs to its new parent; a node has
 * one parent, copy it if it is needed twice.  The object must be in arena a.
 */
void json_set(struct json *object, const char *name, struct json *value, struct arena *a);
void json_set_str(struct json *object, const char *name, struct str value, struct arena *a);
void json_set_cstr(struct json *object, const char *name, const char *value, struct arena *a);
void json_set_int(struct json *object, const char *name, int64_t value, struct arena *a);
void json_set_bool(struct json *object, const char *name, bool value, struct arena *a);
void json_add(struct json *array, struct json *value, struct arena *a);
void json_remove(struct json *object, const char *name);
/* As json_get() and json_at(), for changing what is found. */
struct json *json_member(struct json *object, const char *name);
struct json *json_path(struct json *j, const char *path);
struct json *json_child(struct json *parent);  /* as json_first */
struct json *json_sibling(struct json *child); /* as json_next */

#endif
