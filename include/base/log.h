/*
 * Log lines for operators.  A function either logs or returns an error; logging is for the top.
 *
 * Under systemd lines go to the journal with their fields; on a terminal they are text; otherwise
 * one JSON object a line on standard error.  Any thread may log.  Text that came from outside goes
 * into fields or through %s, never into the format; control bytes are escaped on the way out.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_field {
	const char *name; /* lower-case words joined by '_' */
	struct str value;
};

void log_set_level(enum log_level level); /* default LOG_LEVEL_INFO */
bool log_is_on(enum log_level level);	  /* lines of this level are written */
bool log_level_parse(struct str name, enum log_level *out);

/* Fields come as an array; NULL and 0 for none. */
void log_line(enum log_level level, const struct log_field *fields, size_t n, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

#define log_error(...) log_line(LOG_LEVEL_ERROR, NULL, 0, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, NULL, 0, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, NULL, 0, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, NULL, 0, __VA_ARGS__)

/*
 * For messages that a stranger can cause: at most `burst` lines a minute, then one line says how
 * many were left out.  One gate for each kind of message, static, zero but for burst.
 */
struct log_gate {
	int burst;
	int64_t minute;
	int passed, dropped;
};
bool log_gate_open(struct log_gate *g); /* false: do not log this one */

#endif
