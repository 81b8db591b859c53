/*
 * JSON.  Two views of the same thing:
 *
 * - text: json_check() is a strict RFC 8259 scan (UTF-8, numbers, control bytes, depth, no \u0000).
 *   A reader does the same scan and hands out what the caller asks for on the way, as slices of the
 *   text: one pass, no tree, no digit lost;
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

/* More members of one object are refused: looking one up walks them. */
#define JSON_MEMBERS_MAX 4000
/* More values are refused: a tree of so many takes about 100 MB. */
#define JSON_VALUES_MAX 1000000

/* ---- text ---- */

/* The whole text is one JSON value.  The error says what is wrong and at which byte. */
bool json_check(struct str text, struct err *e) MUST_CHECK;

/*
 * A reader: the scan of json_check(), in the hands of the caller.  Where a function returns false
 * and `failed` is set, the text is refused with the reason in the err of json_reader_init(), and
 * the reader is at its end.  What was handed out before is good only when json_read_end() was true.
 */
struct json_reader {
	const unsigned char *start, *p, *end;
	size_t values, values_max;
	int depth;
	bool failed;
	/*
	 * Where an object with more than JSON_MEMBERS_MAX members was seen: json_read_end() refuses
	 * the text, unless the caller sets that value aside itself and makes this NULL again.
	 */
	const unsigned char *wide;
	struct err *e;
};

/* An array or object that is being walked. */
struct json_level {
	size_t n; /* members or elements so far */
	unsigned char close;
};

/* values_max: as JSON_VALUES_MAX, of this text. */
void json_reader_init(struct json_reader *r, struct str text, size_t values_max, struct err *e);
/* The first byte of the next value ('{', '[', '"', ...), '\0' at the end of the text. */
char json_read_peek(struct json_reader *r);
/* Step over the next value. */
bool json_read_value(struct json_reader *r, struct str *value) MUST_CHECK;
/*
 * Walk an array or object: only when json_read_peek() says that there is one.  After each true of
 * json_read_next() the next value must be read.  *key is set in an object only and is still escaped
 * (see json_text_decode).  False is the closing bracket, unless `failed`.
 */
bool json_read_open(struct json_reader *r, struct json_level *l) MUST_CHECK;
bool json_read_next(struct json_reader *r, struct json_level *l, struct str *key) MUST_CHECK;
/* Nothing is behind the value, and no object in it is too wide. */
bool json_read_end(struct json_reader *r) MUST_CHECK;

/* Both: only of a value that a reader handed out.  Empty is null. */
enum json_type json_text_type(struct str value);
/* The decoded text of a string value, maybe a slice of it; empty when it is not a string. */
struct str json_text_string(struct str value, struct arena *a);
/* What stands between the quotes of a string, or a key, decoded; maybe the same slice. */
struct str json_text_decode(struct str inner, struct arena *a);

/* A byte becomes so many at most. */
#define JSON_WRITE_FACTOR 6
/*
 * Write s as it stands between the quotes of a JSON string, with U+FFFD for what is not UTF-8, to
 * room for JSON_WRITE_FACTOR * s.n bytes.  Gives the number of bytes.
 */
size_t json_text_write(char *to, struct str s);

/* ---- tree ---- */

struct json;

/* NULL on failure. */
struct json *json_parse(struct str text, struct arena *a, struct err *e) MUST_CHECK;
/* The same with a limit of its own in place of JSON_VALUES_MAX. */
struct json *
json_parse_within(struct str text, size_t values_max, struct arena *a, struct err *e) MUST_CHECK;
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
struct str *json_texts(const struct json *list, struct arena *a, size_t *n); /* each copied */
bool json_has_text(const struct json *list, struct str text); /* one of its texts, without case */
const struct json *json_first(const struct json *j); /* first child of an array or object */
const struct json *json_next(const struct json *child);
struct str json_name(const struct json *child); /* its member name; empty in an array */
/* Members in any order; of a name that stands twice the first counts. */
bool json_equal(const struct json *x, const struct json *y);

struct json *json_object(struct arena *a);
struct json *json_array(struct arena *a);
struct json *json_string(struct str s, struct arena *a); /* invalid UTF-8, NUL: U+FFFD */
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
