/*
 * Azure Resource Manager: one call, and long operations.
 *
 * Errors tell the caller what to do: ERR_AGAIN (408, 429, 5xx, no answer, a conflict with another
 * operation; retry_ms from Retry-After), ERR_CONFLICT (412: read again), ERR_NOT_FOUND, ERR_DENIED
 * (401, 403: the text names the missing permission), ERR_INPUT (any other 4xx).  Nothing is retried
 * here but one call with a fresh token after a 401: a step that cannot go on is done again later,
 * and looks before it acts.
 */
#ifndef AZURE_ARM_H
#define AZURE_ARM_H

#include <stdbool.h>
#include <stdint.h>

#include "azure/credential.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "core/plan.h"
#include "core/resource_id.h"
#include "net/http.h"

/* One performer's view of Azure.  Belongs to one thread. */
struct arm {
	const struct settings_azure *settings;
	struct credential *credential; /* with those of single subscriptions */
	struct str subscription;       /* of the job: for URLs that name none */
	struct http *http;
	struct str correlation_id; /* one for each alert: x-ms-correlation-request-id */
	int64_t now_ms;		   /* told by the caller, for the job */
	int64_t timeout_ms;	   /* of each call; 0 = HTTP_TIMEOUT_MS */
	int64_t rest_ms;	 /* out: 429 was answered; the destination wants this long a rest */
	struct arena *log_arena; /* where the records of this job live */
	struct step_call *calls; /* out: the calls of this job */
	size_t n_calls, cap_calls;
};

struct arm_call {
	const char *method;
	struct str path; /* "/subscriptions/...": rebuilt from validated parts */
	const char *api_version;
	const struct json *body; /* NULL = none */
	struct str if_match;	 /* "" = none */
};

struct arm_answer {
	int status;
	struct json *body; /* NULL when there was none */
	struct str etag;
	/*
	 * The operation goes on after this answer: one line of JSON to be kept and handed to
	 * arm_poll().  Empty when it is finished.
	 */
	struct str operation;
	int64_t poll_ms; /* wait this long before the first poll */
};

bool arm_send(struct arm *arm, const struct arm_call *c, struct arena *a, struct arm_answer *out,
    struct err *e) MUST_CHECK;

enum arm_progress { ARM_RUNNING, ARM_SUCCEEDED, ARM_FAILED };

/*
 * Ask once how a long operation stands (arm.md: Azure-AsyncOperation, Location, provisioningState).
 * False: could not be read, try again later.  ARM_RUNNING: *operation may have changed and
 * *poll_ms says when to ask again.  ARM_FAILED: e has code and message of the operation, of kind
 * ERR_AGAIN when it was pre-empted by another one.  ARM_SUCCEEDED: *result is what the last answer
 * showed, the resource or the outcome, or NULL where Azure gives a status alone: read the resource
 * then.  Addresses to poll are only followed on the configured host.
 */
bool arm_poll(struct arm *arm, struct str *operation, struct arena *a, enum arm_progress *progress,
    int64_t *poll_ms, struct json **result, struct err *e) MUST_CHECK;

/*
 * A list, page by page: what is long is handed on before all of it is there.  nextLink is followed
 * on the configured host only, at most ARM_PAGES_MAX times.
 */
#define ARM_PAGES_MAX 1000
struct arm_pages {
	struct str path; /* of the list, for what is said */
	char *url;	 /* of the next page; NULL = there is none */
	int n;
};
/* query: what is asked for besides, escaped ("$expand=definition"), or NULL. */
void arm_pages_begin(const struct arm *arm, struct str path, const char *query,
    const char *api_version, struct arena *a, struct arm_pages *out);
void arm_pages_done(struct arm_pages *p);
/*
 * The next page; *items is NULL behind the last one.  A page may be empty.  After false the same
 * page may be asked for again.
 */
bool arm_pages_next(struct arm *arm, struct arm_pages *p, struct arena *a,
    const struct json **items, struct err *e) MUST_CHECK;

/* All pages of a list at once. */
bool arm_list(struct arm *arm, struct str path, const char *api_version, struct arena *a,
    struct json **items, struct err *e) MUST_CHECK;

#endif
