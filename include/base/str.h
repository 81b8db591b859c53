/*
 * Borrowed bytes.  A struct str owns nothing; whoever made the bytes keeps them alive.
 * Absent is empty: n == 0 and p == "", never NULL.  The bytes are not NUL-terminated unless a
 * function says so.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_EMPTY ((struct str){ "", 0 })
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).p

struct str str_of(const char *cstr); /* NULL gives the empty string */
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters fold, other bytes do not */
bool str_is(struct str a, const char *cstr);
bool str_is_nocase(struct str a, const char *cstr);
bool str_starts_nocase(struct str text, struct str prefix);
bool str_ends_nocase(struct str text, struct str suffix);
bool str_has_nocase(struct str text, struct str part);
/* The pattern's * is any text, its ? any one character (of UTF-8). */
bool str_fits_nocase(struct str pattern, struct str text);
int str_cmp(struct str a, struct str b);

struct str str_trim(struct str s);	       /* spaces, tabs, CR, LF at both ends */
struct str str_trim_end(struct str s, char c); /* all of these at the end */
struct str str_slice(struct str s, size_t from, size_t to);

/*
 * Split: *field gets what stands before the first `sep`, *rest what stands after it.  False when
 * the last field has been handed out.  "a,,b" has three fields, the empty text has one.
 */
bool str_next(struct str *rest, char sep, struct str *field);

/* Whole text is a decimal number within [min, max]. */
bool str_to_int(struct str s, int64_t min, int64_t max, int64_t *out);

/* "30s", "5m", "8h", "2d", "250ms" to milliseconds; a bare number is refused. */
bool str_to_duration_ms(struct str s, int64_t *out_ms, struct err *e) MUST_CHECK;

/*
 * The nearest of n names for "did you mean": NULL when nothing is near (Damerau-Levenshtein
 * distance 1 to 3, growing with the length of the word).
 */
const char *str_nearest(struct str word, const char *const *names, size_t n);
/* The end of such a message, ", did you mean 'name'?" or nothing: printf("...%s%s%s", NEAR_ARG(p)).
 */
#define NEAR_ARG(near)                                                          \
	(near) == NULL ? "" : ", did you mean '", (near) == NULL ? "" : (near), \
	    (near) == NULL ? "" : "'?"

/* Bytes of the well-formed UTF-8 character at the front (RFC 3629); 0 = it is not one. */
size_t utf8_sequence(struct str s);

/* Constant time for equal lengths; different lengths are unequal at once. */
bool str_eq_secret(struct str a, struct str b);

/* The folder of a path, as dirname(1) has it: "/" of a name in the root, "." of a bare name. */
struct str str_folder(struct str path);
/* What stands behind its last slash; all of it when there is none. */
struct str str_leaf(struct str path);

#endif
