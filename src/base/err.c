#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void fill(struct err *e, enum err_kind kind, int64_t retry_ms, const char *fmt, va_list ap)
    PRINTF_LIKE(4, 0);

static void
fill(struct err *e, enum err_kind kind, int64_t retry_ms, const char *fmt, va_list ap)
{
	e->kind = kind;
	e->retry_ms = retry_ms;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
}

bool
fail(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, kind, 0, fmt, ap);
	va_end(ap);
	return false;
}

bool
fail_errno(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	int saved = errno;
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	fill(e, kind, 0, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(saved));
	return false;
}

bool
fail_again(struct err *e, int64_t retry_ms, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, ERR_AGAIN, retry_ms, fmt, ap);
	va_end(ap);
	return false;
}

bool
fail_in(struct err *e, const char *fmt, ...)
{
	char front[ERR_TEXT_MAX];
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(front, sizeof(front), fmt, ap);
	va_end(ap);
	n = strlen(front);
	/* Long texts lose their tail, never their context: the front says where. */
	for (const char *p = ": "; *p != '\0' && n + 1 < sizeof(front); p++)
		front[n++] = *p;
	for (const char *p = e->text; *p != '\0' && n + 1 < sizeof(front); p++)
		front[n++] = *p;
	front[n] = '\0';
	memcpy(e->text, front, n + 1);
	return false;
}

const char *
err_kind_name(enum err_kind kind)
{
	static const char *const names[] = {
		[ERR_INPUT] = "input",
		[ERR_NOT_FOUND] = "not found",
		[ERR_DENIED] = "denied",
		[ERR_CONFLICT] = "conflict",
		[ERR_AGAIN] = "temporary",
		[ERR_SYSTEM] = "system",
	};

	return names[kind];
}
