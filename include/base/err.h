/*
 * Errors: a function that can fail returns bool and takes `struct err *e` last.
 *
 * A function either logs or returns an error; it is logged once, at the top.  The text says what is
 * wrong with the input; callers put context in front with fail_in().
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* A kind exists only because some caller acts differently on it. */
enum err_kind {
	ERR_INPUT,     /* what we were given is wrong; the same again will fail again */
	ERR_NOT_FOUND, /* the thing named is not there */
	ERR_DENIED,    /* known, and not allowed (HTTP 401, 403) */
	ERR_CONFLICT,  /* somebody changed it meanwhile (HTTP 409, 412) */
	ERR_AGAIN,     /* passing trouble: the same call may work later, see retry_ms */
	ERR_SYSTEM,    /* our own machine fails us: disk, memory map, thread */
};

#define ERR_TEXT_MAX 512

struct err {
	enum err_kind kind;
	int64_t retry_ms; /* with ERR_AGAIN: not before this long; 0 = no hint */
	char text[ERR_TEXT_MAX];
};

/* Fill e and return false.  Long texts lose their tail, never their front. */
bool fail(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As fail(), and adds strerror(errno). */
bool fail_errno(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As fail() with ERR_AGAIN and the time to wait before another try (milliseconds, 0 = no hint). */
bool fail_again(struct err *e, int64_t retry_ms, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put "context: " in front of the text that is there; the kind stays.  Returns false. */
bool fail_in(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "input", "not found", ... for JSON output and logs. */
const char *err_kind_name(enum err_kind kind);

#endif
