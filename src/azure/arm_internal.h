/*
 * Between arm.c, arm_error.c and longop.c.
 */
#ifndef AZURE_ARM_INTERNAL_H
#define AZURE_ARM_INTERNAL_H

#include "azure/arm.h"

/* Azure's addresses to poll hold certificates and signatures; they grow to a few KB. */
#define ARM_URL_MAX (16 * 1024)

/* ---- arm.c ---- */

/*
 * One exchange with the token, on an absolute URL that is known to be on the configured host.
 * True: an answer came, whatever its status; body is NULL when it was empty or no JSON.
 */
bool arm_exchange(struct arm *arm, const char *method, struct str url, const struct json *body,
    struct str if_match, struct arena *a, struct http_response *rs, struct json **answer,
    struct err *e) MUST_CHECK;
/* It is a success, with JSON where there is a body; else e as arm.h says. */
bool arm_succeeded(struct arm *arm, const struct http_response *rs, const struct json *body,
    struct arena *a, struct err *e) MUST_CHECK;
bool arm_is_ours(const struct arm *arm, struct str url, struct arena *a);
struct str
arm_url(const struct arm *arm, struct str path, const char *api_version, struct arena *a);

/* ---- arm_error.c ---- */

/* What an answer that is no success says; code and message are empty when it says nothing. */
struct arm_error {
	struct str code, message;
	struct str
	    detail; /* code of the first of details[]: the true reason behind RetryableError */
};

void arm_error_read(const struct json *body, struct arm_error *out);
/* "code: message", cut for a record. */
struct str arm_error_text(const struct json *body, struct arena *a);
/* Another operation came between: the same again will work. */
bool arm_error_is_conflict(const struct arm_error *x);
/* Fill e by the table in arm.h; *rest_ms grows when the destination wants a rest.  False. */
bool arm_refused(const struct http_response *rs, const struct json *body, int64_t now_ms,
    int64_t *rest_ms, struct arena *a, struct err *e);

/* ---- longop.c ---- */

/*
 * Does the operation go on after this answer?  The cursor for arm_poll(), or empty.  *poll_ms is
 * the time to the first poll.
 */
bool longop_begin(const struct arm *arm, const struct arm_call *c, const struct http_response *rs,
    const struct json *body, struct arena *a, struct str *cursor, int64_t *poll_ms,
    struct err *e) MUST_CHECK;

#endif
